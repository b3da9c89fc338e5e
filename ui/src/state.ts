// The state that this page shares with the server.
//
// An edit of the user is sent at the end of the current tick, the latest value of each key, one update at a time.
// While an edit of a key is unsent or unacknowledged, values of the server for it are dropped, since the edit comes
// after them: the server acknowledges an update before it publishes what the update caused, and does not echo it.
// So typing never loses letters, and a listener that corrects a value has the last word.
//
// A field for a number that is empty has a text, `""`, which the server does not take for a number. While the user is about to
// type another one it is not sent; once the field is left, the server says what an empty field means.

import { computed, type Ref, type ShallowRef, shallowRef, toRaw, triggerRef } from "vue";
import { ConnectionLost } from "./connection";
import { registerDecorator } from "./decorators";

export interface Change {
  key: string;
  value: unknown;
}

/**
 * What listeners hear of. `ready`: everything of the server is there, once for each connection. `refresh`: a script wants
 * the page to be drawn anew.
 */
export interface StateEvent {
  type: "new-keys" | "dirty-state" | "ready" | "refresh";
  keys: string[];
}

export type StateListener = (event: StateEvent) => void;

export class SharedState {
  private readonly values = new Map<string, ShallowRef<unknown>>();
  /** Keys that have a value. Templates may ask for others, which are then waited for. */
  private readonly present = new Set<string>();
  private readonly unsent = new Set<string>();
  /** Keys whose number was deleted in a field that has the focus. */
  private readonly emptied = new Set<string>();
  /** Client-only keys that this page has set: the server knows nothing better for them. */
  private readonly own = new Set<string>();
  /** How many updates on their way hold a key. */
  private readonly inFlight = new Map<string, number>();
  private updates = 0;
  private scheduled = false;
  private online = false;
  private readonly listeners = new Set<StateListener>();
  /** Those who wait until their edits have arrived. */
  private waiting: (() => void)[] = [];

  /**
   * `send` delivers an update and resolves when it is acknowledged. `refused` hears of updates that the server did
   * not take: the values shown are then not those of the server.
   */
  constructor(
    private readonly send: (changes: Change[]) => Promise<unknown>,
    private readonly refused: (keys: string[], error: unknown) => void,
  ) {}

  // Reading

  has(key: string): boolean {
    return this.present.has(key);
  }

  keys(): string[] {
    return [...this.present];
  }

  /** The value of a key, `undefined` if it has none, or everything. Reactive. */
  get(key: string): unknown;
  get(): Record<string, unknown>;
  get(key?: string): unknown {
    if (key === undefined) return Object.fromEntries(this.keys().map((name) => [name, this.get(name)]));
    return this.cell(key).value;
  }

  /** The value of a key as a ref, whose assignments are edits. */
  reference(key: string): Ref<unknown> {
    return computed({ get: () => this.get(key), set: (value) => void this.set(key, value) });
  }

  /** Calls `run` with the values of `keys`: now, and when one of them changes. Returns the way to stop. */
  watch(keys: string[], run: (...values: unknown[]) => void): () => void {
    const call = () => run(...keys.map((key) => this.get(key)));
    const listener: StateListener = ({ type, keys: changed }) => {
      if (type === "dirty-state" && keys.some((key) => changed.includes(key))) call();
    };
    this.listeners.add(listener);
    call();
    return () => this.removeListener(listener);
  }

  addListener(listener: StateListener): void {
    this.listeners.add(listener);
  }

  removeListener(listener: StateListener): void {
    this.listeners.delete(listener);
  }

  // Edits of this page

  /** Resolves when the server has the value, or at once where it cannot be reached: then it gets it later. */
  set(key: string, value: unknown): Promise<void> {
    return this.update({ [key]: value });
  }

  /** As {@link set}, for several keys. */
  update(values: Record<string, unknown>): Promise<void> {
    const changed = Object.entries(values).filter(([key, value]) => {
      const isDeletion = value === "" && isNumber(this.cell(key).value) && document.activeElement instanceof HTMLInputElement;
      const isEdit = this.assign(key, toRaw(value));
      if (isEdit) this.emptied.delete(key);
      if (isEdit && isDeletion) this.hold(key);
      return isEdit;
    });
    this.edited(changed.map(([key]) => key));
    if (!this.online || (this.unsent.size === 0 && this.updates === 0)) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /**
   * Sends what is unsent now, without waiting for earlier updates. Keys that are named are sent in any case: this
   * is how a change inside a value becomes known.
   */
  flush(...keys: (string | string[])[]): Promise<void> {
    const named = keys.flat();
    for (const key of named) triggerRef(this.cell(key));
    this.releaseEmptied();
    this.edited(named);
    return this.transmit();
  }

  /** Sets a value that is this page's own business. */
  setLocal(key: string, value: unknown): void {
    if (this.assign(key, value)) this.notify([key]);
  }

  // What pages of trame have besides, for scripts that are made for them

  readonly registerDecorator = registerDecorator;
  client: unknown = null;
  /** The server's name for the application. */
  name = "";
  /** Whether the values of a server are there. They stay when the connection goes. */
  ready = false;

  /** Everything that has a value. */
  get state(): Record<string, unknown> {
    return this.get();
  }

  getAllKeys(): string[] {
    return this.keys();
  }

  /** The keys that templates may change, by `trame__disable_mutation`. */
  getMutableStateKeys(): string[] {
    const fixed = this.get("trame__disable_mutation");
    return this.keys().filter((key) => !(Array.isArray(fixed) && fixed.includes(key)));
  }

  /** Whether edits of a key are sent. */
  canDirty(key: string): boolean {
    const clientOnly = this.get("trame__client_only");
    return !(Array.isArray(clientOnly) && clientOnly.includes(key));
  }

  notifyListeners({ type, keys = [] }: { type: StateEvent["type"]; keys?: string[] }): void {
    this.announce({ type, keys });
  }

  /** Marks keys as changed inside. */
  dirty(...keys: string[]): void {
    void this.flush(...keys);
  }

  // Values of the server

  /** Takes over everything that the server has, which is not news for what belongs to this page alone. */
  applySnapshot(values: Record<string, unknown>): void {
    this.apply(Object.fromEntries(Object.entries(values).filter(([key]) => !this.own.has(key) || this.canDirty(key))));
  }

  /** Takes over values of the server, except where an edit of this page is newer. */
  apply(values: Record<string, unknown>): void {
    const keys = Object.keys(values).filter(
      (key) =>
        key !== "trame__busy" && !this.unsent.has(key) && !this.inFlight.has(key) && !this.emptied.has(key),
    );
    const added = keys.filter((key) => !this.present.has(key));
    const changed = keys.filter((key) => {
      this.own.delete(key);
      const value = values[key];
      return !hasSameVisiblePart(value, this.cell(key).value) && this.assign(key, value);
    });
    if (added.length > 0) this.announce({ type: "new-keys", keys: added });
    this.notify(changed);
  }

  /** The connection is gone: what is not acknowledged has to be sent again. */
  disconnected(): void {
    this.online = false;
    this.release();
  }

  /** The state of the server has been taken over: edits can leave. */
  connected(): void {
    this.online = true;
    this.ready = true;
    void this.transmit();
    this.announce({ type: "ready", keys: [] });
  }

  private cell(key: string): ShallowRef<unknown> {
    let cell = this.values.get(key);
    if (!cell) {
      cell = shallowRef<unknown>(undefined);
      this.values.set(key, cell);
    }
    return cell;
  }

  private assign(key: string, value: unknown): boolean {
    const cell = this.cell(key);
    if (this.present.has(key) && Object.is(cell.value, value)) return false;
    this.present.add(key);
    cell.value = value;
    return true;
  }

  private edited(keys: string[]): void {
    if (keys.length === 0) return;
    const shared = keys.filter((key) => this.canDirty(key));
    for (const key of keys) if (!this.canDirty(key)) this.own.add(key);
    for (const key of shared) if (!this.emptied.has(key)) this.unsent.add(key);
    if (this.unsent.size > 0) this.schedule();
    this.notify(keys);
  }

  /** Keeps the deletion of a number to this page until the field is left. */
  private hold(key: string): void {
    this.dispose();
    document.addEventListener("focusout", this.releaseEmptied);
    this.emptied.add(key);
  }

  /** Ends what it listens to. */
  dispose(): void {
    document.removeEventListener("focusout", this.releaseEmptied);
  }

  private readonly releaseEmptied = (): void => {
    this.dispose();
    if (this.emptied.size === 0) return;
    for (const key of this.emptied) if (this.canDirty(key)) this.unsent.add(key);
    this.emptied.clear();
    this.schedule();
  };

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      if (this.updates === 0) void this.transmit();
    });
  }

  private async transmit(): Promise<void> {
    if (!this.online || this.unsent.size === 0) return;
    const keys = [...this.unsent];
    this.unsent.clear();
    for (const key of keys) this.inFlight.set(key, (this.inFlight.get(key) ?? 0) + 1);
    this.updates += 1;
    try {
      await this.send(keys.map((key) => ({ key, value: this.cell(key).value })));
      this.landed(keys);
    } catch (error) {
      this.landed(keys);
      if (error instanceof ConnectionLost) for (const key of keys) this.unsent.add(key);
      else this.refused(keys, error);
    }
    if (this.updates > 0) return;
    if (this.unsent.size > 0) this.schedule();
    else this.release();
  }

  private release(): void {
    for (const arrived of this.waiting.splice(0)) arrived();
  }

  private landed(keys: string[]): void {
    this.updates -= 1;
    for (const key of keys) {
      const left = (this.inFlight.get(key) ?? 1) - 1;
      if (left > 0) this.inFlight.set(key, left);
      else this.inFlight.delete(key);
    }
  }

  private notify(keys: string[]): void {
    if (keys.length > 0) this.announce({ type: "dirty-state", keys });
  }

  private announce(event: StateEvent): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(event);
      } catch (error) {
        reportError(error);
      }
    }
  }
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" || typeof value === "bigint";
}

/** The server leaves parts out of a value that has `_filter`; such a value is news only if another part changed. */
function hasSameVisiblePart(value: unknown, present: unknown): boolean {
  if (!isRecord(value) || !isRecord(present)) return false;
  if (!Array.isArray(value._filter) || value._filter.length === 0) return false;
  return Object.keys(value).every((key) => key.startsWith("_") || isEqual(value[key], present[key]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

function isEqual(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => isEqual(item, right[index]));
  }
  if (!isRecord(left) || !isRecord(right)) return false;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => isEqual(left[key], right[key]));
}
