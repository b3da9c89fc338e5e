import { describe, expect, it } from "vitest";
import { type Answer, copied, RowCache } from "../src/components/table/rows";
import { isScaled, lastTop, positionOf, topAt, topWith, totalHeight } from "../src/components/table/view";

/** A server with `count` rows, of which each has its place. It answers when it is told to. */
class Server {
  readonly asked: [number, number][] = [];
  private readonly waiting: (() => void)[] = [];

  constructor(
    public count: number,
    public mark = "a",
  ) {}

  readonly ask = (from: number, to: number): Promise<Answer> => {
    this.asked.push([from, to]);
    const { count, mark } = this;
    return new Promise((resolve) => this.waiting.push(() => resolve({ count, rows: rows(from, Math.min(to, count), mark) })));
  };

  async answer(): Promise<void> {
    for (const answer of this.waiting.splice(0)) answer();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

function rows(from: number, to: number, mark: string): unknown[][] {
  return Array.from({ length: Math.max(0, to - from) }, (_, at) => [from + at, mark]);
}

describe("the rows of a table", () => {
  it("are asked for in blocks, each once", async () => {
    const server = new Server(1000);
    const cache = new RowCache(server.ask);
    void cache.load(120, 140);
    void cache.load(125, 145);
    await server.answer();
    expect(server.asked).toEqual([[0, 128], [128, 256]]);
    expect([cache.row(130), cache.row(999), cache.status.count]).toEqual([[130, "a"], undefined, 1000]);
  });

  it("are shown until the new ones come, and older answers are dropped", async () => {
    const server = new Server(300);
    const cache = new RowCache(server.ask);
    void cache.load(0, 300);
    await server.answer();
    server.mark = "b";
    void cache.renew(0, 10);
    void cache.load(200, 210);
    server.mark = "c";
    server.count = 5;
    void cache.renew(0, 10);
    expect(cache.row(1)).toEqual([1, "a"]);
    await server.answer();
    expect([cache.row(1), cache.row(200), cache.status.count]).toEqual([[1, "c"], undefined, 5]);
  });

  it("say why there are none", async () => {
    const cache = new RowCache(() => Promise.reject(new Error("the file is gone")));
    await cache.load(0, 10);
    expect([cache.status.error, cache.row(0)]).toEqual(["the file is gone", undefined]);
  });

  it("are copied as a spreadsheet takes them", () => {
    expect(copied([["a\tb", 1.5, null], [true, { x: 1 }, "c\nd"]])).toBe('a b\t1.5\t\ntrue\t{"x":1}\tc d');
  });
});

describe("what is in view", () => {
  const few = { row: 28, height: 280, count: 100 };
  const many = { row: 28, height: 280, count: 100_000_000 };

  it("is what the scroll bar says", () => {
    expect([totalHeight(few), isScaled(few), topAt(28 * 3, few), positionOf(3, few)]).toEqual([2800, false, 3, 84]);
    expect([topAt(1e9, few), lastTop(few)]).toEqual([90, 90]);
    expect(topAt(5, { ...few, count: 3 })).toBe(0);
  });

  it("reaches the last of a hundred million rows", () => {
    expect([isScaled(many), totalHeight(many) < 1e7]).toEqual([true, true]);
    expect(topAt(totalHeight(many) - 280, many)).toBe(99_999_990);
    expect(positionOf(lastTop(many), many)).toBe(totalHeight(many) - 280);
  });

  it("moves as little as possible to a row", () => {
    expect([topWith(5, 3, few), topWith(2, 3, few), topWith(14, 3, few), topWith(99, 3, few)]).toEqual([3, 2, 5, 90]);
  });
});
