// <selvedge-job name="render" :args="[width]">Render</selvedge-job>: starts a job of the application
// and shows its progress, its messages and its log, also on pages that are opened while it runs.
//
// The slot `status` replaces the line below the buttons; it gets the job's status.

import { computed, defineComponent, h, inject, type PropType } from "vue";
import type { Trame } from "../trame";

/** The status of a job, as the server publishes it. */
export interface JobStatus {
  title: string;
  run: number;
  state: "idle" | "queued" | "running" | "done" | "failed" | "cancelled";
  progress: number | null;
  message: string;
  seconds: number;
  left: number | null;
  result: unknown;
  error: string;
  running: number;
  waiting: number;
}

export const SelvedgeJob = defineComponent({
  name: "SelvedgeJob",
  props: {
    /** The name that the application passed to `job`. */
    name: { type: String, required: true },
    /** The arguments of the job's function. */
    args: { type: Array as PropType<unknown[]>, default: () => [] },
    /** Named arguments of the job's function. */
    kwargs: { type: Object as PropType<Record<string, unknown>>, default: () => ({}) },
    /** The text of the button that cancels. */
    cancel: { type: String, default: "Cancel" },
    /** Whether it can be started again while it runs, for jobs whose runs wait or replace each other. */
    repeat: Boolean,
    disabled: Boolean,
    /** Whether the log can be opened. */
    log: { type: Boolean, default: true },
  },
  setup(props, { slots }) {
    const trame = inject<Trame>("trame");
    const job = computed(() => trame?.state.get(props.name) as JobStatus | undefined);
    const lines = computed(() => (trame?.state.get(`${props.name}_log`) as string[] | undefined) ?? []);
    const isUnfinished = computed(() => job.value?.state === "queued" || job.value?.state === "running");

    // A failure is shown by the page.
    const call = (trigger: string, ...args: [unknown[]?, Record<string, unknown>?]) =>
      void trame?.trigger(trigger, ...args).catch(() => undefined);

    return () => {
      const { name, args, kwargs } = props;
      const status = job.value;
      if (!status) return h("p", { class: "sv-job", role: "alert" }, `There is no job "${name}".`);
      const disabled = props.disabled || (isUnfinished.value && !props.repeat);
      const start = { type: "button", disabled, onClick: () => call(name, args, kwargs) };
      const cancel = { type: "button", "aria-label": `${props.cancel}: ${status.title}`, onClick: () => call(`${name}_cancel`) };
      return h("div", { class: "sv-job", "data-state": status.state }, [
        h("div", { class: "sv-job-buttons" }, [
          h("button", start, slots.default?.() ?? status.title),
          isUnfinished.value ? h("button", cancel, props.cancel) : null,
        ]),
        isUnfinished.value
          ? h("progress", { value: status.progress ?? undefined, max: 1, "aria-label": status.title })
          : null,
        slots.status?.({ job: status }) ?? statusLine(status),
        props.log && lines.value.length > 0
          ? h("details", { class: "sv-job-log" }, [h("summary", "Log"), h("pre", lines.value.join("\n"))])
          : null,
      ]);
    };
  },
});

function statusLine(status: JobStatus) {
  const { state, progress, left } = status;
  const numbers = [
    state === "running" && progress !== null ? `${Math.floor(progress * 100)} %` : "",
    left !== null ? `${duration(left)} left` : "",
  ];
  return h("p", { class: "sv-job-status" }, [
    h("span", { role: state === "failed" ? "alert" : "status" }, summary(status)),
    h("span", { class: "sv-job-numbers" }, numbers.filter(Boolean).join(", ")),
  ]);
}

function summary({ state, message, error }: JobStatus): string {
  switch (state) {
    case "idle":
      return "";
    case "queued":
      return "Waiting";
    case "failed":
      return error;
    case "cancelled":
      return "Cancelled";
    case "running":
      return message;
    case "done":
      return message || "Done";
  }
}

/** Returns a duration in its largest unit: "5 s", "3 min", "2 h". */
function duration(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}
