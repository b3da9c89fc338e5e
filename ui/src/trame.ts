// `window.trame`: the interface that templates, scripts and widget packages know from trame's page.

import type { App } from "vue";
import type { Refs } from "./actions";
import type { Connection, Listener } from "./connection";
import type { Change, SharedState } from "./state";
import * as utils from "./template-tools";

export type Trigger = (name: string, args?: unknown[], kwargs?: Record<string, unknown>) => Promise<unknown>;

export interface Trame {
  state: SharedState;
  refs: Refs;
  trigger: Trigger;
  utils: typeof utils;
  client: ReturnType<typeof clientOf>;
  readonly config: object;
  app?: App;
  addConnectListener(listener: () => void): void;
  removeConnectListener(listener: () => void): void;
}

declare global {
  interface Window {
    trame?: Trame;
    Vue?: typeof import("vue");
  }
}

export function createTrame(
  connection: Connection,
  state: SharedState,
  refs: Refs,
  trigger: Trigger,
  connectListeners: Set<() => void>,
): Trame {
  return {
    state,
    refs,
    trigger,
    utils,
    client: clientOf(connection, state),
    get config() {
      return connection.currentConfig;
    },
    addConnectListener: (listener) => {
      connectListeners.add(listener);
      if (connection.ready) listener();
    },
    removeConnectListener: (listener) => void connectListeners.delete(listener),
  };
}

/** The connection in the shape of trame's client and wslink's session. It outlives single connections. */
function clientOf(connection: Connection, state: SharedState) {
  const subscribe = (topic: string, callback: (data: [unknown]) => unknown) => {
    const listener: Listener = (data) => void callback([data]);
    const stop = connection.subscribe(topic, listener);
    const unsubscribe = () => {
      stop();
      return Promise.resolve();
    };
    return { topic, callback, unsubscribe, promise: Promise.resolve({ topic, callback }) };
  };
  const session = {
    call: (method: string, args?: unknown[], kwargs?: Record<string, unknown>) =>
      connection.call(method, args, kwargs),
    subscribe,
    unsubscribe: (subscription: { unsubscribe?: () => Promise<void> }) =>
      subscription.unsubscribe?.() ?? Promise.resolve(),
    addAttachment: (content: unknown) => content,
  };
  const wslink = { getSession: () => session };
  const remote = {
    Trame: {
      getState: () => session.call("trame.state.get"),
      updateState: (changes: Change[]) => session.call("trame.state.update", [changes]),
      trigger: (name: string, args: unknown[] = [], kwargs: Record<string, unknown> = {}) =>
        session.call("trame.trigger", [name, args, kwargs]),
      lifeCycleUpdate: (event: string) => session.call("trame.lifecycle.update", [event]),
      sendError: (message: string) => session.call("trame.error.client", [message]),
      subscribeToStateUpdate: (callback: (data: [unknown]) => unknown) => subscribe("trame.state.topic", callback),
      subscribeToActions: (callback: (data: [unknown]) => unknown) => subscribe("trame.actions.topic", callback),
      unsubscribe: session.unsubscribe,
    },
  };
  return {
    getConnection: () => wslink,
    getRemote: () => remote,
    onBusyChange: (changed: (count: number) => void) => ({
      unsubscribe: state.watch(["trame__busy"], (count) => changed(Number(count ?? 0))),
    }),
    getSession: () => session,
    getConfig: () => connection.currentConfig,
    isConnected: () => connection.ready,
    isBusy: () => Number(state.get("trame__busy") ?? 0) > 0,
  };
}
