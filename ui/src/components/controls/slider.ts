// Numbers that are set by moving something: <selvedge-slider>, <selvedge-range> for a lowest and a highest value, and
// <selvedge-knob>.

import { computed, defineComponent, h, type PropType } from "vue";
import { followPointer } from "../pointer";
import { clamp, numeric, showNumber, stepped, withUnit } from "./numbers";

const SCALE = {
  min: { type: [Number, String], default: 0 },
  max: { type: [Number, String], default: 100 },
  step: { type: [Number, String], default: 1 },
  unit: { type: String, default: "" },
  disabled: Boolean,
};

interface Scale {
  min: number;
  max: number;
  step: number;
}

function scaleOf(props: { min: number | string; max: number | string; step: number | string }): Scale {
  return { min: numeric(props.min, 0), max: numeric(props.max, 100), step: numeric(props.step, 1) };
}

function fraction(value: number, { min, max }: Scale): number {
  return max > min ? clamp((value - min) / (max - min), { min: 0, max: 1 }) : 0;
}

export const SelvedgeSlider = defineComponent({
  name: "SelvedgeSlider",
  inheritAttrs: false,
  props: {
    ...SCALE,
    modelValue: { type: Number, default: 0 },
    /** Values that are marked and written below. */
    ticks: { type: Array as PropType<number[]>, default: () => [] },
    /** Whether equal distances are equal ratios. `min` has to be more than 0, and `step` is the number of steps. */
    logarithmic: Boolean,
    /** Whether the value is shown beside it. */
    value: { type: Boolean, default: true },
  },
  emits: { "update:modelValue": (value: number) => typeof value === "number" },
  setup(props, { attrs, emit }) {
    const scale = computed(() => scaleOf(props));
    // The slider itself moves over logarithms.
    const place = (value: number) => (props.logarithmic ? Math.log10(Math.max(value, Number.MIN_VALUE)) : value);
    const track = computed<Scale>(() => {
      const { min, max, step } = scale.value;
      if (!props.logarithmic) return scale.value;
      const [low, high] = [place(min), place(max)];
      return { min: low, max: high, step: (high - low) / (step > 1 ? step : 100) };
    });
    const text = (value: number) => withUnit(value, props.unit);

    function onInput(event: Event) {
      const moved = Number((event.target as HTMLInputElement).value);
      const value = props.logarithmic ? Number((10 ** moved).toPrecision(3)) : moved;
      emit("update:modelValue", clamp(value, scale.value));
    }

    return () => {
      const { class: ownClass, style, ...others } = attrs;
      const { min, max, step } = track.value;
      const at = place(props.modelValue);
      const input = { ...others, type: "range", min, max, step, value: at, disabled: props.disabled, "aria-valuetext": text(props.modelValue), onInput };
      const tick = (value: number) =>
        h("span", { style: { "--sv-at": fraction(place(value), track.value) } }, showNumber(value, { digits: 4 }));
      return h("span", { class: ["sv-slider", ownClass], style: [{ "--sv-fill": fraction(at, track.value) }, style as string] }, [
        h("input", input),
        props.value ? h("output", { "aria-hidden": "true" }, text(props.modelValue)) : null,
        props.ticks.length > 0 ? h("span", { class: "sv-ticks", "aria-hidden": "true" }, props.ticks.map(tick)) : null,
      ]);
    };
  },
});

export const SelvedgeRange = defineComponent({
  name: "SelvedgeRange",
  props: {
    ...SCALE,
    /** The lowest and the highest value. */
    modelValue: { type: Array as unknown as PropType<[number, number]>, default: () => [0, 100] },
    /** What screen readers call the two ends. */
    labels: { type: Array as unknown as PropType<[string, string]>, default: () => ["From", "To"] },
  },
  emits: { "update:modelValue": (value: [number, number]) => Array.isArray(value) },
  setup(props, { emit }) {
    const scale = computed(() => scaleOf(props));
    const text = (value: number) => withUnit(value, props.unit);

    function move(end: 0 | 1, event: Event) {
      const input = event.target as HTMLInputElement;
      const [low, high] = props.modelValue;
      // The ends do not pass each other.
      const value = end === 0 ? Math.min(Number(input.value), high) : Math.max(Number(input.value), low);
      input.value = String(value);
      emit("update:modelValue", end === 0 ? [value, high] : [low, value]);
    }

    return () => {
      const [low, high] = props.modelValue;
      const { min, max, step } = scale.value;
      const input = (end: 0 | 1, value: number) =>
        h("input", {
          type: "range",
          min,
          max,
          step,
          value,
          disabled: props.disabled,
          "aria-label": props.labels[end],
          "aria-valuetext": text(value),
          onInput: (event: Event) => move(end, event),
        });
      const fills = { "--sv-from": fraction(low, scale.value), "--sv-to": fraction(high, scale.value) };
      return h("span", { class: "sv-range", role: "group", style: fills }, [
        h("span", { class: "sv-range-track" }, [input(0, low), input(1, high)]),
        h("output", { "aria-hidden": "true" }, `${showNumber(low, { digits: 4 })} – ${text(high)}`),
      ]);
    };
  },
});

/** The knob turns by this many degrees, with the gap at the bottom. */
const TURN = 270;
/** Pixels that the pointer moves for the whole range. */
const TRAVEL = 200;

const KEYS: Record<string, number> = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 };

export const SelvedgeKnob = defineComponent({
  name: "SelvedgeKnob",
  props: { ...SCALE, modelValue: { type: Number, default: 0 }, label: { type: String, default: "" } },
  emits: { "update:modelValue": (value: number) => typeof value === "number" },
  setup(props, { emit }) {
    const scale = computed(() => scaleOf(props));
    const set = (value: number) => {
      const next = clamp(value, scale.value);
      if (next !== props.modelValue) emit("update:modelValue", next);
    };
    const turn = (count: number) => set(stepped(props.modelValue, scale.value.step, count, scale.value.min));

    function onKeydown(event: KeyboardEvent) {
      const count = KEYS[event.key];
      if (count !== undefined) turn(count);
      else if (event.key === "Home") set(scale.value.min);
      else if (event.key === "End") set(scale.value.max);
      else return;
      event.preventDefault();
    }

    function onPointerdown(event: PointerEvent) {
      if (event.button !== 0 || props.disabled) return;
      const knob = event.currentTarget as HTMLElement;
      const { min, max, step } = scale.value;
      const [x, y, begin] = [event.clientX, event.clientY, props.modelValue];
      event.preventDefault();
      knob.focus();
      followPointer(knob, event, (moved) => {
        // Up and to the right is more; slower with the shift key.
        const way = (moved.clientX - x + y - moved.clientY) / (moved.shiftKey ? 5 : 1);
        const steps = Math.round(((way / TRAVEL) * (max - min)) / step);
        set(stepped(begin, step, steps, min));
      });
    }

    return () => {
      const { min, max } = scale.value;
      const at = fraction(props.modelValue, scale.value);
      const text = withUnit(props.modelValue, props.unit);
      const knob = {
        class: "sv-knob",
        role: "slider",
        tabindex: props.disabled ? -1 : 0,
        "aria-label": props.label || undefined,
        "aria-valuemin": min,
        "aria-valuemax": max,
        "aria-valuenow": props.modelValue,
        "aria-valuetext": text,
        "aria-disabled": props.disabled || undefined,
        onKeydown: props.disabled ? undefined : onKeydown,
        onPointerdown,
      };
      return h("span", knob, [
        h("svg", { viewBox: "-50 -50 100 100", "aria-hidden": "true" }, [
          h("path", { class: "sv-arc", d: arc(0, 1, 42) }),
          h("path", { class: "sv-arc sv-full", d: arc(0, at, 42) }),
          h("circle", { r: 30 }),
          h("line", { y1: -14, y2: -28, transform: `rotate(${(at - 0.5) * TURN})` }),
        ]),
        h("output", { "aria-hidden": "true" }, text),
        props.label ? h("span", { class: "sv-knob-label", "aria-hidden": "true" }, props.label) : null,
      ]);
    };
  },
});

/** Returns an arc around the center between two fractions of the whole turn, as the path of an SVG. */
export function arc(from: number, to: number, radius: number): string {
  const point = (at: number) => {
    const angle = (((at - 0.5) * TURN) / 180) * Math.PI;
    return `${(radius * Math.sin(angle)).toFixed(2)} ${(-radius * Math.cos(angle)).toFixed(2)}`;
  };
  if (to <= from) return "";
  return `M ${point(from)} A ${radius} ${radius} 0 ${(to - from) * TURN > 180 ? 1 : 0} 1 ${point(to)}`;
}
