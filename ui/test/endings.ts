// What a test begins has an end: after each test the pages are disposed of, and the test fails if one of them, or the
// test itself, leaves a timer, a listener or a connection behind. It would act in the next test, or when its window is gone.

import { afterEach, expect, vi } from "vitest";
import { openSockets, settle } from "./fake-server";
import { disposePages } from "./open-page";

type Clock = "setTimeout" | "setInterval" | "requestAnimationFrame";

/** What was begun and has not ended, and where it was begun. */
const begun = new Map<unknown, string>();

/** Notes what a clock starts, until it has run or is cleared. */
function followClock(start: Clock, clear: "clearTimeout" | "clearInterval" | "cancelAnimationFrame"): void {
  const [begin, end] = [globalThis[start] as (...args: unknown[]) => unknown, globalThis[clear] as (id: unknown) => void];
  const following = (run: (...args: unknown[]) => void, delay = 0, ...rest: unknown[]) => {
    const once = (...args: unknown[]) => {
      if (start !== "setInterval") begun.delete(id);
      run(...args);
    };
    const id = begin(once, delay, ...rest);
    note(id, `${start}(${delay})`);
    return id;
  };
  Object.assign(globalThis, {
    [start]: following,
    [clear]: (id: unknown) => {
      begun.delete(id);
      end(id);
    },
  });
}

/** Notes the listeners of a target that outlives the page. */
function followListeners(name: string, target: EventTarget): void {
  const [add, remove] = [target.addEventListener.bind(target), target.removeEventListener.bind(target)];
  const listeners = new Map<unknown, Record<string, object>>();
  target.addEventListener = (type: string, listener: EventListener, options?: AddEventListenerOptions) => {
    const mark = {};
    note(mark, `${name}.addEventListener("${type}")`);
    listeners.set(listener, { ...listeners.get(listener), [type]: mark });
    options?.signal?.addEventListener("abort", () => begun.delete(mark));
    add(type, listener, options);
  };
  target.removeEventListener = (type: string, listener: EventListener, options?: EventListenerOptions) => {
    begun.delete(listeners.get(listener)?.[type]);
    remove(type, listener, options);
  };
}

/** Notes what the page or a test has begun. What libraries begin, such as jsdom, is theirs to end. */
function note(id: unknown, what: string): void {
  const lines = new Error().stack?.split("\n") ?? [];
  const place = lines.find((line) => /\/(src|test)\//.test(line) && !/node_modules|endings\.ts/.test(line));
  if (place) begun.set(id, `${what} ${place.trim()}`);
}

Error.stackTraceLimit = 50;

followClock("setTimeout", "clearTimeout");
followClock("setInterval", "clearInterval");
followClock("requestAnimationFrame", "cancelAnimationFrame");
followListeners("window", window);
followListeners("document", document);

afterEach(async () => {
  disposePages();
  // The server of the test may still have something to say.
  await settle();
  const ticking = vi.isFakeTimers() ? vi.getTimerCount() : 0;
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  await settle();
  const left = [...begun.values(), ...openSockets().map((url) => `WebSocket ${url}`)];
  begun.clear();
  expect(left).toEqual([]);
  expect(ticking, "timers that the page left behind").toBe(0);
});
