import { describe, expect, it } from "vitest";
import { get, safe, tree } from "../src/template-tools";

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
});
