// What draws a plot: uPlot, with the colors of the page, and zoom and pan by mouse, finger and keyboard. It is loaded when
// the first plot is shown.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Column, Table } from "./data";

export interface ChartOptions {
  columns: Column[];
  xLabel: string;
  yLabel: string;
  /** Whether x are seconds since 1970. */
  time: boolean;
  xLog: boolean;
  yLog: boolean;
  legend: boolean;
}

// uPlot declares an enum that exists only in its types.
/* eslint-disable @typescript-eslint/no-unsafe-enum-assignment */
const LINEAR = 1 as uPlot.Scale.Distr;
const LOGARITHMIC = 3 as uPlot.Scale.Distr;
/* eslint-enable @typescript-eslint/no-unsafe-enum-assignment */

export type Range = [low: number, high: number];

/** How much of the range a key or a turn of the wheel moves and zooms. */
const MOVE = 0.1;
const ZOOM = 0.8;

export class Chart {
  private readonly plot: uPlot;
  private readonly end = new AbortController();
  /** Follows the color scheme and the theme. */
  private readonly themes = new MutationObserver(() => this.redraw());
  /** The range that a user has chosen, or null: all. */
  private chosen: Range | null = null;
  /** The range of all points, also of those that are not loaded. */
  private whole: Range | null = null;

  constructor(
    private readonly root: HTMLElement,
    private readonly options: ChartOptions,
    { data }: Table,
    private readonly callbacks: {
      /** The range that is shown is another one; null: all. */
      shown: (range: Range | null) => void;
      /** The point at the cursor is another one; null: there is none. */
      pointed: (at: number | null) => void;
    },
  ) {
    const { width, height } = this.size();
    this.plot = new uPlot(this.settings(width, height), data as uPlot.AlignedData, root);
    this.listen();
    // Once uPlot has set the widths, the legend has its height.
    requestAnimationFrame(() => {
      if (!this.end.signal.aborted) this.resize();
    });
  }

  /** Replaces the points. A range that a user has chosen stays. */
  show({ data }: Table, whole: Range | null): void {
    this.whole = whole;
    this.plot.setData(data as uPlot.AlignedData, false);
    this.apply();
  }

  resize(): void {
    this.plot.setSize(this.size());
  }

  /** Shows all points. */
  reset(): void {
    this.choose(null);
  }

  /** Returns the drawing as a PNG file, on the ground of the page. */
  picture(): Promise<Blob | null> {
    const { canvas } = this.plot.ctx;
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext("2d");
    if (context) {
      context.fillStyle = this.color("var(--sv-raised)");
      context.fillRect(0, 0, copy.width, copy.height);
      context.drawImage(canvas, 0, 0);
    }
    return new Promise((resolve) => copy.toBlob(resolve));
  }

  dispose(): void {
    this.end.abort();
    this.themes.disconnect();
    this.plot.destroy();
  }

  /** Handles a key, and returns whether it did. */
  key({ key, shiftKey }: KeyboardEvent): boolean {
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (direction !== undefined) {
      if (shiftKey) this.pan(direction * MOVE);
      else this.point(direction);
    } else if (key === "+" || key === "=") this.zoom(ZOOM, 0.5);
    else if (key === "-") this.zoom(1 / ZOOM, 0.5);
    else if (key === "0" || key === "Home") this.reset();
    else return false;
    return true;
  }

  /** Moves the cursor to the next or the previous point. */
  private point(direction: number): void {
    const xs = this.plot.data[0];
    const current = this.plot.cursor.idx;
    const [low, high] = this.range();
    const isShown = (at: number) => (xs[at] ?? NaN) >= low && (xs[at] ?? NaN) <= high;
    const begin = direction > 0 ? xs.findIndex((x) => x >= low) : xs.findLastIndex((x) => x <= high);
    const at = current === null || current === undefined ? begin : current + direction;
    if (!isShown(at)) return;
    this.plot.setCursor({ left: this.plot.valToPos(xs[at] as number, "x"), top: this.plot.over.clientHeight / 2 });
  }

  /** Draws it again, with the colors as they are now. */
  private redraw(): void {
    this.plot.redraw(false, true);
    const markers = this.root.querySelectorAll<HTMLElement>(".u-series .u-marker");
    // The first one is that of x.
    this.options.columns.forEach(({ color }, at) => {
      const marker = markers[at + 1];
      if (marker) marker.style.borderColor = this.color(color);
    });
  }

  private size(): { width: number; height: number } {
    const legend = this.root.querySelector<HTMLElement>(".u-legend")?.offsetHeight ?? 0;
    return { width: Math.max(60, this.root.clientWidth), height: Math.max(60, this.root.clientHeight - legend) };
  }

  private color(color: string): string {
    const probe = document.createElement("span");
    probe.style.color = color;
    this.root.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  private settings(width: number, height: number): uPlot.Options {
    const { columns, time, xLog, yLog, legend, xLabel, yLabel } = this.options;
    const style = getComputedStyle(this.root);
    // uPlot takes whole pixels only.
    const size = Math.round(parseFloat(style.fontSize));
    const font = `${size}px ${style.fontFamily}`;
    const axis = (label: string): uPlot.Axis => ({
      ...(label ? { label, labelFont: font, labelSize: 1.6 * size } : {}),
      font,
      stroke: () => this.color("var(--sv-quiet)"),
      grid: { stroke: () => this.color("var(--sv-line)"), width: 1 },
      ticks: { stroke: () => this.color("var(--sv-edge)"), width: 1, size: 4 },
      border: { show: true, stroke: () => this.color("var(--sv-edge)"), width: 1 },
    });
    const bands = columns.flatMap(({ kind, color }, at) =>
      kind === "high" ? [{ series: [at + 1, at] as [number, number], fill: () => translucent(this.color(color)) }] : [],
    );
    // uPlot leaves out labels of a logarithmic axis where they are too close.
    const labelled = (values: (number | null)[]) => values.map((value) => (value === null ? "" : text(value, [value])));
    const numbers = (values: number[]) => values.map((value) => text(value, values));
    return {
      width,
      height,
      padding: [size * 0.6, size * 1.2, xLabel ? 0 : size * 0.3, size * 0.3],
      // uPlot's own zoom by dragging; the other ways are here.
      cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 }, y: false },
      legend: { show: legend, live: true },
      scales: {
        x: { time, distr: xLog ? LOGARITHMIC : LINEAR, range: (_, low, high) => this.range(low, high) },
        y: { distr: yLog ? LOGARITHMIC : LINEAR },
      },
      axes: [
        { ...axis(xLabel), size: (time ? 3.8 : 2.6) * size, ...(time ? {} : { values: (_: uPlot, values: number[]) => (xLog ? labelled(values) : numbers(values)) }) },
        {
          ...axis(yLabel),
          values: (_, values) => (yLog ? labelled(values) : numbers(values)),
          size: (_, values: string[] | null) => (values ?? []).reduce((longest, value) => Math.max(longest, value.length), 2) * size * 0.6 + size,
        },
      ],
      series: [{ label: xLabel || "x", value: (_, value) => shownX(value, time) }, ...columns.map((column) => this.series(column))],
      bands,
      hooks: {
        setSelect: [(plot) => this.selected(plot)],
        setCursor: [({ cursor }) => this.callbacks.pointed(cursor.idx ?? null)],
      },
    };
  }

  private series({ label, kind, color }: Column): uPlot.Series {
    const stepped = uPlot.paths.stepped;
    return {
      label,
      stroke: () => this.color(color),
      width: kind === "scatter" || kind === "low" || kind === "high" ? 0 : 1.5,
      points: kind === "scatter" ? { show: true, size: 5, fill: () => this.color(color) } : {},
      spanGaps: false,
      ...(kind === "scatter" ? { paths: () => null } : {}),
      ...(kind === "step" && stepped ? { paths: stepped({ align: 1 }) } : {}),
      value: (_, value: number | null) => (value === null ? "–" : shownY(value)),
    };
  }

  /** The range of x that is shown: the user's, or that of all points, which uPlot knows of those that are loaded. */
  private range(low: number | null = null, high: number | null = null): Range {
    const [first, last] = this.chosen ?? this.whole ?? [low ?? 0, high ?? 1];
    return last > first ? [first, last] : [first - 0.5, last + 0.5];
  }

  private apply(): void {
    const [min, max] = this.range();
    this.plot.setScale("x", { min, max });
  }

  private choose(range: Range | null): void {
    this.chosen = range;
    this.apply();
    this.callbacks.shown(range);
  }

  private selected(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 3) return;
    const [low, high] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.choose([low, high]);
  }

  /** Moves the range by a part of its width. */
  private pan(part: number): void {
    const [low, high] = this.scaled();
    const way = part * (high - low);
    this.choose(this.unscaled([low + way, high + way]));
  }

  /** Makes the range `factor` times as wide, around a place from 0 to 1 in it. */
  private zoom(factor: number, at: number): void {
    const [low, high] = this.scaled();
    const center = low + at * (high - low);
    const next = this.unscaled([center + (low - center) * factor, center + (high - center) * factor]);
    // Neighbouring numbers end the zoom.
    if (next[1] - next[0] > 1e-12 * Math.max(Math.abs(next[0]), Math.abs(next[1]), 1e-300)) this.choose(next);
  }

  /** The range in distances of the axis. */
  private scaled(): Range {
    const [low, high] = this.range();
    return this.options.xLog ? [Math.log10(low), Math.log10(high)] : [low, high];
  }

  private unscaled([low, high]: Range): Range {
    return this.options.xLog ? [10 ** low, 10 ** high] : [low, high];
  }

  private listen(): void {
    const { over } = this.plot;
    const { signal } = this.end;
    this.themes.observe(document.documentElement, { attributes: true });
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.redraw(), { signal });
    over.addEventListener(
      "wheel",
      (event) => {
        // Without the control key the page scrolls, unless the wheel turns sideways.
        if (!event.ctrlKey && !event.shiftKey) return;
        event.preventDefault();
        const { left, width } = over.getBoundingClientRect();
        const way = event.deltaY || event.deltaX;
        if (event.shiftKey) this.pan(Math.sign(way) * MOVE);
        else this.zoom(way > 0 ? 1 / ZOOM : ZOOM, (event.clientX - left) / width);
      },
      { signal, passive: false },
    );
    over.addEventListener("dblclick", () => this.reset(), { signal, capture: true });
    over.addEventListener("mousedown", (event) => this.drag(event), { signal, capture: true });
  }

  /** Pans with the shift key or the middle button. */
  private drag(event: MouseEvent): void {
    if (event.button !== 1 && !(event.button === 0 && event.shiftKey)) return;
    event.preventDefault();
    // uPlot would begin to zoom.
    event.stopImmediatePropagation();
    const width = this.plot.over.clientWidth;
    const begin = this.scaled();
    const moving = new AbortController();
    const signal = AbortSignal.any([moving.signal, this.end.signal]);
    const onMove = (moved: MouseEvent) => {
      const way = ((event.clientX - moved.clientX) / width) * (begin[1] - begin[0]);
      this.choose(this.unscaled([begin[0] + way, begin[1] + way]));
    };
    document.addEventListener("mousemove", onMove, { signal });
    document.addEventListener("mouseup", () => moving.abort(), { signal });
  }
}

function translucent(color: string): string {
  return color.replace(/^rgb\((.*)\)$/, "rgba($1, 0.2)");
}

/** Returns a number of an axis, with as many digits as its neighbours need. */
function text(value: number, values: number[]): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) return value.toExponential(2).replace(/\.?0+e/, "e");
  const step = values.length > 1 ? Math.abs((values[1] as number) - (values[0] as number)) : size;
  let digits = 0;
  while (digits < 12 && Math.abs(Number(step.toFixed(digits)) - step) > step * 1e-6) digits += 1;
  return value.toFixed(digits).replace(/^-(0\.?0*)$/, "$1");
}

function shownX(value: number | null, time: boolean): string {
  if (value === null) return "–";
  return time ? new Date(value * 1000).toLocaleString() : shownY(value);
}

function shownY(value: number): string {
  return String(Number(value.toPrecision(6)));
}
