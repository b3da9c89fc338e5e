import { beforeEach, describe, expect, it, vi } from "vitest";
import { nearest } from "../src/mistakes";
import { FakeServer, settle } from "./fake-server";
import { find, openPage } from "./open-page";

const told: string[] = [];

beforeEach(() => {
  told.length = 0;
  // Vue says something itself in tests, and not in the page that is built.
  const tell = (text: string) => {
    if (!text.startsWith("[Vue warn]")) told.push(text);
  };
  vi.spyOn(console, "warn").mockImplementation(tell);
  vi.stubGlobal("ResizeObserver", class { observe = vi.fn(); disconnect = vi.fn(); });
});

async function develop(template: string, state: Record<string, unknown> = {}, development = true): Promise<FakeServer> {
  const server = new FakeServer({ trame__template_main: template, ...state });
  server.development = development;
  await openPage();
  return server;
}

/** What was told in the console, and to the server. */
function expectTold(server: FakeServer, ...texts: string[]): void {
  expect(told).toEqual(texts);
  expect(server.socket.calls("trame.error.client").map(([text]) => text)).toEqual(texts);
}

describe("a mistake in a template", () => {
  it.each([
    ["<buton>x</buton>", "The template `main` has <buton>, which is neither an element nor a component. Did you mean `button`?"],
    ["<SelvedgePlt />", "The template `main` has <SelvedgePlt>, which is neither an element nor a component. Did you mean `selvedge-plot`?"],
    ["<trame-template-sid />", "The template `main` has <trame-template-sid>, which is neither an element nor a component. Did you mean `trame-template-side`?"],
    ["<p v-fi='count'></p>", "The template `main` has `v-fi`, which is no directive. Did you mean `v-if`?"],
    ["{{ cuont }}{{ cuont }}", "The template `main` uses `cuont`, which is not a key of the state. Did you mean `count`?"],
    ["{{ triger }}", "The template `main` uses `triger`, which is not a key of the state. Did you mean `trigger`?"],
    ["{{ get('cuont') }}", "A template asks for `cuont`, which is not a key of the state. Did you mean `count`?"],
    ["{{ location }}", "The template `main` uses `location`, which is not a key of the state. What is the browser's is `window.location`."],
    ["<trame-template template-name='sid' />", "There is no template `sid`. Did you mean `side`?"],
  ])("%s is told once, with the nearest name", async (template, text) => {
    const server = await develop(template, { count: 1, trame__template_side: "" });
    await server.socket.publish("trame.state.topic", { count: 2 });
    expectTold(server, text);
  });

  it.each([
    ["<button @click='conut = 1'></button>"],
    ['<button @click.once="count = 2; conut += 1"></button>'],
    ['<button v-on:click="() => conut++"></button>'],
    ['<button @click="() => { conut = 1 }"></button>'],
    ['<button @click="if (count) { count = 1 } else conut = 2;"></button>'],
    ['<button @click="conut **= 2"></button>'],
    ["<button @click=\"trigger('go').then((x) => (conut = x))\"></button>"],
  ])("%s is told before anyone presses it", async (template) => {
    const server = await develop(template, { count: 1 });
    expectTold(server, "The template `main` sets `conut`, which is not a key of the state. Did you mean `count`?");
  });

  it.each([
    ['<p v-for="(row, at) in rows" @click="row = 1; at = 2"></p>'],
    ['<button @click="count == 2 || count === 3; rows[0] = 1; rows.length = 0"></button>'],
    ["<button @click=\"trigger('go', [{ other: 1 }], { third: count >= 1 })\"></button>"],
    ['<button title="other = 1" @click="(event) => event.x"></button>'],
    ["<button @click=\"window.open('https://a?b=c'); trigger('go', ['x: y = 1'])\"></button>"],
    ['<button @click="trigger(&quot;/r?tab=log&quot;)"></button>'],
    ['<button @click="let i = 0; i += 1; for (let j = 0; j < 2; j++) count = j"></button>'],
    ['<button @click="rows.map((n = 1) => (n += 1))"></button>'],
    ['<!-- <button @click="other = 1"> --><p></p>'],
    ['<selvedge-job name="x"><template v-slot:item.actions="{ open }"><b @click="open = false"></b></template></selvedge-job>'],
  ])("%s has none", async (template) => {
    const server = await develop(template, { count: 1, rows: [1] });
    expectTold(server);
  });

  it("in a call is told when it runs", async () => {
    const server = await develop("<button @click=\"set('conut', 1); setAll({ cout: 2, count: 3 }); flushState('countt')\"></button>", { count: 1 });
    find("button").click();
    await settle();
    expectTold(
      server,
      "A template sets `conut`, which is not a key of the state. Did you mean `count`?",
      "A template sets `cout`, which is not a key of the state. Did you mean `count`?",
      "A template sends `countt`, which is not a key of the state. Did you mean `count`?",
    );
  });

  it("is nothing that the page has, or will have", async () => {
    const server = await develop(
      `<p v-for="(item, index) in items" :key="index" v-show="item">{{ Math.max(item, undefined ?? 1) }}{{ $slots.length }}</p>
      <trame-template-side /><SelvedgeSparkline /><transition><i v-if="open"></i></transition><component :is="'b'" />
      <button @click="open = $event.type; utils.get('x')" :ref="(el) => trame.refs['b'] = el"></button>`,
      { items: [1], trame__client_only: ["trame__busy", "open"], trame__template_side: "<slot></slot>" },
    );
    find("button").click();
    await settle();
    expectTold(server);
  });

  it("is not told by a program that is used", async () => {
    const server = await develop("<buton>{{ cuont }}</buton><button @click=\"trigger('rest')\"></button>", {}, false);
    find("button").click();
    await settle();
    expectTold(server);
    expect(server.socket.methods()).not.toContain("selvedge.trigger.check");
  });
});

describe("a mistake of the application", () => {
  it("about a ref or a method is told with the nearest name", async () => {
    const server = await develop("<input ref=plot>");
    for (const [ref, method] of [["plto", "focus"], ["plto", "focus"], ["plot", "focsu"], ["plot", "focus"]])
      await server.socket.publish("trame.actions.topic", [{ type: "method", ref, method, args: [] }]);
    expectTold(
      server,
      "The application calls an element by the ref `plto`, which no template has. Did you mean `plot`?",
      "The element with the ref `plot` has no method `focsu`. Did you mean `focus`?",
    );
  });

  it("about a trigger is told before anybody clicks", async () => {
    const triggers = `<i @click="trigger('reset')" @input="trigger(\n'add', [1])" @blur='trigger("reset")' @focus="trigger(name)"></i>`;
    const server = await develop(`${triggers}<p title="&quot;trigger(&quot;"></p>`, { name: "n" });
    expect(server.socket.calls("selvedge.trigger.check")).toEqual([["reset"], ["add"]]);
  });

  it("about a trigger is told in the console; the server knows", async () => {
    const server = await develop("<button @click='trigger(name)'></button>", { name: "rest" });
    server.held.add("selvedge.trigger.check");
    find("button").click();
    find("button").click();
    await settle();
    expect(server.socket.calls("selvedge.trigger.check")).toEqual([["rest"]]);
    await server.socket.reply(server.socket.last("selvedge.trigger.check"), "no trigger named `rest`");
    expect(told).toEqual(["no trigger named `rest`"]);
    expect(server.socket.calls("trame.error.client")).toEqual([]);
  });

  it("in what an edit may be is told with the answer", async () => {
    const server = await develop("<button @click='count = 2'></button>", { count: 1 });
    server.held.add("trame.state.update");
    find("button").click();
    await settle();
    await server.socket.fail(server.socket.last("trame.state.update"), "`count` was not set: it is read-only");
    await settle();
    expectTold(server, "The application did not take an edit. `count` was not set: it is read-only");
  });
});

describe("an element that Vue does not take", () => {
  it.each([
    ["<p>x</p><style>p { color: red }</style>", "<style> has no place in a template. Name a style sheet in `styles` of a module"],
    ["<script>run()</script>", "<script> has no place in a template. Name a script in `scripts` of a module"],
  ])("%s is told in its place, with what to write", async (template, text) => {
    await develop(template, {}, false);
    expect(find(".sv-template-error").textContent).toContain(text);
  });
});

it("finds the nearest of some names", () => {
  expect(nearest("cuont", ["mount", "count", "amount"])).toBe("count");
  expect(nearest("Reset", ["reset", "result"])).toBe("reset");
  expect(nearest("x", ["y", "count"])).toBeNull();
  expect(nearest("something", ["anything else"])).toBeNull();
  expect(nearest("a".repeat(1000), ["a".repeat(1001)])).toBeNull();
});
