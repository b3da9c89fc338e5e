// Processes values before they are sent: a file is replaced by its content, and scripts may add
// steps.

import { isPromise, withFileContent } from "./files";

/** A step of a script. `decorate` returns the value to send, or a promise of it. */
export interface Decorator {
  /** Steps with a smaller number come first. Files are read at 0. */
  priority: number;
  decorate: (value: unknown) => unknown;
}

const decorators: Decorator[] = [{ priority: 0, decorate: (value) => withFileContent(value) }];

export function registerDecorator(decorator: Decorator): void {
  decorators.push(decorator);
  decorators.sort((left, right) => left.priority - right.priority);
}

/** Applies all steps. Returns a promise only if a step does. */
export function decorate(value: unknown): unknown {
  return decorators.reduce<unknown>((before, step) => {
    // Missing values are not decorated.
    const apply = (current: unknown) => (current === null || current === undefined ? current : step.decorate(current));
    return isPromise(before) ? before.then(apply) : apply(before);
  }, value);
}

/** Applies all steps to each of the values. */
export function decorateAll(values: unknown[]): unknown[] | Promise<unknown[]> {
  const decorated = values.map(decorate);
  return decorated.some(isPromise) ? Promise.all(decorated) : decorated;
}
