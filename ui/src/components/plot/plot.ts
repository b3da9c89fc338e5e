// <selvedge-plot :points="history" x-label="Time, s">: lines, points, steps and bands. With `source`, the points are in the
// server, and the page gets what it shows, reduced to its pixels.

import { computed, defineComponent, h, inject, nextTick, onBeforeUnmount, onMounted, type PropType, ref, shallowRef, useId, watch } from "vue";
import { download } from "../../template-tools";
import type { Trame } from "../../trame";
import { SelvedgeItem, SelvedgeMenu } from "../layout/menu";
import type { Chart, Range } from "./chart";
import { columnsOf, csvOf, endsOf, numbersOf, type PlotSeries, type Point, type Table, tableOf } from "./data";

/** What the state says of a plot whose points are in the server. */
interface Summary {
  series: string[];
  points: number;
  ends: Range | null;
}

interface Answer {
  x: Uint8Array;
  columns: Uint8Array[];
  reduced: boolean;
}

export const SelvedgePlot = defineComponent({
  name: "SelvedgePlot",
  props: {
    /** The points of one line. */
    points: { type: Array as PropType<Point[]>, default: undefined },
    /** Several series. */
    series: { type: Array as PropType<PlotSeries[]>, default: undefined },
    /** The key that the application has passed to `Server::plot`. */
    source: { type: String, default: "" },
    xLabel: { type: String, default: "" },
    yLabel: { type: String, default: "" },
    /** Whether x are seconds since 1970. */
    time: Boolean,
    /** Whether equal distances are equal ratios. */
    xLog: Boolean,
    yLog: Boolean,
    /** Whether the names and the values at the cursor are shown below; by default, if there are several series. */
    legend: { type: Boolean, default: undefined },
  },
  setup(props) {
    const id = useId();
    const root = ref<HTMLElement>();
    const trame = inject<Trame | undefined>("trame", undefined);
    const summary = computed(() => (props.source ? (trame?.state.get(props.source) as Summary | undefined) : undefined));
    /** What the server has sent for `source`. */
    const loaded = shallowRef<[number[], ...(number | null)[][]]>([[]]);
    /** The values at the cursor, for screen readers. */
    const pointed = ref("");

    const series = computed<PlotSeries[]>(() => {
      if (props.source) return (summary.value?.series ?? []).map((label) => ({ label }));
      return props.series ?? [{ label: props.yLabel || "y", points: props.points ?? [] }];
    });
    const table = computed<Table>(() => {
      if (!props.source) return tableOf(series.value);
      const columns = columnsOf(series.value);
      return { columns, data: fitting(loaded.value, columns.length) };
    });
    const whole = computed<Range | null>(() => (props.source ? (summary.value?.ends ?? null) : endsOf(table.value.data)));
    const options = computed(() => ({
      columns: table.value.columns,
      xLabel: props.xLabel,
      yLabel: props.yLabel,
      time: props.time,
      xLog: props.xLog,
      yLog: props.yLog,
      legend: props.legend ?? table.value.columns.length > 1,
    }));
    /** What a chart is made anew for. */
    const kind = computed(() => JSON.stringify(options.value));

    let chart: Chart | undefined;
    let sizes: ResizeObserver | undefined;

    // The server's points

    let shown: Range | null = null;
    let isLoading = false;
    /** Counts what was asked for. */
    let wanted = 0;

    /** Gets the points that are shown; only the newest range counts while one is on its way. */
    async function load() {
      if (!props.source || !trame || !root.value) return;
      wanted += 1;
      if (isLoading) return;
      isLoading = true;
      let answered: number;
      try {
        do {
          answered = wanted;
          const [low, high] = shown ?? [-Number.MAX_VALUE, Number.MAX_VALUE];
          const width = Math.round(root.value.clientWidth * Math.max(1, window.devicePixelRatio || 1));
          const { x, columns } = await trame.call<Answer>("plots.window", [props.source, low, high, width]);
          loaded.value = [numbersOf(x) as number[], ...columns.map(numbersOf)];
        } while (answered < wanted);
      } catch {
        // The page says that the connection is lost; the state of the next one loads it again.
      } finally {
        isLoading = false;
      }
    }

    async function create() {
      const { Chart } = await import("./chart");
      await nextTick();
      if (!root.value) return;
      chart?.dispose();
      chart = new Chart(root.value, options.value, table.value, {
        shown: (range) => {
          shown = range;
          void load();
        },
        pointed: (at) => (pointed.value = at === null ? "" : valuesAt(at)),
      });
      chart.show(table.value, whole.value);
    }

    function valuesAt(at: number): string {
      const { columns, data } = table.value;
      const values = columns.map(({ label }, index) => `${label} ${data[index + 1]?.[at] ?? "none"}`);
      return `${props.xLabel || "x"} ${data[0][at]}: ${values.join(", ")}`;
    }

    onMounted(() => {
      void create();
      void load();
      if (!root.value) return;
      sizes = new ResizeObserver(() => {
        chart?.resize();
        if (props.source) void load();
      });
      sizes.observe(root.value);
    });
    onBeforeUnmount(() => {
      sizes?.disconnect();
      chart?.dispose();
    });
    watch(kind, () => void create());
    watch([table, whole], () => chart?.show(table.value, whole.value));
    watch(summary, () => void load());

    const name = computed(() => [props.yLabel, props.xLabel].filter(Boolean).join(" over ") || "Plot");
    const words = computed(() => {
      const { columns, data } = table.value;
      const at = data[0].length - 1;
      if (at < 0) return `${name.value}. No data yet.`;
      const latest = columns.map(({ label }, index) => {
        const value = data[index + 1]?.[at];
        return `${columns.length > 1 ? `${label} ` : ""}${typeof value === "number" ? Number(value.toPrecision(4)) : "none"}`;
      });
      return `${name.value}. Latest ${columns.length > 1 ? "values" : "value"} ${latest.join(", ")} at ${data[0][at]}.`;
    });

    function onKeydown(event: KeyboardEvent) {
      if (event.target === event.currentTarget && chart?.key(event)) event.preventDefault();
    }
    const file = (extension: string) => `${name.value.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").toLowerCase()}.${extension}`;
    const savePicture = async () => {
      const picture = await chart?.picture();
      if (picture) await download(file("png"), picture, "image/png");
    };

    return () =>
      h("div", { class: "sv-plot" }, [
        h("div", { ref: root, class: "sv-plot-chart", role: "group", tabindex: 0, "aria-label": words.value, "aria-describedby": `${id}-keys`, onKeydown }),
        h("span", { id: `${id}-keys`, hidden: true }, "Arrow keys read the points, with shift they move; plus and minus zoom, 0 shows all."),
        h("span", { class: "sv-unseen", role: "status" }, pointed.value),
        h(SelvedgeMenu, { class: "sv-plot-menu", label: name.value, icon: "ellipsis", compact: true }, () => [
          h(SelvedgeItem, { icon: "maximize-2", onClick: () => chart?.reset() }, () => "Show all"),
          h(SelvedgeItem, { icon: "image", onClick: () => void savePicture() }, () => "Save as PNG"),
          h(SelvedgeItem, { icon: "table", onClick: () => void download(file("csv"), csvOf(props.xLabel, table.value), "text/csv") }, () => "Save as CSV"),
        ]),
      ]);
  },
});

/** Data of the server with as many columns as the state names: one of them may be ahead of the other. */
function fitting(data: [number[], ...(number | null)[][]], count: number): Table["data"] {
  const none = () => new Array<null>(data[0].length).fill(null);
  return [data[0], ...Array.from({ length: count }, (_, at) => data[at + 1] ?? none())];
}
