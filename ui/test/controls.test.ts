// The controls for values: what they show, what they take, and how the keyboard works them.

import { beforeEach, describe, expect, it, vi } from "vitest";
import { COLORMAPS, palette } from "../src/components/controls/colormaps";
import { pastedTable } from "../src/components/controls/matrix";
import { parseNumber, showNumber, stepped } from "../src/components/controls/numbers";
import { momentOf, wallTime } from "../src/components/controls/time";
import { FakeServer, settle } from "./fake-server";
import { find, openPage } from "./open-page";

beforeEach(() => {
  // jsdom has no layout to scroll.
  Element.prototype.scrollIntoView = () => undefined;
  vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
  // That of jsdom leaves listeners behind.
  vi.stubGlobal("getComputedStyle", () => ({ direction: "ltr", fontSize: "16px" }));
});

async function page(template: string, state: Record<string, unknown>): Promise<FakeServer> {
  const server = new FakeServer({ trame__template_main: template, ...state });
  await openPage();
  return server;
}

async function press(selector: string, key: string, init: KeyboardEventInit = {}): Promise<void> {
  find(selector).dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init }));
  await settle();
}

async function enter(selector: string, text: string): Promise<void> {
  const input = find(selector) as HTMLInputElement;
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  await settle();
  input.dispatchEvent(new Event("change", { bubbles: true }));
  await settle();
}

function value(key: string): unknown {
  return window.trame?.state.get(key);
}

function shown(selector: string): string {
  return (find(selector) as HTMLInputElement).value;
}

describe("numbers", () => {
  it.each([
    ["1.5e-3", 0.0015],
    ["2,5", 2.5],
    ["−40", -40],
    [" 1 000 ", 1000],
    ["3×10^4", 30000],
    [".5", 0.5],
    ["", null],
    ["1,234.5", undefined],
    ["1e999", undefined],
    ["12 bar", undefined],
    ["0x10", undefined],
  ])("%j is %j", (text, expected) => {
    expect(parseNumber(text)).toBe(expected);
  });

  it("are shown with the digits that are asked for", () => {
    expect([showNumber(1 / 3, { digits: 3 }), showNumber(1.5e-7, { digits: 3 }), showNumber(123456789, { digits: 3 })]).toEqual(["0.333", "1.50e-7", "1.23e+8"]);
    expect([showNumber(0.0015, { scientific: true }), showNumber(1200, { digits: 3 }), showNumber(null)]).toEqual(["1.5e-3", "1200", ""]);
  });

  it("step without the rest of binary fractions, from between two steps to the next one", () => {
    expect([stepped(0.2, 0.1, 1), stepped(0, 0.1, 3), stepped(0.25, 0.1, 1), stepped(0.25, 0.1, -1)]).toEqual([0.3, 0.3, 0.3, 0.2]);
    expect(stepped(1, 2, 1, 1)).toBe(3);
  });
});

describe("a number field", () => {
  const FIELD = `<selvedge-number v-model="speed" min="0" max="1500" step="10" unit="1/min" aria-label="Speed"></selvedge-number>`;

  it("takes what is typed when it is done, and steps by keyboard within its range", async () => {
    await page(FIELD, { speed: 300 });
    await enter("input", "1,25e3");
    expect([value("speed"), shown("input")]).toEqual([1250, "1250"]);
    await press("input", "ArrowUp");
    await press("input", "ArrowUp", { shiftKey: true });
    expect(value("speed")).toBe(1360);
    await press("input", "ArrowDown", { ctrlKey: true });
    expect(value("speed")).toBe(1359);
    await press("input", "PageUp");
    await press("input", "PageUp");
    expect([value("speed"), find("input").getAttribute("aria-valuetext")]).toEqual([1500, "1500 1/min"]);
  });

  it("says what is wrong and leaves the value alone", async () => {
    await page(FIELD, { speed: 300 });
    await enter("input", "fast");
    expect([value("speed"), find("[role=alert]").textContent, find("input").getAttribute("aria-invalid")]).toEqual([300, "This is not a number.", "true"]);
    await enter("input", "2000");
    expect([value("speed"), find("[role=alert]").textContent]).toEqual([300, "At most 1500."]);
    find("input").dispatchEvent(new Event("blur"));
    await settle();
    expect([shown("input"), document.querySelector("[role=alert]")]).toEqual(["300", null]);
  });

  it("may be empty, or whole numbers only", async () => {
    const server = await page(`<selvedge-number v-model="limit" optional integer></selvedge-number>`, { limit: 7 });
    await enter("input", "2.5");
    expect([value("limit"), find("[role=alert]").textContent]).toEqual([7, "A whole number is needed."]);
    await enter("input", "");
    expect(value("limit")).toBe(null);
    await server.socket.publish("trame.state.topic", { limit: 9 });
    await settle();
    expect(shown("input")).toBe("9");
  });
});

describe("sliders", () => {
  it("move over logarithms and show the value with its unit", async () => {
    await page(`<selvedge-slider v-model="f" min="1" max="10000" logarithmic unit="Hz"></selvedge-slider>`, { f: 100 });
    expect([shown("input"), find("output").textContent]).toEqual(["2", "100 Hz"]);
    await enter("input", "3.2");
    expect([value("f"), find("input").getAttribute("aria-valuetext")]).toEqual([1580, "1580 Hz"]);
  });

  it("keep the ends of a range in their order", async () => {
    await page(`<selvedge-range v-model="w" max="10"></selvedge-range>`, { w: [2, 5] });
    await enter("input:first-child", "8");
    expect([value("w"), shown("input:first-child")]).toEqual([[5, 5], "5"]);
    await enter("input:last-child", "9");
    expect(value("w")).toEqual([5, 9]);
  });

  it("turn a knob by keyboard", async () => {
    await page(`<selvedge-knob v-model="gain" min="-20" max="20" step="0.5" label="Gain" unit="dB"></selvedge-knob>`, { gain: -6 });
    await press("[role=slider]", "ArrowUp");
    expect([value("gain"), find("[role=slider]").getAttribute("aria-valuetext")]).toEqual([-5.5, "-5.5 dB"]);
    await press("[role=slider]", "End");
    await press("[role=slider]", "ArrowRight");
    expect(value("gain")).toBe(20);
  });
});

describe("choices", () => {
  it("switch and choose", async () => {
    await page(
      `<selvedge-switch v-model="on">On</selvedge-switch>
       <selvedge-choice v-model="mode" label="Mode" :options="[1, { value: null, title: 'None' }, { value: 3, title: 'Off', disabled: true }]"></selvedge-choice>`,
      { on: false, mode: 1 },
    );
    find("[role=switch]").click();
    find("[role=radiogroup] label:nth-child(2) input").click();
    find("[role=radiogroup] label:nth-child(3) input").click();
    await settle();
    expect([value("on"), value("mode")]).toEqual([true, null]);
  });

  it("find one of many by typing", async () => {
    const options = Array.from({ length: 1000 }, (_, at) => ({ value: at, title: `Sensor ${at}` }));
    await page(`<selvedge-select v-model="sensor" :options="options" aria-label="Sensor"></selvedge-select>`, { sensor: 7, options });
    expect(shown("input")).toBe("Sensor 7");
    await press("input", "ArrowDown");
    expect([find("input").getAttribute("aria-expanded"), find("[data-active]").textContent]).toEqual(["true", "Sensor 7"]);
    const input = find("input") as HTMLInputElement;
    input.value = "99 sens";
    input.dispatchEvent(new Event("input"));
    await settle();
    expect(document.querySelectorAll("[role=option]").length).toBe(19);
    await press("input", "ArrowDown");
    expect(document.getElementById(input.getAttribute("aria-activedescendant") ?? "")?.textContent).toBe("Sensor 199");
    await press("input", "Enter");
    expect([value("sensor"), shown("input"), document.querySelector("[role=listbox]")]).toEqual([199, "Sensor 199", null]);
    await press("input", "ArrowDown");
    await press("input", "Escape");
    expect([value("sensor"), document.querySelector("[role=listbox]")]).toEqual([199, null]);
  });

  it("take colors as three or six digits", async () => {
    await page(`<selvedge-color v-model="color"></selvedge-color>`, { color: "#102030" });
    await enter("input[type=text]", "fA0");
    expect(value("color")).toBe("#ffaa00");
    await enter("input[type=text]", "reddish");
    expect([value("color"), shown("input[type=text]")]).toEqual(["#ffaa00", "#ffaa00"]);
  });
});

describe("moments", () => {
  it("are those of a zone, also when its clocks change", () => {
    const berlin = (wall: string) => momentOf(wall, "Europe/Berlin")?.toISOString();
    expect(berlin("2026-05-01T12:30:00")).toBe("2026-05-01T10:30:00.000Z");
    expect(wallTime(new Date("2026-05-01T10:30:00Z"), "Europe/Berlin")).toBe("2026-05-01T12:30:00");
    expect(berlin("2026-10-25T02:30:00")).toBe("2026-10-25T00:30:00.000Z");
    expect(berlin("2026-10-25T03:30:00")).toBe("2026-10-25T02:30:00.000Z");
    expect(berlin("2026-03-29T03:30:00")).toBe("2026-03-29T01:30:00.000Z");
    expect(wallTime(new Date("2026-03-29T01:30:00Z"), "America/New_York")).toBe("2026-03-28T21:30:00");
    expect(momentOf("soon", "UTC")).toBeNull();
  });

  it("stay of their kind", async () => {
    await page(`<selvedge-datetime v-model="begin" zone="Europe/Berlin"></selvedge-datetime>`, { begin: "2026-05-01T10:30:00Z" });
    expect(shown("input")).toBe("2026-05-01T12:30");
    await enter("input", "2026-05-01T13:00");
    expect(value("begin")).toBe("2026-05-01T11:00:00.000Z");
    await enter("input", "");
    expect(value("begin")).toBeNull();
  });
});

describe("several numbers", () => {
  it("are edited one by one", async () => {
    await page(`<selvedge-vector v-model="place" :labels="['x', 'y']"></selvedge-vector>`, { place: [1, 2] });
    expect((find("label:last-of-type input") as HTMLInputElement).labels?.[0]?.textContent).toBe("y");
    await enter("label:last-of-type input", "3.5");
    expect(value("place")).toEqual([1, 3.5]);
  });

  it("are filled by a table that is pasted, and left by arrow keys", async () => {
    await page(`<selvedge-matrix v-model="m" :rows="['a', 'b']"></selvedge-matrix>`, { m: [[1, 2, 3], [4, 5, 6]] });
    const cell = find('[data-cell="0,1"]') as HTMLInputElement;
    expect(cell.getAttribute("aria-label")).toBe("a, 2");
    const paste = Object.assign(new Event("paste", { bubbles: true, cancelable: true }), { clipboardData: { getData: () => "7\t8\t9\r\n10\t11\t12\r\n" } });
    cell.dispatchEvent(paste);
    await settle();
    expect(value("m")).toEqual([[1, 7, 8], [4, 10, 11]]);
    await press('[data-cell="0,1"]', "ArrowDown");
    expect((document.activeElement as HTMLElement).dataset.cell).toBe("1,1");
    expect(pastedTable("a\tb")).toBeNull();
  });
});

describe("displays", () => {
  it("say their value to screen readers", async () => {
    await page(
      `<selvedge-gauge :value="level" unit="%" label="Level" :bands="[{ from: 70, to: 100, tone: 'danger' }]"></selvedge-gauge><selvedge-sparkline :values="last" label="Flow"></selvedge-sparkline>`,
      { level: 81.25, last: [[0, 1], [1, 2.5]] },
    );
    const meter = find("[role=meter]");
    expect([meter.getAttribute("aria-valuetext"), meter.className]).toEqual(["81.3 %", "sv-gauge sv-danger"]);
    expect(find("[role=img]").getAttribute("aria-label")).toBe("Flow: the latest is 2.5");
  });

  it("hold only the lines of a log that are in view, and filter", async () => {
    const log = Array.from({ length: 50_000 }, (_, at) => `line ${at}`);
    await page(`<selvedge-log :lines="log"></selvedge-log>`, { log });
    expect(find("[role=log] pre").textContent.split("\n").length).toBeLessThan(100);
    const filter = find("input[type=search]") as HTMLInputElement;
    filter.value = "4999";
    filter.dispatchEvent(new Event("input"));
    await settle();
    expect([find("[role=log] pre").textContent.split("\n")[0], find(".sv-hint").textContent]).toEqual(["line 4999", "15 of 50000 lines"]);
  });

  it("have color maps of 256 colors", () => {
    const [first, last] = [palette("viridis").slice(0, 3), palette("viridis").slice(-3)];
    expect([[...first], [...last]]).toEqual([[0x44, 0x01, 0x54], [0xfd, 0xe7, 0x25]]);
    for (const name of COLORMAPS) expect(palette(name)).toHaveLength(768);
  });
});
