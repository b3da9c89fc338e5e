import { describe, expect, it, vi } from "vitest";
import { FakeServer, settle } from "./fake-server";
import { find, openPage, type } from "./open-page";

async function show(template: string, state: Record<string, unknown> = {}): Promise<FakeServer> {
  const server = new FakeServer({ trame__template_main: template, ...state });
  await openPage();
  return server;
}

const update = (server: FakeServer, values: Record<string, unknown>) => server.socket.publish("trame.state.topic", values);
const app = () => find("#app").innerHTML;

describe("templates", () => {
  it("know the state, the helpers, and the globals of JavaScript", async () => {
    await show(
      `<p>{{ status }} {{ Math.max(a, 2) }} {{ get('a') }} {{ typeof utils.download }} {{ window.document.title }} {{ missing }}</p>`,
      { a: 1, status: "ok" },
    );
    expect(find("p").textContent).toBe("ok 2 1 function Test ");
  });

  it("assign state keys in every way, also those that do not exist yet", async () => {
    const server = await show(
      `<button @click="a++; set('b', 2); setAll({ c: 3, d: 4 }); fresh = true">{{ [a, b, c, d, fresh] }}</button>`,
      { a: 0, b: 0, c: 0, d: 0 },
    );
    find("button").click();
    await settle();
    expect(JSON.parse(find("button").textContent)).toEqual([1, 2, 3, 4, true]);
    const [[changes]] = server.socket.calls("trame.state.update") as [[{ key: string; value: unknown }[]]];
    expect(changes).toEqual([
      { key: "a", value: 1 },
      { key: "b", value: 2 },
      { key: "c", value: 3 },
      { key: "d", value: 4 },
      { key: "fresh", value: true },
    ]);
  });

  it("know what plugins add to every component, after the state", async () => {
    const plugin = {
      install: (vue: { config: { globalProperties: object } }) =>
        Object.assign(vue.config.globalProperties, { $size: "wide", mode: "plugin" }),
    };
    Object.assign(window, { plugin });
    await show("<p>{{ $size }} {{ mode }} {{ $slots.default }}</p>", { mode: "state", trame__vue_use: ["window.plugin"] });
    expect(find("p").textContent).toBe("wide state ");
  });

  it("send a change inside a value with flushState", async () => {
    const server = await show(`<button @click="list.push(2); flushState('list')">{{ list }}</button>`, { list: [1] });
    find("button").click();
    await settle();
    expect(server.socket.calls("trame.state.update")).toEqual([[[{ key: "list", value: [1, 2] }]]]);
    expect(JSON.parse(find("button").textContent)).toEqual([1, 2]);
  });

  it("keep their own names in loops, slots and events apart from the state", async () => {
    const server = await show(`<b v-for="(item, index) in items" :key="item" @click="set('item', item + index)">{{ item }}</b>`, {
      items: ["x", "y"],
      item: "state",
    });
    find("b:last-child").click();
    await settle();
    expect(find("#app").textContent).toBe("xy");
    expect(server.socket.calls("trame.state.update")).toEqual([[[{ key: "item", value: "y1" }]]]);
  });

  it("are shown anew when they change, and components of others", async () => {
    const server = await show(`<div><trame-template-side-panel class="mine">slot {{ n }}</trame-template-side-panel></div>`, {
      trame__template_side_panel: "<p>one <slot></slot></p>",
      n: 1,
    });
    expect(app()).toBe('<div><p class="mine">one slot 1</p></div>');
    await update(server, { trame__template_side_panel: "<i>two {{ n }}</i>", n: 2 });
    expect(app()).toBe('<div><i class="mine">two 2</i></div>');
    await update(server, { trame__template_main: "<u>three</u>" });
    expect(app()).toBe("<u>three</u>");
  });

  it("are found by later templates even if they come later", async () => {
    const server = await show("<p></p>");
    await update(server, {
      trame__template_other: "<i>here</i>",
      trame__template_main: "<div><trame-template-other></trame-template-other></div>",
    });
    expect(app()).toBe("<div><i>here</i></div>");
  });

  it("are chosen by the address", async () => {
    new FakeServer({ trame__template_main: "<p>main</p>", trame__template_small: "<p>small</p>" });
    await openPage({}, "small");
    expect(app()).toBe("<p>small</p>");
  });

  it("that begin with # are templates too", async () => {
    await show("# not a selector");
    expect(app()).toBe("# not a selector");
  });
});

describe("a broken template", () => {
  it("shows what Vue says and where", async () => {
    const server = await show('<p>fine</p>\n<div v-else="x">broken</div>');
    const box = find("[role=alert]");
    expect(box.textContent).toContain("The template “main” cannot be compiled");
    expect(box.textContent).toContain("v-else/v-else-if has no adjacent v-if");
    expect(find("[role=alert] pre").textContent).toContain("^^^");
    await update(server, { trame__template_main: "<p>mended</p>" });
    expect(app()).toBe("<p>mended</p>");
  });

  it("with a broken expression says so", async () => {
    await show(`<button @click="go(">x</button>`);
    expect(find("[role=alert]").textContent).toContain("Error parsing JavaScript expression");
  });

  it("does not take the others with it", async () => {
    await show("<div><p>fine</p><trame-template-part></trame-template-part></div>", { trame__template_part: "<p>{{ </p" });
    expect(find("p").textContent).toBe("fine");
    expect(find("[role=alert]").textContent).toContain("“part”");
  });

  it("that fails to draw says so, and is tried again when the state changes", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const server = await show("<p>{{ user.name }}</p>", { user: null, other: 1 });
    expect(find("[role=alert]").textContent).toContain("cannot be drawn");
    expect(find("[role=alert]").textContent).toContain("name");
    await update(server, { other: 2 });
    expect(find("[role=alert]").textContent).toContain("cannot be drawn");
    await update(server, { user: { name: "Ada" } });
    expect(app()).toBe("<p>Ada</p>");
  });
});

describe("window.trame", () => {
  it("gives scripts the state, the session and the connection", async () => {
    const server = await show('<input v-model="name">', { name: "Ada" });
    const trame = window.trame;
    if (!trame) throw new Error("There is no window.trame.");
    expect(window.Vue?.version).toMatch(/^3\./);
    expect(trame.state.get("name")).toBe("Ada");
    expect(trame.state.get()).toMatchObject({ name: "Ada" });
    const heard: unknown[] = [];
    const session = trame.client.getConnection().getSession();
    const subscription = session.subscribe("my.topic", ([data]) => heard.push(data));
    await server.socket.publish("my.topic", { x: 1 });
    server.socket.drop();
    await vi.waitFor(async () => {
      await settle();
      expect(server.sockets).toHaveLength(2);
      expect(trame.client.isConnected()).toBe(true);
    });
    await server.socket.publish("my.topic", 2);
    await subscription.unsubscribe();
    await server.socket.publish("my.topic", 3);
    expect(heard).toEqual([{ x: 1 }, 2]);
    await expect(session.call("any.method", [1], { two: 2 })).resolves.toBeNull();
    expect(server.socket.last("any.method")).toMatchObject({ args: [1], kwargs: { two: 2 } });
    const calls: string[] = [];
    trame.state.watch(["name"], (name) => calls.push(String(name)));
    type("input", "Grace");
    expect(calls).toEqual(["Ada", "Grace"]);
  });
});
