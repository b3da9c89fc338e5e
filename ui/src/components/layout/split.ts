// <selvedge-split>: parts side by side or above each other, whose sizes a user changes. Its children are
// <selvedge-pane> or any other elements. Splits may be nested.

import { defineComponent, h, ref, useId, type VNode } from "vue";
import { elementsIn, flag } from "./children";
import { remember, remembered } from "./remembered";
import { separator } from "./separator";

/** The smallest size of a pane that is not closed, in percent. */
const SMALLEST = 5;

/** A part of a split. The split reads its properties. */
export const SelvedgePane = defineComponent({
  name: "SelvedgePane",
  props: {
    /** What screen readers call it. */
    label: { type: String, default: "" },
    /** Its share before a user changes it, in percent. */
    size: { type: [Number, String], default: "" },
    /** Whether Enter on the separator after it closes it. The last pane is closed by the separator before it. */
    collapsible: Boolean,
  },
  setup: (_, { slots }) => () => h("div", { class: "sv-pane-content" }, slots.default?.()),
});

export const SelvedgeSplit = defineComponent({
  name: "SelvedgeSplit",
  props: {
    /** Whether the parts are side by side (`row`) or above each other (`column`). */
    direction: { type: String, default: "row", validator: (direction: string) => direction === "row" || direction === "column" },
    /** The name under which the browser remembers the sizes. */
    name: { type: String, default: "" },
  },
  setup(props, { slots }) {
    const id = useId();
    const isSizes = (value: unknown): value is number[] => Array.isArray(value) && value.every((size) => typeof size === "number" && size >= 0);
    /** The sizes that a user has chosen, in percent. They are used while there are as many parts. */
    const chosen = ref<number[] | undefined>(remembered(props.name, isSizes));
    /** The sizes before a pane was closed. */
    let before: number[] = [];

    function choose(sizes: number[]) {
      chosen.value = sizes;
      remember(props.name, sizes);
    }

    function handle(panes: VNode[], sizes: number[], at: number): VNode {
      const label = (index: number) => String(panes[index]?.props?.label ?? "") || `part ${index + 1}`;
      const isVertical = props.direction === "row";
      const [size = 0, next = 0] = [sizes[at], sizes[at + 1]];
      const both = size + next;
      const isCollapsible = [at, at + 1].map((index) => panes[index] !== undefined && flag(panes[index], "collapsible"));
      // A pane at the end is closed by the separator before it.
      const isLast = !isCollapsible[0] && isCollapsible[1] === true;
      const set = (value: number) => choose(sizes.map((old, index) => (index === at ? value : index === at + 1 ? both - value : old)));
      const low = isCollapsible[0] ? 0 : Math.min(SMALLEST, both / 2);
      const high = both - (isCollapsible[1] ? 0 : Math.min(SMALLEST, both / 2));

      function toggle() {
        if (!isCollapsible[0] && !isCollapsible[1]) return;
        const closed = isLast ? next === 0 : size === 0;
        if (closed) {
          const old = before[isLast ? at + 1 : at] ?? 0;
          const open = old > 0 && old < both ? old : both / 3;
          set(isLast ? both - open : open);
        } else {
          before = sizes;
          set(isLast ? both : 0);
        }
      }

      return separator({
        label: label(at),
        controls: `${id}-${at}`,
        isVertical,
        value: size,
        min: low,
        max: high,
        text: size === 0 ? "closed" : `${Math.round(size)} %`,
        step: 2,
        length: (element) => {
          const box = element.parentElement?.getBoundingClientRect();
          return (((isVertical ? box?.width : box?.height) ?? 0) * (high - low)) / 100 || 1;
        },
        // What is almost closed is closed.
        resize: (value) => set(isCollapsible[0] && value < SMALLEST / 2 ? 0 : isCollapsible[1] && both - value < SMALLEST / 2 ? both : value),
        toggle,
        reset: () => {
          chosen.value = undefined;
          remember(props.name, null);
        },
      });
    }

    return () => {
      const panes = elementsIn(slots.default?.());
      const sizes = chosen.value?.length === panes.length ? chosen.value : initialSizes(panes);
      const parts = panes.flatMap((pane, at) => {
        const size = sizes[at] ?? 0;
        const label = (pane.props?.label as string | undefined) || undefined;
        const props = { id: `${id}-${at}`, class: "sv-pane", style: { flexGrow: size }, inert: size === 0, role: label && "group", "aria-label": label };
        const part = h("div", { key: pane.key ?? `pane-${at}`, ...props }, [pane]);
        return at + 1 < panes.length ? [part, handle(panes, sizes, at)] : [part];
      });
      return h("div", { class: ["sv-split", `sv-${props.direction}`] }, parts);
    };
  },
});

/** Returns the sizes in percent: those that are given, and equal parts of the rest. */
export function initialSizes(panes: VNode[]): number[] {
  const given = panes.map(({ props }) => {
    const size = parseFloat(String(props?.size ?? ""));
    return size >= 0 ? size : null;
  });
  const rest = 100 - given.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  const open = given.filter((size) => size === null).length;
  const sizes = given.map((size) => size ?? Math.max(SMALLEST, rest / open));
  const sum = sizes.reduce((total, size) => total + size, 0) || 1;
  return sizes.map((size) => (100 * size) / sum);
}
