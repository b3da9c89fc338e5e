// Functions that templates call as `utils`. Names and behaviour are trame's.

import { addressOf } from "./blob-urls";
import { downloadFrom } from "./downloads";

/** Lets the user save `content` as a file. If it is a promise, awaits it. */
export async function download(name: string, content: unknown, type = "application/octet-stream"): Promise<void> {
  const part = (await content) as BlobPart;
  downloadFrom(addressOf(new Blob([part], { type })), name);
}

/**
 * Returns the value at a dotted path of `root`, by default the window. A path that ends in `()` is
 * called.
 */
export function get(path: string, root: unknown = window): unknown {
  const call = path.endsWith("()");
  const names = (call ? path.slice(0, -2) : path).split(".");
  const value = names.reduce<unknown>((object, name) => (object as Record<string, unknown> | undefined)?.[name], root);
  return call && typeof value === "function" ? (value as () => unknown)() : value;
}

/** Returns `object` without properties that cannot be sent, such as those of events. */
export function safe(object: unknown): unknown {
  if (canBeSent(object)) return object;
  if (Array.isArray(object)) return object.map(safe);
  const kept = Object.entries(object as object).flatMap(([key, value]: [string, unknown]) => {
    if (Array.isArray(value)) return [[key, value.map(safe)]];
    return canBeSent(value) ? [[key, value]] : [];
  });
  return Object.fromEntries(kept) as unknown;
}

export interface TreeNode {
  id: string;
  name: string;
  children?: TreeNode[];
}

/** Returns the nodes of a tree view that shows a value. */
export function tree(value: unknown, parent = ""): TreeNode[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).map(([key, item]: [string, unknown], index) => {
    const id = `${parent}_${index}`;
    const label = Array.isArray(value) ? "" : `${key}: `;
    const children = tree(item, id);
    return { id, name: label + describe(item), ...(children.length > 0 ? { children } : {}) };
  });
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return "[]";
  if (typeof value === "function") return "function";
  return typeof value === "object" && value !== null ? "{}" : String(value);
}

function canBeSent(value: unknown): boolean {
  try {
    JSON.stringify(value);
    return true;
  } catch {
    return false;
  }
}

/** Formats numbers as text. */
export const fmt = {
  /**
   * Formats `value` in the largest of `units` that fits. A unit is `base` times the previous one;
   * `base` may be a list with one factor per unit.
   */
  number(value: number | null, units: string[] = [], base: number | number[] = 1000, digits = 2): string | null {
    if (value === null) return null;
    let unit = 0;
    for (; unit < units.length - 1; unit += 1) {
      const size = Array.isArray(base) ? (base[unit] ?? 1) : base;
      if (value <= size) break;
      value /= size;
    }
    return `${value.toFixed(digits)} ${units[unit] ?? ""}`.trimEnd();
  },

  bytes(value: number | null, digits = 2): string | null {
    return fmt.number(value, ["B", "KB", "MB", "GB", "TB", "PB"], 1024, digits);
  },
};

const VTK_EVENT_KEYS =
  ["type", "key", "keyCode", "controlKey", "altKey", "shiftKey", "position", "spinX", "spinY", "pixelX", "pixelY"];

export const vtk = {
  /** Returns the part of a vtk.js event that can be sent. */
  event: (event: Record<string, unknown>): Record<string, unknown> =>
    Object.fromEntries(VTK_EVENT_KEYS.filter((key) => key in event).map((key) => [key, event[key]])),
};
