// What a page remembers about its layout: sizes, open parts, chosen tabs. It belongs to the browser and
// the application's address, not to the state, so that each user has their own.

const PREFIX = "selvedge:layout:";

/** Returns the remembered value, or undefined if there is none or the browser keeps nothing. */
export function remembered<T>(name: string, isValid: (value: unknown) => value is T): T | undefined {
  if (name === "") return undefined;
  try {
    const value: unknown = JSON.parse(localStorage.getItem(PREFIX + name) ?? "null");
    return isValid(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Remembers a value. Without a name, or if the browser keeps nothing, it does nothing. */
export function remember(name: string, value: unknown): void {
  if (name === "") return;
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // The browser refuses to store anything: the layout works without.
  }
}

export const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";
export const isText = (value: unknown): value is string => typeof value === "string";
export const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
