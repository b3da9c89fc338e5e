// The data of a plot in columns, as it is drawn: one x for all series, and nulls where a series has no point.

export type Point = [x: number, y: number] | [x: number, low: number, high: number];

/** A series of a plot, as a template gives it. */
export interface PlotSeries {
  label?: string;
  points?: Point[];
  /** A line, points without a line, steps, or the area between two values: points are then `[x, low, high]`. */
  kind?: "line" | "scatter" | "step" | "band";
  /** A color of CSS; otherwise the next one of the page. */
  color?: string;
}

/** A column that is drawn. */
export interface Column {
  label: string;
  kind: "line" | "scatter" | "step" | "low" | "high";
  color: string;
}

export type Numbers = ArrayLike<number | null>;

export interface Table {
  columns: Column[];
  /** x, then each column. */
  data: [number[], ...Numbers[]];
}

/** Returns the columns of series: two for each band, one for each other. */
export function columnsOf(series: PlotSeries[]): Column[] {
  return series.flatMap(({ label = "", kind = "line", color }, at): Column[] => {
    const own = { label: label || `Series ${at + 1}`, color: color ?? `var(--sv-series-${(at % 8) + 1})` };
    if (kind === "band") return [{ ...own, label: `${own.label}, low`, kind: "low" }, { ...own, label: `${own.label}, high`, kind: "high" }];
    return [{ ...own, kind }];
  });
}

/** Returns the points of all series in one table. Points whose x is no finite number are left out. */
export function tableOf(series: PlotSeries[]): Table {
  const all = series.map(({ points = [] }) => points.filter(([x]) => Number.isFinite(x)));
  const [only] = all;
  const xs = all.length === 1 && only ? only.map(([x]) => x) : merged(all);
  const place = all.length > 1 ? new Map(xs.map((x, at) => [x, at])) : null;
  const data: [number[], ...Numbers[]] = [xs];
  all.forEach((points, at) => {
    const parts = series[at]?.kind === "band" ? [1, 2] : [1];
    for (const part of parts) {
      const column = new Array<number | null>(xs.length).fill(null);
      points.forEach((point, index) => (column[place?.get(point[0]) ?? index] = finite(point[part])));
      data.push(column);
    }
  });
  return { columns: columnsOf(series), data };
}

/** Returns each x once, in their order. */
function merged(all: Point[][]): number[] {
  return [...new Set(all.flatMap((points) => points.map(([x]) => x)))].sort((one, other) => one - other);
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

/** Returns numbers that the server has sent as bytes. NaN is a gap. */
export function numbersOf(bytes: Uint8Array): (number | null)[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.byteLength / 8) }, (_, at) => finite(view.getFloat64(8 * at, true)));
}

/** Returns a table as comma-separated values, with the names of the columns in the first line. */
export function csvOf(xLabel: string, { columns, data }: Table): string {
  const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const head = [xLabel || "x", ...columns.map(({ label }) => label)].map(quoted).join(",");
  const rows = data[0].map((x, at) => [x, ...data.slice(1).map((column) => column[at] ?? "")].join(","));
  return `${[head, ...rows].join("\r\n")}\r\n`;
}

/** Returns the smallest range of x that holds all points, or null if there are none. */
export function endsOf([xs]: Table["data"]): [number, number] | null {
  const [first, last] = [xs[0], xs.at(-1)];
  return first !== undefined && last !== undefined ? [first, last] : null;
}
