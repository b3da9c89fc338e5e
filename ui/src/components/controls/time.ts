// <selvedge-datetime v-model="begin" zone="Europe/Berlin">: a moment, as date and time in a zone. The value is a moment of the
// state (a `Date` in the page) or a text as in RFC 3339, and stays of its kind.

import { computed, defineComponent, h, ref } from "vue";

/** Returns date and time of a moment in a zone, as a field of HTML takes them: 2026-05-01T12:30:00. */
export function wallTime(moment: Date, zone: string): string {
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  });
  const parts = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, value]));
  return `${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}:${parts.second}`;
}

/**
 * Returns the moment at which clocks of a zone show this time. Of a time that comes twice, as summer time ends, it is the
 * first; a time that is left out, as it begins, counts on from before.
 */
export function momentOf(wall: string, zone: string): Date | null {
  const asUtc = Date.parse(`${wall}Z`);
  if (Number.isNaN(asUtc)) return null;
  const offset = (at: number) => Date.parse(`${wallTime(new Date(at), zone)}Z`) - at;
  const day = 86_400_000;
  // Offsets change at most once around a moment.
  const [before, after] = [offset(asUtc - day), offset(asUtc + day)];
  const first = asUtc - before;
  if (offset(first) === before) return new Date(first);
  const second = asUtc - after;
  return new Date(offset(second) === after ? second : first);
}

export const SelvedgeDatetime = defineComponent({
  name: "SelvedgeDatetime",
  inheritAttrs: false,
  props: {
    modelValue: { type: [Date, String, null], default: null },
    /** The zone, such as `Europe/Berlin` or `UTC`; by default that of the user. */
    zone: { type: String, default: "" },
    /** Whether a user can choose the zone in which it is shown. */
    zones: Boolean,
    /** The smallest step in seconds; 60 leaves out the seconds. */
    step: { type: [Number, String], default: 60 },
    disabled: Boolean,
  },
  emits: { "update:modelValue": (moment: Date | string | null) => moment === null || typeof moment === "string" || moment instanceof Date },
  setup(props, { attrs, emit }) {
    const own = new Intl.DateTimeFormat().resolvedOptions().timeZone;
    const chosen = ref("");
    const zone = computed(() => chosen.value || props.zone || own);
    const isText = computed(() => typeof props.modelValue === "string");
    const wall = computed(() => {
      const moment = props.modelValue === null ? null : new Date(props.modelValue);
      if (!moment || Number.isNaN(moment.getTime())) return "";
      const text = wallTime(moment, zone.value);
      return Number(props.step) % 60 === 0 ? text.slice(0, 16) : text;
    });

    function onChange(event: Event) {
      const text = (event.target as HTMLInputElement).value;
      const moment = text === "" ? null : momentOf(text, zone.value);
      emit("update:modelValue", moment && isText.value ? moment.toISOString() : moment);
    }

    return () => {
      const { class: ownClass, style, ...others } = attrs;
      const input = { ...others, type: "datetime-local", step: props.step, value: wall.value, disabled: props.disabled, onChange };
      const names = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((name) => name !== "UTC")];
      const select = {
        "aria-label": "Time zone",
        value: zone.value,
        disabled: props.disabled,
        onChange: (event: Event) => (chosen.value = (event.target as HTMLSelectElement).value),
      };
      const place = props.zones
        ? h("select", select, names.map((name) => h("option", { value: name, selected: name === zone.value }, name)))
        : h("span", { class: "sv-unit" }, zone.value);
      return h("span", { class: ["sv-datetime", ownClass], style: style as string }, [h("input", input), place]);
    };
  },
});
