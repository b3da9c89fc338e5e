// <selvedge-code v-model="script" language="python">: a text with line numbers, colors and undo. It is a plain field until the
// editor, which is loaded when it is shown first, is there; and where there is no editor, as in tests of applications.

import { defineComponent, h, inject, type InjectionKey, onBeforeUnmount, onMounted, type PropType, ref, shallowRef, watch } from "vue";
import type { Editor, Problem } from "./editor";

/** Loads the editor. */
export const EDITOR: InjectionKey<() => Promise<typeof import("./editor")>> = Symbol("editor");

/** How long a user does not type until the text is sent, in ms. */
const PAUSE = 300;

export const SelvedgeCode = defineComponent({
  name: "SelvedgeCode",
  inheritAttrs: false,
  props: {
    modelValue: { type: String, default: "" },
    /** What is written: `json`, `python` and so on. Other names are shown without colors. */
    language: { type: String, default: "" },
    /** What is wrong in the text, by its lines, which begin with 1. */
    problems: { type: Array as PropType<Problem[]>, default: () => [] },
    readonly: Boolean,
    disabled: Boolean,
    /** The height, in lines; it grows with the text if there is none. */
    rows: { type: [Number, String], default: 0 },
  },
  emits: {
    "update:modelValue": (text: string) => typeof text === "string",
    /** Ctrl and S were pressed. */
    save: (text: string) => typeof text === "string",
  },
  setup(props, { attrs, emit }) {
    const load = inject(EDITOR, undefined);
    const place = ref<HTMLElement>();
    const editor = shallowRef<Editor | null>(null);
    /** What the user has typed and the application does not have yet. */
    let unsent: string | null = null;
    let sent = props.modelValue;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isGone = false;

    function send() {
      clearTimeout(timer);
      if (unsent === null) return;
      sent = unsent;
      unsent = null;
      emit("update:modelValue", sent);
    }
    function typed(text: string) {
      unsent = text;
      clearTimeout(timer);
      timer = setTimeout(send, PAUSE);
    }
    function save(text: string) {
      send();
      emit("save", text);
    }
    const isFixed = () => props.readonly || props.disabled;

    onMounted(async () => {
      if (!load) return;
      const { Editor } = await load();
      if (isGone || !place.value) return;
      const { id, "aria-label": label, "aria-labelledby": labelledBy, "aria-describedby": describedBy } = attrs as Record<string, string>;
      const words = { id, "aria-label": label, "aria-labelledby": labelledBy, "aria-describedby": describedBy };
      editor.value = new Editor(place.value, unsent ?? props.modelValue, words, { typed, left: send, save });
      editor.value.fix(isFixed());
      editor.value.point(props.problems);
      await editor.value.speak(props.language);
    });
    watch(
      () => props.modelValue,
      (text) => {
        // What the user types goes on; it is sent soon. What was sent comes back.
        if (unsent !== null || text === sent) return;
        sent = text;
        editor.value?.show(text);
      },
    );
    watch(isFixed, (fixed) => editor.value?.fix(fixed));
    watch(() => props.language, (language) => void editor.value?.speak(language));
    watch(() => props.problems, (problems) => editor.value?.point(problems));
    onBeforeUnmount(() => {
      isGone = true;
      send();
      editor.value?.end();
    });

    return () => {
      const { class: ownClass, style, ...others } = attrs;
      const rows = Number(props.rows);
      const field = {
        ...others,
        value: props.modelValue,
        rows: rows || 8,
        spellcheck: false,
        readonly: props.readonly,
        disabled: props.disabled,
        onInput: (event: Event) => typed((event.target as HTMLTextAreaElement).value),
        onChange: send,
      };
      const classes = ["sv-code", ownClass, { "sv-invalid": attrs["aria-invalid"] !== undefined, "sv-fixed": props.disabled }];
      return h("div", { class: classes, style: [style as string, rows ? { "--sv-rows": rows } : {}] }, [
        editor.value ? null : h("textarea", field),
        h("div", { ref: place, class: "sv-code-place" }),
      ]);
    };
  },
});
