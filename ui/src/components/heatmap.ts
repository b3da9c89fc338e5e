// <selvedge-heatmap :field="temperature" colormap="inferno" unit="K">: a field of numbers in colors, with a color bar and the
// value under the cursor. Arrow keys move the cursor.

import { computed, defineComponent, h, onMounted, type PropType, ref, watch } from "vue";
import { gradient, palette } from "./controls/colormaps";
import { withUnit } from "./controls/numbers";
import { isMeasured } from "./layout/floating";

/** A field: rows of numbers, or all numbers in one row after another as bytes of 32-bit numbers. */
export type Field = number[][] | { width: number; height: number; data: Uint8Array };

interface Grid {
  width: number;
  height: number;
  values: ArrayLike<number>;
}

/** Returns a field as a grid. Rows that are too short end in gaps. */
export function gridOf(field: Field | undefined): Grid {
  if (field === undefined) return { width: 0, height: 0, values: [] };
  if (Array.isArray(field)) {
    const width = field.reduce((longest, row) => Math.max(longest, row.length), 0);
    const values = new Float64Array(width * field.length).fill(NaN);
    field.forEach((row, y) => row.forEach((value, x) => (values[y * width + x] = value)));
    return { width, height: field.length, values };
  }
  const { width, height, data } = field;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const count = Math.min(width * height, Math.floor(data.byteLength / 4));
  const values = new Float32Array(width * height).fill(NaN);
  for (let at = 0; at < count; at += 1) values[at] = view.getFloat32(4 * at, true);
  return { width, height, values };
}

/** Returns the least and the greatest number, or null if there is none. */
export function rangeOf({ values }: Grid): [number, number] | null {
  let [low, high] = [Infinity, -Infinity];
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] as number;
    if (value < low && value !== -Infinity) low = value;
    if (value > high && value !== Infinity) high = value;
  }
  return low <= high ? [low, high] : null;
}

/** Returns the pixels of a grid, as red, green, blue and opacity. A gap is transparent. */
export function pixelsOf({ width, height, values }: Grid, [low, high]: [number, number], colors: Uint8Array): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * width * height);
  const scale = high > low ? 255 / (high - low) : 0;
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] as number;
    if (Number.isNaN(value)) continue;
    const index = 3 * Math.round(Math.min(255, Math.max(0, (value - low) * scale)));
    pixels[4 * at] = colors[index] as number;
    pixels[4 * at + 1] = colors[index + 1] as number;
    pixels[4 * at + 2] = colors[index + 2] as number;
    pixels[4 * at + 3] = 255;
  }
  return pixels;
}

/** How many cells the arrow keys move, also with the control key. */
const KEYS: Record<string, [x: number, y: number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FAST = 10;

export const SelvedgeHeatmap = defineComponent({
  name: "SelvedgeHeatmap",
  props: {
    field: { type: [Array, Object] as PropType<Field>, default: undefined },
    colormap: { type: String, default: "viridis" },
    /** The range of the colors; by default that of the field. */
    min: { type: Number, default: undefined },
    max: { type: Number, default: undefined },
    unit: { type: String, default: "" },
    label: { type: String, default: "Field" },
    /** Whether cells are smoothed when they are enlarged. */
    smooth: Boolean,
  },
  setup(props) {
    const canvas = ref<HTMLCanvasElement>();
    /** The cell at the cursor. */
    const cell = ref<{ x: number; y: number } | null>(null);
    const grid = computed(() => gridOf(props.field));
    const range = computed<[number, number]>(() => {
      const [low, high] = rangeOf(grid.value) ?? [0, 1];
      return [props.min ?? low, props.max ?? high];
    });
    const text = (value: number) => (Number.isNaN(value) ? "no value" : withUnit(value, props.unit));
    const pointed = computed(() => {
      const { width, height, values } = grid.value;
      if (!cell.value || cell.value.x >= width || cell.value.y >= height) return "";
      const { x, y } = cell.value;
      return `${x}, ${y}: ${text(values[y * width + x] as number)}`;
    });

    function draw() {
      const { width, height } = grid.value;
      const element = canvas.value;
      if (!element || !isMeasured(element) || width === 0 || height === 0) return;
      [element.width, element.height] = [width, height];
      const pixels = pixelsOf(grid.value, range.value, palette(props.colormap));
      element.getContext("2d")?.putImageData(new ImageData(pixels, width, height), 0, 0);
    }
    onMounted(draw);
    watch([grid, range, () => props.colormap], draw);

    function onPointermove(event: PointerEvent) {
      const box = (event.currentTarget as Element).getBoundingClientRect();
      const { width, height } = grid.value;
      const place = (at: number, size: number, count: number) => Math.min(count - 1, Math.max(0, Math.floor((at / size) * count)));
      cell.value = { x: place(event.clientX - box.left, box.width, width), y: place(event.clientY - box.top, box.height, height) };
    }

    function onKeydown(event: KeyboardEvent) {
      const way = KEYS[event.key];
      if (!way) return;
      event.preventDefault();
      const { width, height } = grid.value;
      const { x, y } = cell.value ?? { x: Math.floor(width / 2), y: Math.floor(height / 2) };
      const step = event.ctrlKey ? FAST : 1;
      const within = (at: number, count: number) => Math.min(count - 1, Math.max(0, at));
      cell.value = { x: within(x + way[0] * step, width), y: within(y + way[1] * step, height) };
    }

    return () => {
      const { width, height } = grid.value;
      const [low, high] = range.value;
      const words = `${props.label}: ${width} × ${height} values from ${text(low)} to ${text(high)}`;
      const at = cell.value && { left: `${((cell.value.x + 0.5) / width) * 100}%`, top: `${((cell.value.y + 0.5) / height) * 100}%` };
      const view = { class: "sv-heatmap-view", role: "group", tabindex: 0, "aria-label": words, onKeydown };
      const field = { ref: canvas, class: { "sv-pixelated": !props.smooth }, "aria-hidden": "true", onPointermove, onPointerleave: () => (cell.value = null) };
      const bar = (value: number) => h("span", text(value));
      return h("div", { class: "sv-heatmap" }, [
        h("div", view, [h("canvas", field), at ? h("span", { class: "sv-heatmap-cursor", style: at }) : null]),
        h("div", { class: "sv-heatmap-bar", "aria-hidden": "true" }, [
          bar(high),
          h("span", { class: "sv-heatmap-colors", style: { backgroundImage: gradient(props.colormap, "to top") } }),
          bar(low),
        ]),
        h("output", { class: "sv-heatmap-value", role: "status" }, pointed.value),
      ]);
    };
  },
});
