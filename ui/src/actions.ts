// Calls from the server into the page: a method or property of an element that a template named
// with `ref`.

import type { Mistakes } from "./mistakes";

export type Refs = Record<string, unknown>;

/** The named elements of the templates that are shown, and those that `:ref` callbacks add. */
export class TemplateRefs {
  private readonly sources = new Set<() => Refs>();
  readonly refs: Refs = new Proxy(Object.create(null) as Refs, {
    get: (stored, name) => (typeof name === "string" ? (stored[name] ?? this.find(name)) : undefined),
    has: (stored, name) => typeof name === "string" && (name in stored || this.find(name) !== undefined),
  });

  /** Adds the `$refs` of a template. Returns a function that removes them. */
  add(source: () => Refs): () => void {
    this.sources.add(source);
    return () => void this.sources.delete(source);
  }

  /** Returns the names known at the moment. */
  readonly names = (): string[] => {
    const found = [this.refs, ...[...this.sources].map((source) => source())];
    return found.flatMap((refs) => Object.keys(refs).filter((name) => refs[name] !== null));
  };

  private find(name: string): unknown {
    for (const source of this.sources) {
      const found = source()[name];
      if (found !== undefined && found !== null) return found;
    }
    return undefined;
  }
}

interface Action {
  type?: unknown;
  ref?: unknown;
  method?: unknown;
  args?: unknown;
  property?: unknown;
  value?: unknown;
}

/** Runs a list of actions. Skips actions with unknown names, which are reported in development. */
export function runActions(actions: unknown, { refs, names }: { refs: Refs; names: () => string[] }, mistakes: Mistakes): void {
  if (!Array.isArray(actions)) return;
  for (const action of actions as Action[]) {
    const name = String(action.ref);
    const target = refs[name] as Refs | null | undefined;
    if (target === null || target === undefined) {
      mistakes.tell(`The application calls an element by the ref \`${name}\`, which no template has.`, name, names());
      continue;
    }
    if (action.type === "property" && typeof action.property === "string") target[action.property] = action.value;
    if (action.type === "method" && typeof action.method === "string") {
      const method = target[action.method];
      const args: unknown[] = Array.isArray(action.args) ? action.args : [];
      if (typeof method === "function") Reflect.apply(method, target, args);
      else mistakes.tell(`The element with the ref \`${name}\` has no method \`${action.method}\`.`, action.method, methods(target));
    }
  }
}

function methods(target: Refs): string[] {
  const names: string[] = [];
  for (const name in target) if (typeof target[name] === "function") names.push(name);
  return names;
}
