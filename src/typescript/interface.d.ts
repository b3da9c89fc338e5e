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
