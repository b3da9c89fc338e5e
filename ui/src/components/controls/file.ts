// <selvedge-file v-model="mesh" from="meshes">: a file of a folder that the application shares, as the path below it. A user
// writes the path, or finds it in a dialog.

import { computed, defineComponent, h, inject, nextTick, ref } from "vue";
import { messageOf } from "../../call-errors";
import type { Trame } from "../../trame";
import { SelvedgeDialog } from "../layout/dialog";
import { SelvedgeIcon } from "../layout/icon";

interface Entry {
  name: string;
  folder: boolean;
  size: number;
  modified: number | null;
}

interface Listing {
  entries: Entry[];
  more: boolean;
}

const join = (folder: string, name: string) => (folder === "" ? name : `${folder}/${name}`);
const parentOf = (path: string) => path.split("/").slice(0, -1).join("/");

/** Returns a size as people read it: "12 kB". */
export function sizeText(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), 4);
  const scaled = bytes / 1000 ** power;
  return `${power > 0 && scaled < 10 ? scaled.toFixed(1) : Math.round(scaled)} ${["B", "kB", "MB", "GB", "TB"][power] ?? ""}`;
}

export const SelvedgeFile = defineComponent({
  name: "SelvedgeFile",
  inheritAttrs: false,
  props: {
    modelValue: { type: String, default: "" },
    /** The name that the application has passed to `Server::share_folder`. */
    from: { type: String, required: true },
    /** Endings of the files that can be chosen, as in ".csv,.txt"; all if there are none. */
    accept: { type: String, default: "" },
    /** Whether a folder is chosen. */
    folder: Boolean,
    disabled: Boolean,
  },
  emits: { "update:modelValue": (path: string) => typeof path === "string" },
  setup(props, { attrs, emit }) {
    const trame = inject<Trame | undefined>("trame", undefined);
    const isOpen = ref(false);
    const path = ref("");
    const listing = ref<Listing>({ entries: [], more: false });
    const fault = ref("");
    const filter = ref("");
    const list = ref<HTMLElement>();
    const endings = computed(() => props.accept.toLowerCase().split(",").map((ending) => ending.trim()).filter(Boolean));
    const isChoice = ({ name, folder }: Entry) => {
      if (folder) return true;
      return !props.folder && (endings.value.length === 0 || endings.value.some((ending) => name.toLowerCase().endsWith(ending)));
    };
    const shown = computed(() => {
      const text = filter.value.toLowerCase();
      return listing.value.entries.filter((entry) => isChoice(entry) && entry.name.toLowerCase().includes(text));
    });

    async function show(folder: string) {
      path.value = folder;
      filter.value = "";
      fault.value = "";
      try {
        const found = await trame?.call<Listing>("files.list", [props.from, folder]);
        if (path.value === folder && found) listing.value = found;
      } catch (error) {
        listing.value = { entries: [], more: false };
        fault.value = messageOf(error);
      }
      await nextTick();
      list.value?.querySelector("button")?.focus();
    }
    async function open() {
      isOpen.value = true;
      await show(props.folder ? props.modelValue : parentOf(props.modelValue));
      // What was chosen may be gone.
      if (fault.value !== "" && path.value !== "") await show("");
    }
    function choose(chosen: string) {
      isOpen.value = false;
      emit("update:modelValue", chosen);
    }
    function onKeydown(event: KeyboardEvent) {
      const buttons = [...(list.value?.querySelectorAll("button") ?? [])];
      const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
      if (event.key === "ArrowDown") buttons[Math.min(at + 1, buttons.length - 1)]?.focus();
      else if (event.key === "ArrowUp") buttons[Math.max(at - 1, 0)]?.focus();
      else if (event.key === "Home") buttons[0]?.focus();
      else if (event.key === "End") buttons.at(-1)?.focus();
      else if (event.key === "Backspace" && path.value !== "") void show(parentOf(path.value));
      else return;
      event.preventDefault();
    }

    const item = ({ name, folder, size, modified }: Entry) => {
      const whole = join(path.value, name);
      const onClick = () => (folder ? void show(whole) : choose(whole));
      return h("li", { key: name }, [
        h("button", { type: "button", class: "sv-item", "aria-label": name, onClick }, [
          h(SelvedgeIcon, { name: folder ? "folder" : "file" }),
          h("span", { class: "sv-item-text" }, name),
          h("span", { class: "sv-file-fact" }, folder ? "" : sizeText(size)),
          h("span", { class: "sv-file-fact" }, modified === null ? "" : new Date(modified).toLocaleDateString()),
        ]),
      ]);
    };
    const way = () => {
      const parts = path.value === "" ? [] : path.value.split("/");
      const step = (name: string, to: string, isLast: boolean) =>
        h("button", { type: "button", class: "sv-quiet", "aria-current": isLast ? "location" : undefined, onClick: () => void show(to) }, name);
      const steps = parts.map((name, at) => step(name, parts.slice(0, at + 1).join("/"), at === parts.length - 1));
      return h("nav", { class: "sv-file-way", "aria-label": "Folder" }, [step(props.from, "", parts.length === 0), ...steps.flatMap((one) => [" / ", one])]);
    };
    const content = () => [
      way(),
      h("input", {
        type: "search",
        placeholder: "Filter",
        "aria-label": "Filter",
        value: filter.value,
        onInput: (event: Event) => (filter.value = (event.target as HTMLInputElement).value),
      }),
      fault.value ? h("p", { class: "sv-error", role: "alert" }, fault.value) : null,
      h("ul", { ref: list, class: "sv-file-list", onKeydown }, shown.value.map(item)),
      shown.value.length === 0 && !fault.value ? h("p", { class: "sv-hint", role: "status" }, "There is nothing to choose here.") : null,
      listing.value.more ? h("p", { class: "sv-hint" }, "There are more files than a page shows.") : null,
    ];
    const actions = () => [
      h("button", { type: "button", onClick: () => (isOpen.value = false) }, "Cancel"),
      props.folder ? h("button", { type: "button", class: "sv-primary", onClick: () => choose(path.value) }, "Choose this folder") : null,
    ];

    return () => {
      const { class: ownClass, style, ...others } = attrs;
      const { modelValue, disabled } = props;
      const title = props.folder ? "Choose a folder" : "Choose a file";
      const onChange = (event: Event) => emit("update:modelValue", (event.target as HTMLInputElement).value.trim());
      const dialog = { modelValue: isOpen.value, title, "onUpdate:modelValue": (open: boolean) => (isOpen.value = open) };
      return h("span", { class: ["sv-file", ownClass], style: style as string }, [
        h("input", { ...others, type: "text", value: modelValue, disabled, spellcheck: false, onChange }),
        h("button", { type: "button", disabled, "aria-label": title, onClick: () => void open() }, [h(SelvedgeIcon, { name: "folder-open" })]),
        h(SelvedgeDialog, dialog, { default: content, actions }),
      ]);
    };
  },
});
