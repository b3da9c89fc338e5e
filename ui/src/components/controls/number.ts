// <selvedge-number v-model="speed" min="0" max="1500" unit="1/min">: a number with its unit. It takes scientific notation
// and a decimal comma; arrow keys step, with shift by ten steps and with control by a tenth. What is typed reaches the state
// when the user leaves the field or presses Enter, and only if it is a number within the range.

import { computed, defineComponent, h, ref, useId, watch } from "vue";
import { clamp, numeric, parseNumber, rounded, showNumber, stepped, withUnit } from "./numbers";

const STEPS: Record<string, number> = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

export const SelvedgeNumber = defineComponent({
  name: "SelvedgeNumber",
  inheritAttrs: false,
  props: {
    modelValue: { type: [Number, BigInt, String, null] as unknown as () => number | bigint | string | null, default: null },
    min: { type: [Number, String], default: -Infinity },
    max: { type: [Number, String], default: Infinity },
    step: { type: [Number, String], default: 1 },
    unit: { type: String, default: "" },
    /** Significant digits that are shown; by default as many as the number has. */
    digits: { type: [Number, String], default: "" },
    /** Whether it is shown with an exponent. */
    scientific: Boolean,
    /** Whether only whole numbers are taken. */
    integer: Boolean,
    /** Whether an empty field means null; otherwise the value stays. */
    optional: Boolean,
    disabled: Boolean,
    readonly: Boolean,
  },
  emits: { "update:modelValue": (value: number | null) => value === null || typeof value === "number" },
  setup(props, { attrs, emit }) {
    const id = useId();
    /** What the user is typing, or null. */
    const draft = ref<string | null>(null);
    const range = computed(() => ({ min: numeric(props.min, -Infinity), max: numeric(props.max, Infinity) }));
    const format = () => ({ digits: props.digits === "" ? undefined : Number(props.digits), scientific: props.scientific });
    const value = () => (typeof props.modelValue === "string" ? (parseNumber(props.modelValue) ?? null) : props.modelValue === null ? null : Number(props.modelValue));

    /** Why a text cannot be used, or an empty text. */
    function mistake(text: string): string {
      const number = parseNumber(text);
      const { min, max } = range.value;
      if (number === null) return props.optional || value() === null ? "" : "A number is needed.";
      if (number === undefined) return "This is not a number.";
      if (props.integer && !Number.isInteger(number)) return "A whole number is needed.";
      if (number < min) return `At least ${showNumber(min)}.`;
      if (number > max) return `At most ${showNumber(max)}.`;
      return "";
    }
    const wrong = computed(() => (draft.value === null ? "" : mistake(draft.value)));

    function commit() {
      const text = draft.value;
      if (text === null || mistake(text) !== "") return;
      draft.value = null;
      const number = parseNumber(text);
      if (number !== undefined && number !== value()) emit("update:modelValue", number);
    }

    function onKeydown(event: KeyboardEvent) {
      if (event.key === "Escape") draft.value = null;
      // A form is sent with what was typed.
      if (event.key === "Enter") commit();
      const count = STEPS[event.key];
      if (count === undefined || props.readonly) return;
      event.preventDefault();
      const [step, current] = [numeric(props.step, 1), (draft.value === null ? value() : parseNumber(draft.value)) ?? 0];
      const { min } = range.value;
      const fine = event.ctrlKey && !props.integer;
      const next = fine ? rounded(current + (count * step) / 10, step / 10) : stepped(current, step, event.shiftKey ? count * 10 : count, Number.isFinite(min) ? min : 0);
      draft.value = null;
      emit("update:modelValue", clamp(next, range.value));
    }

    // A value from elsewhere ends what was being typed, unless the user is at it.
    watch(() => props.modelValue, () => {
      if (wrong.value === "") draft.value = null;
    });

    return () => {
      const { class: ownClass, style, ...others } = attrs;
      const { min, max } = range.value;
      const described = [others["aria-describedby"], wrong.value ? `${id}-wrong` : ""].filter(Boolean).join(" ");
      const number = value();
      const input = {
        type: "text",
        inputmode: "decimal",
        autocomplete: "off",
        spellcheck: false,
        role: "spinbutton",
        "aria-valuenow": number ?? undefined,
        "aria-valuetext": number === null ? undefined : withUnit(number, props.unit, format()),
        "aria-valuemin": Number.isFinite(min) ? min : undefined,
        "aria-valuemax": Number.isFinite(max) ? max : undefined,
        disabled: props.disabled,
        readonly: props.readonly,
        ...others,
        "aria-describedby": described || undefined,
        "aria-invalid": wrong.value ? true : (others["aria-invalid"] as boolean | undefined),
        value: draft.value ?? showNumber(props.modelValue, format()),
        onInput: (event: Event) => (draft.value = (event.target as HTMLInputElement).value),
        onChange: commit,
        onBlur: () => {
          commit();
          // What cannot be used is not kept, so that the field shows what the application has.
          draft.value = null;
        },
        onKeydown,
      };
      return h("span", { class: ["sv-number", ownClass], style: style as string }, [
        h("input", input),
        props.unit ? h("span", { class: "sv-unit", "aria-hidden": "true" }, props.unit) : null,
        wrong.value ? h("span", { id: `${id}-wrong`, class: "sv-wrong", role: "alert" }, wrong.value) : null,
      ]);
    };
  },
});
