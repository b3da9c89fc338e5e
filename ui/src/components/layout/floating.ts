// Where something floats beside an element, such as a menu below its button: inside the window, above everything.

/** Whether an element is in a document, which measures it. Pages of tests have none. */
export function isMeasured(element: Element): boolean {
  return "getBoundingClientRect" in element;
}

/** The distance from the element and from the edges of the window, in pixels. */
const GAP = 4;

/**
 * Shows `floating` below `anchor`, or above if there is room only there, with its start at the start of the anchor. It follows neither
 * the anchor nor the window; close it when one of them moves.
 */
export function showBeside(floating: HTMLElement, anchor: Element): void {
  if (!isMeasured(floating)) return;
  // Above dialogs, and not cut off by what scrolls. Engines without popovers show it where the style sheet puts it.
  if ("showPopover" in floating && !floating.matches(":popover-open")) floating.showPopover();
  // A list of options is at least as wide as its field.
  floating.style.setProperty("--sv-anchor-width", `${anchor.getBoundingClientRect().width}px`);
  const [box, size] = [anchor.getBoundingClientRect(), floating.getBoundingClientRect()];
  const { clientWidth, clientHeight } = document.documentElement;
  const below = box.bottom + GAP;
  const above = box.top - size.height - GAP;
  const fits = { below: below + size.height <= clientHeight, above: above >= 0 };
  const isRightToLeft = getComputedStyle(anchor).direction === "rtl";
  const start = isRightToLeft ? box.right - size.width : box.left;
  const left = Math.max(GAP, Math.min(start, clientWidth - size.width - GAP));
  floating.style.left = `${left}px`;
  floating.style.top = `${Math.max(GAP, fits.below || !fits.above ? below : above)}px`;
}
