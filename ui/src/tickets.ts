// Outcomes of calls whose connection was lost.
//
// With each call of a trigger the page sends a ticket, a random name. If the connection is lost
// before the answer, the page redeems the ticket on its next connection, and the caller gets the
// outcome as if nothing had happened. The next call says which tickets are settled, so that the
// server need not keep their outcomes.

import { ConnectionLost } from "./call-errors";
import { type Connection } from "./connection";

/** What the page adds to a call. */
export interface Ticket {
  ticket: string;
  done: string[];
}

export class Tickets {
  private extras = false;
  /** Whether no other connection will follow. */
  private over = false;
  private readonly page = crypto.getRandomValues(new Uint32Array(4)).join("-");
  private last = 0;
  private done: string[] = [];
  /** Callers that wait for the next connection. */
  private waiting: ((kept: boolean) => void)[] = [];

  constructor(private readonly connection: Pick<Connection, "call">) {}

  /** Notes a new connection; `extras`: its server keeps the outcomes of calls. */
  connected(extras: boolean): void {
    this.extras = extras;
    this.over = false;
    for (const go of this.waiting.splice(0)) go(extras);
  }

  disconnected(): void {
    this.extras = false;
  }

  /** There will be no other connection: callers that wait get an error. */
  dispose(): void {
    this.connected(false);
    this.over = true;
  }

  /**
   * Makes a call with a ticket. Resolves to its outcome, perhaps on a later connection. Rejects with
   * `ConnectionLost` if the call could not be sent, or if its outcome cannot be asked for.
   */
  async call(send: (ticket: Ticket | null) => Promise<unknown>): Promise<unknown> {
    if (!this.extras) return send(null);
    this.last += 1;
    const ticket = `${this.page}-${this.last}`;
    const answer = send({ ticket, done: this.done.splice(0) });
    try {
      return await answer.catch((error: unknown) => {
        if (error instanceof ConnectionLost && error.sent) return this.redeem(ticket, error);
        throw error;
      });
    } finally {
      this.done.push(ticket);
    }
  }

  private async redeem(ticket: string, lost: ConnectionLost): Promise<unknown> {
    for (;;) {
      if (this.over) throw lost;
      const isKept = await new Promise<boolean>((resolve) => this.waiting.push(resolve));
      if (!isKept) throw lost;
      try {
        return await this.connection.call("selvedge.call.outcome", [ticket]);
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
      }
    }
  }
}
