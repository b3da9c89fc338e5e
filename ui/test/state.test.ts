import { beforeEach, describe, expect, it, vi } from "vitest";
import { ConnectionLost } from "../src/call-errors";
import { type Change, SharedState } from "../src/state";

interface Sent {
  changes: Change[];
  acknowledge: () => Promise<void>;
  fail: (error: Error) => Promise<void>;
}

const tick = () => new Promise((resolve) => setTimeout(resolve, 0));

describe("the shared state", () => {
  let sent: Sent[];
  let refused: ReturnType<typeof vi.fn<(keys: string[], error: unknown) => void>>;
  let state: SharedState;

  beforeEach(() => {
    sent = [];
    refused = vi.fn();
    state = new SharedState(
      (changes) =>
        new Promise((resolve, reject) => {
          sent.push({
            changes,
            acknowledge: () => (resolve(null), tick().then(() => undefined)),
            fail: (error) => (reject(error), tick().then(() => undefined)),
          });
        }),
      refused,
    );
    state.apply({ name: "", feed: 0, trame__client_only: ["trame__busy", "open"] });
    state.connected();
  });

  const contents = () => sent.map(({ changes }) => Object.fromEntries(changes.map(({ key, value }) => [key, value])));

  it("sends the edits of a tick together, each key once", async () => {
    state.set("name", "A");
    state.set("feed", 1);
    state.set("name", "Ad");
    expect(sent).toEqual([]);
    await tick();
    expect(contents()).toEqual([{ name: "Ad", feed: 1 }]);
  });

  it("has one update on its way, and sends the latest values after it", async () => {
    state.set("name", "A");
    await tick();
    state.set("name", "Ad");
    await tick();
    state.set("name", "Ada");
    await tick();
    expect(sent).toHaveLength(1);
    await sent[0]?.acknowledge();
    expect(contents()).toEqual([{ name: "A" }, { name: "Ada" }]);
  });

  it("does not send what is equal, or client-only", async () => {
    state.set("name", "");
    state.set("open", true);
    await tick();
    expect(sent).toEqual([]);
    expect(state.get("open")).toBe(true);
  });

  it("drops a server value while an edit of the key is unsent", () => {
    state.set("name", "A");
    state.apply({ name: "other", feed: 2 });
    expect(state.get("name")).toBe("A");
    expect(state.get("feed")).toBe(2);
  });

  it("drops a server value that comes before the acknowledgement, and takes one that comes after", async () => {
    state.set("feed", 50);
    await tick();
    state.apply({ feed: 3 });
    expect(state.get("feed")).toBe(50);
    await sent[0]?.acknowledge();
    state.apply({ feed: 10 });
    expect(state.get("feed")).toBe(10);
  });

  it("keeps a newer edit when a correction of an older one comes", async () => {
    state.set("feed", 50);
    await tick();
    state.set("feed", 51);
    await sent[0]?.acknowledge();
    state.apply({ feed: 10 });
    expect(state.get("feed")).toBe(51);
    expect(contents()).toEqual([{ feed: 50 }, { feed: 51 }]);
  });

  it("protects a key until the last of several updates with it is acknowledged", async () => {
    state.set("feed", 1);
    await tick();
    state.set("feed", 2);
    void state.flush();
    expect(contents()).toEqual([{ feed: 1 }, { feed: 2 }]);
    await sent[0]?.acknowledge();
    state.apply({ feed: 9 });
    expect(state.get("feed")).toBe(2);
    await sent[1]?.acknowledge();
    state.apply({ feed: 9 });
    expect(state.get("feed")).toBe(9);
  });

  it("sends unacknowledged and offline edits after a reconnection, and keeps them over the snapshot", async () => {
    state.set("name", "Ada");
    await tick();
    state.disconnected();
    await sent[0]?.fail(new ConnectionLost());
    state.set("feed", 7);
    await tick();
    expect(sent).toHaveLength(1);
    state.apply({ name: "old", feed: 0 });
    state.connected();
    expect(contents()[1]).toEqual({ name: "Ada", feed: 7 });
    expect(refused).not.toHaveBeenCalled();
  });

  it("hands refused keys to whom it may concern, and takes the server's values for them again", async () => {
    state.set("name", "A");
    await tick();
    const error = new Error("read-only");
    await sent[0]?.fail(error);
    expect(refused).toHaveBeenCalledWith(["name"], error);
    state.apply({ name: "fixed" });
    expect(state.get("name")).toBe("fixed");
    expect(sent).toHaveLength(1);
  });

  it("sends named keys on flush even if they look unchanged", async () => {
    const list = [1];
    state.apply({ list });
    list.push(2);
    const seen = vi.fn();
    state.watch(["list"], seen);
    void state.flush("list");
    expect(contents()).toEqual([{ list: [1, 2] }]);
    expect(seen).toHaveBeenCalledTimes(2);
    await sent[0]?.acknowledge();
    expect(sent).toHaveLength(1);
  });

  it("ignores a filtered value unless a visible part of it changed", () => {
    const upload = { name: "a.txt", size: 3, content: new Uint8Array(3), _filter: ["content"] };
    state.apply({ upload });
    state.apply({ upload: { name: "a.txt", size: 3, _filter: ["content"] } });
    expect(state.get("upload")).toBe(upload);
    state.apply({ upload: { name: "b.txt", size: 3, _filter: ["content"] } });
    expect(state.get("upload")).toMatchObject({ name: "b.txt" });
  });

  it("counts busy calls itself and believes nobody else", () => {
    state.setLocal("trame__busy", 0);
    state.apply({ trame__busy: 1 });
    expect(state.get("trame__busy")).toBe(0);
  });

  it("tells watchers the values now and at each change, until they stop", () => {
    const seen = vi.fn();
    const stop = state.watch(["name", "feed"], seen);
    state.apply({ name: "x", feed: 1 });
    stop();
    state.apply({ name: "y" });
    expect(seen.mock.calls).toEqual([
      ["", 0],
      ["x", 1],
    ]);
  });
});
