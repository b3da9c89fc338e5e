// What the page's code expects of a browser, for an engine that has none. Imported first.

import { decodeHTML, decodeHTMLAttribute } from "entities";

/** The template compiler decodes entities with an element. */
class DecodingElement {
  innerHTML = "";

  get textContent(): string {
    return decodeHTML(this.innerHTML);
  }

  get children(): { getAttribute: () => string }[] {
    const value = /^<div foo="(.*)">$/s.exec(this.innerHTML)?.[1] ?? "";
    return [{ getAttribute: () => decodeHTMLAttribute(value) }];
  }
}

const listeners = new Map<string, Set<(event: object) => void>>();
const entries: { hash: string; state: unknown }[] = [{ hash: "", state: null }];

function dispatch(type: string): void {
  for (const listener of listeners.get(type) ?? []) listener({ type });
}

/** The address has only a fragment. */
const location = {
  get hash(): string {
    return entries.at(-1)?.hash ?? "";
  },
  set hash(hash: string) {
    const fragment = hash === "" || hash.startsWith("#") ? hash : `#${hash}`;
    if (fragment === location.hash) return;
    entries.push({ hash: fragment, state: null });
    dispatch("hashchange");
  },
  search: "",
};

const history = {
  get state(): unknown {
    return entries.at(-1)?.state;
  },
  replaceState(state: unknown): void {
    const entry = entries.at(-1);
    if (entry) entry.state = state;
  },
  back(): void {
    if (entries.length < 2) return;
    entries.pop();
    dispatch("hashchange");
  },
};

class Signal {
  aborted = false;
  private readonly listeners: (() => void)[] = [];

  addEventListener(_: string, listener: () => void): void {
    this.listeners.push(listener);
  }

  abort(): void {
    this.aborted = true;
    for (const listener of this.listeners) listener();
  }
}

class AbortController {
  readonly signal = new Signal();

  abort(): void {
    this.signal.abort();
  }
}

/** The queries of addresses; nothing else of a URL is used. */
class URLSearchParams {
  private readonly pairs: [string, string][];

  constructor(query: string | Record<string, string>) {
    const decode = (text: string) => decodeURIComponent(text.replaceAll("+", " "));
    const pair = (text: string): [string, string] => {
      const [name = "", ...value] = text.split("=");
      return [decode(name), decode(value.join("="))];
    };
    this.pairs = typeof query === "string" ? query.split("&").filter(Boolean).map(pair) : Object.entries(query);
  }

  get(name: string): string | null {
    return this.pairs.find(([other]) => other === name)?.[1] ?? null;
  }

  toString(): string {
    return this.pairs.map((pair) => pair.map(encodeURIComponent).join("=")).join("&");
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.pairs[Symbol.iterator]();
  }
}

/** Dates and times as in the zone UTC, which is the only one that the page of a test knows. */
class DateTimeFormat {
  resolvedOptions(): { timeZone: string } {
    return { timeZone: "UTC" };
  }

  formatToParts(moment: Date): { type: string; value: string }[] {
    const [, year, month, day, hour, minute, second] = /^(.*)-(..)-(..)T(..):(..):(..)/.exec(moment.toISOString()) ?? [];
    return Object.entries({ year, month, day, hour, minute, second }).map(([type, value]) => ({ type, value: value ?? "" }));
  }
}

/** A class without instances. */
const Nothing = function nothing() {};

const target = {
  addEventListener(type: string, listener: (event: object) => void): void {
    listeners.set(type, (listeners.get(type) ?? new Set()).add(listener));
  },
  removeEventListener(type: string, listener: (event: object) => void): void {
    listeners.get(type)?.delete(listener);
  },
};

const document = { ...target, title: "", activeElement: null, createElement: () => new DecodingElement() };

Object.assign(globalThis, {
  AbortController,
  URLSearchParams,
  Intl: { DateTimeFormat, supportedValuesOf: () => [] },
  Blob: Nothing,
  File: Nothing,
  FileList: Nothing,
  HTMLInputElement: Nothing,
  // What a page does by itself after a while, such as hiding a message, is not done.
  clearTimeout: () => undefined,
  setTimeout: () => 0,
  customElements: { get: () => undefined },
  document,
  history,
  location,
  window: Object.assign(globalThis, target, { scrollTo: () => undefined }),
});
