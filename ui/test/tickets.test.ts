import { describe, expect, it } from "vitest";
import { FakeServer, settle } from "./fake-server";
import { find, openPage } from "./open-page";

const TEMPLATE = `<p id="busy">{{ trame__busy }}</p><p id="answer">{{ answer }}</p>
  <button @click="trigger('work', [1]).then((value) => (answer = value), (error) => (answer = error.message))"></button>`;

async function page(extras = true): Promise<FakeServer> {
  const server = new FakeServer({ trame__template_main: TEMPLATE, answer: "", trame__client_only: ["answer", "trame__busy"] });
  server.extras = extras;
  server.held.add("trame.trigger");
  server.held.add("selvedge.call.outcome");
  await openPage();
  return server;
}

async function click(): Promise<void> {
  find("button").click();
  await settle();
}

async function reconnect(server: FakeServer): Promise<void> {
  server.socket.drop(1006);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await settle();
}

function shown(): string[] {
  return ["#busy", "#answer"].map((selector) => find(selector).textContent);
}

describe("a call whose connection is lost", () => {
  it("gets its outcome on the next connection", async () => {
    const server = await page();
    await click();
    const { kwargs } = server.socket.last("trame.trigger");
    expect(shown()).toEqual(["1", ""]);
    await reconnect(server);
    expect(shown()).toEqual(["1", ""]);
    const redeemed = server.socket.last("selvedge.call.outcome");
    expect(redeemed.args).toEqual([kwargs.ticket]);
    await server.socket.reply(redeemed, "done");
    expect(shown()).toEqual(["0", "done"]);

    await click();
    const next = server.socket.last("trame.trigger").kwargs;
    expect(next.done).toEqual([kwargs.ticket]);
    expect(next.ticket).not.toBe(kwargs.ticket);
  });

  it("fails if the next server does not keep outcomes", async () => {
    const server = await page();
    await click();
    server.extras = false;
    await reconnect(server);
    expect(shown()).toEqual(["0", "The application cannot be reached at the moment."]);
  });

  it("sends no ticket to a server without extras", async () => {
    const server = await page(false);
    await click();
    expect(server.socket.last("trame.trigger").kwargs).toEqual({});
  });
});

describe("a page that ends", () => {
  it("rejects its calls", async () => {
    const server = await page();
    const failed = expect(window.trame?.trigger("work")).rejects.toThrow("cannot be reached");
    await settle();
    window.trame?.dispose();
    await failed;
    expect(server.socket.methods()).toContain("trame.trigger");
  });
});
