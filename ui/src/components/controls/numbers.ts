// Numbers as engineers write them: 1.5e-3, 2,5 and −40 are numbers, and what is shown has as many digits as asked for.

/** Returns the number that a text says, null for an empty text, or undefined if it says none. */
export function parseNumber(text: string): number | null | undefined {
  const plain = text.trim().replace(/[\s\u2009\u202f]/g, "").replace(/[−–]/g, "-").replace(/×10\^?|\*10\^/i, "e");
  if (plain === "") return null;
  // A single comma without a point is a decimal comma.
  const decimal = /^[^.,]*,[^.,]*$/.test(plain) ? plain.replace(",", ".") : plain;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(decimal)) return undefined;
  const value = Number(decimal);
  return Number.isFinite(value) ? value : undefined;
}

export interface Format {
  /** Significant digits; undefined: as many as the number has. */
  digits?: number | undefined;
  /** Whether there is always an exponent. */
  scientific?: boolean;
}

/** Returns the shortest text that says a number, or the one that is asked for. */
export function showNumber(value: unknown, { digits, scientific = false }: Format = {}): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "number" || Number.isNaN(value)) return "";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (scientific) return value.toExponential(digits === undefined ? undefined : Math.max(0, digits - 1));
  if (digits === undefined) return String(value);
  const [small, large] = [1e-4, 10 ** Math.max(6, digits)];
  const size = Math.abs(value);
  if (size !== 0 && (size < small || size >= large)) return value.toExponential(Math.max(0, digits - 1));
  return String(Number(value.toPrecision(digits)));
}

/** Returns a number with its unit, if it has one. */
export function withUnit(value: unknown, unit: string, format: Format = { digits: 4 }): string {
  return `${showNumber(value, format)} ${unit}`.trim();
}

export interface Range {
  min: number;
  max: number;
}

export function clamp(value: number, { min, max }: Range): number {
  return Math.min(max, Math.max(min, value));
}

/**
 * Returns the value `count` steps on, without the rest that binary fractions leave: three steps of 0.1 are 0.3. Steps count
 * from `origin`.
 */
export function stepped(value: number, step: number, count: number, origin = 0): number {
  const steps = (value - origin) / step;
  // From between two steps, one goes to the next.
  const nearest = Math.round(steps);
  const begin = Math.abs(steps - nearest) < 1e-6 ? nearest : count > 0 ? Math.floor(steps) : Math.ceil(steps);
  return rounded(origin + (begin + count) * step, step);
}

/** Returns a value with the digits of a step. */
export function rounded(value: number, step: number): number {
  const digits = Math.max(0, Math.ceil(-Math.log10(step)) + 3);
  return digits > 15 ? value : Number(value.toFixed(Math.min(digits, 15)));
}

/** The number that a property holds, which a template may write as a text. */
export function numeric(value: unknown, otherwise: number): number {
  const number = typeof value === "string" ? parseNumber(value) : value;
  return typeof number === "number" && !Number.isNaN(number) ? number : otherwise;
}
