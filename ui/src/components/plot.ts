// <selvedge-plot :points="history" x-label="Iteration" y-label="Coverage">: a line through [x, y]
// points.

import { computed, defineComponent, h, onBeforeUnmount, onMounted, type PropType, ref } from "vue";
import { axis } from "./ticks";

type Point = [x: number, y: number];

/** Margin around the plot area for numbers and labels, in text heights. */
const MARGIN = { top: 0.8, right: 1.2, bottom: 3.2, left: 4.6 };
/** Space for one tick, in text heights. */
const TICK = { width: 5, height: 3 };

export const SelvedgePlot = defineComponent({
  name: "SelvedgePlot",
  props: {
    points: { type: Array as PropType<Point[]>, default: () => [] },
    xLabel: { type: String, default: "" },
    yLabel: { type: String, default: "" },
  },
  setup(props) {
    const root = ref<HTMLElement>();
    const size = ref({ width: 320, height: 180, text: 10 });
    let observer: ResizeObserver | undefined;
    onMounted(() => {
      observer = new ResizeObserver(([entry]) => {
        if (!entry) return;
        const { width, height } = entry.contentRect;
        const text = parseFloat(getComputedStyle(entry.target).fontSize);
        if (width > 0 && height > 0) size.value = { width, height, text };
      });
      if (root.value) observer.observe(root.value);
    });
    onBeforeUnmount(() => observer?.disconnect());

    const points = computed(() => props.points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)));

    const drawing = computed(() => {
      const { width, height, text } = size.value;
      const left = MARGIN.left * text;
      const top = MARGIN.top * text;
      const right = Math.max(left + text, width - MARGIN.right * text);
      const bottom = Math.max(top + text, height - MARGIN.bottom * text);
      const xs = points.value.map(([x]) => x);
      const ys = points.value.map(([, y]) => y);
      const xAxis = axis(xs[0] ?? 0, xs.at(-1) ?? 1, Math.floor((right - left) / (TICK.width * text)));
      const yAxis = axis(minimum(ys, 0), maximum(ys, 1), Math.floor((bottom - top) / (TICK.height * text)));
      // The line uses the whole width; only the y axis ends on round numbers.
      const [first, last] = points.value.length > 1 ? [xs[0] as number, xs.at(-1) as number] : [xAxis.low, xAxis.high];
      const x = (value: number) => left + ((value - first) / (last - first || 1)) * (right - left);
      const y = (value: number) => bottom - ((value - yAxis.low) / (yAxis.high - yAxis.low)) * (bottom - top);
      const line = points.value.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(" ");
      const xTicks = xAxis.ticks.filter((tick) => tick >= first && tick <= last);
      return { left, right, top, bottom, xAxis, yAxis, xTicks, x, y, line };
    });

    const summary = computed(() => {
      const name = [props.yLabel, props.xLabel].filter(Boolean).join(" over ") || "Plot";
      const latest = points.value.at(-1);
      return latest ? `${name}. Latest value ${latest[1].toPrecision(3)} at ${latest[0]}.` : `${name}. No data yet.`;
    });

    return () => {
      const { width, height, text } = size.value;
      const { left, right, top, bottom, xAxis, yAxis, xTicks, x, y, line } = drawing.value;
      const latest = points.value.at(-1);
      const turned = `translate(${text} ${top}) rotate(-90)`;
      return h("div", { ref: root, class: "sv-plot" }, [
        h("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": summary.value }, [
          ...yAxis.ticks.flatMap((tick) => [
            h("line", { class: "sv-plot-grid", x1: left, x2: right, y1: y(tick), y2: y(tick) }),
            h("text", { x: left - text / 2, y: y(tick), dy: "0.35em", "text-anchor": "end" }, yAxis.format(tick)),
          ]),
          ...xTicks.flatMap((tick) => [
            h("line", { class: "sv-plot-tick", x1: x(tick), x2: x(tick), y1: bottom, y2: bottom + text * 0.4 }),
            h("text", { x: x(tick), y: bottom + text * 1.5, "text-anchor": "middle" }, xAxis.format(tick)),
          ]),
          h("line", { class: "sv-plot-axis", x1: left, x2: right, y1: bottom, y2: bottom }),
          h("text", { class: "sv-plot-label", x: right, y: height - text * 0.3, "text-anchor": "end" }, props.xLabel),
          h("text", { class: "sv-plot-label", "text-anchor": "end", transform: turned }, props.yLabel),
          h("polyline", { class: "sv-plot-line", points: line }),
          latest ? h("circle", { class: "sv-plot-latest", cx: x(latest[0]), cy: y(latest[1]), r: text / 4 }) : null,
        ]),
      ]);
    };
  },
});

function minimum(values: number[], otherwise: number): number {
  return values.reduce((low, value) => Math.min(low, value), values[0] ?? otherwise);
}

function maximum(values: number[], otherwise: number): number {
  return values.reduce((high, value) => Math.max(high, value), values[0] ?? otherwise);
}
