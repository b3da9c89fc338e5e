// Values at a glance: <selvedge-gauge> for one within its range, <selvedge-sparkline> for the last ones.

import { computed, defineComponent, h, type PropType } from "vue";
import { clamp, numeric, showNumber, withUnit } from "./numbers";
import { arc } from "./slider";

/** A part of the range, with what it means to be in it. */
export interface Band {
  from: number;
  to: number;
  tone: "accent" | "ok" | "warning" | "danger";
}

export const SelvedgeGauge = defineComponent({
  name: "SelvedgeGauge",
  props: {
    value: { type: Number, default: NaN },
    min: { type: [Number, String], default: 0 },
    max: { type: [Number, String], default: 100 },
    unit: { type: String, default: "" },
    label: { type: String, default: "" },
    /** Significant digits. */
    digits: { type: [Number, String], default: 3 },
    bands: { type: Array as PropType<Band[]>, default: () => [] },
  },
  setup: (props) => () => {
    const [min, max] = [numeric(props.min, 0), numeric(props.max, 100)];
    const at = (value: number) => (max > min ? clamp((value - min) / (max - min), { min: 0, max: 1 }) : 0);
    const isKnown = Number.isFinite(props.value);
    const text = isKnown ? withUnit(props.value, props.unit, { digits: Number(props.digits) }) : "–";
    const current = props.bands.find(({ from, to }) => props.value >= from && props.value <= to);
    const words = {
      role: "meter",
      "aria-label": props.label || "Value",
      "aria-valuemin": min,
      "aria-valuemax": max,
      "aria-valuenow": isKnown ? clamp(props.value, { min, max }) : min,
      "aria-valuetext": text,
    };
    return h("div", { class: ["sv-gauge", current && `sv-${current.tone}`], ...words }, [
      h("svg", { viewBox: "-50 -50 100 86", "aria-hidden": "true" }, [
        h("path", { class: "sv-arc", d: arc(0, 1, 40) }),
        h("path", { class: "sv-arc sv-full", d: isKnown ? arc(0, at(props.value), 40) : "" }),
        ...props.bands.map(({ from, to, tone }) => h("path", { class: ["sv-band", `sv-${tone}`], d: arc(at(from), at(to), 47) })),
        h("text", { class: "sv-gauge-end", x: -22, y: 35 }, showNumber(min, { digits: 3 })),
        h("text", { class: "sv-gauge-end", x: 22, y: 35 }, showNumber(max, { digits: 3 })),
        h("text", { class: "sv-gauge-value", y: 4 }, isKnown ? showNumber(props.value, { digits: Number(props.digits) }) : "–"),
        h("text", { class: "sv-gauge-unit", y: 18 }, props.unit),
      ]),
      props.label ? h("span", { class: "sv-gauge-label", "aria-hidden": "true" }, props.label) : null,
    ]);
  },
});

/** The drawing's size in its own units; it is stretched to the element. */
const [WIDTH, HEIGHT] = [100, 30];

export const SelvedgeSparkline = defineComponent({
  name: "SelvedgeSparkline",
  props: {
    /** The values in their order, or points `[x, y]` of which the second number is used. */
    values: { type: Array as PropType<(number | [number, number])[]>, default: () => [] },
    label: { type: String, default: "" },
    /** The range; by default that of the values. */
    min: { type: Number, default: undefined },
    max: { type: Number, default: undefined },
  },
  setup(props) {
    const numbers = computed(() => props.values.map((value) => (Array.isArray(value) ? value[1] : value)).filter((value) => Number.isFinite(value)));
    const line = computed(() => {
      const all = numbers.value;
      const low = props.min ?? all.reduce((least, value) => Math.min(least, value), Infinity);
      const high = props.max ?? all.reduce((most, value) => Math.max(most, value), -Infinity);
      const y = (value: number) => (high > low ? HEIGHT - 2 - ((value - low) / (high - low)) * (HEIGHT - 4) : HEIGHT / 2);
      const x = (at: number) => (all.length > 1 ? (at / (all.length - 1)) * WIDTH : WIDTH / 2);
      return all.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    });
    return () => {
      const last = numbers.value.at(-1);
      const words = `${props.label || "Values"}: ${last === undefined ? "none yet" : `the latest is ${showNumber(last, { digits: 4 })}`}`;
      return h("svg", { class: "sv-sparkline", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": words }, [
        h("polyline", { points: line.value }),
      ]);
    };
  },
});
