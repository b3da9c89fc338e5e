import { expect, it } from "vitest";
import { FakeServer, settle } from "./fake-server";
import { find, openPage, type } from "./open-page";

it("A message is processed to its end before the next one comes", async () => {
  const server = new FakeServer({ trame__template_main: '<input v-model="name">{{ big }}', name: "", big: "" });
  server.held.add("trame.state.update");
  await openPage();
  type("input", "mine");
  await settle();
  const update = server.socket.last("trame.state.update");
  const nextTask = () => new Promise((resolve) => setTimeout(resolve, 0));

  // A large message first: with blobs, the small one after it would win.
  server.socket.deliver({ wslink: "1.0", id: "publish:trame.state.topic:0", result: { name: "lost", big: "x".repeat(1e6) } });
  await nextTask();
  server.socket.deliver({ wslink: "1.0", id: update.id, result: null });
  await nextTask();
  server.socket.deliver({ wslink: "1.0", id: "publish:trame.state.topic:0", result: { name: "corrected" } });
  await nextTask();
  expect(window.trame?.state.get("name")).toBe("corrected");
  await settle();
  expect((find("input") as HTMLInputElement).value).toBe("corrected");
});

it("A connection that is open already is used like a new one", async () => {
  const server = new FakeServer({ trame__template_main: "<p>{{ name }}</p>", name: "Ada" });
  let opened: WebSocket | null = new WebSocket("ws://test/ws");
  await settle();
  expect(opened.readyState).toBe(WebSocket.OPEN);
  await openPage({}, "main", () => {
    const socket = opened;
    opened = null;
    return socket;
  });
  expect(find("p").textContent).toBe("Ada");
  expect(server.sockets).toHaveLength(1);
});
