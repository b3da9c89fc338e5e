// The state and the functions of `pump`, for the scripts of its pages. Made by `Server::typescript`.

export interface State {
  speed: number;
  name: string;
  place: string | null;
  points: [number, number][];
  limits: Limits;
  mode: Mode;
  parts: Part[];
  units: Record<string, number>;
  gaps: ([number, number] | null)[];
  picture: Uint8Array;
  seen: Date;
  anything: unknown;
  count: number;
  "label-text": string;
  list: unknown[];
  empty: unknown;
  render: JobStatus;
  render_log: string[];
  render_history: PastRun[];
}

export interface Triggers {
  join: [argument1: string, ...rest: unknown[]];
  render: [argument1: number];
  render_cancel: [argument1?: number | null];
  stop: [];
  turn: [argument1: number, argument2: Mode, argument3?: boolean | null];
}

export interface Methods {
  "pump.limits": [argument1: Limits];
}

export type Limits = { lowest: number; highestAllowed: number | null };

export type Mode = "Off" | { Speed: number } | { Ramp: { from: number; to: number } };

export type Part = { name: string; parts: Part[] };

export type JobState = "idle" | "queued" | "running" | "done" | "failed" | "cancelled";

export interface JobStatus {
  title: string;
  run: number;
  state: JobState;
  progress: number | null;
  message: string;
  seconds: number;
  left: number | null;
  result: unknown;
  error: string;
  running: number;
  waiting: number;
}

export interface PastRun {
  run: number;
  state: JobState;
  began: Date | null;
  seconds: number;
  message: string;
}

type Values<T> = { [K in keyof T]: T[K] };

export interface SharedState {
  get<K extends keyof State>(key: K): State[K];
  get(): Values<State>;
  set<K extends keyof State>(key: K, value: State[K]): Promise<void>;
  update(values: Partial<State>): Promise<void>;
  /** Calls `run` with the values of `keys`: now, and when one of them changes. Returns a function that stops this. */
  watch<K extends (keyof State)[]>(keys: [...K], run: (...values: { [I in keyof K]: State[K[I]] }) => void): () => void;
}

type Arguments<A extends unknown[]> = [] extends A ? [args?: A, kwargs?: Record<string, unknown>] : [args: A, kwargs?: Record<string, unknown>];

export interface Trame {
  readonly state: SharedState;
  readonly refs: Record<string, unknown>;
  /** Calls a trigger of the application. */
  trigger<N extends keyof Triggers>(name: N, ...args: Arguments<Triggers[N]>): Promise<unknown>;
  /** Calls an RPC method of the application. */
  call<N extends keyof Methods>(method: N, ...args: Arguments<Methods[N]>): Promise<unknown>;
  /** Sends files of any size to the upload function of this name. */
  upload(to: string, files: unknown): Promise<unknown[]>;
  addConnectListener(listener: () => void): void;
  removeConnectListener(listener: () => void): void;
}

declare global {
  interface Window {
    trame?: Trame;
  }
}
