// The functions by which templates name keys of the state.

import { registerDecorator } from "./decorators";
import type { Mistakes } from "./mistakes";
import type { SharedState } from "./state";

/** Returns `set`, `setAll`, `get`, `flushState` and `registerDecorator`. */
export function stateHelpers(state: SharedState, mistakes: Mistakes): Record<string, unknown> {
  const check = (key: string, doing: string) => {
    if (!mistakes.on || state.has(key) || !state.canDirty(key)) return;
    mistakes.tell(`A template ${doing} \`${key}\`, which is not a key of the state.`, key, state.keys());
  };
  return {
    set: (key: string, value: unknown) => {
      check(key, "sets");
      return state.set(key, value);
    },
    // Returns a ref, as in trame: its value can be read, assigned and bound.
    get: (key: string) => {
      check(key, "asks for");
      return state.has(key) ? state.reference(key) : undefined;
    },
    setAll: (values: Record<string, unknown>) => {
      for (const key in values) check(key, "sets");
      return state.update(values);
    },
    flushState: (...keys: (string | string[])[]) => {
      for (const key of keys.flat()) check(key, "sends");
      return state.flush(...keys);
    },
    registerDecorator,
  };
}
