// <selvedge-vector v-model="position" :labels="['x', 'y', 'z']"> and <selvedge-matrix v-model="stiffness">: numbers in a row and
// in a table. Arrow keys move between the rows, and a table that is pasted fills the cells from where the focus is.

import { defineComponent, h, type PropType } from "vue";
import { SelvedgeNumber } from "./number";
import { parseNumber } from "./numbers";

const FIELD = {
  step: { type: [Number, String], default: 1 },
  min: { type: [Number, String], default: -Infinity },
  max: { type: [Number, String], default: Infinity },
  digits: { type: [Number, String], default: "" },
  scientific: Boolean,
  integer: Boolean,
  disabled: Boolean,
};

export const SelvedgeVector = defineComponent({
  name: "SelvedgeVector",
  props: {
    ...FIELD,
    modelValue: { type: Array as PropType<number[]>, default: () => [] },
    /** The names of the numbers; by default they are counted from 1. */
    labels: { type: Array as PropType<string[]>, default: () => [] },
    unit: { type: String, default: "" },
  },
  emits: { "update:modelValue": (values: number[]) => Array.isArray(values) },
  setup(props, { emit }) {
    return () => {
      const { modelValue, labels, unit, ...field } = props;
      const part = (value: number, at: number) => {
        const label = labels[at] ?? String(at + 1);
        const set = (next: number | null) => {
          if (next !== null) emit("update:modelValue", modelValue.map((old, index) => (index === at ? next : old)));
        };
        return h("label", { key: at }, [h("span", label), h(SelvedgeNumber, { ...field, modelValue: value, "onUpdate:modelValue": set })]);
      };
      return h("span", { class: "sv-vector", role: "group" }, [modelValue.map(part), unit ? h("span", { class: "sv-unit" }, unit) : null]);
    };
  },
});

/** Returns the numbers of a table that was copied from a spreadsheet, or null if it is none. */
export function pastedTable(text: string): number[][] | null {
  const rows = text.trimEnd().split(/\r?\n/).map((row) => row.split(/\t|;|\s{2,}/).map(parseNumber));
  const isTable = rows.every((row) => row.every((value) => typeof value === "number"));
  return isTable ? rows : null;
}

export const SelvedgeMatrix = defineComponent({
  name: "SelvedgeMatrix",
  props: {
    ...FIELD,
    /** The rows. */
    modelValue: { type: Array as PropType<number[][]>, default: () => [] },
    /** What screen readers call the table. */
    label: { type: String, default: "Matrix" },
    /** The names of the rows and columns; by default they are counted from 1. */
    rows: { type: Array as PropType<string[]>, default: () => [] },
    columns: { type: Array as PropType<string[]>, default: () => [] },
  },
  emits: { "update:modelValue": (values: number[][]) => Array.isArray(values) },
  setup(props, { emit }) {
    const put = (at: number, column: number, table: number[][]) =>
      emit(
        "update:modelValue",
        props.modelValue.map((row, y) => row.map((old, x) => table[y - at]?.[x - column] ?? old)),
      );

    function onPaste(event: ClipboardEvent, at: number, column: number) {
      const table = pastedTable(event.clipboardData?.getData("text") ?? "");
      // A single number is an ordinary paste.
      if (!table || (table.length === 1 && table[0]?.length === 1)) return;
      event.preventDefault();
      put(at, column, table);
    }

    function onKeydown(event: KeyboardEvent, at: number, column: number) {
      const way = { ArrowUp: -1, ArrowDown: 1, Enter: event.shiftKey ? -1 : 1 }[event.key];
      if (way === undefined) return;
      // Instead of steps.
      event.preventDefault();
      event.stopPropagation();
      const table = (event.currentTarget as HTMLElement).closest("table");
      const next = table?.querySelector<HTMLInputElement>(`[data-cell="${at + way},${column}"]`);
      next?.select();
      next?.focus();
    }

    return () => {
      const { modelValue, label, rows, columns, ...field } = props;
      const name = (names: string[], at: number) => names[at] ?? String(at + 1);
      const cell = (value: number, at: number, column: number) =>
        h("td", { key: column, onKeydownCapture: (event: KeyboardEvent) => onKeydown(event, at, column), onPaste: (event: ClipboardEvent) => onPaste(event, at, column) }, [
          h(SelvedgeNumber, {
            ...field,
            modelValue: value,
            "aria-label": `${name(rows, at)}, ${name(columns, column)}`,
            "data-cell": `${at},${column}`,
            "onUpdate:modelValue": (next: number | null) => {
              if (next !== null) put(at, column, [[next]]);
            },
          }),
        ]);
      const head = h("tr", [h("td"), (modelValue[0] ?? []).map((_, at) => h("th", { scope: "col", key: at }, name(columns, at)))]);
      const row = (values: number[], at: number) => h("tr", { key: at }, [h("th", { scope: "row" }, name(rows, at)), values.map((value, column) => cell(value, at, column))]);
      return h("table", { class: "sv-matrix", "aria-label": label }, [h("thead", [head]), h("tbody", modelValue.map(row))]);
    };
  },
});
