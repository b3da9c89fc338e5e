// The state that this page shares with the server.
//
// An edit of the user is sent at the end of the current tick: the latest value of each key, one
// update at a time. While an edit of a key is unsent or unacknowledged, the server's values for the
// key are dropped, since the edit is newer: the server acknowledges an update before it publishes
// the consequences, and does not echo it. So typing never loses letters, and a listener that
// corrects a value has the last word.
//
// An empty number field has the text `""`, which the server does not accept as a number. It is not
// sent while the field has the focus, since the user may type another number; once the field loses
// the focus, the server decides what an empty field means.

import { computed, type Ref, type ShallowRef, shallowRef, toRaw, triggerRef } from "vue";
import { ConnectionLost } from "./call-errors";
import { registerDecorator } from "./decorators";
import { Refusals } from "./refusals";

export interface Change {
  key: string;
  value: unknown;
}

/** What is appended to a list that had `from` items; after it, `drop` items are removed at the front. */
export interface Append {
  from: number;
  drop: number;
  items: unknown[];
}

/**
 * Events for listeners. `ready`: the whole state of the server is loaded, once per connection.
 * `refresh`: a script wants the page to be rendered again.
 */
export interface StateEvent {
  type: "new-keys" | "dirty-state" | "ready" | "refresh";
  keys: string[];
}

export type StateListener = (event: StateEvent) => void;

export class SharedState {
  private readonly values = new Map<string, ShallowRef<unknown>>();
  /** Keys that have a value. Templates may read other keys and are updated when these get one. */
  private readonly present = new Set<string>();
  private readonly unsent = new Set<string>();
  /** Keys whose number was cleared in a field that has the focus. */
  private readonly emptied = new Set<string>();
  /** Client-only keys that this page has set, which a snapshot of the server does not replace. */
  private readonly own = new Set<string>();
  /** Number of unacknowledged updates that contain a key. */
  private readonly inFlight = new Map<string, number>();
  private updates = 0;
  /** Edits that the server refused. */
  readonly refusals = new Refusals();
  /** The key that was edited last, by which a field learns which one its control edits. */
  lastEdited = "";
  private scheduled = false;
  private online = false;
  private readonly listeners = new Set<StateListener>();
  /** Callers that wait until their edits are acknowledged. */
  private waiting: (() => void)[] = [];

  /**
   * `send` delivers an update and resolves when it is acknowledged. `refused` is called for updates
   * that the server refused: the values shown then differ from the server's.
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

  /**
   * Returns the value of a key, `undefined` if it has none, or all values without a key. Reactive.
   */
  get(key: string): unknown;
  get(): Record<string, unknown>;
  get(key?: string): unknown {
    if (key === undefined) return Object.fromEntries(this.keys().map((name) => [name, this.get(name)]));
    return this.cell(key).value;
  }

  /** Returns the value of a key as a ref, whose assignments are edits. */
  reference(key: string): Ref<unknown> {
    return computed({ get: () => this.get(key), set: (value) => void this.set(key, value) });
  }

  /**
   * Calls `run` with the values of `keys`: now, and when one of them changes. Returns a function
   * that stops this.
   */
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

  /**
   * Sets a value. Resolves when the server has it, or at once if the server cannot be reached: then
   * it gets the value later.
   */
  set(key: string, value: unknown): Promise<void> {
    return this.update({ [key]: value });
  }

  /** Sets several keys, like {@link set}. */
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
   * Sends unsent edits now, without waiting for earlier updates. Named keys are always sent, so
   * that a change inside a value reaches the server.
   */
  flush(...keys: (string | string[])[]): Promise<void> {
    const named = keys.flat();
    for (const key of named) triggerRef(this.cell(key));
    this.releaseEmptied();
    this.edited(named);
    return this.transmit();
  }

  /** Sets a value that only this page uses. */
  setLocal(key: string, value: unknown): void {
    if (this.assign(key, value)) this.notify([key]);
  }

  // Further members of trame's page, for scripts made for it

  readonly registerDecorator = registerDecorator;
  client: unknown = null;
  /** The server's name for the application. */
  name = "";
  /** Whether the values of a server are loaded. They stay when the connection is lost. */
  ready = false;

  /** All keys that have a value, with their values. */
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

  /** Returns whether edits of a key are sent. */
  canDirty(key: string): boolean {
    const clientOnly = this.get("trame__client_only");
    return !(Array.isArray(clientOnly) && clientOnly.includes(key));
  }

  notifyListeners({ type, keys = [] }: { type: StateEvent["type"]; keys?: string[] }): void {
    this.announce({ type, keys });
  }

  /** Marks keys as changed in place. */
  dirty(...keys: string[]): void {
    void this.flush(...keys);
  }

  // Values of the server

  /** Applies the whole state of the server, except for keys that belong only to this page. */
  applySnapshot(values: Record<string, unknown>): void {
    this.apply(Object.fromEntries(Object.entries(values).filter(([key]) => !this.own.has(key) || this.canDirty(key))));
  }

  /** Applies values of the server, except where an edit of this page is newer. */
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

  /**
   * Appends items of the server to lists. Returns the keys of lists that are not those that the
   * server appended to.
   */
  append(appends: Record<string, Append>): string[] {
    const lists: Record<string, unknown> = {};
    const missing: string[] = [];
    for (const [key, { from, drop, items }] of Object.entries(appends)) {
      const list = this.get(key);
      if (Array.isArray(list) && list.length === from) lists[key] = joined(list, items, drop);
      else missing.push(key);
    }
    this.apply(lists);
    return missing;
  }

  /** Notes that the connection is lost: unacknowledged edits have to be sent again. */
  disconnected(): void {
    this.online = false;
    this.release();
  }

  /** Notes that the state of the server is loaded: edits can be sent. */
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
    for (const key of keys) this.refusals.edited(key);
    this.lastEdited = keys.at(-1) ?? "";
    if (this.unsent.size > 0) this.schedule();
    this.notify(keys);
  }

  /** Holds back a cleared number until the field loses the focus. */
  private hold(key: string): void {
    this.dispose();
    document.addEventListener("focusout", this.releaseEmptied);
    this.emptied.add(key);
  }

  /** Removes the event listeners. */
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

/** Returns a new list, as elements that draw a list look whether it is another one. */
function joined(list: unknown[], items: unknown[], drop: number): unknown[] {
  const next = list.slice(drop);
  for (const item of items) next.push(item);
  return next;
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" || typeof value === "bigint";
}

/**
 * The server omits parts of a value that has `_filter`; such a value has changed only if another
 * part did.
 */
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
