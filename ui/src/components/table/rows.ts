// The rows that a table has of the server: blocks around those in view. Rows that are not there yet are undefined.

import { shallowReactive } from "vue";
import { messageOf } from "../../call-errors";

export interface Query {
  sort: string;
  descending: boolean;
  filter: string;
}

export interface Answer {
  count: number;
  rows: unknown[][];
}

/** Rows in a block. */
const BLOCK = 128;
/** Blocks that are kept, the newest ones. */
const KEPT = 64;

export class RowCache {
  /** The number of rows, and why there are none. */
  readonly status = shallowReactive({ count: 0, error: "", isKnown: false });
  private readonly blocks = shallowReactive(new Map<number, unknown[][]>());
  private readonly wanted = new Set<number>();
  /** Answers to older questions are dropped. */
  private round = 0;

  constructor(private readonly ask: (from: number, to: number) => Promise<Answer>) {}

  row(at: number): unknown[] | undefined {
    return this.blocks.get(Math.floor(at / BLOCK))?.[at % BLOCK];
  }

  /** Forgets all rows, but shows the old ones until the new ones come. */
  async renew(first: number, last: number): Promise<void> {
    const round = (this.round += 1);
    this.wanted.clear();
    const stale = new Set(this.blocks.keys());
    await this.load(first, last, stale);
    // A later one has its own rows by now.
    if (round !== this.round) return;
    for (const block of stale) this.blocks.delete(block);
  }

  /** Gets the rows from `first` to before `last` that are not there. */
  async load(first: number, last: number, stale = new Set<number>()): Promise<void> {
    const blocks: number[] = [];
    for (let block = Math.floor(first / BLOCK); block * BLOCK < Math.max(last, first + 1); block += 1) {
      const isThere = this.blocks.has(block) && !stale.has(block);
      if (!isThere && !this.wanted.has(block)) blocks.push(block);
    }
    await Promise.all(blocks.map((block) => this.get(block, stale)));
  }

  /** Returns rows, also those that are not kept. */
  async range(first: number, last: number): Promise<unknown[][]> {
    const rows: unknown[][] = [];
    for (let from = first; from < last; from += 10 * BLOCK) rows.push(...(await this.ask(from, Math.min(last, from + 10 * BLOCK))).rows);
    return rows;
  }

  private async get(block: number, stale: Set<number>): Promise<void> {
    const { round } = this;
    this.wanted.add(block);
    try {
      const { count, rows } = await this.ask(block * BLOCK, (block + 1) * BLOCK);
      if (round !== this.round) return;
      stale.delete(block);
      this.blocks.set(block, rows);
      Object.assign(this.status, { count, error: "", isKnown: true });
      const [oldest] = this.blocks.keys();
      if (this.blocks.size > KEPT && oldest !== undefined) this.blocks.delete(oldest);
    } catch (error) {
      if (round === this.round) Object.assign(this.status, { error: messageOf(error), isKnown: true });
    } finally {
      if (round === this.round) this.wanted.delete(block);
    }
  }
}

/** Returns rows as a spreadsheet takes them: columns are separated by tabs. */
export function copied(rows: unknown[][]): string {
  return rows.map((row) => row.map((value) => shown(value).replace(/[\t\r\n]+/g, " ")).join("\t")).join("\n");
}

/** Returns a value as a user reads it. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  return typeof value === "bigint" ? value.toString() : JSON.stringify(value);
}
