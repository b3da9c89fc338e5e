import { describe, expect, it } from "vitest";
import { columnsOf, csvOf, numbersOf, tableOf } from "../src/components/plot/data";

describe("the table of a plot", () => {
  it("has the points of one series in their order, without those that have no place", () => {
    const { data } = tableOf([{ points: [[0, 1], [NaN, 2], [1, Infinity], [2, 3]] }]);
    expect(data).toEqual([[0, 1, 2], [1, null, 3]]);
  });

  it("joins series with other x, and leaves gaps between their points", () => {
    const { data, columns } = tableOf([
      { label: "a", points: [[0, 1], [2, 3]] },
      { label: "b", kind: "scatter", color: "red", points: [[1, 5], [2, 6]] },
    ]);
    expect(data).toEqual([[0, 1, 2], [1, null, 3], [null, 5, 6]]);
    expect(columns.map(({ label, kind, color }) => [label, kind, color])).toEqual([
      ["a", "line", "var(--sv-series-1)"],
      ["b", "scatter", "red"],
    ]);
  });

  it("has two columns for a band", () => {
    const { data, columns } = tableOf([{ label: "limits", kind: "band", points: [[0, 1, 4], [1, 2, 5]] }]);
    expect(data).toEqual([[0, 1], [1, 2], [4, 5]]);
    expect(columns.map(({ kind }) => kind)).toEqual(["low", "high"]);
  });

  it("names series that have no name, and begins the colors anew after eight", () => {
    const columns = columnsOf(Array.from({ length: 9 }, () => ({})));
    expect([columns[1]?.label, columns[8]?.color]).toEqual(["Series 2", "var(--sv-series-1)"]);
  });

  it("is written as comma-separated values", () => {
    const table = tableOf([{ label: 'He said "1,5"', points: [[0, 1], [1, NaN]] }]);
    expect(csvOf("Time, s", table)).toBe('"Time, s","He said ""1,5"""\r\n0,1\r\n1,\r\n');
  });
});

describe("numbers of the server", () => {
  it("are read from bytes wherever they begin, and NaN is a gap", () => {
    const bytes = new Uint8Array(3 + 16);
    const view = new DataView(bytes.buffer, 3);
    view.setFloat64(0, 1.5, true);
    view.setFloat64(8, NaN, true);
    expect(numbersOf(bytes.subarray(3))).toEqual([1.5, null]);
  });
});
