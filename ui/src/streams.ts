// Streams of pictures, of which only the newest counts.
//
// With Selvedge's extensions the page opens a stream and acknowledges each picture once it is on
// the screen, so that the server never sends more than the page can draw. A hidden page draws
// nothing and so requests nothing. Without the extensions the server sends all pictures, and the
// page draws only the newest one per animation frame.

import type { Connection } from "./connection";

/** If it returns a promise, the picture is acknowledged when the promise settles. */
export type Draw = (frame: unknown) => void | Promise<void>;

interface Stream {
  draws: Set<Draw>;
  unsubscribe: () => void;
  frame: unknown;
  /** Number of pictures received since the last draw. Each has to be acknowledged. */
  fresh: number;
  opened: boolean;
}

export class Streams {
  private readonly streams = new Map<string, Stream>();
  private extras = false;
  /** Number of connections so far. */
  private connections = 0;
  private scheduled: number | null = null;

  constructor(private readonly connection: Pick<Connection, "call" | "subscribe">) {}

  /** Draws the pictures of `topic` with `draw` until the returned function is called. */
  watch(topic: string, draw: Draw): () => void {
    const stream = this.streams.get(topic) ?? this.create(topic);
    stream.draws.add(draw);
    if (stream.frame !== undefined) void draw(stream.frame);
    return () => {
      stream.draws.delete(draw);
      if (stream.draws.size === 0) this.remove(topic, stream);
    };
  }

  /**
   * Reopens the streams on a new connection, since its server does not know those of the previous
   * one.
   */
  connected(extras: boolean): void {
    this.extras = extras;
    this.connections += 1;
    for (const [topic, stream] of this.streams) {
      stream.opened = false;
      stream.fresh = 0;
      this.open(topic, stream);
    }
  }

  disconnected(): void {
    this.extras = false;
  }

  /** Stops drawing. */
  dispose(): void {
    this.disconnected();
    if (this.scheduled !== null) cancelAnimationFrame(this.scheduled);
    this.streams.clear();
  }

  private create(topic: string): Stream {
    const stream: Stream = {
      draws: new Set(),
      unsubscribe: this.connection.subscribe(topic, (frame) => {
        stream.frame = frame;
        stream.fresh += 1;
        this.schedule();
      }),
      frame: undefined,
      fresh: 0,
      opened: false,
    };
    this.streams.set(topic, stream);
    this.open(topic, stream);
    return stream;
  }

  private remove(topic: string, stream: Stream): void {
    stream.unsubscribe();
    this.streams.delete(topic);
    if (stream.opened) this.tell("close", topic);
  }

  private open(topic: string, stream: Stream): void {
    if (!this.extras) return;
    stream.opened = true;
    this.tell("open", topic);
  }

  private schedule(): void {
    this.scheduled ??= requestAnimationFrame(() => {
      this.scheduled = null;
      for (const [topic, stream] of this.streams) this.draw(topic, stream);
    });
  }

  private draw(topic: string, stream: Stream): void {
    const owed = stream.fresh;
    if (owed === 0) return;
    stream.fresh = 0;
    const unfinished: Promise<void>[] = [];
    for (const draw of stream.draws) {
      try {
        const drawing = draw(stream.frame);
        if (drawing instanceof Promise) unfinished.push(drawing.catch(reportError));
      } catch (error) {
        reportError(error);
      }
    }
    if (!stream.opened) return;
    const connection = this.connections;
    const acknowledge = () => {
      // Pictures of the previous connection need no acknowledgement on a new one.
      if (connection !== this.connections) return;
      for (let count = 0; count < owed; count += 1) this.tell("ack", topic);
    };
    if (unfinished.length === 0) acknowledge();
    else void Promise.all(unfinished).then(acknowledge);
  }

  private tell(verb: "open" | "ack" | "close", topic: string): void {
    // A lost connection loses its streams, and `connected` reopens them. Other errors are the
    // application's.
    this.connection.call(`selvedge.stream.${verb}`, [topic]).catch((error: unknown) => {
      if (verb === "open") console.warn(`The stream ${topic} could not be opened.`, error);
    });
  }
}
