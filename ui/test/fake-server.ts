// A server for tests: it speaks the real frames, on a WebSocket that is none.

import { decode, encode } from "@msgpack/msgpack";
import { vi } from "vitest";

const HEADER = 12;

export interface Request {
  id: string;
  method: string;
  args: unknown[];
  kwargs: Record<string, unknown>;
}

/** Lets everything happen that is already under way. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 4; round += 1) {
    if (vi.isFakeTimers()) await vi.advanceTimersByTimeAsync(1);
    else await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

const sockets: FakeSocket[] = [];

/** The addresses of the connections that are open, each told once. */
export function openSockets(): string[] {
  return sockets.splice(0).flatMap(({ readyState, url }) => (readyState < 2 ? [url] : []));
}

export class FakeSocket {
  static readonly OPEN = 1;
  readyState = 0;
  binaryType = "blob";
  onopen: ((event: Event) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  readonly requests: Request[] = [];
  private readonly server: FakeServer;
  private content = new Uint8Array(0);
  private received = 0;

  constructor(
    readonly url: string,
    accept: (socket: FakeSocket) => FakeServer,
  ) {
    this.server = accept(this);
    sockets.push(this);
    setTimeout(() => {
      if (this.readyState !== 0) return;
      if (this.server.reachable) {
        this.readyState = 1;
        this.onopen?.(new Event("open"));
      } else {
        this.drop(1006);
      }
    }, 0);
  }

  send(frame: Uint8Array): void {
    const view = new DataView(frame.buffer, frame.byteOffset);
    const [offset, total] = [view.getUint32(4, true), view.getUint32(8, true)];
    if (offset === 0) [this.content, this.received] = [new Uint8Array(total), 0];
    this.content.set(frame.subarray(HEADER), offset);
    this.received += frame.length - HEADER;
    if (this.received < total) return;
    const request = decode(this.content) as Request;
    this.requests.push(request);
    this.server.handle(this, request);
  }

  /** The page closes the connection. */
  close(): void {
    this.readyState = 3;
  }

  /** The server, or the network, closes the connection. */
  drop(code = 1006): void {
    this.readyState = 3;
    this.onclose?.(Object.assign(new Event("close"), { code }));
  }

  deliver(message: object): void {
    const content = encode(message);
    const frame = new Uint8Array(HEADER + content.length);
    const view = new DataView(frame.buffer);
    view.setUint32(0, Math.floor(Math.random() * 2 ** 32), true);
    view.setUint32(8, content.length, true);
    frame.set(content, HEADER);
    if (this.readyState === 1) this.onmessage?.({ data: frame.buffer });
  }

  async reply(request: Request, result: unknown = null): Promise<void> {
    this.deliver({ wslink: "1.0", id: request.id, result });
    await settle();
  }

  async fail(request: Request, message: string, code = -32001): Promise<void> {
    this.deliver({ wslink: "1.0", id: request.id, error: { code, message } });
    await settle();
  }

  async publish(topic: string, result: unknown): Promise<void> {
    this.deliver({ wslink: "1.0", id: `publish:${topic}:0`, result });
    await settle();
  }

  methods(): string[] {
    return this.requests.map(({ method }) => method);
  }

  calls(method: string): unknown[][] {
    return this.requests.filter((request) => request.method === method).map(({ args }) => args);
  }

  last(method: string): Request {
    const found = this.requests.findLast((request) => request.method === method);
    if (!found) throw new Error(`${method} was not called, but ${this.methods().join(", ")}`);
    return found;
  }
}

type Launcher = (body: Record<string, unknown>) => { status: number; response: unknown };

export class FakeServer {
  readonly sockets: FakeSocket[] = [];
  readonly launches: Record<string, unknown>[] = [];
  reachable = true;
  extras = true;
  /** Whether the program is being developed. */
  development = false;
  /** The triggers that viewers may call, in a program that has viewers. */
  openToViewers: string[] | undefined;
  secret = "wslink-secret";
  state: Record<string, unknown> = {
    trame__scripts: [],
    trame__module_scripts: [],
    trame__styles: [],
    trame__vue_use: [],
    trame__client_only: ["trame__busy"],
    trame__busy: 1,
    trame__title: "Test",
  };
  /** The place of the newest change, and what has changed since for a page that has this mark. */
  mark: [string, number] = ["run-1", 7];
  changed: Record<string, unknown> = {};
  /** Methods that a test answers itself. */
  readonly held = new Set<string>();
  launcher: Launcher = () => ({ status: 405, response: null });

  constructor(state: Record<string, unknown> = {}) {
    Object.assign(this.state, state);
    const accept = (socket: FakeSocket) => {
      this.sockets.push(socket);
      return this;
    };
    vi.stubGlobal("WebSocket", class extends FakeSocket {
      constructor(url: string) {
        super(url, accept);
      }
    });
    const launch = (text: string) => {
      const body = JSON.parse(text) as Record<string, unknown>;
      this.launches.push(body);
      return this.launcher(body);
    };
    vi.stubGlobal(
      "XMLHttpRequest",
      class {
        response: unknown = null;
        responseType = "";
        status = 0;
        onload: (() => void) | null = null;
        open(): void {
          // Where it goes is not looked at.
        }
        send(text: string): void {
          setTimeout(() => {
            Object.assign(this, launch(text));
            this.onload?.();
          }, 0);
        }
      },
    );
  }

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("The page has not connected.");
    return socket;
  }

  handle(socket: FakeSocket, request: Request): void {
    if (this.held.has(request.method)) return;
    const { id, method, args } = request;
    const reply = (result: unknown) => setTimeout(() => socket.deliver({ wslink: "1.0", id, result }), 0);
    const fail = (code: number, message: string) =>
      setTimeout(() => socket.deliver({ wslink: "1.0", id, error: { code, message } }), 0);
    if (method === "wslink.hello") {
      const { secret } = args[0] as { secret: string };
      if (secret === this.secret) reply({ clientID: `c${this.sockets.length}`, maxMsgSize: 64 });
      else fail(-32000, "Authentication failed");
    } else if (method === "trame.state.get") {
      reply({ name: "test", state: this.state });
    } else if (method.startsWith("selvedge.") && !this.extras) {
      fail(-32601, "Unregistered method called");
    } else if (method === "selvedge.hello") {
      const { development, openToViewers } = this;
      reply({ version: 1, development, ...(openToViewers && { openToViewers }) });
    } else if (method === "selvedge.mark") {
      setTimeout(() => socket.deliver({ wslink: "1.0", id: "publish:selvedge.mark:0", result: this.mark }), 0);
      reply(null);
    } else if (method === "selvedge.resume") {
      reply(JSON.stringify(args) === JSON.stringify(this.mark) ? this.changed : null);
    } else {
      reply(null);
    }
  }
}
