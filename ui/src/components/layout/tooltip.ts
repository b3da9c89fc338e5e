// <selvedge-tooltip text="Starts the pump"><button>…</button></selvedge-tooltip>: what an element does, shown when a user
// points at it or moves the focus to it. Escape hides it.

import { defineComponent, h, nextTick, onBeforeUnmount, ref, useId } from "vue";
import { withProps } from "./children";
import { showBeside } from "./floating";

/** How long a user points at an element before its tooltip comes, in ms. */
const DELAY = 400;
/** How long it stays, so that the pointer can get to it, in ms. */
const STAY = 150;

export const SelvedgeTooltip = defineComponent({
  name: "SelvedgeTooltip",
  props: { text: { type: String, required: true } },
  setup(props, { slots }) {
    const id = useId();
    const root = ref<HTMLElement>();
    const tip = ref<HTMLElement>();
    const isShown = ref(false);
    let timer: ReturnType<typeof setTimeout> | undefined;

    const after = (delay: number, work: () => void) => {
      clearTimeout(timer);
      timer = setTimeout(work, delay);
    };
    async function show() {
      clearTimeout(timer);
      isShown.value = true;
      await nextTick();
      const anchor = root.value?.firstElementChild;
      if (tip.value && anchor) showBeside(tip.value, anchor);
    }
    function hide() {
      clearTimeout(timer);
      isShown.value = false;
    }
    const onKeydown = (event: KeyboardEvent) => {
      if (event.key === "Escape" && isShown.value) hide();
    };
    // Only the keyboard brings it at once: a press moves the focus as well.
    const onFocusin = (event: FocusEvent) => {
      if (event.target instanceof Element && event.target.matches(":focus-visible")) void show();
    };
    onBeforeUnmount(hide);

    return () => {
      const listeners = {
        onPointerenter: () => after(DELAY, () => void show()),
        onPointerleave: () => after(STAY, hide),
        onPointerdown: hide,
        onFocusin,
        onFocusout: hide,
        onKeydown,
      };
      return h("span", { ref: root, class: "sv-tooltip-place", ...listeners }, [
        withProps(slots.default?.(), () => ({ "aria-describedby": id })),
        // Hidden elements can describe others.
        h("span", { ref: tip, id, class: "sv-tooltip", role: "tooltip", popover: "manual", hidden: !isShown.value }, props.text),
      ]);
    };
  },
});
