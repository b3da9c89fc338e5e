import { describe, expect, it, vi } from "vitest";
import { SelvedgeHeatmap, gridOf, pixelsOf, rangeOf } from "../src/components/heatmap";
import { palette } from "../src/components/controls/colormaps";
import { settle } from "./fake-server";
import { mount } from "./mount";

describe("a field", () => {
  it("is read from rows, with gaps where they are too short", () => {
    const grid = gridOf([[1, 2, 3], [4]]);
    expect([grid.width, grid.height, ...Array.from(grid.values)]).toEqual([3, 2, 1, 2, 3, 4, NaN, NaN]);
    expect(rangeOf(grid)).toEqual([1, 4]);
  });

  it("is read from bytes wherever they begin", () => {
    const bytes = new Uint8Array(2 + 16);
    new DataView(bytes.buffer).setFloat32(2 + 4, 1.5, true);
    const grid = gridOf({ width: 2, height: 2, data: bytes.subarray(2) });
    expect(Array.from(grid.values)).toEqual([0, 1.5, 0, 0]);
    expect(Array.from(gridOf({ width: 3, height: 1, data: bytes.subarray(2, 10) }).values)).toEqual([0, 1.5, NaN]);
  });

  it("has no range without numbers, and one color if they are all the same", () => {
    expect([rangeOf(gridOf([])), rangeOf(gridOf([[NaN, Infinity]])), rangeOf(gridOf(undefined))]).toEqual([null, null, null]);
    expect(Array.from(pixelsOf(gridOf([[7, NaN]]), [7, 7], palette("gray")))).toEqual([0, 0, 0, 255, 0, 0, 0, 0]);
  });

  it("is drawn from the lowest to the highest color, and beyond", () => {
    const pixels = pixelsOf(gridOf([[0, 1, 2, -9, 9]]), [0, 2], palette("gray"));
    expect([0, 1, 2, 3, 4].map((at) => pixels[4 * at])).toEqual([0, 128, 255, 0, 255]);
  });

  it("says the value at the cursor, which arrow keys move", async () => {
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
    vi.stubGlobal("ImageData", class { readonly width = 0 });
    const root = mount(SelvedgeHeatmap, { field: [[1, 2, 3], [4, 5, 6]], unit: "K", label: "Heat" });
    const view = root.querySelector("[role=group]");
    expect(view?.getAttribute("aria-label")).toBe("Heat: 3 × 2 values from 1 K to 6 K");
    const press = async (key: string) => {
      view?.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
      await settle();
    };
    await press("ArrowRight");
    expect(root.querySelector("output")?.textContent).toBe("2, 1: 6 K");
    await press("ArrowUp");
    await press("ArrowUp");
    expect(root.querySelector("output")?.textContent).toBe("2, 0: 3 K");
  });
});
