// The page's own notices: whether it is connected or busy, and errors. A separate Vue app shows
// them, which exists before the first template and does not depend on any widget package.

import { type App, computed, createApp, defineComponent, h, reactive, ref, shallowReactive, watch, type VNode } from "vue";
import { line } from "./components/upload";
import type { Link } from "./connection";
import type { Upload } from "./uploads";

/** Time after which the page shows that it waits for the server, in ms. */
const BUSY_DELAY = 250;
/** Time that a message is shown, in ms. */
const NOTICE_TIME = 8000;

export class Status {
  private readonly seen = reactive({ mounted: false, notice: "" });
  private readonly connection = shallowReactive<{ link: Link }>({ link: { phase: "starting" } });
  private readonly busy = ref(0);
  private noticeTimer: ReturnType<typeof setTimeout> | undefined;
  private busyTimer: ReturnType<typeof setTimeout> | undefined;
  private shell: App | null = null;

  set link(link: Link) {
    this.connection.link = link;
    document.documentElement.dataset.connection = link.phase;
  }

  /** The first template is on the screen. */
  mounted(): void {
    this.seen.mounted = true;
  }

  /** Counts a call until it is answered. Passes the number of open calls to `changed`. */
  async track<T>(call: Promise<T>, changed: (count: number) => void): Promise<T> {
    changed((this.busy.value += 1));
    try {
      return await call;
    } finally {
      changed((this.busy.value -= 1));
    }
  }

  /** Shows an error to the user. */
  notice(message: string): void {
    this.seen.notice = message;
    clearTimeout(this.noticeTimer);
    this.noticeTimer = setTimeout(() => (this.seen.notice = ""), NOTICE_TIME);
  }

  /** Shows the notices in `element`, and the `uploads` that no template shows. */
  show(element: Element, reconnect: () => void, uploads: () => Upload[]): void {
    const { seen, connection, busy } = this;
    const waiting = ref(false);
    const watchBusy = () =>
      watch(
        () => busy.value > 0,
        (isBusy) => {
          clearTimeout(this.busyTimer);
          if (isBusy) this.busyTimer = setTimeout(() => (waiting.value = true), BUSY_DELAY);
          else waiting.value = false;
        },
        { immediate: true },
      );
    const text = computed(() => linkText(connection.link, seen.mounted));
    const button = () => {
      if (connection.link.phase === "lost") return h("button", { onClick: reconnect }, "Reconnect now");
      return h("button", { onClick: () => location.reload() }, "Reload");
    };
    const lines = (): VNode[] => {
      const lines: VNode[] = [];
      if (waiting.value && connection.link.phase === "ready") lines.push(h("div", { class: "sv-busy" }));
      if (!seen.mounted) lines.push(fullPage(text.value, button()));
      else if (text.value) lines.push(h("div", { class: "sv-bar", role: "status" }, [h("span", text.value), button()]));
      else if (seen.notice) {
        const dismiss = h("button", { onClick: () => (seen.notice = "") }, "Dismiss");
        lines.push(h("div", { class: "sv-bar sv-bar-notice", role: "alert" }, [h("span", seen.notice), dismiss]));
      } else if (uploads().length > 0) {
        lines.push(h("div", { class: "sv-bar" }, [h("ul", { class: "sv-transfers" }, uploads().map(line))]));
      }
      return lines;
    };
    const shell = defineComponent(() => {
      watchBusy();
      return lines;
    });
    element.replaceChildren();
    this.shell = createApp(shell);
    this.shell.mount(element);
  }

  /** Removes the notices. */
  dispose(): void {
    this.shell?.unmount();
    clearTimeout(this.noticeTimer);
    clearTimeout(this.busyTimer);
  }
}

function fullPage(text: string, button: VNode): VNode {
  const content = text
    ? [h("p", { role: "status" }, text), button]
    : [h("div", { class: "sv-page-busy", role: "status" }, "Starting")];
  return h("main", { class: "sv-page" }, content);
}

/** Returns what the user should know about the connection, or nothing. */
function linkText(link: Link, mounted: boolean): string {
  switch (link.phase) {
    case "starting":
    case "ready":
      return "";
    case "lost":
      if (link.ended) return "The application was closed.";
      return mounted ? "Connection lost. Reconnecting…" : "The application does not answer. Trying again…";
    case "refused":
      return mounted ? `The application does not accept this page any more: ${link.message}` : link.message;
  }
}
