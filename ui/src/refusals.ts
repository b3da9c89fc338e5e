// Edits that the server refused, with its reasons, until the user edits the key again. Fields show them where they were
// made; only what no field shows is a notice of the page.

import { shallowReactive } from "vue";

export class Refusals {
  private readonly reasons = shallowReactive(new Map<string, string>());
  /** How many fields show the reasons of a key. */
  private readonly fields = new Map<string, number>();

  /** The reason why the last edit of a key was refused, or an empty text. Reactive. */
  reason(key: string): string {
    return this.reasons.get(key) ?? "";
  }

  /** Notes an answer of the server to an edit of `keys`. Returns whether fields show all of it. */
  note(keys: string[], message: string): boolean {
    const parts = message.split(/; (?=`)/).map((part) => /^`([^`]*)` was not set: (.*)$/s.exec(part));
    for (const part of parts) if (part?.[1] !== undefined && keys.includes(part[1])) this.reasons.set(part[1], part[2] ?? "");
    return parts.every((part) => part?.[1] !== undefined && (this.fields.get(part[1]) ?? 0) > 0);
  }

  edited(key: string): void {
    this.reasons.delete(key);
  }

  /** Notes that a field shows the reasons of a key. Returns a function that ends it. */
  follow(key: string): () => void {
    this.fields.set(key, (this.fields.get(key) ?? 0) + 1);
    return () => this.fields.set(key, (this.fields.get(key) ?? 1) - 1);
  }
}
