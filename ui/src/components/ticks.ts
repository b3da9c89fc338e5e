// Round numbers for the axes of a plot.

export interface Axis {
  low: number;
  high: number;
  ticks: number[];
  /** Formats a tick with as many digits as the axis needs. */
  format: (value: number) => string;
}

const ROUND = [1, 2, 5, 10];

/**
 * Returns an axis that covers `low` to `high` in about `count` steps of 1, 2 or 5 times a power of
 * ten.
 */
export function axis(low: number, high: number, count: number): Axis {
  if (!(high > low)) {
    const margin = Math.abs(low) * 0.05 || 0.5;
    [low, high] = [low - margin, low + margin];
  }
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = (ROUND.find((factor) => factor * power >= rough * 0.999) ?? 10) * power;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return { low: first * step, high: last * step, ticks, format: (value) => formatNumber(value, digits) };
}

/** Abbreviates large numbers: 12k, 3.4M. */
export function formatNumber(value: number, digits: number): string {
  for (const [unit, suffix] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e4, "k"],
  ] as const) {
    const scale = unit === 1e4 ? 1e3 : unit;
    if (Math.abs(value) >= unit) return `${trim((value / scale).toFixed(2))}${suffix}`;
  }
  return value.toFixed(Math.min(digits, 12));
}

function trim(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
