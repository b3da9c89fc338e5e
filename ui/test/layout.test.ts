// The elements that lay out an application, with keyboard and screen reader in mind.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeServer, settle } from "./fake-server";
import { find, openPage } from "./open-page";

class NoSizes {
  observe() {}
  disconnect() {}
}

beforeEach(() => {
  vi.stubGlobal("ResizeObserver", NoSizes);
  // That of jsdom leaves listeners behind.
  vi.stubGlobal("getComputedStyle", () => ({ direction: "ltr" }));
  localStorage.clear();
});

afterEach(() => vi.useRealTimers());

async function page(template: string, state: Record<string, unknown> = {}): Promise<FakeServer> {
  const server = new FakeServer({ trame__template_main: template, ...state });
  await openPage();
  return server;
}

async function press(element: Element, key: string, init: KeyboardEventInit = {}): Promise<void> {
  element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init }));
  await settle();
}

/** The last value that the page has sent for a key. */
function sent(server: FakeServer, key: string): unknown {
  const [changes] = server.socket.last("trame.state.update").args as [{ key: string; value: unknown }[]];
  return changes.find((change) => change.key === key)?.value;
}

describe("a field", () => {
  it("ties label, unit, hint and error to its control", async () => {
    const template = `<selvedge-field label="Speed" unit="1/min" hint="At most 9." :error="wrong"><input v-model="speed"></selvedge-field>`;
    const server = await page(template, { speed: "3", wrong: "" });
    const input = find(".sv-field input") as HTMLInputElement;
    const described = () => (input.getAttribute("aria-describedby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent);
    expect(input.labels?.[0]?.textContent).toBe("Speed");
    expect(described()).toEqual(["1/min", "At most 9."]);
    expect(input.hasAttribute("aria-invalid")).toBe(false);
    await server.socket.publish("trame.state.topic", { wrong: "Too fast." });
    await settle();
    expect(described()).toEqual(["1/min", "At most 9.", "Too fast."]);
    expect([input.getAttribute("aria-invalid"), find(".sv-error").textContent]).toEqual(["true", "Too fast."]);
  });

  it("keeps the id of its control and shows a value at its right", async () => {
    await page(`<selvedge-field label="Speed" :value="speed" unit="1/min"><input id="mine" type="range" v-model.number="speed"></selvedge-field>`, { speed: 3 });
    expect((find("#mine") as HTMLInputElement).labels?.[0]?.textContent).toBe("Speed");
    expect(find(".sv-field output").textContent).toBe("3 1/min");
  });
});

describe("an edit that the server refuses", () => {
  it("is explained at its field, until the user edits it again", async () => {
    const server = await page(`<selvedge-field label="Speed"><selvedge-number v-model="speed"></selvedge-number></selvedge-field>`, { speed: 3 });
    const input = find(".sv-field input") as HTMLInputElement;
    const enter = async (text: string) => {
      input.value = text;
      input.dispatchEvent(new Event("input"));
      input.dispatchEvent(new Event("change"));
      await settle();
    };
    server.held.add("trame.state.update");
    await enter("12");
    await server.socket.fail(server.socket.last("trame.state.update"), "`speed` was not set: at most 9, please");
    await settle();
    await settle();
    expect(find(".sv-error").textContent).toBe("at most 9, please");
    expect(input.getAttribute("aria-invalid")).toBe("true");
    expect(document.querySelector(".sv-notices [data-tone=error]")).toBeNull();
    await enter("8");
    expect([find(".sv-error").textContent, sent(server, "speed")]).toEqual(["", 8]);
  });
});

describe("tabs", () => {
  const TABS = `<selvedge-tabs label="Views" v-model="view">
    <selvedge-tab title="Plot" value="plot"><p id="plot">A plot</p></selvedge-tab>
    <selvedge-tab title="Service" disabled>Never</selvedge-tab>
    <selvedge-tab title="Log"><input id="log"></selvedge-tab></selvedge-tabs>`;
  const chosen = () => find("[role=tab][aria-selected=true]");
  const isShown = (id: string) => find(`#${id}`).closest("[hidden]") === null;

  it("are chosen by keyboard, without those that are disabled", async () => {
    const server = await page(TABS, { view: "plot" });
    expect([chosen().textContent, document.querySelector("#log")]).toEqual(["Plot", null]);
    await press(find("[role=tablist]"), "ArrowRight");
    expect([chosen().textContent, sent(server, "view"), isShown("plot"), isShown("log")]).toEqual(["Log", "Log", false, true]);
    expect(document.activeElement).toBe(chosen());
    await press(find("[role=tablist]"), "ArrowRight");
    expect(chosen().textContent).toBe("Plot");
    await press(find("[role=tablist]"), "End");
    expect(chosen().textContent).toBe("Log");
  });

  it("keep what was typed into them, and follow the state", async () => {
    const server = await page(TABS, { view: "Log" });
    (find("#log") as HTMLInputElement).value = "typed";
    await server.socket.publish("trame.state.topic", { view: "plot" });
    await settle();
    expect(isShown("log")).toBe(false);
    await server.socket.publish("trame.state.topic", { view: "Log" });
    await settle();
    expect([isShown("log"), (find("#log") as HTMLInputElement).value]).toEqual([true, "typed"]);
  });

  it("are remembered by name", async () => {
    const template = TABS.replace(' v-model="view"', ' name="views"');
    await page(template);
    find("[role=tab]:last-child").click();
    await settle();
    window.trame?.dispose();
    await page(template);
    expect(chosen().textContent).toBe("Log");
  });
});

describe("a split", () => {
  const SPLIT = `<selvedge-split name="work"><selvedge-pane label="Runs" size="20" collapsible>R</selvedge-pane><p>View</p></selvedge-split>`;
  const handle = () => find("[role=separator]");
  const sizes = () => [...document.querySelectorAll<HTMLElement>(".sv-pane")].map(({ style }) => Math.round(parseFloat(style.flexGrow)));

  it("is resized by keyboard, closed and opened again, and remembered", async () => {
    await page(SPLIT);
    expect([sizes(), handle().getAttribute("aria-valuenow"), handle().getAttribute("aria-label")]).toEqual([[20, 80], "20", "Size of Runs"]);
    await press(handle(), "ArrowRight");
    await press(handle(), "ArrowDown");
    expect(sizes()).toEqual([22, 78]);
    await press(handle(), "ArrowRight", { shiftKey: true });
    expect(sizes()).toEqual([32, 68]);
    await press(handle(), "Enter");
    expect([sizes(), handle().getAttribute("aria-valuetext"), find(".sv-pane").hasAttribute("inert")]).toEqual([[0, 100], "closed", true]);
    await press(handle(), "Enter");
    expect(sizes()).toEqual([32, 68]);
    await press(handle(), "End");
    expect(sizes()).toEqual([95, 5]);
    window.trame?.dispose();
    await page(SPLIT);
    expect(sizes()).toEqual([95, 5]);
    handle().dispatchEvent(new MouseEvent("dblclick"));
    await settle();
    expect(sizes()).toEqual([20, 80]);
  });

  it("uses what is remembered only for as many parts", async () => {
    localStorage.setItem("selvedge:layout:work", "[10, 20, 70]");
    await page(SPLIT);
    expect(sizes()).toEqual([20, 80]);
    window.trame?.dispose();
    localStorage.setItem("selvedge:layout:work", '{"not": "sizes"}');
    await page(SPLIT);
    expect(sizes()).toEqual([20, 80]);
  });
});

describe("a menu", () => {
  const MENU = `<selvedge-menu label="File"><selvedge-item id="open" @click="said = 'open'" shortcut="Ctrl+O">Open</selvedge-item>
    <selvedge-item disabled>Print</selvedge-item><hr><selvedge-item :checked="on" @click="on = !on">Options</selvedge-item></selvedge-menu>`;
  const opener = () => find(".sv-menu-button");

  it("is used by keyboard alone", async () => {
    const server = await page(MENU, { said: "", on: true });
    await press(opener(), "ArrowDown");
    expect([opener().getAttribute("aria-expanded"), document.activeElement?.id]).toEqual(["true", "open"]);
    await press(document.activeElement as Element, "ArrowDown");
    const item = document.activeElement as HTMLElement;
    expect([item.textContent, item.getAttribute("role"), item.getAttribute("aria-checked")]).toEqual(["Options", "menuitemcheckbox", "true"]);
    await press(item, "p");
    expect(document.activeElement).toBe(item);
    await press(item, "o");
    expect(document.activeElement?.id).toBe("open");
    (document.activeElement as HTMLElement).click();
    await settle();
    expect([sent(server, "said"), document.querySelector("[role=menu]"), document.activeElement]).toEqual(["open", null, opener()]);
  });

  it("is closed by Escape and by a press beside it", async () => {
    await page(MENU, { said: "", on: true });
    opener().click();
    await settle();
    await press(document.activeElement as Element, "Escape");
    expect([document.querySelector("[role=menu]"), document.activeElement]).toEqual([null, opener()]);
    opener().click();
    await settle();
    document.body.dispatchEvent(new Event("pointerdown", { bubbles: true }));
    await settle();
    expect(document.querySelector("[role=menu]")).toBeNull();
  });
});

describe("a card", () => {
  it("is closed by its heading, which says so, and remembers it", async () => {
    const card = `<selvedge-card title="Flow" collapsible name="flow">Inside</selvedge-card>`;
    await page(card);
    expect([find("section h2 button").getAttribute("aria-expanded"), find(".sv-card-content").hidden]).toEqual(["true", false]);
    find("section h2 button").click();
    await settle();
    expect(find(".sv-card-content").hidden).toBe(true);
    window.trame?.dispose();
    await page(card);
    expect([find("section h2 button").getAttribute("aria-expanded"), find(".sv-card-content").hidden]).toEqual(["false", true]);
  });
});

describe("a toast", () => {
  it("disappears by itself, but not while a user points at it", async () => {
    const server = await page(`<selvedge-toast v-model="message" seconds="2"></selvedge-toast>`, { message: "" });
    expect(find(".sv-toast-place").getAttribute("role")).toBe("status");
    vi.useFakeTimers();
    await server.socket.publish("trame.state.topic", { message: "Saved" });
    await vi.advanceTimersByTimeAsync(1900);
    find(".sv-toast-place .sv-notice").dispatchEvent(new Event("pointerenter"));
    await vi.advanceTimersByTimeAsync(5000);
    expect(find(".sv-toast-place .sv-notice").textContent).toContain("Saved");
    find(".sv-toast-place .sv-notice").dispatchEvent(new Event("pointerleave"));
    await vi.advanceTimersByTimeAsync(2100);
    expect(document.querySelector(".sv-toast-place .sv-notice")).toBeNull();
    expect(sent(server, "message")).toBe("");
  });
});

describe("an icon", () => {
  it("is hidden from screen readers, unless it has a label", async () => {
    await page(`<selvedge-icon name="play"></selvedge-icon><selvedge-icon name="x y" label="Stop"></selvedge-icon>`);
    const [play, stop] = document.querySelectorAll<HTMLElement>(".sv-icon");
    expect([play?.getAttribute("aria-hidden"), stop?.getAttribute("aria-label"), stop?.getAttribute("role")]).toEqual(["true", "Stop", "img"]);
  });
});
