// <selvedge-color> for one color, <selvedge-colormap> for a map of colors.

import { defineComponent, h, type PropType, useId } from "vue";
import { COLORMAPS, gradient } from "./colormaps";

export const SelvedgeColor = defineComponent({
  name: "SelvedgeColor",
  inheritAttrs: false,
  props: { modelValue: { type: String, default: "#000000" }, disabled: Boolean },
  emits: { "update:modelValue": (color: string) => /^#[0-9a-f]{6}$/i.test(color) },
  setup(props, { attrs, emit }) {
    function onChange(event: Event) {
      const text = (event.target as HTMLInputElement).value.trim().replace(/^#?/, "#");
      // #abc is #aabbcc.
      const color = /^#[0-9a-f]{3}$/i.test(text) ? text.replace(/[0-9a-f]/gi, "$&$&") : text;
      if (/^#[0-9a-f]{6}$/i.test(color)) emit("update:modelValue", color.toLowerCase());
      else (event.target as HTMLInputElement).value = props.modelValue;
    }
    return () => {
      const { class: ownClass, style, ...others } = attrs;
      const { modelValue, disabled } = props;
      const pick = { type: "color", value: modelValue, disabled, "aria-label": "Pick a color", onInput: onChange };
      const text = { ...others, type: "text", value: modelValue, disabled, spellcheck: false, size: 8, onChange };
      return h("span", { class: ["sv-color", ownClass], style: style as string }, [h("input", pick), h("input", text)]);
    };
  },
});

export const SelvedgeColormap = defineComponent({
  name: "SelvedgeColormap",
  props: {
    modelValue: { type: String, default: "viridis" },
    /** The names of the maps to choose from. */
    options: { type: Array as PropType<string[]>, default: () => COLORMAPS },
    label: { type: String, default: "Color map" },
    disabled: Boolean,
  },
  emits: { "update:modelValue": (name: string) => typeof name === "string" },
  setup(props, { emit }) {
    const group = useId();
    return () => {
      const option = (name: string) =>
        h("label", { key: name }, [
          h("input", { type: "radio", name: group, checked: name === props.modelValue, disabled: props.disabled, onChange: () => emit("update:modelValue", name) }),
          h("span", { class: "sv-colormap-bar", style: { backgroundImage: gradient(name) } }),
          h("span", name),
        ]);
      return h("div", { class: "sv-colormap", role: "radiogroup", "aria-label": props.label }, props.options.map(option));
    };
  },
});
