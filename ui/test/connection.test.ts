import { beforeEach, describe, expect, it, vi } from "vitest";
import { backOff } from "../src/connection";
import { FakeServer, settle } from "./fake-server";
import { field, find, openPage, type } from "./open-page";

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, "error").mockImplementation(() => undefined);
});

const PAGE = '<input id=name v-model="name"><p id=text>{{ count }}</p>';
const state = () => ({ trame__template_main: PAGE, name: "", count: 1 });
const shell = () => find("#shell").textContent;

/** Long enough for the next attempt to have been made. */
async function retry(time = 5000): Promise<void> {
  await vi.advanceTimersByTimeAsync(time);
  await settle();
  await settle();
}

describe("finding the server", () => {
  it("asks the launcher, and connects to where it points with its secret", async () => {
    const server = new FakeServer(state());
    server.secret = "from the launcher";
    server.launcher = () => ({ status: 200, response: { sessionURL: "ws://other/ws", secret: server.secret } });
    await openPage({ sessionURL: "", extra: "x" });
    expect(server.launches).toMatchObject([{ application: "trame", extra: "x" }]);
    expect(server.socket.url).toBe("ws://other/ws");
    expect(find("#text").textContent).toBe("1");
  });

  it("falls back to the WebSocket of the page's own server", async () => {
    const server = new FakeServer(state());
    await openPage({ sessionURL: "" });
    expect(server.socket.url).toMatch(/^ws:\/\/localhost:\d+\/ws$/);
    expect(find("#text").textContent).toBe("1");
  });

  it("shows the error of the launcher as a page", async () => {
    const server = new FakeServer(state());
    server.launcher = () => ({ status: 200, response: { error: "All seats are taken." } });
    await openPage({ sessionURL: "" });
    expect(find("main.sv-page").textContent).toContain("All seats are taken.");
    expect(server.sockets).toEqual([]);
  });

  it("shows a refused hello as a page and tries no further", async () => {
    const server = new FakeServer(state());
    await openPage({ secret: "wrong" });
    expect(find("main.sv-page").textContent).toContain("Authentication failed");
    await retry(60_000);
    expect(server.sockets).toHaveLength(1);
  });

  it("waits for a server that is not there yet", async () => {
    const server = new FakeServer(state());
    server.reachable = false;
    await openPage();
    expect(shell()).toContain("does not answer");
    server.reachable = true;
    await retry();
    expect(find("#text").textContent).toBe("1");
    expect(shell()).toBe("");
  });
});

describe("a lost connection", () => {
  it("comes back by itself, with the same elements, focus, and the state of the server", async () => {
    const server = new FakeServer(state());
    await openPage();
    const input = find("#name");
    input.focus();
    server.socket.drop();
    await settle();
    expect(shell()).toContain("Connection lost. Reconnecting…");
    server.state.count = 2;
    await retry();
    expect(server.sockets).toHaveLength(2);
    expect(find("#name")).toBe(input);
    expect(document.activeElement).toBe(input);
    expect(find("#text").textContent).toBe("2");
    expect(shell()).toBe("");
    expect(server.socket.methods()).toEqual([
      "wslink.hello",
      "selvedge.hello",
      "trame.state.get",
      "trame.lifecycle.update",
      "selvedge.mark",
    ]);
    await server.socket.publish("trame.state.topic", { count: 3 });
    expect(find("#text").textContent).toBe("3");
  });

  it("sends what was typed meanwhile, and what was not acknowledged", async () => {
    const server = new FakeServer({ ...state(), other: "" });
    server.state.trame__template_main = '<input id=name v-model="name"><input id=other v-model="other">';
    server.held.add("trame.state.update");
    await openPage();
    type("#other", "unacknowledged");
    await settle();
    server.socket.drop();
    await settle();
    type("#name", "typed offline");
    await retry();
    expect(field("#name").value).toBe("typed offline");
    expect(server.socket.calls("trame.state.update")).toEqual([
      [
        [
          { key: "other", value: "unacknowledged" },
          { key: "name", value: "typed offline" },
        ],
      ],
    ]);
  });

  it("fails the calls that have no answer, except triggers of a server that keeps their outcomes", async () => {
    const server = new FakeServer(state());
    server.held.add("app.slow").add("trame.trigger");
    await openPage();
    const failed = expect(window.trame?.client.getSession().call("app.slow")).rejects.toThrow("cannot be reached");
    const settled = vi.fn();
    window.trame?.trigger("slow").then(settled, settled);
    expect(window.trame?.client.isBusy()).toBe(true);
    server.socket.drop();
    await settle();
    await failed;
    expect(settled).not.toHaveBeenCalled();
    await expect(window.trame?.trigger("more")).rejects.toThrow("cannot be reached");
  });

  it("is tried at once when the user asks", async () => {
    const server = new FakeServer(state());
    await openPage();
    server.socket.drop();
    await settle();
    find("#shell button").click();
    await settle();
    await settle();
    expect(server.sockets).toHaveLength(2);
    expect(shell()).toBe("");
  });

  it("is not tried twice at a time, and ever more slowly", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const server = new FakeServer(state());
    await openPage();
    server.reachable = false;
    server.socket.drop();
    const times: number[] = [];
    for (let time = 0; time < 20_000; time += 10) {
      const before = server.sockets.length;
      await vi.advanceTimersByTimeAsync(10);
      if (server.sockets.length > before) times.push(time);
    }
    const gaps = times.slice(1).map((time, index) => Math.round((time - (times[index] ?? 0)) / 250) * 250);
    expect(gaps.slice(0, 5)).toEqual([500, 1000, 2000, 4000, 5000]);
  });

  it("that the application ended is told so, and tried more slowly", async () => {
    const server = new FakeServer(state());
    await openPage();
    server.reachable = false;
    server.socket.drop(1001);
    await settle();
    expect(shell()).toContain("The application was closed.");
    await retry(900);
    expect(server.sockets).toHaveLength(1);
    await retry(60_000);
    expect(shell()).toContain("The application was closed.");
    server.reachable = true;
    await retry(30_000);
    expect(shell()).toBe("");
  });

  it("asks a launcher again that has no room now", async () => {
    vi.useFakeTimers();
    const server = new FakeServer({ trame__template_main: "<p>here</p>" });
    server.launcher = () => ({ status: 503, response: { error: "All 2 rooms are in use." } });
    await openPage({ sessionURL: "" });
    expect(document.body.textContent).toContain("All 2 rooms are in use.");
    const asked = server.launches.length;
    server.launcher = () => ({ status: 200, response: { sessionURL: "ws://test/ws", secret: server.secret } });
    await vi.advanceTimersByTimeAsync(11_000);
    for (let round = 0; round < 8; round += 1) await settle();
    expect(server.launches.length).toBe(asked + 1);
    expect(document.body.textContent).toContain("here");
  });

  it("asks a launcher again whose room it has lost, and names the room", async () => {
    const server = new FakeServer(state());
    const session = () => ({ sessionURL: "ws://test/ws", secret: server.secret, selvedgeRoom: "way back" });
    server.launcher = () => ({ status: 200, response: session() });
    await openPage({ sessionURL: "" });
    server.socket.drop();
    server.secret = "of the next room";
    server.launcher = () => ({ status: 503, response: { error: "All 2 rooms are in use." } });
    await retry();
    expect(shell()).toContain("All 2 rooms are in use.");
    server.launcher = () => ({ status: 200, response: session() });
    await retry(11_000);
    expect(shell()).toBe("");
    expect(server.launches.at(-1)?.selvedgeRoom).toBe("way back");
  });

  it("gets a new secret from the launcher when the old one is refused", async () => {
    const server = new FakeServer(state());
    server.secret = "first";
    server.launcher = () => ({ status: 200, response: { sessionURL: "ws://test/ws", secret: server.secret } });
    await openPage({ sessionURL: "" });
    server.socket.drop();
    server.secret = "second";
    await retry();
    expect(server.launches).toHaveLength(2);
    expect(shell()).toBe("");
    server.changed = { count: 5 };
    server.socket.drop();
    await retry();
    expect(find("#text").textContent).toBe("5");
    expect(server.launches).toHaveLength(2);
  });

  it("before it was accepted does not need the launcher again", async () => {
    const server = new FakeServer(state());
    server.secret = "from the launcher";
    server.launcher = () => ({ status: 200, response: { sessionURL: "ws://test/ws", secret: server.secret } });
    server.held.add("wslink.hello");
    await openPage({ sessionURL: "" });
    server.socket.drop();
    server.held.clear();
    server.launcher = () => ({ status: 200, response: { error: "Not signed in." } });
    await retry();
    expect(find("#text").textContent).toBe("1");
    expect(server.launches).toHaveLength(1);
  });

  it("to a session of the launcher that says nothing is given up after a while", async () => {
    const server = new FakeServer(state());
    server.launcher = () => ({ status: 200, response: { sessionURL: "ws://test/ws", secret: server.secret } });
    server.held.add("wslink.hello");
    await openPage({ sessionURL: "" });
    server.held.clear();
    await retry(11_000);
    expect(server.sockets).toHaveLength(2);
    expect(find("#text").textContent).toBe("1");
  });

  it("says so when the launcher refuses too, and offers to reload", async () => {
    const server = new FakeServer(state());
    server.launcher = () => ({ status: 200, response: { sessionURL: "ws://test/ws", secret: server.secret } });
    await openPage({ sessionURL: "" });
    const text = find("#text");
    server.socket.drop();
    server.secret = "changed";
    server.launcher = () => ({ status: 200, response: { error: "This page is not allowed any more." } });
    await retry();
    expect(shell()).toContain("This page is not allowed any more.");
    expect(find("#shell button").textContent).toBe("Reload");
    expect(find("#text")).toBe(text);
    const attempts = server.sockets.length;
    await retry(60_000);
    expect(server.sockets).toHaveLength(attempts);
  });

  it("during the start does not keep the page from starting", async () => {
    const server = new FakeServer(state());
    server.held.add("trame.state.get");
    await openPage();
    server.socket.drop();
    server.held.clear();
    await retry();
    expect(find("#text").textContent).toBe("1");
  });
});

describe("what was missed", () => {
  /** A page that has a mark, whose connection is lost. */
  async function lost(): Promise<FakeServer> {
    const server = new FakeServer(state());
    await openPage();
    await vi.advanceTimersByTimeAsync(1000);
    await settle();
    server.socket.drop();
    await settle();
    return server;
  }

  it("is all that the page gets when it comes back", async () => {
    const server = await lost();
    server.changed = { count: 2 };
    type("#name", "typed offline");
    await retry(300);
    expect(find("#text").textContent).toBe("2");
    expect(server.socket.methods()).toEqual([
      "wslink.hello",
      "selvedge.hello",
      "selvedge.resume",
      "trame.state.update",
      "trame.lifecycle.update",
    ]);
    expect(server.socket.last("selvedge.resume").args).toEqual(["run-1", 7]);
    expect(field("#name").value).toBe("typed offline");
    expect(shell()).toBe("");
  });

  it("is everything after a restart of the application, and the page says so", async () => {
    const server = await lost();
    server.mark = ["run-2", 0];
    server.state.count = 9;
    await retry(300);
    expect(find("#text").textContent).toBe("9");
    expect(shell()).toContain("started anew");
    await retry(1000);
    server.socket.drop();
    server.changed = { count: 10 };
    await retry(300);
    expect(server.socket.last("selvedge.resume").args).toEqual(["run-2", 0]);
    expect(find("#text").textContent).toBe("10");
  });

  it("leaves what belongs to the page alone as it is, unless the application sets it now", async () => {
    const server = await lost();
    server.mark = ["run-2", 0];
    server.state.trame__client_only = ["trame__busy", "open"];
    server.state.open = false;
    await retry(300);
    await window.trame?.state.set("open", true);
    server.mark = ["run-3", 0];
    server.socket.drop();
    await retry(300);
    expect(window.trame?.state.get("open")).toBe(true);
    await server.socket.publish("trame.state.topic", { open: null });
    expect(window.trame?.state.get("open")).toBe(null);
  });

  it("is everything where the server knows no marks any more", async () => {
    const server = await lost();
    server.extras = false;
    server.state.count = 9;
    await retry(3000);
    expect(find("#text").textContent).toBe("9");
    expect(server.socket.calls("selvedge.mark")).toEqual([]);
  });

  it("is known by a mark that is asked for after changes, once in a while", async () => {
    const server = new FakeServer(state());
    await openPage();
    await retry(3000);
    expect(server.socket.calls("selvedge.mark")).toHaveLength(1);
    for (let count = 0; count < 20; count += 1) await server.socket.publish("trame.state.topic", { count });
    await retry(3000);
    expect(server.socket.calls("selvedge.mark")).toHaveLength(2);
  });
});

describe("back-off", () => {
  it("doubles from a quarter of a second to five seconds, less up to a half", () => {
    expect([0, 1, 2, 5, 20].map((attempt) => backOff(attempt, false, 0))).toEqual([250, 500, 1000, 5000, 5000]);
    expect(backOff(0, false, 1)).toBe(125);
    expect(backOff(0, true, 0)).toBe(2000);
  });
});
