// Which rows of a table are in view. A browser cannot scroll over as many pixels as a hundred million rows have: beyond a
// limit the scroll bar chooses a part of the rows, and keys and the wheel move by rows.

/** The greatest height of what scrolls, in pixels: less than what any browser takes. */
const HIGHEST = 8_000_000;

export interface Scroll {
  /** Height of a row and of the view, in pixels. */
  row: number;
  height: number;
  count: number;
}

export function totalHeight({ row, count }: Scroll): number {
  return Math.min(HIGHEST, row * count);
}

/** Whether a pixel of the scroll bar is more than a pixel of the rows. */
export function isScaled(scroll: Scroll): boolean {
  return scroll.row * scroll.count > HIGHEST;
}

/** How many rows fit, also in parts. */
export function fitting({ row, height }: Scroll): number {
  return height / row;
}

/** Returns the first row in view, with its fraction that is above it, for a position of the scroll bar. */
export function topAt(position: number, scroll: Scroll): number {
  const most = Math.max(0, totalHeight(scroll) - scroll.height);
  const part = most > 0 ? Math.min(1, Math.max(0, position / most)) : 0;
  return part * lastTop(scroll);
}

/** Returns the position of the scroll bar at which a row is the first in view. */
export function positionOf(top: number, scroll: Scroll): number {
  const most = Math.max(0, totalHeight(scroll) - scroll.height);
  const last = lastTop(scroll);
  return last > 0 ? (top / last) * most : 0;
}

/** The first row in view at the end. */
export function lastTop(scroll: Scroll): number {
  return Math.max(0, scroll.count - fitting(scroll));
}

/** Returns the first row in view so that `row` is in view, moved as little as possible. */
export function topWith(row: number, top: number, scroll: Scroll): number {
  if (row < top) return row;
  if (row + 1 > top + fitting(scroll)) return Math.min(lastTop(scroll), row + 1 - fitting(scroll));
  return top;
}
