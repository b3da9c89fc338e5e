// <selvedge-toast v-model="message">: a short message that disappears by itself. It waits while a user points at it
// or has the focus in it.

import { defineComponent, h, onBeforeUnmount, ref, watch } from "vue";
import { SelvedgeIcon } from "./icon";

const LEVELS = ["info", "success", "warning", "error"];

export const SelvedgeToast = defineComponent({
  name: "SelvedgeToast",
  props: {
    /** The message. It becomes empty when it has been shown. */
    modelValue: { type: String, default: "" },
    level: { type: String, default: "info", validator: (level: string) => LEVELS.includes(level) },
    /** How long it is shown, in seconds; 0: until a user dismisses it. */
    seconds: { type: [Number, String], default: 6 },
    /** The text of a button, which emits `action`. */
    action: { type: String, default: "" },
  },
  emits: { "update:modelValue": (text: string) => typeof text === "string", action: () => true },
  setup(props, { emit }) {
    const isHeld = ref(false);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = () => emit("update:modelValue", "");
    const act = () => {
      emit("action");
      end();
    };
    watch(
      [() => props.modelValue, () => props.seconds, isHeld],
      ([message, seconds, held]) => {
        clearTimeout(timer);
        if (message && !held && Number(seconds) > 0) timer = setTimeout(end, Number(seconds) * 1000);
      },
      { immediate: true },
    );
    onBeforeUnmount(() => clearTimeout(timer));
    const hold = (held: boolean) => () => (isHeld.value = held);

    return () => {
      const toast = () =>
        h(
          "div",
          { class: "sv-notice", "data-tone": props.level, onPointerenter: hold(true), onPointerleave: hold(false), onFocusin: hold(true), onFocusout: hold(false) },
          [
            h("span", props.modelValue),
            props.action ? h("button", { type: "button", class: "sv-quiet", onClick: act }, props.action) : null,
            h("button", { type: "button", class: "sv-quiet", "aria-label": "Dismiss", onClick: end }, [h(SelvedgeIcon, { name: "x" })]),
          ],
        );
      // It is there before the message, so that screen readers say it when it comes.
      return h("div", { class: "sv-toast-place", role: props.level === "error" ? "alert" : "status" }, props.modelValue ? [toast()] : []);
    };
  },
});
