import { describe, expect, it } from "vitest";
import { FakeServer, settle } from "./fake-server";
import { find, openPage } from "./open-page";

describe("a list that grows", () => {
  const show = async () => {
    const server = new FakeServer({ trame__template_main: "<p>{{ points.join() }}</p>", points: [1, 2] });
    await openPage();
    return server;
  };
  const append = (server: FakeServer, from: number, drop: number, items: number[]) =>
    server.socket.publish("selvedge.append", { points: { from, drop, items } });

  it("is asked for in the first message", async () => {
    const server = await show();
    expect(server.socket.last("selvedge.hello").args).toEqual([{ version: 1, series: true }]);
  });

  it("gets new items at its end, and loses old ones", async () => {
    const server = await show();
    await append(server, 2, 0, [3]);
    expect(find("p").textContent).toBe("1,2,3");
    await append(server, 3, 2, [4, 5]);
    expect(find("p").textContent).toBe("3,4,5");
  });

  it("is another list after each append, for elements that draw it", async () => {
    const server = await show();
    const before = window.trame?.state.get("points");
    await append(server, 2, 0, [3]);
    expect(before).toEqual([1, 2]);
  });

  it("is asked for as a whole if it is not the one that the server appended to", async () => {
    const server = await show();
    await append(server, 7, 0, [8]);
    await settle();
    expect(server.socket.last("trame.force.push").args).toEqual(["points"]);
    expect(find("p").textContent).toBe("1,2");
    await server.socket.publish("trame.state.topic", { points: [1, 2, 8] });
    expect(find("p").textContent).toBe("1,2,8");
  });
});
