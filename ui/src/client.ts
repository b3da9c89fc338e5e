// `trame.client`: the connection with the interface of trame's client, for templates, scripts and
// widget packages.
//
// It outlives single connections: subscriptions, registrations and listeners of a script continue
// on the next one.

import { ConnectionLost } from "./call-errors";
import { type Connection, type Link, type Listener } from "./connection";
import { createImageStream, type ImageStream } from "./image-stream";
import type { Callback, Session } from "./session";
import type { Change, SharedState } from "./state";

/** Returns the methods that are added to `getRemote()` under a name. */
type Protocol = (session: Session) => object;

/** An event and its listeners. */
class Happening<A extends unknown[]> {
  private readonly listeners = new Set<(...args: A) => void>();

  readonly on = (listener: (...args: A) => void): { unsubscribe: () => void } => {
    this.listeners.add(listener);
    return { unsubscribe: () => void this.listeners.delete(listener) };
  };

  readonly tell = (...args: A): void => {
    for (const listener of [...this.listeners]) {
      try {
        listener(...args);
      } catch (error) {
        reportError(error);
      }
    }
  };
}

export type Client = ReturnType<typeof createClient>["client"];

/**
 * Creates the client, and the functions that report the state of the connection to it. `track`
 * counts a promise as work that the user waits for.
 */
export function createClient(connection: Connection, state: SharedState, track: (work: Promise<void>) => void) {
  const session = sessionOf(connection);
  const protocols: Record<string, Protocol> = { Trame: trameProtocol, SyncView: syncViewProtocol };
  const remote = Object.fromEntries(Object.entries(protocols).map(([name, protocol]) => [name, protocol(session)])) as {
    Trame: ReturnType<typeof trameProtocol>;
    SyncView: ReturnType<typeof syncViewProtocol>;
  };
  const ready = new Happening<[unknown]>();
  const closed = new Happening<[Error]>();
  const failed = new Happening<[Error]>();
  const wslink = {
    getSession: () => session,
    getUrl: () => connection.currentConfig.sessionURL,
    onConnectionReady: ready.on,
    onConnectionClose: closed.on,
    onConnectionError: failed.on,
  };
  let images: ImageStream | null = null;
  let connectedBefore = false;
  const work: (() => void)[] = [];

  const client = {
    getConnection: () => wslink,
    getSession: () => session,
    getRemote: () => remote,
    getConfig: () => connection.currentConfig,
    getProtocols: () => protocols,
    registerProtocol: (name: string, protocol: Protocol) => {
      protocols[name] = protocol;
      Object.assign(remote, { [name]: protocol(session) });
    },
    unregisterProtocol: (name: string) => {
      Reflect.deleteProperty(protocols, name);
      Reflect.deleteProperty(remote, name);
    },
    /** Pictures that a server renders for trame's remote views. */
    getImageStream: () => (images ??= createImageStream(session)),
    isConnected: () => connection.ready,
    isBusy: () => Number(state.get("trame__busy") ?? 0) > 0,
    beginBusy: () => track(new Promise((resolve) => work.push(resolve))),
    endBusy: () => work.pop()?.(),
    onBusyChange: (changed: (count: number) => void) => ({
      unsubscribe: state.watch(["trame__busy"], (count) => changed(Number(count ?? 0))),
    }),
    onConnectionReady: ready.on,
    onConnectionClose: closed.on,
    onConnectionError: failed.on,
  };

  return {
    client,
    /** Ends what scripts have created with it. */
    dispose: () => images?.delete(),
    /** The state is synchronized on a new connection. */
    settled: () => {
      if (connectedBefore) images?.reconnected();
      connectedBefore = true;
      ready.tell(client);
    },
    linkChanged: (link: Link) => {
      if (link.phase === "lost") closed.tell(new ConnectionLost());
      // Listeners expect the answer of a launcher, which has this form.
      if (link.phase === "refused")
        failed.tell(Object.assign(new Error(link.message), { response: { error: link.message } }));
    },
  };
}

function sessionOf(connection: Connection): Session {
  return {
    call: (method, args, kwargs) => connection.call(method, args, kwargs),
    subscribe: (topic, callback) => {
      const listener: Listener = (data) => void callback([data]);
      const stop = connection.subscribe(topic, listener);
      const unsubscribe = () => {
        stop();
        return Promise.resolve();
      };
      return { topic, callback, unsubscribe, promise: Promise.resolve({ topic, callback, unsubscribe }) };
    },
    unsubscribe: (subscription) => subscription.unsubscribe?.() ?? Promise.resolve(),
    addAttachment: (content) => content,
  };
}

function trameProtocol(session: Session) {
  return {
    getState: () => session.call("trame.state.get"),
    updateState: (changes: Change[]) => session.call("trame.state.update", [changes]),
    trigger: (name: string, args: unknown[] = [], kwargs: Record<string, unknown> = {}) =>
      session.call("trame.trigger", [name, args, kwargs]),
    lifeCycleUpdate: (event: string) => session.call("trame.lifecycle.update", [event]),
    sendError: (message: string) => session.call("trame.error.client", [message]),
    subscribeToStateUpdate: (callback: Callback) => session.subscribe("trame.state.topic", callback),
    subscribeToActions: (callback: Callback) => session.subscribe("trame.actions.topic", callback),
    unsubscribe: session.unsubscribe,
  };
}

/**
 * The methods by which trame's local views get the geometry of a scene. The server has to provide
 * them.
 */
function syncViewProtocol(session: Session) {
  return {
    getArray: (hash: string, binary = true) => session.call("viewport.geometry.array.get", [hash, binary]),
    getViewState: (view: unknown, subscribe = false) =>
      session.call("viewport.geometry.view.get.state", [view, subscribe]),
    addViewObserver: (view: unknown) => session.call("viewport.geometry.view.observer.add", [view]),
    removeViewObserver: (view: unknown) => session.call("viewport.geometry.view.observer.remove", [view]),
    subscribeToViewChange: (callback: Callback) => session.subscribe("viewport.geometry.view.subscription", callback),
    unsubscribe: session.unsubscribe,
  };
}
