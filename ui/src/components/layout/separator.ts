// The handle between two parts whose sizes a user changes: by mouse, finger or keyboard. It follows the
// pattern "window splitter" of the ARIA authoring practices.

import { h, type VNode } from "vue";
import { clamp } from "../controls/numbers";
import { followPointer } from "../pointer";

export interface Separator {
  /** The part that it resizes, for screen readers. */
  label: string;
  /** The id of that part. */
  controls: string;
  /** Whether it is a vertical line, between parts side by side. */
  isVertical: boolean;
  value: number;
  min: number;
  max: number;
  /** The value as text. */
  text: string;
  /** What one press of an arrow key changes; with shift it is five times as much. */
  step: number;
  /** Whether the part is behind the separator, so that it shrinks when the separator moves on. */
  isReversed?: boolean;
  /** Returns the length in pixels from `min` to `max`. */
  length: (handle: HTMLElement) => number;
  resize: (value: number) => void;
  /** Closes the part, or opens it again. Enter does it. */
  toggle: () => void;
  /** Gives the part its first size. A double click does it. */
  reset: () => void;
}

const KEYS: Record<string, [isVertical: boolean, direction: number]> = {
  ArrowLeft: [true, -1],
  ArrowRight: [true, 1],
  ArrowUp: [false, -1],
  ArrowDown: [false, 1],
};

export function separator(options: Separator): VNode {
  const { isVertical, value, min, max } = options;

  /** Returns 1 if the part grows to the right or down, else -1. */
  function direction(element: Element): number {
    const isRightToLeft = isVertical && getComputedStyle(element).direction === "rtl";
    return (options.isReversed ? -1 : 1) * (isRightToLeft ? -1 : 1);
  }

  function onKeydown(event: KeyboardEvent) {
    const handle = event.currentTarget as HTMLElement;
    const [fits, forward] = KEYS[event.key] ?? [null, 0];
    if (fits === isVertical) options.resize(clamp(value + forward * direction(handle) * options.step * (event.shiftKey ? 5 : 1), options));
    else if (event.key === "Home") options.resize(min);
    else if (event.key === "End") options.resize(max);
    else if (event.key === "Enter") options.toggle();
    else return;
    event.preventDefault();
  }

  function onPointerdown(event: PointerEvent) {
    if (event.button !== 0) return;
    const handle = event.currentTarget as HTMLElement;
    const place = (moved: PointerEvent) => (isVertical ? moved.clientX : moved.clientY);
    const [begin, perPixel] = [place(event), ((max - min) / options.length(handle)) * direction(handle)];
    // Not focused by the mouse, so the text beside it is not selected either.
    event.preventDefault();
    followPointer(handle, event, (moved) => options.resize(clamp(value + (place(moved) - begin) * perPixel, options)));
  }

  return h("div", {
    class: ["sv-separator", isVertical ? "sv-vertical" : "sv-horizontal"],
    role: "separator",
    tabindex: 0,
    "aria-label": `Size of ${options.label}`,
    "aria-controls": options.controls,
    "aria-orientation": isVertical ? "vertical" : "horizontal",
    "aria-valuenow": Math.round(value * 10) / 10,
    "aria-valuemin": min,
    "aria-valuemax": max,
    "aria-valuetext": options.text,
    onKeydown,
    onPointerdown,
    onDblclick: options.reset,
  });
}
