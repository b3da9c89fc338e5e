// `window.trame`: the interface of trame's page for templates, scripts and widget packages.

import type { App } from "vue";
import type { Refs } from "./actions";
import type { Client } from "./client";
import type { Connection } from "./connection";
import type { SharedState } from "./state";
import * as tools from "./template-tools";
import type { Upload, Uploads } from "./uploads";

export type Trigger = (name: string, args?: unknown[], kwargs?: Record<string, unknown>) => Promise<unknown>;

/**
 * The functions that templates call as `utils`. Widget packages add to it, so it is a plain object.
 */
export type Utils = typeof tools & { router?: { addRoute: (route: unknown) => void } };

export interface Trame {
  state: SharedState;
  refs: Refs;
  trigger: Trigger;
  utils: Utils;
  client: Client;
  /** Calls an RPC method of the application: `trame.call<number>("camera.zoom", [2])`. */
  call<T = unknown>(method: string, args?: unknown[], kwargs?: Record<string, unknown>): Promise<T>;
  readonly config: object;
  /**
   * Sends files of any size to the upload function of this name: `trame.upload('data', $event)`.
   */
  upload(to: string, source: unknown): Promise<unknown[]>;
  /** Running uploads and those that ended last, for progress bars. Reactive. */
  readonly uploads: readonly Upload[];
  app?: App;
  /**
   * Resolves with the configuration when the page is connected. If it is not, tries to connect at
   * once.
   */
  connect(): Promise<object>;
  /**
   * Ends the page: connection, components and listeners. For a document that continues without it.
   */
  dispose(): void;
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
  client: Client,
  refs: Refs,
  trigger: Trigger,
  uploads: Uploads,
  connectListeners: Set<() => void>,
  dispose: () => void,
): Trame {
  const isConnected = () => connection.ready && state.ready;
  const trame: Trame = {
    state,
    refs,
    trigger,
    utils: { ...tools, fmt: { ...tools.fmt }, vtk: { ...tools.vtk } },
    client,
    call: <T>(method: string, args: unknown[] = [], kwargs: Record<string, unknown> = {}) =>
      connection.call(method, args, kwargs) as Promise<T>,
    get config() {
      return connection.currentConfig;
    },
    connect: () =>
      new Promise((resolve, reject) => {
        if (isConnected()) {
          resolve(trame.config);
          return;
        }
        const refusal = client.onConnectionError((reason) => finish(() => reject(reason)));
        const connected = () => finish(() => resolve(trame.config));
        const finish = (settle: () => void) => {
          refusal.unsubscribe();
          connectListeners.delete(connected);
          settle();
        };
        connectListeners.add(connected);
        connection.retry();
      }),
    dispose,
    upload: (to, source) => uploads.upload(to, source),
    get uploads() {
      return uploads.list;
    },
    addConnectListener: (listener) => {
      connectListeners.add(listener);
      if (isConnected()) listener();
    },
    removeConnectListener: (listener) => void connectListeners.delete(listener),
  };
  state.client = client;
  return trame;
}
