// The parts of an application in one window: <selvedge-app> with a toolbar, side bars, <main> and a status
// bar; and <selvedge-space>, the room between items.

import { defineComponent, h, nextTick, onBeforeUnmount, onMounted, ref, useId } from "vue";
import { isMeasured } from "./floating";
import { SelvedgeIcon } from "./icon";
import { remember, remembered, isNumber } from "./remembered";
import { separator } from "./separator";

export const SelvedgeApp = defineComponent({
  name: "SelvedgeApp",
  setup: (_, { slots }) => () => h("div", { class: "sv-app" }, slots.default?.()),
});

/** Items in a row. Those that do not fit are behind a button. */
export const SelvedgeToolbar = defineComponent({
  name: "SelvedgeToolbar",
  props: {
    /** The name of the application or the document. */
    title: { type: String, default: "" },
    /** The text of the button that shows the items that do not fit. */
    more: { type: String, default: "More" },
  },
  setup(props, { slots }) {
    const id = useId();
    const items = ref<HTMLElement>();
    const isWrapped = ref(false);
    const isOpen = ref(false);
    let sizes: ResizeObserver | undefined;
    let changes: MutationObserver | undefined;
    let frame = 0;
    /** Not at once: an observer must not change what it observes. */
    const arrangeSoon = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(arrange);
    };

    /** Hides the rows after the first one, also from the keyboard and screen readers. */
    function arrange() {
      const row = items.value;
      if (!row) return;
      const parts = [...row.children] as HTMLElement[];
      const first = parts.find((part) => part.offsetHeight > 0);
      const bottom = first ? first.offsetTop + first.offsetHeight : 0;
      const isBelow = (part: HTMLElement) => part.offsetTop >= bottom;
      isWrapped.value = parts.some(isBelow);
      if (!isWrapped.value) isOpen.value = false;
      for (const part of parts) part.inert = !isOpen.value && isBelow(part);
    }

    async function toggle() {
      isOpen.value = !isOpen.value;
      await nextTick();
      if (items.value && isMeasured(items.value)) arrange();
    }

    onMounted(() => {
      const row = items.value;
      if (!row || !isMeasured(row)) return;
      sizes = new ResizeObserver(arrangeSoon);
      sizes.observe(row);
      changes = new MutationObserver(arrangeSoon);
      changes.observe(row, { childList: true, subtree: true, characterData: true });
    });
    onBeforeUnmount(() => {
      cancelAnimationFrame(frame);
      sizes?.disconnect();
      changes?.disconnect();
    });

    return () => {
      const label = isOpen.value ? "Less" : props.more;
      const more = { type: "button", class: "sv-quiet sv-toolbar-more", "aria-expanded": isOpen.value, "aria-controls": id, onClick: () => void toggle() };
      return h("header", { class: ["sv-toolbar", { "sv-open": isOpen.value }] }, [
        props.title ? h("h1", props.title) : null,
        h("div", { id, ref: items, class: "sv-toolbar-items" }, slots.default?.()),
        isWrapped.value ? h("button", more, [h(SelvedgeIcon, { name: isOpen.value ? "chevron-up" : "ellipsis" }), label]) : null,
      ]);
    };
  },
});

/** The part beside the view: controls at the end, navigation at the start. */
export const SelvedgeSidebar = defineComponent({
  name: "SelvedgeSidebar",
  props: {
    /** What screen readers call it. */
    label: { type: String, default: "Controls" },
    side: { type: String, default: "end", validator: (side: string) => side === "start" || side === "end" },
    /** The width before a user changes it, in rem. */
    width: { type: [Number, String], default: 20 },
    /** The name under which the browser remembers the width. */
    name: { type: String, default: "" },
    /** Whether a user cannot change the width. */
    fixed: Boolean,
  },
  setup(props, { slots }) {
    const id = useId();
    const given = remembered(props.name, isNumber);
    const width = ref(given ?? Number(props.width));
    let before = width.value || Number(props.width);
    const limits = { min: 0, max: 60 };
    /** A side bar that is narrower than this cannot be used, so it is closed. */
    const NARROWEST = 8;

    function resize(next: number) {
      if (width.value > 0) before = width.value;
      width.value = next < NARROWEST / 2 ? 0 : Math.min(limits.max, Math.max(NARROWEST, next));
      remember(props.name, width.value);
    }

    const handle = () =>
      separator({
        label: props.label,
        controls: id,
        isVertical: true,
        value: width.value,
        ...limits,
        text: width.value > 0 ? `${Math.round(width.value)} rem` : "closed",
        step: 1,
        // The bar at the end grows when the separator moves to the start.
        isReversed: props.side === "end",
        length: () => limits.max * parseFloat(getComputedStyle(document.documentElement).fontSize),
        resize,
        toggle: () => resize(width.value > 0 ? 0 : before),
        reset: () => resize(Number(props.width)),
      });

    return () =>
      h(
        "div",
        { class: ["sv-sidebar", `sv-${props.side}`, { "sv-closed": width.value === 0 }], style: { "--sv-width": `${width.value}rem` } },
        [
          h("aside", { id, "aria-label": props.label, inert: width.value === 0 }, slots.default?.()),
          props.fixed ? null : handle(),
        ],
      );
  },
});

export const SelvedgeStatus = defineComponent({
  name: "SelvedgeStatus",
  setup: (_, { slots }) => () => h("footer", { class: "sv-status" }, slots.default?.()),
});

/** Takes the room that is left in a row; its content is cut off if there is none. */
export const SelvedgeSpace = defineComponent({
  name: "SelvedgeSpace",
  setup: (_, { slots }) => () => h("span", { class: "sv-space" }, slots.default?.()),
});
