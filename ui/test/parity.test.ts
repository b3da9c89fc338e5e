// What scripts and widget packages find at `window.trame`, as trame's page has it.

import { describe, expect, it, vi } from "vitest";
import { FakeServer, settle } from "./fake-server";
import { find, openPage } from "./open-page";

async function open(template = "<p id=text>{{ name }}</p>", state: Record<string, unknown> = {}) {
  const server = new FakeServer({ trame__template_main: template, name: "Ada", ...state });
  await openPage();
  const { trame } = window;
  if (!trame) throw new Error("The page has no window.trame.");
  return { server, trame };
}

async function retry(ms = 300): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await settle();
}

describe("utils", () => {
  it("takes what widget packages add, and templates have it", async () => {
    const { server, trame } = await open("<p id=text>{{ utils.charts?.unit }} {{ utils.fmt.percent?.(0.5) }}</p>");
    Object.assign(trame.utils, { charts: { unit: "bar" } });
    Object.assign(trame.utils.fmt, { percent: (part: number) => `${part * 100} %` });
    await server.socket.publish("trame.state.topic", { trame__template_main: "<p id=text>{{ utils.charts.unit }} {{ utils.fmt.percent(0.5) }}</p>" });
    expect(find("#text").textContent).toBe("bar 50 %");
  });

  it("gives the routes of the application to a router that a plugin brings", async () => {
    const routes: unknown[] = [];
    Object.assign(window, {
      router: { install: () => Object.assign(window.trame?.utils ?? {}, { router: { addRoute: (route: unknown) => routes.push(route) } }) },
    });
    await open("<p></p>", { trame__vue_use: ["window.router"], trame__routes: [{ path: "/a" }] });
    expect(routes).toEqual([{ path: "/a" }]);
  });
});

describe("the state", () => {
  it("knows which keys are the user's, and its own name", async () => {
    const { trame } = await open("<p></p>", { fixed: 1, trame__disable_mutation: ["fixed"] });
    expect(trame.state.getMutableStateKeys()).toContain("name");
    expect(trame.state.getMutableStateKeys()).not.toContain("fixed");
    expect([trame.state.canDirty("name"), trame.state.canDirty("trame__busy")]).toEqual([true, false]);
    expect([trame.state.name, trame.state.ready]).toEqual(["test", true]);
  });

  it("gives templates a ref of a key", async () => {
    const { server } = await open(`<input id=field v-model="get('na' + 'me').value"><p id=text>{{ get("missing") }}</p>`);
    const field = find("#field") as HTMLInputElement;
    expect(field.value).toBe("Ada");
    field.value = "Grace";
    field.dispatchEvent(new Event("input"));
    await settle();
    expect(server.socket.calls("trame.state.update")).toEqual([[[{ key: "name", value: "Grace" }]]]);
  });

  it("tells when an edit has arrived, or cannot arrive at the moment", async () => {
    vi.useFakeTimers();
    const { server, trame } = await open();
    server.held.add("trame.state.update");
    const arrived = vi.fn();
    void trame.state.set("name", "Grace").then(arrived);
    await settle();
    expect(arrived).not.toHaveBeenCalled();
    await server.socket.reply(server.socket.last("trame.state.update"));
    expect(arrived).toHaveBeenCalledTimes(1);
    void trame.state.set("name", "Ada").then(arrived);
    await settle();
    server.socket.drop();
    await settle();
    expect(arrived).toHaveBeenCalledTimes(2);
    await trame.state.set("name", "Offline");
    await expect(trame.state.set("name", "Offline")).resolves.toBeUndefined();
  });

  it("is drawn anew when a script asks for it", async () => {
    const { trame } = await open();
    const first = find("#text");
    trame.state.notifyListeners({ type: "refresh" });
    await settle();
    expect(find("#text")).not.toBe(first);
  });

  it("says once for each connection that everything is there", async () => {
    vi.useFakeTimers();
    const { server, trame } = await open();
    const ready = vi.fn();
    trame.state.addListener(({ type }) => {
      if (type === "ready") ready();
    });
    server.socket.drop();
    await retry();
    expect(ready).toHaveBeenCalledTimes(1);
  });
});

describe("the client", () => {
  it("has the methods that widget packages add to it", async () => {
    const { server, trame } = await open();
    trame.client.registerProtocol("Pump", (session) => ({ start: (speed: number) => session.call("pump.start", [speed]) }));
    const { Pump } = trame.client.getRemote() as unknown as { Pump: { start: (speed: number) => Promise<unknown> } };
    await Pump.start(3);
    expect(server.socket.calls("pump.start")).toEqual([[3]]);
    trame.client.unregisterProtocol("Pump");
    expect(trame.client.getRemote()).not.toHaveProperty("Pump");
  });

  it("calls for the geometry of local views", async () => {
    const { server, trame } = await open();
    const { SyncView } = trame.client.getRemote();
    const changes = vi.fn();
    SyncView.subscribeToViewChange(changes);
    await SyncView.addViewObserver("1");
    await SyncView.getViewState("1");
    await SyncView.getArray("abc");
    await SyncView.removeViewObserver("1");
    expect(server.socket.requests.slice(-4).map(({ method, args }) => [method.replace("viewport.geometry.", ""), ...args])).toEqual([
      ["view.observer.add", "1"],
      ["view.get.state", "1", false],
      ["array.get", "abc", true],
      ["view.observer.remove", "1"],
    ]);
    await server.socket.publish("viewport.geometry.view.subscription", { id: "1" });
    expect(changes).toHaveBeenCalledWith([{ id: "1" }]);
  });

  it("counts work of scripts as busy", async () => {
    const { trame } = await open();
    const counts: number[] = [];
    trame.client.onBusyChange((count) => counts.push(count));
    trame.client.beginBusy();
    expect(trame.client.isBusy()).toBe(true);
    trame.client.endBusy();
    await settle();
    expect(trame.client.isBusy()).toBe(false);
    expect(counts).toEqual([0, 1, 0]);
  });

  it("tells of connections that come and go, and connects at once when it is asked to", async () => {
    vi.useFakeTimers();
    const { server, trame } = await open();
    const told: string[] = [];
    trame.client.onConnectionReady(() => told.push("ready"));
    trame.client.getConnection().onConnectionClose(() => told.push("close"));
    await expect(trame.connect()).resolves.toBe(trame.config);
    server.socket.drop();
    await settle();
    expect(told).toEqual(["close"]);
    const connected = trame.connect();
    await settle();
    await expect(connected).resolves.toMatchObject({ sessionURL: "ws://test/ws" });
    expect(told).toEqual(["close", "ready"]);
  });

  it("rejects when the application does not want the page any more", async () => {
    vi.useFakeTimers();
    const { server, trame } = await open();
    const failures = vi.fn();
    trame.client.onConnectionError(failures);
    server.socket.drop();
    server.secret = "another";
    await settle();
    await expect(Promise.all([trame.connect(), retry(1000)])).rejects.toThrow("Authentication failed");
    expect(failures).toHaveBeenCalledTimes(1);
  });
});

describe("errors", () => {
  it("that scripts write to the console reach the server once, those of the server do not", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const { server, trame } = await open();
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    console.error("widget", new Error("broken"));
    console.error("widget", new Error("broken"));
    console.error(circle, undefined);
    server.held.add("trame.trigger");
    const answer = trame.trigger("boom");
    await settle();
    await server.socket.fail(server.socket.last("trame.trigger"), "no pump");
    await answer.catch((error: unknown) => console.error("failed", error));
    await settle();
    expect(server.socket.calls("trame.error.client")).toEqual([["widget broken"], ["[object Object] undefined"]]);
  });
});
