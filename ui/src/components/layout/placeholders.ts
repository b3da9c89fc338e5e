// What is shown instead of content: <selvedge-empty> where there is none, <selvedge-skeleton> until it comes. And
// <selvedge-led>, a state as a dot with its name.

import { defineComponent, h } from "vue";
import { SelvedgeIcon } from "./icon";

export const SelvedgeEmpty = defineComponent({
  name: "SelvedgeEmpty",
  props: {
    /** What is not there: "No runs yet". */
    title: { type: String, required: true },
    icon: { type: String, default: "inbox" },
  },
  setup: (props, { slots }) => () =>
    h("div", { class: "sv-empty" }, [h(SelvedgeIcon, { name: props.icon }), h("p", { class: "sv-empty-title" }, props.title), slots.default?.()]),
});

export const SelvedgeSkeleton = defineComponent({
  name: "SelvedgeSkeleton",
  props: {
    lines: { type: [Number, String], default: 3 },
    /** What screen readers say. */
    label: { type: String, default: "Loading" },
  },
  setup: (props) => () =>
    h(
      "div",
      { class: "sv-skeleton", role: "status", "aria-label": props.label },
      Array.from({ length: Number(props.lines) }, (_, at) => h("span", { key: at })),
    ),
});

export const SelvedgeLed = defineComponent({
  name: "SelvedgeLed",
  props: {
    on: Boolean,
    /** What it means to be on: `accent`, `ok`, `warning` or `danger`. */
    tone: { type: String, default: "accent" },
  },
  setup: (props, { slots }) => () => h("span", { class: ["sv-led", `sv-${props.tone}`, { "sv-on": props.on }] }, slots.default?.()),
});
