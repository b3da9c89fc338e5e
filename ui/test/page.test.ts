import { describe, expect, it, vi } from "vitest";
import { FakeServer, settle } from "./fake-server";
import { field, find, openPage, type } from "./open-page";

function serve(template: string, state: Record<string, unknown> = {}): FakeServer {
  return new FakeServer({ trame__template_main: template, ...state });
}

describe("a session", () => {
  it("says hello, asks for the state, shows it, and says that it is there", async () => {
    const server = serve("<p id=text>Hello {{ name }}</p>", { name: "Ada" });
    await openPage();
    expect(server.socket.methods()).toEqual([
      "wslink.hello",
      "selvedge.hello",
      "trame.state.get",
      "trame.lifecycle.update",
    ]);
    expect(server.socket.last("trame.lifecycle.update").args).toEqual(["client_connected"]);
    expect(find("#text").textContent).toBe("Hello Ada");
    expect(document.title).toBe("Test");
    expect(find("#shell").textContent).toBe("");
  });

  it("follows what the server publishes, the title too", async () => {
    const server = serve("<p id=text>{{ name }} {{ later }}</p>", { name: "Ada" });
    await openPage();
    await server.socket.publish("trame.state.topic", { name: "Grace", later: "new", trame__title: "Other" });
    expect(find("#text").textContent).toBe("Grace new");
    expect(document.title).toBe("Other");
  });

  it("sends what is typed and does not lose letters to an older value of the server", async () => {
    const server = serve('<input id=name v-model="name">', { name: "" });
    server.held.add("trame.state.update");
    await openPage();
    type("#name", "A");
    await settle();
    type("#name", "Ad");
    await server.socket.publish("trame.state.topic", { name: "from elsewhere" });
    expect(field("#name").value).toBe("Ad");
    await server.socket.reply(server.socket.last("trame.state.update"));
    expect(server.socket.calls("trame.state.update")).toEqual([
      [[{ key: "name", value: "A" }]],
      [[{ key: "name", value: "Ad" }]],
    ]);
    await server.socket.reply(server.socket.last("trame.state.update"));
    await server.socket.publish("trame.state.topic", { name: "corrected" });
    expect(field("#name").value).toBe("corrected");
  });

  it("sends edits before the trigger that follows them, without waiting for anything", async () => {
    const server = serve(`<button @click="count += 1; trigger('go', [count], { fast: true })">Go</button>`, { count: 1 });
    server.held.add("trame.state.update").add("trame.trigger");
    await openPage();
    find("button").click();
    find("button").click();
    await settle();
    expect(server.socket.methods().slice(4)).toEqual([
      "trame.state.update",
      "trame.trigger",
      "trame.state.update",
      "trame.trigger",
    ]);
    expect(server.socket.last("trame.trigger").args).toEqual(["go", [3], { fast: true }]);
  });

  it("counts what the user waits for as busy, and shows it only after a while", async () => {
    vi.useFakeTimers();
    const server = serve(`<button @click="trigger('slow')">{{ trame__busy }}</button>`);
    server.held.add("trame.trigger");
    await openPage();
    expect(find("button").textContent).toBe("0");
    find("button").click();
    await settle();
    expect(find("button").textContent).toBe("1");
    await vi.advanceTimersByTimeAsync(200);
    expect(document.querySelector(".sv-busy")).toBeNull();
    await vi.advanceTimersByTimeAsync(100);
    expect(document.querySelector(".sv-busy")).not.toBeNull();
    await server.socket.reply(server.socket.last("trame.trigger"));
    expect(find("button").textContent).toBe("0");
    expect(document.querySelector(".sv-busy")).toBeNull();
  });

  it("shows why a trigger failed", async () => {
    const server = serve(`<button @click="trigger('boom').catch(() => (failed = true))">{{ failed }}</button>`);
    server.held.add("trame.trigger");
    await openPage();
    find("button").click();
    await settle();
    await server.socket.fail(server.socket.last("trame.trigger"), "The pump is off.");
    expect(find("#shell [role=alert]").textContent).toContain("The pump is off.");
    expect(find("button").textContent).toBe("true");
  });

  it("shows the server's value again when an edit is refused", async () => {
    const server = serve('<input v-model="fixed">', { fixed: "server" });
    server.held.add("trame.state.update");
    await openPage();
    type("input", "mine");
    await settle();
    await server.socket.fail(server.socket.last("trame.state.update"), "fixed cannot be set by a client");
    await settle();
    expect(field("input").value).toBe("server");
    expect(find("#shell").textContent).toContain("fixed cannot be set");
  });

  it("runs actions on elements that templates name, in both ways, and ignores unknown ones", async () => {
    const server = serve(`<input ref="field"><p :ref="(element) => (trame.refs['text'] = element)"></p>`);
    await openPage();
    await server.socket.publish("trame.actions.topic", [
      { type: "method", ref: "nobody", method: "focus", args: [] },
      { type: "method", ref: "field", method: "setAttribute", args: ["data-x", "1"] },
      { type: "property", ref: "text", property: "textContent", value: "set" },
    ]);
    expect(find("input").dataset.x).toBe("1");
    expect(find("p").textContent).toBe("set");
  });

  it("says that it leaves", async () => {
    const server = serve("<p></p>");
    await openPage();
    window.dispatchEvent(new Event("pagehide"));
    await settle();
    expect(server.socket.calls("trame.lifecycle.update").at(-1)).toEqual(["client_exited"]);
  });

  it("sends the content of a file before the trigger that follows", async () => {
    const server = serve(`<input type="file" @change="upload = $event.file; trigger('read', [1])">`);
    await openPage();
    const file = new File([new Uint8Array([1, 2])], "a.bin", { type: "application/x", lastModified: 5 });
    find("input").dispatchEvent(Object.assign(new Event("change"), { file }));
    await vi.waitFor(() => server.socket.last("trame.trigger"));
    expect(server.socket.methods().slice(-2)).toEqual(["trame.state.update", "trame.trigger"]);
    expect(server.socket.calls("trame.state.update")).toEqual([
      [
        [
          {
            key: "upload",
            value: {
              name: "a.bin",
              lastModified: 5,
              size: 2,
              type: "application/x",
              content: new Uint8Array([1, 2]),
              error: null,
              _filter: ["content"],
            },
          },
        ],
      ],
    ]);
  });

  it("saves what the server sends as a download", async () => {
    const saved: Blob[] = [];
    vi.stubGlobal("URL", Object.assign(URL, { createObjectURL: (blob: Blob) => (saved.push(blob), "blob:x"), revokeObjectURL: vi.fn() }));
    let clicked: HTMLAnchorElement | undefined;
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      // eslint-disable-next-line @typescript-eslint/no-this-alias
      clicked = this;
    });
    const server = serve("<p></p>");
    await openPage();
    await server.socket.publish("selvedge.download", { name: "f.png", type: "image/png", content: new Uint8Array(9) });
    expect(clicked?.download).toBe("f.png");
    expect(saved[0]?.type).toBe("image/png");
    expect(saved[0]?.size).toBe(9);
  });

  it("tells the server of an error of the page once", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const server = serve("<p></p>");
    await openPage();
    for (let time = 0; time < 2; time += 1) window.dispatchEvent(new ErrorEvent("error", { message: "broken script" }));
    await settle();
    expect(server.socket.calls("trame.error.client")).toEqual([["broken script"]]);
  });
});

describe("a stock server", () => {
  it("is served without additions", async () => {
    const server = serve(`<selvedge-canvas topic="field"></selvedge-canvas>`);
    server.extras = false;
    await openPage();
    expect(find("canvas")).toBeTruthy();
    expect(server.socket.methods().filter((method) => method.startsWith("selvedge."))).toEqual(["selvedge.hello"]);
  });
});

describe("resources", () => {
  it("are loaded in their order, groups one by one, and a missing one stops nothing", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const loading: HTMLElement[] = [];
    vi.spyOn(document.head, "append").mockImplementation((...nodes) => void loading.push(...(nodes as HTMLElement[])));
    const waiting = () => loading.splice(0).map((element) => [element.getAttribute("src") ?? element.getAttribute("href"), element] as const);
    const server = serve("<p id=shown></p>", {
      trame__styles: ["a.css", "b.css"],
      trame__scripts: [["g1.js", { serial: "g" }], "free.js", ["g2.js", { serial: "g" }]],
      trame__module_scripts: ["m.js"],
      trame__vue_use: ["window.plugin", ["window.other", { js_eval: "40 + 2" }], "window.missing"],
    });
    await openPage();
    const finish = async (failing: string[] = []) => {
      const elements = waiting();
      for (const [url, element] of elements)
        if (failing.includes(url ?? "")) element.onerror?.(new Event("error"));
        else element.onload?.(new Event("load"));
      await settle();
      return elements.map(([url]) => url);
    };
    expect(await finish(["a.css"])).toEqual(["a.css", "b.css"]);
    expect(await finish()).toEqual(["free.js", "g1.js"]);
    expect(await finish()).toEqual(["g2.js"]);
    const used: unknown[] = [];
    Object.assign(window, {
      plugin: { install: () => used.push("plugin") },
      other: { install: (_: unknown, option: unknown) => used.push(option) },
    });
    expect(document.querySelector("#shown")).toBeNull();
    const module = waiting();
    expect(module.map(([url, element]) => [url, (element as HTMLScriptElement).type])).toEqual([["m.js", "module"]]);
    module[0]?.[1].onload?.(new Event("load"));
    await settle();
    expect(used).toEqual(["plugin", 42]);
    expect(find("#shown")).toBeTruthy();
    expect(server.socket.calls("trame.error.client").map(([message]) => message)).toEqual([
      "Error: a.css cannot be loaded.",
      expect.stringContaining("window.missing"),
    ]);
  });
});

describe("a page that is disposed of", () => {
  it("ends its components, its connection and whatever would act later", async () => {
    vi.useFakeTimers();
    const server = serve("<trame-client-triggers @before-unmount=\"trigger('bye')\"><p id=text>{{ name }}</p></trame-client-triggers>", { name: "Ada" });
    server.held.add("trame.trigger");
    await openPage();
    const { socket } = server;
    void window.trame?.trigger("slow").catch(() => undefined);
    await socket.publish("trame.state.topic", { name: "Grace" });
    window.trame?.dispose();
    expect(socket.calls("trame.trigger").map(([name]) => name)).toEqual(["slow", "bye"]);
    expect(socket.last("trame.lifecycle.update").args).toEqual(["client_unmounted"]);
    expect(document.querySelector("#text")).toBeNull();
    expect(socket.readyState).toBe(3);
    expect(window.trame).toBeUndefined();
    const asked = socket.requests.length;
    window.dispatchEvent(new Event("online"));
    window.dispatchEvent(new ErrorEvent("error", { message: "not of this page" }));
    await vi.advanceTimersByTimeAsync(120_000);
    expect(server.sockets).toEqual([socket]);
    expect(socket.requests.length).toBe(asked);
  });

  it("does not mount what was still on its way", async () => {
    const server = serve("<p id=text></p>");
    server.held.add("trame.state.get");
    await openPage();
    window.trame?.dispose();
    await server.socket.reply(server.socket.last("trame.state.get"), { name: "test", state: server.state });
    expect(document.querySelector("#text")).toBeNull();
  });
});
