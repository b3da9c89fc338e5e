import { mount } from "./mount";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { SelvedgePlot } from "../src/components/plot";
import { axis, formatNumber } from "../src/components/ticks";

describe("an axis", () => {
  it.each([
    [0, 1, 5, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [0.03, 0.47, 4, [0, 0.2, 0.4, 0.6]],
    [-3, 7, 3, [-5, 0, 5, 10]],
    [1000, 3000, 4, [1000, 1500, 2000, 2500, 3000]],
  ])("from %d to %d has round ticks", (low, high, count, ticks) => {
    const found = axis(low, high, count);
    expect(found.ticks.map((tick) => Number(tick.toFixed(9)))).toEqual(ticks);
    expect(found.low).toBeLessThanOrEqual(low);
    expect(found.high).toBeGreaterThanOrEqual(high);
  });

  it("has room around a single value", () => {
    const { low, high, ticks } = axis(0.5, 0.5, 4);
    expect(low).toBeLessThan(0.5);
    expect(high).toBeGreaterThan(0.5);
    expect(ticks.length).toBeGreaterThan(1);
    expect(axis(0, 0, 4).ticks.length).toBeGreaterThan(1);
  });

  it("writes numbers with the digits it needs", () => {
    expect(axis(0, 0.05, 5).format(0.01)).toBe("0.01");
    expect(axis(0, 100, 5).format(20)).toBe("20");
    expect([9999, 12_000, 12_500, 3_400_000].map((value) => formatNumber(value, 0))).toEqual(["9999", "12k", "12.5k", "3.4M"]);
  });
});

describe("a plot", () => {
  beforeEach(() => {
    vi.stubGlobal(
      "ResizeObserver",
      class {
        observe = vi.fn();
        disconnect = vi.fn();
      },
    );
  });

  it("draws a line through the points and says the latest value", () => {
    const root = mount(SelvedgePlot, {
      points: [
        [0, 0],
        [10, 1],
        [20, 0.25],
      ],
      xLabel: "Iteration",
      yLabel: "Coverage",
    });
    const svg = root.querySelector("svg");
    expect(svg?.getAttribute("role")).toBe("img");
    expect(svg?.getAttribute("aria-label")).toBe("Coverage over Iteration. Latest value 0.250 at 20.");
    const points = root.querySelector("polyline")?.getAttribute("points")?.split(" ").map((point) => point.split(",").map(Number));
    const [[x0, y0], [x1, y1], [x2, y2]] = points as [[number, number], [number, number], [number, number]];
    expect(x1 - x0).toBeCloseTo(x2 - x1, 0);
    expect(y1).toBeLessThan(y2);
    expect(y2).toBeLessThan(y0);
  });

  it("says that there is nothing, and leaves out what is no number", () => {
    expect(mount(SelvedgePlot, { points: [] }).querySelector("svg")?.getAttribute("aria-label")).toBe("Plot. No data yet.");
    const root = mount(SelvedgePlot, {
      points: [
        [0, 1],
        [1, NaN],
        [2, 3],
      ],
    });
    expect(root.querySelector("polyline")?.getAttribute("points")?.split(" ")).toHaveLength(2);
  });
});
