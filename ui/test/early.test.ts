import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
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
  vi.useRealTimers();
  for (const { begun } of opened.splice(0)) begun();
  history.replaceState(null, "", "/");
});

const opened: Early[] = [];

async function open(address: string): Promise<Early> {
  history.replaceState(null, "", address);
  vi.resetModules();
  await import("../src/early");
  const { selvedgeEarly } = window;
  if (!selvedgeEarly) throw new Error("The script has left nothing.");
  opened.push(selvedgeEarly);
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

describe("a page whose code does not run", () => {
  const shown = () => document.querySelector("#shell [role=alert]")?.textContent;

  beforeEach(() => (document.body.innerHTML = '<div id="shell"><main>Starting</main></div>'));

  it("says that a part of it cannot be loaded", async () => {
    await open("/index.html");
    const script = Object.assign(document.createElement("script"), { src: "http://test/page.js", type: "module" });
    document.body.append(script);
    script.dispatchEvent(new Event("error"));
    expect(shown()).toBe("A part of the page cannot be loaded: http://test/page.js");
    expect(document.querySelector("#shell button")?.textContent).toBe("Try again");
  });

  it("says what the browser does not understand", async () => {
    await open("/index.html");
    window.dispatchEvent(new ErrorEvent("error", { message: "SyntaxError: Unexpected token" }));
    expect(shown()).toBe("The page cannot run in this browser: SyntaxError: Unexpected token");
  });

  it("says that it does not come", async () => {
    vi.useFakeTimers();
    await open("/index.html");
    vi.advanceTimersByTime(19_000);
    expect(shown()).toBeUndefined();
    vi.advanceTimersByTime(2_000);
    expect(shown()).toBe("The page's code does not arrive.");
  });

  it("says nothing more once it runs", async () => {
    vi.useFakeTimers();
    const { begun } = await open("/index.html");
    begun();
    vi.advanceTimersByTime(60_000);
    window.dispatchEvent(new ErrorEvent("error", { message: "of the application" }));
    expect(shown()).toBeUndefined();
  });
});
