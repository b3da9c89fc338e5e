// Detects dead connections.
//
// A browser does not report a peer that disappeared without closing: after a laptop's sleep, or
// behind a router that forgot the connection, a socket may stay open and silent for many minutes.
// So a connection that has been silent for a while gets a probe, and a connection that does not
// answer is given up.

import { traffic } from "./transport";

/** Polling interval, in ms. */
const TICK = 5000;
/** Number of ticks without a message after which a probe is sent. */
const SILENT_TICKS = 4;
/** Delay of a tick that means that the machine was asleep, in ms. */
const LATE = 3 * TICK;
/** Time limit for an answer, in ms: a large message may arrive before it. */
const PATIENCE = 15_000;
/** Time limit for an answer if the connection is doubtful, in ms. */
const DOUBT = 5000;

export class Pulse {
  private ticker: ReturnType<typeof setInterval> | undefined;
  private deadline: ReturnType<typeof setTimeout> | undefined;
  private lastTick = 0;
  private seen = 0;
  private silent = 0;

  /** `ask` sends a probe; `dead` is called if there is no answer. */
  constructor(
    private readonly ask: () => Promise<unknown>,
    private readonly dead: () => void,
  ) {}

  start(): void {
    this.stop();
    this.lastTick = Date.now();
    this.silent = 0;
    this.ticker = setInterval(() => this.tick(), TICK);
  }

  stop(): void {
    clearInterval(this.ticker);
    clearTimeout(this.deadline);
    this.ticker = this.deadline = undefined;
  }

  /** Sends a probe now. `doubtful`: an event has occurred that connections rarely survive. */
  check(doubtful: boolean): void {
    if (this.ticker === undefined || (this.deadline !== undefined && !doubtful)) return;
    clearTimeout(this.deadline);
    const [received, unsent] = [traffic.received, traffic.unsent()];
    this.deadline = setTimeout(
      () => {
        this.deadline = undefined;
        // What was received may have been sent earlier, and the probe may wait behind data that is
        // being sent: neither is an answer.
        if (traffic.received > received || traffic.unsent() < unsent) this.check(doubtful);
        else this.dead();
      },
      doubtful ? DOUBT : PATIENCE,
    );
    const { deadline } = this;
    const answered = () => {
      if (this.deadline !== deadline) return;
      clearTimeout(deadline);
      this.deadline = undefined;
    };
    // An error is an answer, too. If the connection is lost before it, `stop` was called.
    this.ask().then(answered, answered);
  }

  private tick(): void {
    const now = Date.now();
    const asleep = now - this.lastTick > LATE;
    this.lastTick = now;
    this.silent = traffic.received === this.seen ? this.silent + 1 : 0;
    this.seen = traffic.received;
    if (asleep) this.check(true);
    else if (this.silent >= SILENT_TICKS) this.check(false);
  }
}
