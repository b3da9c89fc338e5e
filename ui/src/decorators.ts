// What is done to a value before it is sent: a file becomes its content, and scripts may add steps of their own.

import { isPromise, withFileContent } from "./files";

/** A step of a script. `decorate` gives the value to send, or a promise of it. */
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

/** Applies all steps. Gives a promise only where there is something to wait for. */
export function decorate(value: unknown): unknown {
  return decorators.reduce<unknown>((before, step) => {
    // What is not there is not decorated.
    const apply = (current: unknown) => (current === null || current === undefined ? current : step.decorate(current));
    return isPromise(before) ? before.then(apply) : apply(before);
  }, value);
}

/** Applies all steps to each of the values. */
export function decorateAll(values: unknown[]): unknown[] | Promise<unknown[]> {
  const decorated = values.map(decorate);
  return decorated.some(isPromise) ? Promise.all(decorated) : decorated;
}
