// Whether a connection is still there.
//
// A browser does not tell of a peer that has gone without a word: after a laptop's sleep, behind a router that forgot the
// connection, an open socket may stay open and silent for many minutes. So a connection on which nothing has come for a
// while is asked, and one that does not answer is given up.

import { traffic } from "./transport";

/** How often it is looked whether something has come, in ms. */
const TICK = 5000;
/** So many ticks without a message make a question. */
const SILENT_TICKS = 4;
/** A tick that comes so late in ms means that the machine was asleep. */
const LATE = 3 * TICK;
/** Time for an answer in ms: a large message may be on its way before it. */
const PATIENCE = 15_000;
/** The same where there is reason to doubt. */
const DOUBT = 5000;

export class Pulse {
  private ticker: ReturnType<typeof setInterval> | undefined;
  private deadline: ReturnType<typeof setTimeout> | undefined;
  private lastTick = 0;
  private seen = 0;
  private silent = 0;

  /** `ask` has the server answer; `dead` hears that it does not. */
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

  /** Asks now. `doubtful`: something has happened that connections seldom survive. */
  check(doubtful: boolean): void {
    if (this.ticker === undefined || (this.deadline !== undefined && !doubtful)) return;
    clearTimeout(this.deadline);
    const [received, unsent] = [traffic.received, traffic.unsent()];
    this.deadline = setTimeout(
      () => {
        this.deadline = undefined;
        // What has come was perhaps on its way before, and the question may wait behind what has left: neither is an answer.
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
    // An error is an answer, too. Where the connection is lost meanwhile, `stop` was called.
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
