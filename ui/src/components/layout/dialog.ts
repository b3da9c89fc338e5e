// <selvedge-dialog v-model="open" title="New run">: a window in the page that has the focus until it is closed. The
// browser keeps the focus inside, and Escape closes it.

import { defineComponent, h, nextTick, onMounted, ref, useId, watch } from "vue";

export const SelvedgeDialog = defineComponent({
  name: "SelvedgeDialog",
  props: {
    /** Whether it is shown. */
    modelValue: Boolean,
    title: { type: String, required: true },
    /** The text of the button that closes it; without one, the slot `actions` has to. */
    close: { type: String, default: "Close" },
  },
  emits: { "update:modelValue": (open: boolean) => typeof open === "boolean" },
  setup(props, { slots, emit }) {
    const id = useId();
    const root = ref<HTMLDialogElement>();
    const follow = () => {
      const dialog = root.value;
      if (!dialog || dialog.open === props.modelValue) return;
      if (props.modelValue) dialog.showModal();
      else dialog.close();
    };
    onMounted(follow);
    watch(() => props.modelValue, () => void nextTick(follow));
    const shut = () => emit("update:modelValue", false);
    return () =>
      h(
        "dialog",
        {
          ref: root,
          class: "sv-window",
          "aria-labelledby": id,
          // The browser closes it by Escape: the key in the state follows.
          onClose: () => props.modelValue && shut(),
        },
        // Its content is made anew whenever it is shown.
        props.modelValue
          ? [
              h("h2", { id }, props.title),
              h("div", { class: "sv-window-content" }, slots.default?.()),
              h("div", { class: "sv-window-actions" }, slots.actions?.({ close: shut }) ?? [h("button", { type: "button", onClick: shut }, props.close)]),
            ]
          : [],
      );
  },
});
