// Streams of frames, of which only the newest counts.
//
// With Selvedge's additions a stream is opened, and each frame is acknowledged once it is on the screen, so that the
// server never sends more than the page can draw; a hidden page draws nothing and so asks for nothing. Without them
// the server sends all frames, and the page still draws only the newest of each animation frame.

import type { Connection } from "./connection";

/** A promise is waited for before the frame is acknowledged. */
export type Draw = (frame: unknown) => void | Promise<void>;

interface Stream {
  draws: Set<Draw>;
  unsubscribe: () => void;
  frame: unknown;
  /** Frames that came since the last drawing. Each is owed an acknowledgement. */
  fresh: number;
  opened: boolean;
}

export class Streams {
  private readonly streams = new Map<string, Stream>();
  private extras = false;
  /** How many there were so far. */
  private connections = 0;
  private scheduled: number | null = null;

  constructor(private readonly connection: Pick<Connection, "call" | "subscribe">) {}

  /** Draws the frames of `topic` with `draw`, as long as the returned function is not called. */
  watch(topic: string, draw: Draw): () => void {
    const stream = this.streams.get(topic) ?? this.create(topic);
    stream.draws.add(draw);
    if (stream.frame !== undefined) void draw(stream.frame);
    return () => {
      stream.draws.delete(draw);
      if (stream.draws.size === 0) this.remove(topic, stream);
    };
  }

  /** The connection is new. The server knows nothing of the streams of the one before. */
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

  /** Draws nothing any more. */
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
      // A new connection owes nothing for the frames of the one before.
      if (connection !== this.connections) return;
      for (let count = 0; count < owed; count += 1) this.tell("ack", topic);
    };
    if (unfinished.length === 0) acknowledge();
    else void Promise.all(unfinished).then(acknowledge);
  }

  private tell(verb: "open" | "ack" | "close", topic: string): void {
    // A connection that goes takes its streams along, and `connected` opens them again. Other errors are the app's.
    this.connection.call(`selvedge.stream.${verb}`, [topic]).catch((error: unknown) => {
      if (verb === "open") console.warn(`The stream ${topic} could not be opened.`, error);
    });
  }
}
