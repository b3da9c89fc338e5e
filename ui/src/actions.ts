// Calls of the server into the page: a method or a property of something that a template named with `ref`.

export type Refs = Record<string, unknown>;

/** The named elements of the templates that are shown, besides those that `:ref` callbacks put here. */
export class TemplateRefs {
  private readonly sources = new Set<() => Refs>();
  readonly refs: Refs = new Proxy(Object.create(null) as Refs, {
    get: (stored, name) => (typeof name === "string" ? (stored[name] ?? this.find(name)) : undefined),
    has: (stored, name) => typeof name === "string" && (name in stored || this.find(name) !== undefined),
  });

  /** Adds the `$refs` of a template. Returns the way to take them out again. */
  add(source: () => Refs): () => void {
    this.sources.add(source);
    return () => void this.sources.delete(source);
  }

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

/** Carries out a list of actions. What names something unknown is left out. */
export function runActions(actions: unknown, refs: Refs): void {
  if (!Array.isArray(actions)) return;
  for (const action of actions as Action[]) {
    const target = typeof action.ref === "string" ? (refs[action.ref] as Refs | null | undefined) : undefined;
    if (target === null || target === undefined) continue;
    if (action.type === "property" && typeof action.property === "string") target[action.property] = action.value;
    if (action.type === "method" && typeof action.method === "string") {
      const method = target[action.method];
      const args: unknown[] = Array.isArray(action.args) ? action.args : [];
      if (typeof method === "function") Reflect.apply(method, target, args);
    }
  }
}
