// The session of a connection, as trame's protocols and widgets use it.

export type Callback = (data: [unknown]) => unknown;

export interface Subscription {
  topic: string;
  callback: Callback;
  unsubscribe: () => Promise<void>;
  promise: Promise<unknown>;
}

/** What wslink calls a session. */
export interface Session {
  call: (method: string, args?: unknown[], kwargs?: Record<string, unknown>) => Promise<unknown>;
  subscribe: (topic: string, callback: Callback) => Subscription;
  unsubscribe: (subscription: { unsubscribe?: () => Promise<void> }) => Promise<void>;
  addAttachment: (content: unknown) => unknown;
}
