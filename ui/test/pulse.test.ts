import { beforeEach, describe, expect, it, vi } from "vitest";
import { FakeServer, settle } from "./fake-server";
import { find, openPage } from "./open-page";

describe("a connection on which nothing comes any more", () => {
  let server: FakeServer;

  beforeEach(async () => {
    vi.useFakeTimers();
    server = new FakeServer({ trame__template_main: "<p id=text>{{ count }}</p>", count: 1 });
    await openPage();
    await vi.advanceTimersByTimeAsync(1100);
  });

  /** From now on nothing gets through on the present connection, and nobody says so. */
  function silence(): void {
    server.held.add("selvedge.hello").add("app.slow");
  }

  const asked = () => server.sockets[0]?.calls("selvedge.hello").length;

  // The first: pages of tests before it would hear of the network, too.
  it("is asked at once when the network is back, and calls on it fail soon", async () => {
    server.held.add("app.slow");
    const failed = vi.fn();
    window.trame?.client.getSession().call("app.slow").catch(failed);
    await settle();
    window.dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(6000);
    expect(asked()).toBe(2);
    expect(failed).not.toHaveBeenCalled();
    silence();
    window.dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(5100);
    expect(failed).toHaveBeenCalledTimes(1);
  });

  it("is given up though something came that was on its way before the silence", async () => {
    silence();
    const failed = vi.fn();
    window.trame?.client.getSession().call("app.slow").catch(failed);
    window.dispatchEvent(new Event("online"));
    await server.socket.publish("trame.state.topic", { count: 2 });
    await vi.advanceTimersByTimeAsync(11_000);
    expect(failed).toHaveBeenCalledTimes(1);
  });

  it("is asked after a while, and given up when it does not answer", async () => {
    silence();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(asked()).toBe(2);
    server.held.clear();
    await vi.advanceTimersByTimeAsync(15_000);
    await settle();
    expect(server.sockets).toHaveLength(2);
    expect(find("#shell").textContent).toBe("");
  });

  it("is given up when it falls silent before the server has told what it knows", async () => {
    silence();
    server.sockets[0]?.drop();
    await vi.advanceTimersByTimeAsync(300);
    await settle();
    expect(server.sockets).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(11_000);
    expect(server.sockets.length).toBeGreaterThan(2);
  });

  it("does not ask the application to end when it is given up", async () => {
    silence();
    await vi.advanceTimersByTimeAsync(60_000);
    await settle();
    const methods = server.sockets.flatMap((socket) => socket.methods());
    expect(server.sockets.length).toBeGreaterThan(1);
    expect(methods).not.toContain("application.exit.later");
  });

  it("is kept when it answers, for as long as it likes", async () => {
    await vi.advanceTimersByTimeAsync(300_000);
    expect(asked()).toBeGreaterThan(5);
    expect(server.sockets).toHaveLength(1);
  });

  it("is not asked while there is news", async () => {
    for (let time = 0; time < 12; time += 1) {
      await vi.advanceTimersByTimeAsync(5000);
      await server.socket.publish("trame.state.topic", { count: time });
    }
    expect(asked()).toBe(1);
  });

  it("is asked at once after the machine slept", async () => {
    silence();
    vi.setSystemTime(Date.now() + 3_600_000);
    await vi.advanceTimersByTimeAsync(5000);
    expect(asked()).toBe(2);
    server.held.clear();
    await vi.advanceTimersByTimeAsync(6000);
    await settle();
    expect(server.sockets).toHaveLength(2);
  });
});
