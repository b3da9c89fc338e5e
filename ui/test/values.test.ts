import { afterEach, expect, it, vi } from "vitest";
import { FakeServer, settle } from "./fake-server";
import { field, find, openPage, type } from "./open-page";

const ID = 1009513310189256287n;
const LAST = 2n ** 64n - 1n;

afterEach(() => vi.restoreAllMocks());

it("A whole number beyond 2^53 is shown, reckoned with and sent back exactly", async () => {
  const server = new FakeServer({
    id: ID,
    row: { id: LAST, low: -(2n ** 63n), safe: 2 ** 53 - 1 },
    trame__template_main: `
      <p>{{ id }} {{ id + 1n }} {{ Number(row.safe) + 1 }}</p><pre>{{ row }}</pre>
      <button @click="trigger('take', [id, row, 2 ** 53])">take</button><input v-model="id">`,
  });
  await openPage();
  expect(find("p").textContent).toBe("1009513310189256287 1009513310189256288 9007199254740992");
  expect(find("pre").textContent).toContain(String(LAST));
  expect(field("input").value).toBe(String(ID));
  find("button").click();
  await settle();
  const [, args] = server.socket.calls("trame.trigger")[0] as [string, unknown[]];
  expect(args).toEqual([ID, { id: LAST, low: -(2n ** 63n), safe: 2 ** 53 - 1 }, 2 ** 53]);
  await server.socket.publish("trame.state.topic", { id: ID + 2n });
  expect(find("p").textContent).toContain("1009513310189256289 ");
});

it("A number that does not fit into 64 bits is not sent, and the call says so", async () => {
  new FakeServer({ trame__template_main: "<p></p>" });
  await openPage();
  await expect(window.trame?.trigger("take", [2n ** 64n])).rejects.toThrow("18446744073709551616 does not fit into 64 bits");
});

it("A text that was cut inside a character is text all the same", async () => {
  const server = new FakeServer({ trame__template_main: "<p></p>" });
  await openPage();
  const cut = "half of \u{1F600}".slice(0, -1);
  void window.trame?.trigger("take", [cut, { [cut]: "\u{1F600}" }]);
  await settle();
  const [, args] = server.socket.calls("trame.trigger")[0] as [string, unknown[]];
  expect(args).toEqual(["half of \uFFFD", { "half of \uFFFD": "\u{1F600}" }]);
});

/** An object that no decoder takes: its key is there as one of its own. */
const unreadable = () => JSON.parse('{"__proto__": 1}') as object;

it("A state that cannot be read is said in the place of the page", async () => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  new FakeServer({ bad: unreadable(), trame__template_main: "<p>shown</p>" });
  await openPage();
  expect(find("main").textContent).toContain("The application has sent something that this page cannot read");
  expect(find("main").textContent).toContain("__proto__");
  expect(find("main button").textContent).toBe("Reload");
});

it("A message that cannot be read is told, and its call is not waited for", async () => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  const server = new FakeServer({ name: "Ada", trame__template_main: "<p>{{ name }}</p>" });
  server.held.add("trame.trigger");
  await openPage();
  const answer = window.trame?.trigger("ask");
  await settle();
  const refusal = expect(answer).rejects.toThrow("cannot read");
  await server.socket.reply(server.socket.last("trame.trigger"), unreadable());
  await refusal;
  expect(find(".sv-notices").textContent).toContain("cannot read");
  await server.socket.publish("trame.state.topic", { name: "Bob" });
  expect(find("p").textContent).toBe("Bob");
  expect(window.trame?.state.get("trame__busy")).toBe(0);
});

const NUMBER = '<input type="number" v-model.number="count">';

it("A number that is deleted in order to type another one is not sent until the field is left", async () => {
  const server = new FakeServer({ count: 10, trame__template_main: NUMBER });
  await openPage();
  field("input").focus();
  type("input", "");
  await settle();
  expect(server.socket.calls("trame.state.update")).toEqual([]);
  // A value that the server sets in the meantime does not replace what is typed.
  await server.socket.publish("trame.state.topic", { count: 11 });
  expect(field("input").value).toBe("");
  type("input", "7");
  await settle();
  expect(server.socket.calls("trame.state.update")).toEqual([[[{ key: "count", value: 7 }]]]);
  type("input", "");
  field("input").blur();
  await settle();
  expect(server.socket.calls("trame.state.update").at(-1)).toEqual([[{ key: "count", value: "" }]]);
});

it("What a trigger finds includes a number that was deleted", async () => {
  const server = new FakeServer({ count: 10, trame__template_main: NUMBER });
  await openPage();
  field("input").focus();
  type("input", "");
  void window.trame?.trigger("look");
  await settle();
  expect(server.socket.methods().filter((method) => method === "trame.state.update" || method === "trame.trigger")).toEqual([
    "trame.state.update",
    "trame.trigger",
  ]);
});
