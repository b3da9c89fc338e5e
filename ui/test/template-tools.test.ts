import { describe, expect, it } from "vitest";
import { fmt, get, safe, tree, vtk } from "../src/template-tools";

describe("utils of templates", () => {
  it("get follows a path, and calls where it ends in ()", () => {
    expect(get("a.b", { a: { b: 2 } })).toBe(2);
    expect(get("a.b()", { a: { b: () => 3 } })).toBe(3);
    expect(get("a.x.y", { a: {} })).toBeUndefined();
    expect(get("document.nodeType")).toBe(9);
  });

  it("safe leaves out what cannot be sent", () => {
    const circular: Record<string, unknown> = { n: 1, list: [1, 2] };
    circular.self = circular;
    expect(safe(circular)).toEqual({ n: 1, list: [1, 2] });
    expect(safe({ n: 1 })).toEqual({ n: 1 });
  });

  it("tree makes nodes with unique names", () => {
    expect(tree({ a: 1, b: [2, {}], c: null })).toEqual([
      { id: "_0", name: "a: 1" },
      {
        id: "_1",
        name: "b: []",
        children: [
          { id: "_1_0", name: "2" },
          { id: "_1_1", name: "{}" },
        ],
      },
      { id: "_2", name: "c: null" },
    ]);
  });

  it("fmt writes numbers in the unit that fits", () => {
    expect(fmt.bytes(512)).toBe("512.00 B");
    expect(fmt.bytes(1536, 1)).toBe("1.5 KB");
    expect(fmt.bytes(3 * 1024 ** 6)).toBe("3072.00 PB");
    expect(fmt.bytes(null)).toBeNull();
    expect(fmt.number(90, ["s", "min", "h"], [60, 60], 1)).toBe("1.5 min");
    expect(fmt.number(7200, ["s", "min", "h"], [60, 60], 0)).toBe("2 h");
    expect(fmt.number(2.5)).toBe("2.50");
  });

  it("vtk.event keeps what can be sent", () => {
    const event = { type: "KeyPress", key: "a", position: { x: 1 }, pokedRenderer: {}, firstRenderer: {} };
    expect(vtk.event(event)).toEqual({ type: "KeyPress", key: "a", position: { x: 1 } });
  });
});
