import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Early } from "../src/early";

class Socket {
  static readonly OPEN = 1;
  static all: Socket[] = [];
  readyState = 0;
  constructor(readonly url: string) {
    Socket.all.push(this);
  }
}

const answer = (body: unknown, ok = true) => Promise.resolve({ ok, json: () => Promise.resolve(body) });
const fetch = vi.fn<(url: URL, options: { body: string }) => Promise<unknown>>();

beforeEach(() => {
  Socket.all = [];
  localStorage.clear();
  vi.stubGlobal("WebSocket", Socket);
  vi.stubGlobal("fetch", fetch);
  fetch.mockReset().mockReturnValue(answer({ sessionURL: "ws://test/ws", secret: "of the launcher" }));
});

afterEach(() => {
  history.replaceState(null, "", "/");
});

async function open(address: string): Promise<Early> {
  history.replaceState(null, "", address);
  vi.resetModules();
  await import("../src/early");
  const { selvedgeEarly } = window;
  if (!selvedgeEarly) throw new Error("The script has left nothing.");
  return selvedgeEarly;
}

it("asks the launcher with what the address says, and opens the session", async () => {
  const early = await open("/index.html?extra=1#signInProof=abc");
  expect(await early.session).toMatchObject({ extra: "1", sessionURL: "ws://test/ws", secret: "of the launcher" });
  expect(fetch).toHaveBeenCalledOnce();
  const [url, { body }] = fetch.mock.calls[0] ?? [new URL("x:"), { body: "" }];
  expect(url.pathname).toBe("/paraview/");
  expect(JSON.parse(body)).toMatchObject({ application: "trame", extra: "1", signInProof: "abc" });
  expect(Socket.all.map(({ url }) => url)).toEqual(["ws://test/ws"]);
});

it("keeps the proof for reloads", async () => {
  await open("/index.html#signInProof=abc");
  expect(location.hash).toBe("");
  const { config } = await open("/index.html");
  expect(config.signInProof).toBe("abc");
});

it("needs no launcher where the address names the session", async () => {
  const early = await open("/index.html?sessionURL=ws://named/ws");
  expect(await early.session).toBe(early.config);
  expect(fetch).not.toHaveBeenCalled();
  expect(Socket.all.map(({ url }) => url)).toEqual(["ws://named/ws"]);
});

it("gives its connection once, to its own URL, while it is open", async () => {
  const early = await open("/index.html");
  await early.session;
  const taken = early.takeSocket("ws://test/ws");
  expect(taken).toBe(Socket.all[0]);
  expect(early.takeSocket("ws://test/ws")).toBeNull();

  const other = await open("/index.html");
  await other.session;
  expect(other.takeSocket("ws://other/ws")).toBeNull();

  const closed = await open("/index.html");
  await closed.session;
  for (const socket of Socket.all) socket.readyState = 3;
  expect(closed.takeSocket("ws://test/ws")).toBeNull();
});

it.each([
  ["an error", () => answer({ error: "All seats are taken.", sessionURL: "ws://test/ws" })],
  ["another status", () => answer({ sessionURL: "ws://test/ws" }, false)],
  ["something else", () => answer(null)],
  ["nothing", () => Promise.reject(new Error("unreachable"))],
])("leaves it to wslink where the launcher answers %s", async (_, launcher) => {
  fetch.mockImplementation(launcher);
  const early = await open("/index.html");
  expect(await early.session).toBeNull();
  expect(Socket.all).toEqual([]);
});

it("does nothing where the page around it may bring the transport", async () => {
  const early = await open("/index.html?wsProxy=true");
  expect(early).toMatchObject({ hostTransport: true, session: null });
  expect(fetch).not.toHaveBeenCalled();
});
