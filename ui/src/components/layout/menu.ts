// <selvedge-menu label="File">: commands behind a button. Its children are <selvedge-item>, <hr> and any other
// elements. It follows the pattern "menu button" of the ARIA authoring practices.

import { defineComponent, h, inject, type InjectionKey, nextTick, onBeforeUnmount, provide, ref, useId } from "vue";
import { isMeasured, showBeside } from "./floating";
import { SelvedgeIcon } from "./icon";

/** Closes the menu around an item. */
const CLOSE: InjectionKey<() => void> = Symbol("close");

/** A command of a menu. */
export const SelvedgeItem = defineComponent({
  name: "SelvedgeItem",
  props: {
    icon: { type: String, default: "" },
    /** The keys that do the same, as shown to the user: the application listens to them. */
    shortcut: { type: String, default: "" },
    /** Whether it is on, for commands that switch something. */
    checked: { type: Boolean, default: undefined },
    disabled: Boolean,
  },
  setup(props, { slots }) {
    // Called before the command, which may move the focus.
    const onClick = inject(CLOSE, undefined);
    return () => {
      const { icon, shortcut, checked, disabled } = props;
      const role = checked === undefined ? "menuitem" : "menuitemcheckbox";
      const sign = checked === undefined ? icon : checked ? "check" : "";
      const words = { role, "aria-checked": checked, "aria-keyshortcuts": shortcut || undefined };
      return h("button", { type: "button", class: "sv-item", tabindex: -1, disabled, onClick, ...words }, [
        h("span", { class: "sv-item-sign" }, sign ? [h(SelvedgeIcon, { name: sign })] : []),
        h("span", { class: "sv-item-text" }, slots.default?.()),
        shortcut ? h("kbd", { "aria-hidden": "true" }, shortcut) : null,
      ]);
    };
  },
});

export const SelvedgeMenu = defineComponent({
  name: "SelvedgeMenu",
  props: {
    label: { type: String, required: true },
    icon: { type: String, default: "" },
    /** Whether the button shows only its icon; screen readers get the label. */
    compact: Boolean,
    disabled: Boolean,
  },
  setup(props, { slots }) {
    const id = useId();
    const button = ref<HTMLButtonElement>();
    const list = ref<HTMLElement>();
    const isOpen = ref(false);
    let end = new AbortController();
    let typed = { text: "", at: 0 };

    const items = () => [...(list.value?.querySelectorAll<HTMLElement>("[role^=menuitem]:not(:disabled)") ?? [])];
    const focus = (at: number) => {
      const all = items();
      all[(at + all.length) % all.length]?.focus();
    };

    async function open(at: number) {
      isOpen.value = true;
      await nextTick();
      if (!list.value || !button.value || !isMeasured(list.value)) return;
      showBeside(list.value, button.value);
      focus(at);
      end = new AbortController();
      const { signal } = end;
      const isOutside = (event: Event) => !list.value?.contains(event.target as Node) && !button.value?.contains(event.target as Node);
      document.addEventListener("pointerdown", (event) => isOutside(event) && close(false), { signal, capture: true });
      document.addEventListener("scroll", (event) => isOutside(event) && close(false), { signal, capture: true });
      window.addEventListener("resize", () => close(false), { signal });
    }

    function close(restoreFocus: boolean) {
      if (!isOpen.value) return;
      isOpen.value = false;
      end.abort();
      if (restoreFocus) button.value?.focus();
    }

    function onKeydown(event: KeyboardEvent) {
      const at = items().indexOf(document.activeElement as HTMLElement);
      // The focus moves on from the button, as it would without the menu.
      if (event.key === "Tab") {
        close(true);
        return;
      }
      const isLetter = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.altKey && !event.metaKey;
      if (event.key === "ArrowDown") focus(at + 1);
      else if (event.key === "ArrowUp") focus(at - 1);
      else if (event.key === "Home") focus(0);
      else if (event.key === "End") focus(-1);
      else if (event.key === "Escape") close(true);
      else if (isLetter) find(event.key, at);
      else return;
      event.preventDefault();
      event.stopPropagation();
    }

    /** Goes to the next item that begins with what was typed within a second. */
    function find(letter: string, at: number) {
      const now = Date.now();
      const before = now - typed.at < 1000 ? typed.text : "";
      const all = items();
      const name = (item: HTMLElement) => (item.querySelector(".sv-item-text") ?? item).textContent.trim().toLowerCase();
      const next = (text: string, first: number) => [...all.slice(first), ...all.slice(0, first)].find((item) => name(item).startsWith(text));
      // The item that has the focus counts while its name is being typed on.
      const longer = before ? next(before + letter.toLowerCase(), Math.max(0, at)) : undefined;
      typed = { text: longer ? before + letter.toLowerCase() : letter.toLowerCase(), at: now };
      (longer ?? next(typed.text, at + 1))?.focus();
    }

    function onOpenerKeydown(event: KeyboardEvent) {
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      event.preventDefault();
      void open(event.key === "ArrowDown" ? 0 : -1);
    }

    provide(CLOSE, () => close(true));
    onBeforeUnmount(() => end.abort());

    return () => {
      const { label, icon, compact, disabled } = props;
      const opener = {
        ref: button,
        id: `${id}-button`,
        type: "button",
        class: "sv-menu-button",
        disabled,
        "aria-haspopup": "menu",
        "aria-expanded": isOpen.value,
        "aria-controls": isOpen.value ? id : undefined,
        "aria-label": compact ? label : undefined,
        onClick: () => (isOpen.value ? close(true) : void open(0)),
        onKeydown: onOpenerKeydown,
      };
      const face = [icon ? h(SelvedgeIcon, { name: icon }) : null, compact ? null : label, compact && icon ? null : h(SelvedgeIcon, { name: "chevron-down" })];
      const menu = { ref: list, id, class: "sv-menu", role: "menu", popover: "manual", "aria-labelledby": `${id}-button`, onKeydown };
      return h("div", { class: "sv-menu-place" }, [h("button", opener, face), isOpen.value ? h("div", menu, slots.default?.()) : null]);
    };
  },
});
