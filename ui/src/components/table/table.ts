// <selvedge-table source="runs" label="Runs">: rows of the server, of which the page has those in view. It follows the pattern
// "grid" of the ARIA authoring practices: one cell has the focus, and keys move it.

import { computed, defineComponent, h, inject, nextTick, onBeforeUnmount, onMounted, ref, useId, watch } from "vue";
import { messageOf } from "../../call-errors";
import { parseNumber } from "../controls/numbers";
import { SelvedgeIcon } from "../layout/icon";
import type { Trame } from "../../trame";
import { type Answer, copied, RowCache, shown } from "./rows";
import { fitting, isScaled, lastTop, positionOf, type Scroll, topAt, topWith, totalHeight } from "./view";

interface Column {
  name: string;
  title: string;
  numeric: boolean;
  editable: boolean;
  sortable: boolean;
}

interface Summary {
  columns: Column[];
  revision: number;
}

/** Most rows that are copied at once. */
const MOST_COPIED = 100_000;
/** How long a user does not type until a filter is used, in ms. */
const PAUSE = 200;

export const SelvedgeTable = defineComponent({
  name: "SelvedgeTable",
  props: {
    /** The key that the application has passed to `Server::table`. */
    source: { type: String, required: true },
    /** What screen readers call it. */
    label: { type: String, default: "Table" },
    /** Whether there is a field that filters. */
    filter: { type: Boolean, default: true },
  },
  emits: {
    /** Other rows are selected: places in the order of the table, of the first and the last one, and the values of the cell's row. */
    select: (rows: { first: number; last: number; row: unknown[] | undefined }) => rows.last >= rows.first,
    /** A user has pressed Enter on a row, or clicked it twice. */
    open: (row: unknown[]) => Array.isArray(row),
  },
  setup(props, { emit }) {
    const id = useId();
    const trame = inject<Trame | undefined>("trame", undefined);
    const view = ref<HTMLElement>();
    const summary = computed(() => trame?.state.get(props.source) as Summary | undefined);
    const columns = computed(() => summary.value?.columns ?? []);
    const query = ref({ sort: "", descending: false, filter: "" });
    const ask = (from: number, to: number): Promise<Answer> =>
      trame ? trame.call<Answer>("tables.read", [props.source, query.value, from, to]) : Promise.resolve({ count: 0, rows: [] });
    const cache = new RowCache(ask);

    const size = ref({ row: 28, height: 300 });
    /** The first row in view, with its fraction. */
    const top = ref(0);
    const cell = ref({ row: 0, column: 0 });
    /** The other end of the selection. */
    const anchor = ref(0);
    const hasSelection = ref(false);
    const draft = ref<string | null>(null);
    /** Why the last change was refused, or what was copied. */
    const note = ref("");
    const scroll = computed<Scroll>(() => ({ ...size.value, count: cache.status.count }));
    const first = computed(() => Math.max(0, Math.floor(top.value)));
    const last = computed(() => Math.min(cache.status.count, Math.ceil(top.value + fitting(scroll.value)) + 1));

    // What is in view

    let sizes: ResizeObserver | undefined;
    function measure() {
      const element = view.value;
      if (!element) return;
      const head = element.querySelector<HTMLElement>(".sv-table-head")?.offsetHeight ?? 0;
      const row = 2 * parseFloat(getComputedStyle(element).fontSize);
      size.value = { row, height: Math.max(row, element.clientHeight - head) };
    }
    function onScroll() {
      const element = view.value;
      if (!element) return;
      // It is where it was put, to a pixel: a fraction of a row is kept.
      if (Math.abs(positionOf(top.value, scroll.value) - element.scrollTop) > 1) top.value = topAt(element.scrollTop, scroll.value);
    }
    function scrollTo(next: number) {
      top.value = Math.min(lastTop(scroll.value), Math.max(0, next));
      if (view.value) view.value.scrollTop = positionOf(top.value, scroll.value);
    }
    function onWheel(event: WheelEvent) {
      if (!isScaled(scroll.value) || event.ctrlKey || event.shiftKey || event.deltaY === 0) return;
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY : event.deltaY / size.value.row;
      scrollTo(top.value + lines);
    }
    const renew = () => void cache.renew(first.value, last.value);
    onMounted(() => {
      measure();
      renew();
      if (!view.value) return;
      sizes = new ResizeObserver(measure);
      sizes.observe(view.value);
    });
    watch([first, last], () => void cache.load(first.value, last.value));
    watch(summary, renew);
    watch(
      () => cache.status.count,
      (count) => {
        if (cell.value.row >= count) cell.value = { ...cell.value, row: Math.max(0, count - 1) };
        if (top.value > lastTop(scroll.value)) scrollTo(lastTop(scroll.value));
      },
    );

    // What a user asks for

    function sortBy({ name, sortable }: Column) {
      if (!sortable) return;
      const { sort, descending, filter } = query.value;
      // Up, down, and as it comes.
      query.value = sort !== name ? { sort: name, descending: false, filter } : descending ? { sort: "", descending: false, filter } : { sort, descending: true, filter };
      scrollTo(0);
      renew();
    }

    let pause: ReturnType<typeof setTimeout> | undefined;
    function onFilter(event: Event) {
      const filter = (event.target as HTMLInputElement).value;
      clearTimeout(pause);
      pause = setTimeout(() => {
        query.value = { ...query.value, filter };
        scrollTo(0);
        renew();
      }, PAUSE);
    }
    onBeforeUnmount(() => {
      sizes?.disconnect();
      clearTimeout(pause);
    });

    const selected = computed(() => [Math.min(anchor.value, cell.value.row), Math.max(anchor.value, cell.value.row)] as const);

    async function moveTo(row: number, column: number, extend: boolean) {
      const within = (at: number, count: number) => Math.min(Math.max(0, count - 1), Math.max(0, at));
      cell.value = { row: within(row, cache.status.count), column: within(column, columns.value.length) };
      if (!extend) anchor.value = cell.value.row;
      hasSelection.value = true;
      scrollTo(topWith(cell.value.row, top.value, scroll.value));
      const [begin, end] = selected.value;
      emit("select", { first: begin, last: end, row: cache.row(cell.value.row) });
      await nextTick();
      focusCell();
    }
    function focusCell() {
      view.value?.querySelector<HTMLElement>(`[data-cell="${cell.value.row},${cell.value.column}"]`)?.focus({ preventScroll: true });
    }

    function onKeydown(event: KeyboardEvent) {
      if (draft.value !== null) return;
      const { row, column } = cell.value;
      const page = Math.max(1, Math.floor(fitting(scroll.value)) - 1);
      const far = event.ctrlKey || event.metaKey;
      const to: Record<string, [number, number]> = {
        ArrowUp: [row - 1, column],
        ArrowDown: [row + 1, column],
        ArrowLeft: [row, column - 1],
        ArrowRight: [row, column + 1],
        PageUp: [row - page, column],
        PageDown: [row + page, column],
        Home: far ? [0, 0] : [row, 0],
        End: far ? [cache.status.count - 1, columns.value.length - 1] : [row, columns.value.length - 1],
      };
      const next = to[event.key];
      if (next) void moveTo(next[0], next[1], event.shiftKey);
      else if (far && event.key.toLowerCase() === "c") void copy();
      else if (far && event.key.toLowerCase() === "a") {
        anchor.value = 0;
        void moveTo(cache.status.count - 1, column, true);
      } else if (event.key === "F2" || (event.key === "Enter" && columns.value[column]?.editable)) edit();
      else if (event.key === "Enter") open();
      else return;
      event.preventDefault();
    }

    async function copy() {
      const [begin, end] = selected.value;
      const rows = await cache.range(begin, Math.min(end + 1, begin + MOST_COPIED));
      await navigator.clipboard.writeText(copied(rows));
      note.value = `${rows.length} ${rows.length === 1 ? "row" : "rows"} copied`;
    }

    function open() {
      const row = cache.row(cell.value.row);
      if (row) emit("open", row);
    }

    // Changes

    function edit() {
      const { row, column } = cell.value;
      if (!columns.value[column]?.editable) return;
      draft.value = shown(cache.row(row)?.[column]);
      void nextTick(() => view.value?.querySelector<HTMLInputElement>(".sv-table-edit")?.select());
    }

    async function commit(event: Event) {
      const text = (event.target as HTMLInputElement).value;
      const { row, column } = cell.value;
      const described = columns.value[column];
      if (draft.value === null || !described) return;
      const changed = text !== draft.value;
      draft.value = null;
      note.value = "";
      void nextTick(focusCell);
      if (!changed) return;
      const value = described.numeric ? parseNumber(text) : text;
      try {
        if (value === undefined) throw new Error("This is not a number.");
        await trame?.call("tables.write", [props.source, query.value, row, described.name, value]);
      } catch (error) {
        note.value = messageOf(error);
      }
      renew();
    }

    function onEditKeydown(event: KeyboardEvent) {
      if (event.key === "Enter") void commit(event);
      else if (event.key === "Escape") {
        draft.value = null;
        void nextTick(focusCell);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    }

    // What is shown

    const heading = (column: Column, at: number) => {
      const { sort, descending } = query.value;
      const isSorted = sort === column.name;
      const icon = isSorted ? (descending ? "arrow-down" : "arrow-up") : "arrow-up-down";
      const title = column.sortable
        ? h("button", { type: "button", class: { "sv-sorted": isSorted }, onClick: () => sortBy(column) }, [column.title, h(SelvedgeIcon, { name: icon })])
        : column.title;
      const words = { role: "columnheader", "aria-colindex": at + 1, "aria-sort": isSorted ? (descending ? "descending" : "ascending") : undefined };
      return h("div", { ...words, class: { "sv-numeric": column.numeric } }, [title]);
    };

    const field = (row: number, at: number, column: Column) => {
      const isActive = cell.value.row === row && cell.value.column === at;
      if (isActive && draft.value !== null) {
        const input = { class: "sv-table-edit", value: draft.value, "aria-label": column.title, onKeydown: onEditKeydown, onBlur: (event: Event) => void commit(event) };
        return h("div", { role: "gridcell", "aria-colindex": at + 1 }, [h("input", input)]);
      }
      const events = {
        onClick: (event: MouseEvent) => void moveTo(row, at, event.shiftKey),
        onDblclick: () => (column.editable ? edit() : open()),
      };
      const words = { role: "gridcell", "aria-colindex": at + 1, "aria-readonly": column.editable ? undefined : true, tabindex: isActive ? 0 : -1 };
      return h("div", { ...words, ...events, "data-cell": `${row},${at}`, class: { "sv-numeric": column.numeric } }, shown(cache.row(row)?.[at]));
    };

    const line = (row: number) => {
      const isSelected = hasSelection.value && row >= selected.value[0] && row <= selected.value[1];
      const words = { role: "row", "aria-rowindex": row + 2, "aria-selected": isSelected, "aria-busy": cache.row(row) ? undefined : true };
      const cells = columns.value.map((column, at) => field(row, at, column));
      return h("div", { key: row, ...words, class: "sv-table-row", style: { height: `${size.value.row}px` } }, cells);
    };

    return () => {
      const { count, error, isKnown } = cache.status;
      const rows: number[] = [];
      for (let row = first.value; row < last.value; row += 1) rows.push(row);
      const template = columns.value.map(({ numeric }) => (numeric ? "minmax(6em, 1fr)" : "minmax(8em, 2fr)")).join(" ");
      // The rows are at the place of the scroll bar, shifted by the fraction of the first one.
      const shift = positionOf(top.value, scroll.value) - (top.value - first.value) * size.value.row;
      const grid = { role: "grid", "aria-label": props.label, "aria-rowcount": count + 1, "aria-colcount": columns.value.length, "aria-multiselectable": true };
      const input = { type: "search", placeholder: "Filter", "aria-label": `Filter: ${props.label}`, onInput: onFilter };
      const told = note.value || (isKnown ? `${count.toLocaleString()} ${count === 1 ? "row" : "rows"}` : "Loading");
      return h("div", { class: "sv-table" }, [
        h("div", { class: "sv-table-bar" }, [props.filter ? h("input", input) : null, h("span", { id, class: "sv-hint", role: "status" }, told)]),
        error ? h("p", { class: "sv-error", role: "alert" }, error) : null,
        h("div", { ref: view, class: "sv-table-view", style: { "--sv-template": template }, tabindex: columns.value.length > 0 && count > 0 ? undefined : 0, ...grid, onScroll, onWheel, onKeydown }, [
          h("div", { class: "sv-table-head", role: "row", "aria-rowindex": 1 }, columns.value.map(heading)),
          h("div", { role: "presentation", class: "sv-table-body", style: { height: `${totalHeight(scroll.value)}px` } }, [
            h("div", { role: "rowgroup", style: { transform: `translateY(${shift}px)` } }, rows.map(line)),
          ]),
        ]),
      ]);
    };
  },
});
