import { describe, expect, it, vi } from "vitest";
import { FakeServer, settle } from "./fake-server";
import { find, openPage, type } from "./open-page";

async function show(template: string, state: Record<string, unknown> = {}): Promise<FakeServer> {
  const server = new FakeServer({ trame__template_main: template, ...state });
  await openPage();
  return server;
}

const publish = (server: FakeServer, values: Record<string, unknown>) => server.socket.publish("trame.state.topic", values);
const act = (server: FakeServer, ref: string, method: string, ...args: unknown[]) =>
  server.socket.publish("trame.actions.topic", [{ type: "method", ref, method, args }]);
const sent = (server: FakeServer) => server.socket.calls("trame.state.update").map(([changes]) => changes);

describe("trame-style", () => {
  it("is a style sheet of the page that follows the state and goes with the component", async () => {
    const server = await show(`<trame-style v-if="on" :css="rules"></trame-style>`, { on: true, rules: "p { color: red }" });
    const sheets = () => [...document.head.querySelectorAll("style")].map((element) => element.textContent);
    expect(sheets()).toEqual(["p { color: red }"]);
    await publish(server, { rules: "p { color: blue }" });
    expect(sheets()).toEqual(["p { color: blue }"]);
    await publish(server, { rules: null });
    expect(sheets()).toEqual([]);
    await publish(server, { rules: "p { color: red }" });
    expect(sheets()).toEqual(["p { color: red }"]);
    await publish(server, { on: false });
    expect(sheets()).toEqual([]);
  });
});

describe("trame-script", () => {
  it("runs its text in the scope of the page, and again after it was empty", async () => {
    const server = await show(`<trame-script :script="code"></trame-script>`, { code: "var runs = (window.runs ?? 0) + 1" });
    expect(Reflect.get(window, "runs")).toBe(1);
    await publish(server, { code: "" });
    await publish(server, { code: "window.runs += 10" });
    expect(Reflect.get(window, "runs")).toBe(11);
  });

  it("reports what goes wrong in it", async () => {
    const written = vi.spyOn(console, "error").mockImplementation(() => undefined);
    await show(`<trame-script script="throw new Error('bad script')"></trame-script><p>shown</p>`);
    expect(written).toHaveBeenCalledWith(expect.objectContaining({ message: "bad script" }));
    expect(find("p").textContent).toBe("shown");
  });
});

describe("events", () => {
  it("trame-exec runs an expression when the server says so", async () => {
    const server = await show(`<trame-exec ref="run" :event="3" @exec="got = $event"></trame-exec><p>{{ got }}</p>`, { got: 0 });
    await act(server, "run", "exec");
    expect(find("p").textContent).toBe("3");
    await act(server, "run", "exec", "other");
    expect(find("p").textContent).toBe("other");
  });

  it("trame-client-state-change hears of changes, and of the first value if it is told to", async () => {
    const server = await show(
      `<trame-client-state-change :value="a" @change="log = [...log, ['a', $event]]"></trame-client-state-change>
       <trame-client-state-change :value="b" trigger-change-on-create immediate @change="log = [...log, ['b', $event]]">
       </trame-client-state-change>`,
      { a: 1, b: { n: 1 }, log: [] },
    );
    await publish(server, { a: 2, b: 3 });
    expect(window.trame?.state.get("log")).toEqual([["b", { n: 1 }], ["b", 3], ["a", 2]]);
  });

  it("trame-client-triggers emits what happens and what the server asks for", async () => {
    const server = await show(
      `<trame-client-triggers v-if="on" ref="page" @created="log.push('created')" @mounted="log.push('mounted')"
         @before-unmount="log.push('gone')" @exit="log.push('exit')" @paint="log.push($event)"></trame-client-triggers>`,
      { on: true, log: [] },
    );
    await act(server, "page", "emit", "paint", "red");
    window.dispatchEvent(new Event("beforeunload"));
    await publish(server, { on: false });
    window.dispatchEvent(new Event("beforeunload"));
    expect(window.trame?.state.get("log")).toEqual(["created", "mounted", "red", "exit", "gone"]);
  });

  it("trame-life-cycle-monitor emits or prints", async () => {
    const print = vi.spyOn(console, "info").mockImplementation(() => undefined);
    await show(
      `<trame-life-cycle-monitor name="A" type="emit" @mounted="got = $event"></trame-life-cycle-monitor>
       <trame-life-cycle-monitor name="B" type="info" value="v" :events="['mounted']"></trame-life-cycle-monitor>`,
    );
    expect(window.trame?.state.get("got")).toEqual({ name: "A", value: "value" });
    expect(print.mock.calls).toEqual([["B", "mounted", "v"]]);
  });
});

describe("values", () => {
  it("trame-getter reads and writes a key by its name", async () => {
    const server = await show(
      `<trame-getter :name="which" v-slot="{ value, keyName, update, updateNested }">
         <p>{{ keyName }} {{ value.list }}</p><button id=a @click="updateNested('list.1', 5)"></button>
         <button id=b @click="update({ list: 'all' })"></button>
       </trame-getter>`,
      { which: "one", one: { list: [1, 2] }, two: { list: "other" } },
    );
    expect(find("p").textContent).toBe("one [\n  1,\n  2\n]");
    find("#a").click();
    await settle();
    find("#b").click();
    await settle();
    expect(sent(server)).toEqual([[{ key: "one", value: { list: [1, 5] } }], [{ key: "one", value: { list: "all" } }]]);
    await publish(server, { which: "two" });
    expect(find("p").textContent).toBe("two other");
    await publish(server, { two: { list: "pushed" } });
    expect(find("p").textContent).toBe("two pushed");
  });

  it("trame-deep-reactive sends changes inside of a value, and does not echo those of the server", async () => {
    const server = await show(
      `<trame-deep-reactive name="form" v-slot="{ value: form }"><input id=text v-model="form.text"><p>{{ form }}</p></trame-deep-reactive>`,
      { form: { text: "a", old: 1 } },
    );
    type("#text", "ab");
    await settle();
    expect(sent(server)).toEqual([[{ key: "form", value: { text: "ab", old: 1 } }]]);
    await publish(server, { form: { text: "server" } });
    expect(JSON.parse(find("p").textContent)).toEqual({ text: "server" });
    await settle();
    expect(sent(server)).toHaveLength(1);
  });

  it("trame-size-observer keeps its size in the state", async () => {
    let resized: (() => void) | undefined;
    vi.stubGlobal("ResizeObserver", class {
      constructor(callback: () => void) {
        resized = callback;
      }
      observe(): void {
        // Nothing has a size here.
      }
      disconnect(): void {
        // Nothing has a size here.
      }
    });
    const server = await show(`<trame-size-observer name="box"><p>inside</p></trame-size-observer>`);
    vi.spyOn(HTMLElement.prototype, "getBoundingClientRect").mockReturnValue(new DOMRect(1, 2, 30, 40));
    resized?.();
    await settle();
    expect(sent(server)).toEqual([
      [{ key: "box", value: { name: "box", size: { x: 1, y: 2, width: 30, height: 40 }, pixelRatio: 1, dpi: 96 } }],
    ]);
    expect(find("#app p").textContent).toBe("inside");
  });
});

describe("templates inside of templates", () => {
  it("trame-template shows another one and follows its changes", async () => {
    const server = await show(`<trame-template template-name="side_panel"></trame-template>`, {
      trame__template_side_panel: "<p>side {{ n }}</p>",
      n: 1,
    });
    expect(find("p").textContent).toBe("side 1");
    await publish(server, { trame__template_side_panel: "<p>other {{ n }}</p>" });
    expect(find("p").textContent).toBe("other 1");
  });

  it("trame-loading says what is awaited", async () => {
    await show(`<trame-loading message="Warming up"></trame-loading>`);
    expect(find("#app [role=status]").textContent).toBe("Warming up");
  });
});

describe("trame-handler", () => {
  const template = `<trame-handler function-key="f1" :inputs="{ factor }" @completed="done = $event" @failure="failed = $event"
      @error="broken = String($event)" v-slot="{ run, input_data }">
      <button id=change @click="input_data.value = 2"></button><button id=run @click="run(7)"></button>
    </trame-handler>`;

  async function click(id: string, func: unknown, state: Record<string, unknown> = {}): Promise<(key: string) => unknown> {
    Object.assign(window, { library: { work: func } });
    const scripts = [{ module_type: "umd", path: "library", function: "work", id: "f1" }];
    await show(template, { factor: 10, trame__client_external_scripts: scripts, ...state });
    find(id).click();
    await settle();
    return (key) => window.trame?.state.get(key);
  }

  it("calls the function of a script when its value changes, and when it is told to", async () => {
    const work = (value: number, inputs: { factor: number }) => ({ outputs: value * inputs.factor });
    expect((await click("#change", work))("done")).toEqual({ type: "success", outputs: 20 });
    expect((await click("#run", work))("done")).toEqual({ type: "success", outputs: 70 });
  });

  it("tells a failure from an error", async () => {
    const get = await click("#run", () => ({ status: false, outputs: "too hot" }));
    expect(get("failed")).toBe("too hot");
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const broken = await click("#run", () => {
      throw new Error("bug");
    });
    expect(broken("broken")).toBe("Error: bug");
  });
});

describe("what is sent", () => {
  it("goes through the decorators of scripts, also asynchronous ones, in order", async () => {
    const server = await show(`<button @click="a = { secret: 1, b: 2 }; trigger('go', [{ secret: 3 }], { k: 'x' })"></button>`);
    const isSecret = (value: unknown): value is object => typeof value === "object" && value !== null && "secret" in value;
    const hide = (value: unknown) => (isSecret(value) ? { ...value, secret: undefined } : value);
    const late = (value: unknown) => Promise.resolve(value === "x" ? "y" : value);
    window.trame?.state.registerDecorator({ priority: 5, decorate: late });
    window.trame?.state.registerDecorator({ priority: 1, decorate: hide });
    find("button").click();
    await settle();
    expect(server.socket.methods().slice(-2)).toEqual(["trame.state.update", "trame.trigger"]);
    expect(sent(server)).toEqual([[{ key: "a", value: { secret: null, b: 2 } }]]);
    expect(server.socket.last("trame.trigger").args).toEqual(["go", [{ secret: null }], { k: "y" }]);
  });

  it("has the content of several files in one key", async () => {
    const server = await show(`<input @change="files = $event.files">`);
    const files = ["a", "b"].map((name) => new File([name], name));
    find("input").dispatchEvent(Object.assign(new Event("change"), { files }));
    await vi.waitFor(() => server.socket.last("trame.state.update"));
    const [[{ value }]] = sent(server) as [[{ value: { name: string; content: Uint8Array }[] }]];
    expect(value.map(({ name, content }) => [name, [...content]])).toEqual([["a", [97]], ["b", [98]]]);
  });
});
