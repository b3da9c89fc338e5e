// Fetches the changes that this page missed while it was disconnected.
//
// A mark is a position in the order of the server's changes up to which this page has them. The
// page asks for one after changes, at a limited rate: with an old mark it gets some values twice,
// but never too few.

import { CallError } from "./call-errors";
import { type Connection } from "./connection";

const MARK_TOPIC = "selvedge.mark";

/** Time from the first change after a mark to the next mark, in ms. */
const MARK_DELAY = 1000;

type Mark = [state: string, change: number];

export type Missed =
  /** The values that have changed. */
  | { since: "mark"; values: Record<string, unknown> }
  /**
   * The mark is unknown, so the whole state is needed. `restarted`: because the server was
   * restarted.
   */
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

  /** Notes a new connection; `extras`: its server supports marks. */
  connected(extras: boolean): void {
    this.extras = extras;
    if (extras && this.stale) this.schedule();
  }

  disconnected(): void {
    this.extras = false;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Notes that the page has changes newer than the mark. */
  changed(): void {
    this.stale = true;
    if (this.extras) this.schedule();
  }

  /** Gets what has changed since the last mark. Rejects if the connection is lost again. */
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
      // The mark arrives as a message. If the call fails, the old mark stays valid.
      this.connection.call("selvedge.mark").catch(() => undefined);
    }, MARK_DELAY);
  }
}
