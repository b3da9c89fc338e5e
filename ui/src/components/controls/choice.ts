// Choosing: <selvedge-switch>, <selvedge-choice> of a few that are all seen, and <selvedge-select> of many, found by typing.

import { computed, defineComponent, h, nextTick, type PropType, ref, useId } from "vue";
import { isMeasured, showBeside } from "../layout/floating";
import { SelvedgeIcon } from "../layout/icon";

/** Something that can be chosen: a value that is its own title, or a value with a title. */
export type Option = string | number | boolean | { value: unknown; title: string; disabled?: boolean };

interface Choice {
  value: unknown;
  title: string;
  disabled: boolean;
}

export function choices(options: Option[]): Choice[] {
  return options.map((option) =>
    typeof option === "object"
      ? { value: option.value, title: option.title, disabled: option.disabled ?? false }
      : { value: option, title: String(option), disabled: false },
  );
}

export const SelvedgeSwitch = defineComponent({
  name: "SelvedgeSwitch",
  inheritAttrs: false,
  props: { modelValue: Boolean, disabled: Boolean },
  emits: { "update:modelValue": (on: boolean) => typeof on === "boolean" },
  setup: (props, { attrs, slots, emit }) => () => {
    const { class: ownClass, style, ...others } = attrs;
    const input = {
      ...others,
      type: "checkbox",
      role: "switch",
      checked: props.modelValue,
      disabled: props.disabled,
      onChange: (event: Event) => emit("update:modelValue", (event.target as HTMLInputElement).checked),
    };
    return h("label", { class: ["sv-switch", ownClass], style: style as string }, [h("input", input), h("span", slots.default?.())]);
  },
});

export const SelvedgeChoice = defineComponent({
  name: "SelvedgeChoice",
  props: {
    modelValue: { type: null as unknown as PropType<unknown>, default: undefined },
    options: { type: Array as PropType<Option[]>, required: true },
    /** What screen readers call the group. */
    label: { type: String, default: "" },
    disabled: Boolean,
  },
  emits: ["update:modelValue"],
  setup(props, { emit }) {
    const name = useId();
    return () => {
      const option = ({ value, title, disabled }: Choice) =>
        h("label", { key: title }, [
          h("input", {
            type: "radio",
            name,
            checked: value === props.modelValue,
            disabled: disabled || props.disabled,
            onChange: () => emit("update:modelValue", value),
          }),
          h("span", title),
        ]);
      return h("div", { class: "sv-choice", role: "radiogroup", "aria-label": props.label || undefined }, choices(props.options).map(option));
    };
  },
});

/** How many options are shown at once; a user types to see others. */
const MOST_SHOWN = 200;

export const SelvedgeSelect = defineComponent({
  name: "SelvedgeSelect",
  inheritAttrs: false,
  props: {
    modelValue: { type: null as unknown as PropType<unknown>, default: undefined },
    options: { type: Array as PropType<Option[]>, required: true },
    placeholder: { type: String, default: "" },
    disabled: Boolean,
  },
  emits: ["update:modelValue"],
  setup(props, { attrs, emit }) {
    const id = useId();
    const input = ref<HTMLInputElement>();
    const list = ref<HTMLElement>();
    const isOpen = ref(false);
    /** What the user types to find an option, or null. */
    const search = ref<string | null>(null);
    const active = ref(0);
    const all = computed(() => choices(props.options));
    const found = computed(() => {
      const words = (search.value ?? "").toLowerCase().split(/\s+/).filter(Boolean);
      return all.value.filter(({ title }) => words.every((word) => title.toLowerCase().includes(word))).slice(0, MOST_SHOWN);
    });
    const title = () => all.value.find(({ value }) => value === props.modelValue)?.title ?? "";

    async function open() {
      if (props.disabled) return;
      if (!isOpen.value) active.value = Math.max(0, found.value.findIndex(({ value }) => value === props.modelValue));
      isOpen.value = true;
      await nextTick();
      if (list.value && input.value) showBeside(list.value, input.value);
      showActive();
    }

    function showActive() {
      if (list.value && isMeasured(list.value)) list.value.querySelector("[data-active]")?.scrollIntoView({ block: "nearest" });
    }

    function close() {
      isOpen.value = false;
      search.value = null;
    }

    function choose(option: Choice | undefined) {
      if (!option || option.disabled) return;
      close();
      if (option.value !== props.modelValue) emit("update:modelValue", option.value);
    }

    async function move(to: number) {
      await open();
      active.value = Math.min(found.value.length - 1, Math.max(0, to));
      await nextTick();
      showActive();
    }

    function onKeydown(event: KeyboardEvent) {
      const { key } = event;
      if ((key === "ArrowDown" || key === "ArrowUp") && !isOpen.value) void open();
      else if (key === "ArrowDown") void move(active.value + 1);
      else if (key === "ArrowUp") void move(active.value - 1);
      else if (key === "PageDown") void move(active.value + 10);
      else if (key === "PageUp") void move(active.value - 10);
      else if (key === "Enter" && isOpen.value) choose(found.value[active.value]);
      else if (key === "Escape" && isOpen.value) close();
      else return;
      event.preventDefault();
      event.stopPropagation();
    }

    function onInput(event: Event) {
      search.value = (event.target as HTMLInputElement).value;
      active.value = 0;
      void open();
    }

    /** The text of an option chooses it, also if it comes at once, as from a test or a paste. */
    function onChange(event: Event) {
      const text = (event.target as HTMLInputElement).value.trim().toLowerCase();
      choose(all.value.find((option) => option.title.toLowerCase() === text));
    }

    return () => {
      const { class: ownClass, style, ...others } = attrs;
      const current = found.value[active.value];
      const box = {
        ...others,
        ref: input,
        type: "text",
        role: "combobox",
        autocomplete: "off",
        spellcheck: false,
        placeholder: props.placeholder || undefined,
        disabled: props.disabled,
        "aria-autocomplete": "list",
        "aria-expanded": isOpen.value,
        "aria-controls": isOpen.value ? id : undefined,
        "aria-activedescendant": isOpen.value && current ? `${id}-${active.value}` : undefined,
        value: search.value ?? title(),
        onInput,
        onChange,
        onKeydown,
        onClick: () => void open(),
        onBlur: close,
      };
      const option = (choice: Choice, at: number) =>
        h(
          "div",
          {
            id: `${id}-${at}`,
            role: "option",
            "aria-selected": choice.value === props.modelValue,
            "aria-disabled": choice.disabled || undefined,
            "data-active": at === active.value ? "" : undefined,
            // The field keeps the focus.
            onPointerdown: (event: PointerEvent) => event.preventDefault(),
            onClick: () => choose(choice),
          },
          choice.title,
        );
      const options = found.value.length > 0 ? found.value.map(option) : [h("div", { class: "sv-none", role: "option", "aria-disabled": "true", "aria-selected": "false" }, "Nothing found")];
      return h("span", { class: ["sv-select", ownClass], style: style as string }, [
        h("input", box),
        h(SelvedgeIcon, { name: "chevrons-up-down" }),
        isOpen.value ? h("div", { ref: list, id, class: "sv-menu sv-options", role: "listbox", popover: "manual" }, options) : null,
      ]);
    };
  },
});
