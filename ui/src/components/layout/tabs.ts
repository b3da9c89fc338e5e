// <selvedge-tabs v-model="shown">: parts of which one is shown. Its children are <selvedge-tab>. It follows
// the pattern "tabs" of the ARIA authoring practices, with tabs that are chosen when they get the focus.

import { defineComponent, h, nextTick, ref, useId, type VNode } from "vue";
import { elementsIn, flag } from "./children";
import { SelvedgeIcon } from "./icon";
import { isText, remember, remembered } from "./remembered";

/** One part of <selvedge-tabs>, which reads its properties. */
export const SelvedgeTab = defineComponent({
  name: "SelvedgeTab",
  props: {
    title: { type: String, required: true },
    /** Its value in `v-model`; without one, the title. */
    value: { type: String, default: "" },
    icon: { type: String, default: "" },
    disabled: Boolean,
  },
  setup: (_, { slots }) => () => slots.default?.(),
});

export const SelvedgeTabs = defineComponent({
  name: "SelvedgeTabs",
  props: {
    /** The value of the tab that is shown. */
    modelValue: { type: String, default: undefined },
    /** What screen readers call the tabs. */
    label: { type: String, default: "" },
    /** The name under which the browser remembers the tab, if there is no `v-model`. */
    name: { type: String, default: "" },
  },
  emits: { "update:modelValue": (value: string) => typeof value === "string" },
  setup(props, { slots, emit }) {
    const id = useId();
    const chosen = ref(remembered(props.name, isText) ?? "");
    /** The tabs that were shown. They keep what was typed into them. */
    const seen = new Set<string>();

    function choose(value: string) {
      chosen.value = value;
      if (props.modelValue === undefined) remember(props.name, value);
      emit("update:modelValue", value);
    }

    function onKeydown(event: KeyboardEvent, values: string[], current: string) {
      const list = event.currentTarget as HTMLElement;
      const forward = getComputedStyle(list).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
      const at = values.indexOf(current);
      const to: Record<string, number> = { Home: 0, End: values.length - 1, ArrowLeft: at - 1, ArrowRight: at - 1 };
      to[forward] = at + 1;
      const next = to[event.key];
      if (next === undefined || values.length === 0) return;
      event.preventDefault();
      choose(values[(next + values.length) % values.length] as string);
      void nextTick(() => list.querySelector<HTMLElement>("[aria-selected=true]")?.focus());
    }

    return () => {
      const tabs = elementsIn(slots.default?.()).map((node) => ({ node, ...described(node) }));
      const usable = tabs.filter(({ disabled }) => !disabled).map(({ value }) => value);
      const wanted = props.modelValue ?? chosen.value;
      const current = tabs.some(({ value }) => value === wanted) ? wanted : (usable[0] ?? "");
      seen.add(current);
      const tab = ({ title, value, icon, disabled }: (typeof tabs)[number]) =>
        h(
          "button",
          {
            id: `${id}-tab-${value}`,
            type: "button",
            role: "tab",
            disabled,
            tabindex: value === current ? 0 : -1,
            "aria-selected": value === current,
            "aria-controls": seen.has(value) ? `${id}-panel-${value}` : undefined,
            onClick: () => choose(value),
          },
          [icon ? h(SelvedgeIcon, { name: icon }) : null, title],
        );
      const panel = ({ node, value }: (typeof tabs)[number]) =>
        h(
          "div",
          {
            key: value,
            id: `${id}-panel-${value}`,
            class: "sv-tab-panel",
            role: "tabpanel",
            tabindex: 0,
            "aria-labelledby": `${id}-tab-${value}`,
            hidden: value !== current,
          },
          [node],
        );
      const list = { role: "tablist", "aria-label": props.label || undefined, onKeydown: (event: KeyboardEvent) => onKeydown(event, usable, current) };
      return h("div", { class: "sv-tabs" }, [h("div", list, tabs.map(tab)), ...tabs.filter(({ value }) => seen.has(value)).map(panel)]);
    };
  },
});

function described(node: VNode): { title: string; value: string; icon: string; disabled: boolean } {
  const text = (name: string) => String(node.props?.[name] ?? "");
  return { title: text("title"), value: text("value") || text("title"), icon: text("icon"), disabled: flag(node, "disabled") };
}
