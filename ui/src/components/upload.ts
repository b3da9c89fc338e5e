// <selvedge-upload to="data" accept=".csv" multiple>Load</selvedge-upload>: a button that uploads
// files, which can also be dropped on it, and below it a line for each file with its progress.
//
// `done` carries the application's answers, one per file.

import { computed, defineComponent, h, inject, type InjectionKey, ref, type VNode } from "vue";
import { type Upload, type Uploads, filesOf } from "../uploads";

export const UPLOADS: InjectionKey<Uploads> = Symbol("uploads");

export const SelvedgeUpload = defineComponent({
  name: "SelvedgeUpload",
  props: {
    /** The name that the application passed to `on_upload`. */
    to: { type: String, required: true },
    /** File extensions or media types, as for `<input type=file>`. */
    accept: { type: String, default: undefined },
    multiple: Boolean,
    /** Whether the user chooses a whole folder instead of files. */
    folder: Boolean,
    disabled: Boolean,
  },
  emits: ["done"],
  setup(props, { slots, emit }) {
    const uploads = inject(UPLOADS);
    const over = ref(false);
    const list = computed(() => uploads?.list.filter((upload) => upload.to === props.to) ?? []);

    function send(files: File[]) {
      if (files.length === 0 || props.disabled) return;
      uploads?.upload(props.to, files).then(
        (answers) => emit("done", answers),
        () => undefined, // shown already
      );
    }

    function onChange(event: Event) {
      send(filesOf(event));
      // Allows the user to choose the same file again.
      (event.target as HTMLInputElement).value = "";
    }

    function onDrop(event: DragEvent) {
      event.preventDefault();
      over.value = false;
      const files = filesOf(event);
      send(props.multiple || props.folder ? files : files.slice(0, 1));
    }

    function onDragover(event: DragEvent) {
      event.preventDefault();
      over.value = true;
    }

    return () =>
      h("div", { class: "sv-upload" }, [
        h(
          "label",
          {
            class: ["sv-upload-button", { "sv-over": over.value, "sv-disabled": props.disabled }],
            onDragover,
            onDragleave: () => (over.value = false),
            onDrop,
          },
          [
            h("input", {
              type: "file",
              accept: props.accept,
              multiple: props.multiple,
              webkitdirectory: props.folder || undefined,
              disabled: props.disabled,
              onChange,
            }),
            slots.default?.() ?? "Choose a file",
          ],
        ),
        list.value.length > 0 ? h("ul", { class: "sv-transfers" }, list.value.map(line)) : null,
      ]);
  },
});

/** Returns the line of one file and its progress. */
export function line(upload: Upload): VNode {
  const { name, state } = upload;
  const ended = upload.ended;
  return h("li", { "data-state": state }, [
    h("span", { class: "sv-transfer-name" }, name),
    ended
      ? h("span", { class: "sv-transfer-state", role: "status" }, endOf(upload))
      : [
          h("progress", { value: state === "working" ? undefined : upload.progress, "aria-label": name }),
          h("span", { class: "sv-transfer-state" }, `${Math.floor(upload.progress * 100)} %`),
          h("button", { type: "button", "aria-label": `Cancel ${name}`, onClick: () => upload.cancel() }, "Cancel"),
        ],
  ]);
}

function endOf({ state, error }: Upload): string {
  if (state === "failed") return error;
  return state === "done" ? "Done" : "Cancelled";
}
