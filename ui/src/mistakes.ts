// Development: reports mistakes of an application that a page cannot show, each once, in the
// console and to the server.
//
// A wrong name in a template does not stop a page: a component that does not exist is an unknown
// element, a misspelt variable is undefined. Vue reports such mistakes only in its development
// build, which this page does not use, and only for names that it knows.

import { isHTMLTag } from "@vue/shared";

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
/** Maximum length of names that are compared with others. */
const MAX_LENGTH = 64;

export class Mistakes {
  /** Whether the program is in development. Otherwise nothing is reported. */
  on = false;
  private readonly told = new Set<string>();

  constructor(
    private readonly write: (message: string) => void,
    private readonly report: (message: string) => void,
  ) {}

  /** Reports a mistake. `known` are the names that `name` may stand for. */
  tell(message: string, name = "", known: Iterable<string> = []): void {
    if (!this.on || this.told.has(message)) return;
    const near = nearest(name, known);
    const text = near === null ? message : `${message} Did you mean \`${near}\`?`;
    this.told.add(message);
    this.write(text);
    this.report(text);
  }

  /** Logs a mistake that the server already knows, once. */
  note(message: string): void {
    if (this.told.has(message)) return;
    this.told.add(message);
    this.write(message);
  }
}

/** Returns the name that a misspelt name most likely stands for. */
export function nearest(name: string, known: Iterable<string>): string | null {
  if (name === "" || name.length > MAX_LENGTH) return null;
  let best: string | null = null;
  // Up to a third of the letters may be wrong.
  let limit = Math.floor(name.length / 3) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= limit) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < limit) [best, limit] = [candidate, distance];
  }
  return best;
}

/** Counts the letters that must be added, removed, replaced or swapped with the next. */
function editDistance(one: string, other: string): number {
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let line = 1; line <= one.length; line += 1) {
    const next = [line];
    for (let column = 1; column <= other.length; column += 1) {
      const same = one[line - 1] === other[column - 1];
      const swapped = one[line - 1] === other[column - 2] && one[line - 2] === other[column - 1];
      next[column] = Math.min(
        (row[column] as number) + 1,
        (next[column - 1] as number) + 1,
        (row[column - 1] as number) + (same ? 0 : 1),
        swapped && before.length > 0 ? (before[column - 2] as number) + 1 : Infinity,
      );
    }
    [before, row] = [row, next];
  }
  return row[other.length] as number;
}

/** HTML elements whose names differ in one letter. */
export function similarTags(tag: string): string[] {
  const found = new Set<string>();
  for (let at = 0; at <= tag.length; at += 1) {
    const [head, tail] = [tag.slice(0, at), tag.slice(at)];
    found.add(head + tail.slice(1)).add(head + tail.slice(1, 2) + tail.slice(0, 1) + tail.slice(2));
    for (const letter of LETTERS) found.add(head + letter + tail).add(head + letter + tail.slice(1));
  }
  return [...found].filter((name) => isHTMLTag(name));
}
