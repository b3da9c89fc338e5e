// <selvedge-card title="Flow">: a titled part of a page, which a user may close; and the boxes that arrange
// others: <selvedge-grid> and <selvedge-stack>.

import { defineComponent, h, ref, useId } from "vue";
import { SelvedgeIcon } from "./icon";
import { isBoolean, remember, remembered } from "./remembered";

export const SelvedgeCard = defineComponent({
  name: "SelvedgeCard",
  props: {
    title: { type: String, default: "" },
    /** The level of the heading, from 1 to 6. */
    level: { type: [Number, String], default: 2 },
    /** Whether a user can close it. */
    collapsible: Boolean,
    /** Whether it is open, for `v-model:open`. */
    open: { type: Boolean, default: undefined },
    /** The name under which the browser remembers whether it is open. */
    name: { type: String, default: "" },
  },
  emits: { "update:open": (open: boolean) => typeof open === "boolean" },
  setup(props, { slots, emit }) {
    const id = useId();
    const own = ref(remembered(props.name, isBoolean) ?? true);

    function toggle(open: boolean) {
      own.value = open;
      remember(props.name, open);
      emit("update:open", open);
    }

    return () => {
      const isOpen = !props.collapsible || (props.open ?? own.value);
      const button = { type: "button", "aria-expanded": isOpen, "aria-controls": `${id}-content`, onClick: () => toggle(!isOpen) };
      const title = props.collapsible
        ? h("button", button, [h(SelvedgeIcon, { name: "chevron-right" }), props.title])
        : props.title;
      const heading = h(`h${props.level}`, { id: `${id}-title` }, title);
      const header = h("div", { class: "sv-card-header" }, [props.title ? heading : null, slots.actions?.()]);
      return h("section", { class: "sv-card", "aria-labelledby": props.title ? `${id}-title` : undefined }, [
        props.title || slots.actions ? header : null,
        h("div", { id: `${id}-content`, class: "sv-card-content", hidden: !isOpen }, slots.default?.()),
      ]);
    };
  },
});

/** Columns of equal width, as many as fit. */
export const SelvedgeGrid = defineComponent({
  name: "SelvedgeGrid",
  props: {
    /** The smallest width of a column, with its unit. */
    min: { type: String, default: "16rem" },
    /** The largest number of columns. */
    columns: { type: [Number, String], default: "" },
  },
  setup: (props, { slots }) => () =>
    h("div", { class: "sv-grid", style: { "--sv-min": props.min, "--sv-columns": props.columns || undefined } }, slots.default?.()),
});

/** Elements above each other, or side by side with `row`. */
export const SelvedgeStack = defineComponent({
  name: "SelvedgeStack",
  props: {
    row: Boolean,
    /** Where the elements are across the direction: `start`, `center`, `end`, `stretch` or `baseline`. */
    align: { type: String, default: "" },
    /** How far the elements are apart, with its unit. */
    gap: { type: String, default: "" },
  },
  setup: (props, { slots }) => () =>
    h(
      "div",
      { class: ["sv-stack", { "sv-row": props.row }], style: { alignItems: props.align || undefined, gap: props.gap || undefined } },
      slots.default?.(),
    ),
});
