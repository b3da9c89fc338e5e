// What this page missed while it was away.
//
// A mark is a place in the order of the server's changes up to which this page has them. The page asks for one when
// changes have come, and not more often than once in a while: with an old mark it gets some values twice, never too few.

import { CallError, type Connection } from "./connection";

const MARK_TOPIC = "selvedge.mark";

/** Time from the first change that came after a mark to the next mark, in ms. */
const MARK_DELAY = 1000;

type Mark = [state: string, change: number];

export type Missed =
  /** The values that have changed. */
  | { since: "mark"; values: Record<string, unknown> }
  /** Nothing is known of what was before: everything is needed. `restarted`: since the server is another one. */
  | { since: "nothing"; restarted: boolean };

export class Resume {
  private mark: Mark | null = null;
  private extras = false;
  private stale = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly connection: Pick<Connection, "call" | "subscribe">) {
    connection.subscribe(MARK_TOPIC, (mark) => {
      this.mark = mark as Mark;
    });
  }

  /** Whether the server of the present connection knows marks. */
  connected(extras: boolean): void {
    this.extras = extras;
    if (extras && this.stale) this.schedule();
  }

  disconnected(): void {
    this.extras = false;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** The page has more than the mark says. */
  changed(): void {
    this.stale = true;
    if (this.extras) this.schedule();
  }

  /** Asks for what has changed since the last mark. Rejects when the connection is lost again. */
  async missed(): Promise<Missed> {
    if (!this.mark) return { since: "nothing", restarted: false };
    try {
      const values = (await this.connection.call("selvedge.resume", this.mark)) as Record<string, unknown> | null;
      if (values) return { since: "mark", values };
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
    }
    this.mark = null;
    return { since: "nothing", restarted: true };
  }

  private schedule(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.stale = false;
      // It comes as a message. Where it fails, the old one stays good.
      this.connection.call("selvedge.mark").catch(() => undefined);
    }, MARK_DELAY);
  }
}
