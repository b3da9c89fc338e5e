// A WebSocket that delivers messages to wslink in the order of their arrival.
//
// wslink reads every message through a Blob, which the browser does on another thread: a small
// message may overtake a large one. State depends on the order, so messages arrive here as buffers
// in memory, and each is processed completely before the next one.

let latest: WebSocket | null = null;

/** Traffic of the page's connections. */
export const traffic = {
  /** Number of WebSocket messages received. */
  received: 0,
  /** Bytes that wait to be sent. */
  unsent: () => latest?.bufferedAmount ?? 0,
};

type Handler<E> = ((event: E) => void) | null;

/** Bytes that implement the part of the Blob interface that wslink uses. */
class Bytes {
  constructor(private readonly buffer: ArrayBuffer) {}

  slice(start: number, end?: number): Bytes {
    return new Bytes(this.buffer.slice(start, end));
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return Promise.resolve(this.buffer);
  }
}

export class OrderedSocket {
  onopen: Handler<Event> = null;
  onclose: Handler<CloseEvent> = null;
  onerror: Handler<Event> = null;
  onmessage: Handler<{ data: Bytes }> = null;
  /** wslink sets this to get blobs; it gets objects that behave the same. */
  binaryType = "blob";
  private readonly socket: WebSocket;

  constructor(
    readonly url: string,
    /** An existing connection to the URL, over which nothing has been received yet. */
    ready: WebSocket | null = null,
  ) {
    this.socket = ready ?? new WebSocket(url);
    latest = this.socket;
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = (event) => this.onopen?.(event);
    this.socket.onerror = (event) => this.onerror?.(event);
    this.socket.onclose = (event) => this.onclose?.(event);
    this.socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      traffic.received += 1;
      // The protocol has no text messages.
      if (typeof data !== "string") this.onmessage?.({ data: new Bytes(data as ArrayBuffer) });
    };
    if (ready !== null && ready.readyState === WebSocket.OPEN) queueMicrotask(() => this.onopen?.(new Event("open")));
  }

  get readyState(): number {
    return this.socket.readyState;
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    this.socket.send(bytes);
  }

  /** Closes the connection. No events follow. */
  close(): void {
    this.socket.onopen = this.socket.onerror = this.socket.onclose = this.socket.onmessage = null;
    this.socket.close();
  }
}

interface WebSocketFactory {
  createWebSocket?: (url: string) => unknown;
}

declare global {
  interface Window {
    WSLINK?: WebSocketFactory;
  }
}

/**
 * Makes wslink open its connections through {@link OrderedSocket}, unless the page's host provides
 * a transport. `takeSocket` returns the connection to a URL that is already open.
 */
export function installTransport(hostTransport: boolean, takeSocket: (url: string) => WebSocket | null): void {
  if (hostTransport && window.WSLINK?.createWebSocket) return;
  window.WSLINK = { ...window.WSLINK, createWebSocket: (url) => new OrderedSocket(url, takeSocket(url)) };
}
