// A wslink connection that reconnects when it is lost.
//
// Calls start in the order in which they were made. A call without an answer when the connection is
// lost is rejected with `ConnectionLost`: it is not known whether the server ran it. Subscriptions
// outlive connections.

import type { WebsocketSession } from "wslink/src/WebsocketConnection";
import SmartConnectModule, { type SmartConnect } from "wslink/src/SmartConnect";
import { CallError, ConnectionLost, messageOf } from "./call-errors";
import { isPromise, withFileContent } from "./files";
import { onUnreadable } from "./msgpack";
import { type Config, keepRoom, launcherURL } from "./options";
import { Pulse } from "./pulse";

/** The state of the connection. */
export type Link =
  | { phase: "starting" }
  | { phase: "ready" }
  /** Lost, and being retried. `ended`: the application announced its stop. */
  | { phase: "lost"; ended: boolean }
  /** The application refused this page. No further attempts follow. */
  | { phase: "refused"; message: string };

/**
 * The answer of a server with Selvedge's extensions. `development`: its program is in development.
 */
export interface Extras {
  version: number;
  development?: boolean;
  /** The triggers that users who may only look may call. Missing if all users may do everything. */
  openToViewers?: string[];
}

export interface ConnectionEvents {
  link(link: Link): void;
  /** The server has accepted this page. */
  ready(): void;
  /**
   * The answer of a server with Selvedge's protocol extensions; null from other servers. Follows
   * `ready`.
   */
  extras(answer: Extras | null): void;
  /** A message of the server could not be decoded and is lost. */
  unreadable(message: string): void;
}

export type Listener = (data: unknown) => void;

/** The answer of wslink's servers to a message that they cannot decode. */
const UNREADABLE = -32700;

/**
 * Time limit for a known session to accept the page, and then to announce its extensions, in ms.
 */
const HELLO_TIMEOUT = 10_000;
const EXTRAS_VERSION = 1;

/**
 * Delay before the next attempt, in ms: doubles from `first` to `limit`, and differs between pages.
 */
export function backOff(attempt: number, ended: boolean, random = Math.random()): number {
  const [first, limit] = ended ? [2000, 30_000] : [250, 5000];
  return Math.min(first * 2 ** attempt, limit) * (1 - random / 2);
}

/** The time in ms after which a launcher that is busy or stopping wants to be asked again. */
function retryAfter(source: unknown): number | null {
  const request = source as Partial<XMLHttpRequest> | null;
  if (request?.status !== 503) return null;
  const seconds = Number(request.getResponseHeader?.("Retry-After") ?? NaN);
  return 1000 * (seconds > 0 ? seconds : 10);
}

export class Connection {
  private smart: SmartConnect | null = null;
  private session: WebsocketSession | null = null;
  private known: Config | null = null;
  private askedLauncherAgain = false;
  private link: Link = { phase: "starting" };
  private attempts = 0;
  /** Changes with each attempt to connect, and at its end. */
  private attemptNumber = 0;
  /** Whether the page shows the server's state. */
  private inStep = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly topics = new Map<string, Set<Listener>>();
  private readonly unanswered = new Set<(reason: Error) => void>();
  /** Calls wait here while the files in an earlier one are read. */
  private queue: Promise<unknown> | null = null;
  private readonly end = new AbortController();
  private readonly pulse = new Pulse(
    () => this.hello(),
    () => this.lost(false),
  );

  /** `wanted`: the session, if a lookup is already in progress. Null if it cannot be looked up. */
  constructor(
    private readonly config: Config,
    private readonly events: ConnectionEvents,
    private wanted: Promise<Config | null> | null = null,
  ) {
    const lookAgain = (doubtful: boolean) => {
      this.retry();
      this.pulse.check(doubtful);
    };
    const { signal } = this.end;
    window.addEventListener("online", () => lookAgain(true), { signal });
    const seen = () => {
      if (document.visibilityState === "visible") lookAgain(false);
    };
    document.addEventListener("visibilitychange", seen, { signal });
    onUnreadable((error) => this.unreadable(error));
  }

  /**
   * Ends the connection permanently. Calls without an answer are rejected with `ConnectionLost`.
   */
  dispose(): void {
    this.end.abort();
    this.leave();
    this.topics.clear();
  }

  get ready(): boolean {
    return this.session !== null;
  }

  /** The session in use, as the launcher named it. */
  get currentConfig(): Config {
    return this.known ?? this.config;
  }

  /** Connects, to the previous session if there was one. Ends an attempt in progress. */
  connect(): void {
    const { wanted } = this;
    this.wanted = null;
    if (wanted === null) this.attempt(this.known ?? this.config);
    else {
      const { attemptNumber } = this;
      // Not if the page was suspended, or tries again, in the meantime.
      const begin = (found: Config | null) => {
        this.known = found;
        if (this.attemptNumber === attemptNumber) this.attempt(found ?? this.config);
      };
      void wanted.then(begin);
    }
  }

  /** Ends the connection until {@link connect} is called. */
  suspend(): void {
    this.leave();
    this.setLink({ phase: "lost", ended: false });
  }

  /**
   * Tries at once instead of after the delay, if the connection is lost and no attempt is in
   * progress.
   */
  retry(): void {
    if (this.smart === null && this.link.phase === "lost") this.connect();
  }

  /** Calls a method of the server. Arguments may be promises. */
  call(
    method: string,
    args: unknown[] | Promise<unknown[]> = [],
    kwargs: Record<string, unknown> = {},
  ): Promise<unknown> {
    const contents = isPromise(args) ? args.then((ready) => [ready, kwargs]) : withFileContent([args, kwargs], 4);
    if (!isPromise(args) && !isPromise(contents) && this.queue === null) return this.send(method, args, kwargs);

    const sent = Promise.all([contents, this.queue]).then(([call]) => {
      const [newArgs, newKwargs] = call as [unknown[], Record<string, unknown>];
      // Wrapped, so that the next call waits for this one to start and not for its answer.
      return { answer: this.send(method, newArgs, newKwargs) };
    });
    this.queue = sent;
    void sent.then(() => {
      if (this.queue === sent) this.queue = null;
    });
    return sent.then(({ answer }) => answer);
  }

  /** Subscribes to what the server publishes. Returns a function that unsubscribes. */
  subscribe(topic: string, listener: Listener): () => void {
    let listeners = this.topics.get(topic);
    if (!listeners) {
      listeners = new Set();
      this.topics.set(topic, listeners);
      if (this.session) this.listen(this.session, topic);
    }
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /**
   * Notes that the state is synchronized: after the next loss, retries start with a short delay.
   */
  settled(): void {
    this.attempts = 0;
    this.inStep = true;
  }

  private attempt(config: Config): void {
    this.leave();
    if (this.end.signal.aborted) return;
    // `iframe` makes wslink use the transport of the page for every kind of session. wslink builds
    // the launcher's URL by joining text, which is correct only if the page's address ends with a
    // slash.
    const launcher = { sessionManagerURL: launcherURL(config).href };
    const smart = SmartConnectModule.newInstance({
      config: { ...structuredClone(config), ...launcher, iframe: true } as object,
      // wslink calls this first without, and then with the answer of a launcher.
      configDecorator: (full) => {
        if (this.smart === smart && full.sessionURL) this.found(config, full as Config);
        return full;
      },
    });
    this.smart = smart;
    const current = (handle: () => void) => {
      if (this.smart === smart) handle();
    };
    smart.onConnectionReady((connection) => current(() => this.accepted(smart, connection.getSession())));
    smart.onConnectionError((source, error) => current(() => this.failed(config, error, retryAfter(source))));
    smart.onConnectionClose((_, event) => current(() => this.lost(event.code === 1001)));
    smart.connect();
  }

  /**
   * Notes the session, from `config` or from a launcher. A session from a launcher is kept for the
   * next attempt even if it is lost before it accepts the page: by then, the launcher may no longer
   * admit the page.
   */
  private found(config: Config, full: Config): void {
    if (!config.sessionURL) this.known = { ...full };
    // Not if another launcher has told it.
    if (launcherURL(config).origin === window.location.origin) {
      keepRoom(full);
      if (typeof full.selvedgeRoom === "string") this.config.selvedgeRoom = full.selvedgeRoom;
    }
    this.timer = setTimeout(() => this.lost(false), HELLO_TIMEOUT);
  }

  /** Ends the current connection, if any, without events. */
  private leave(): void {
    this.attemptNumber += 1;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.session = null;
    this.inStep = false;
    this.pulse.stop();
    const smart = this.smart;
    this.smart = null;
    smart?.destroy();
    for (const reject of [...this.unanswered]) reject(new ConnectionLost(true));
  }

  private accepted(smart: SmartConnect, session: WebsocketSession): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.session = session;
    this.known = { ...this.config, ...(smart.getConfig() as Config) };
    this.askedLauncherAgain = false;
    for (const topic of this.topics.keys()) this.listen(session, topic);
    this.setLink({ phase: "ready" });
    const negotiation = this.hello();
    this.events.ready();
    // Until it is answered, nothing else detects a silent connection.
    this.timer = setTimeout(() => this.lost(false), HELLO_TIMEOUT);
    const answered = (extras: Extras | null) => {
      if (this.session !== session) return;
      clearTimeout(this.timer);
      this.timer = undefined;
      if (extras) this.pulse.start();
      this.events.extras(extras);
    };
    negotiation.then(
      (extras) => answered((extras ?? { version: 1 }) as Extras),
      () => answered(null),
    );
  }

  /** Asks for Selvedge's protocol extensions. A server that has them answers at any time. */
  private hello(): Promise<unknown> {
    return this.call("selvedge.hello", [{ version: EXTRAS_VERSION, series: true }]);
  }

  /**
   * Handles the three kinds of errors that wslink reports: an answer of the server, the text of a
   * launcher, and events of the socket. `retry`: the time in ms after which the launcher may have
   * another answer.
   */
  private failed(config: Config, error: unknown, retry: number | null): void {
    // A close event follows the error event of a socket.
    if (error === undefined || error instanceof Event) return;
    const mayAskLauncher = config === this.known && !this.config.sessionURL && !this.askedLauncherAgain;
    if (mayAskLauncher) {
      this.askedLauncherAgain = true;
      this.attempt(this.config);
      return;
    }
    this.leave();
    this.setLink({ phase: "refused", message: messageOf(error) });
    // Not the session of before: the launcher was asked because it is over.
    if (retry !== null) this.timer = setTimeout(() => this.attempt(this.config), retry);
  }

  /**
   * Handles a message that cannot be decoded. Its kind is unknown: if it contained the state, there
   * is nothing to show, and the next attempt would get the same. If it was an answer, its call gets
   * none.
   */
  private unreadable(error: unknown): void {
    if (this.smart === null) return;
    const message = `The application has sent something that this page cannot read: ${messageOf(error)}`;
    if (this.inStep) {
      for (const reject of [...this.unanswered]) reject(new CallError(message, UNREADABLE));
      this.events.unreadable(message);
    } else {
      this.leave();
      this.setLink({ phase: "refused", message });
    }
  }

  private lost(ended: boolean): void {
    const hasEnded = ended || (this.link.phase === "lost" && this.link.ended);
    this.leave();
    this.askedLauncherAgain = false;
    this.setLink({ phase: "lost", ended: hasEnded });
    this.timer = setTimeout(() => this.connect(), backOff(this.attempts, hasEnded));
    this.attempts += 1;
  }

  private setLink(link: Link): void {
    this.link = link;
    this.events.link(link);
  }

  private listen(session: WebsocketSession, topic: string): void {
    session.subscribe(topic, ([data]) => {
      for (const listener of this.topics.get(topic) ?? []) {
        try {
          listener(data);
        } catch (error) {
          // One bad message must not stop the others.
          reportError(error);
        }
      }
      return Promise.resolve();
    });
  }

  private send(method: string, args: unknown[], kwargs: Record<string, unknown>): Promise<unknown> {
    const session = this.session;
    if (!session) return Promise.reject(new ConnectionLost());
    return new Promise((resolve, reject) => {
      // Throws, and so rejects, if an argument cannot be sent.
      const answer = session.call(method, args, kwargs) as Promise<unknown>;
      this.unanswered.add(reject);
      answer.then(
        (result) => {
          this.unanswered.delete(reject);
          resolve(result);
        },
        (error: unknown) => {
          this.unanswered.delete(reject);
          reject(callError(error));
        },
      );
    });
  }
}

function callError(error: unknown): Error {
  if (typeof error === "object" && error !== null && "code" in error) {
    const { code, data } = error as { code: number; data?: unknown };
    // wslink's own code for a socket that is not open.
    return code === -32099 ? new ConnectionLost() : new CallError(answerOf(error, data), code, data);
  }
  return new Error(messageOf(error));
}

/** Returns the cause, which is in the data of the error; its message only says that there is one. */
function answerOf(error: object, data: unknown): string {
  const exception = (data as { exception?: unknown } | null | undefined)?.exception;
  return typeof exception === "string" && exception !== "" ? exception : messageOf(error);
}
