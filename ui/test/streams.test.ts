import { beforeEach, describe, expect, it, vi } from "vitest";
import { FakeServer, settle } from "./fake-server";
import { find, openPage } from "./open-page";

const STREAM_CALLS = ["selvedge.stream.open", "selvedge.stream.ack", "selvedge.stream.close"];

let frames: FrameRequestCallback[] = [];
let drawn: number[][] = [];

/** Lets the browser draw: what a visible page does on its own. */
function animate(): void {
  for (const run of frames.splice(0)) run(0);
}

beforeEach(() => {
  frames = [];
  drawn = [];
  vi.stubGlobal("requestAnimationFrame", (run: FrameRequestCallback) => frames.push(run));
  vi.stubGlobal(
    "ImageData",
    class {
      readonly data: Uint8ClampedArray;
      constructor(
        readonly width: number,
        readonly height: number,
      ) {
        this.data = new Uint8ClampedArray(width * height * 4);
      }
    },
  );
  const context = { putImageData: (image: ImageData) => drawn.push([...image.data]) };
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context as never);
});

const CANVAS = '<selvedge-canvas v-if="shown" id="field" topic="field" aria-label="Field" @paint="painted = $event"></selvedge-canvas>';

async function show(extras = true): Promise<FakeServer> {
  const server = new FakeServer({ trame__template_main: CANVAS, shown: true, painted: null });
  server.extras = extras;
  await openPage();
  return server;
}

const streamCalls = (server: FakeServer) =>
  server.socket.requests
    .filter(({ method }) => STREAM_CALLS.includes(method))
    .map(({ method, args }) => [method.slice("selvedge.stream.".length), ...args]);

const gray = (...data: number[]) => ({ width: data.length, height: 1, format: "gray8", data: new Uint8Array(data) });

describe("a stream", () => {
  it("is opened, and every frame acknowledged after it was drawn", async () => {
    const server = await show();
    expect(streamCalls(server)).toEqual([["open", "field"]]);
    await server.socket.publish("field", gray(1));
    expect(drawn).toEqual([]);
    expect(streamCalls(server)).toEqual([["open", "field"]]);
    animate();
    expect(drawn).toEqual([[1, 1, 1, 255]]);
    expect(streamCalls(server)).toEqual([
      ["open", "field"],
      ["ack", "field"],
    ]);
  });

  it("draws only the newest of several frames, and owes as many acknowledgements as came", async () => {
    const server = await show();
    await server.socket.publish("field", gray(1));
    await server.socket.publish("field", gray(2));
    animate();
    expect(drawn).toEqual([[2, 2, 2, 255]]);
    expect(streamCalls(server)).toEqual([["open", "field"], ["ack", "field"], ["ack", "field"]]);
  });

  it("is closed when nothing shows it any more, and opened again", async () => {
    const server = await show();
    await server.socket.publish("trame.state.topic", { shown: false });
    expect(streamCalls(server)).toEqual([
      ["open", "field"],
      ["close", "field"],
    ]);
    await server.socket.publish("trame.state.topic", { shown: true });
    expect(streamCalls(server).at(-1)).toEqual(["open", "field"]);
  });

  it("is opened on a new connection, which owes nothing for frames of the old one", async () => {
    const server = await show();
    await server.socket.publish("field", gray(1));
    server.socket.drop();
    await vi.waitFor(() => expect(server.sockets).toHaveLength(2));
    await settle();
    await settle();
    animate();
    expect(streamCalls(server)).toEqual([["open", "field"]]);
    await server.socket.publish("field", gray(5));
    animate();
    expect(drawn.at(-1)).toEqual([5, 5, 5, 255]);
    expect(streamCalls(server).at(-1)).toEqual(["ack", "field"]);
  });

  it("of a stock server is drawn without a word", async () => {
    const server = await show(false);
    await server.socket.publish("field", gray(7));
    animate();
    expect(drawn).toEqual([[7, 7, 7, 255]]);
    expect(streamCalls(server)).toEqual([]);
  });

  it("is not counted as busy", async () => {
    const server = await show();
    server.held.add("selvedge.stream.ack");
    await server.socket.publish("field", gray(1));
    animate();
    await settle();
    expect(window.trame?.state.get("trame__busy")).toBe(0);
  });

  it("goes on after a frame that cannot be drawn", async () => {
    const errors = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const server = await show();
    await server.socket.publish("field", { ...gray(1), width: 9 });
    animate();
    expect(String(errors.mock.calls[0]?.[0])).toContain("gray8 frame of 9×1 has 9 bytes, not 1");
    await server.socket.publish("field", gray(3));
    animate();
    expect(drawn).toEqual([[3, 3, 3, 255]]);
    expect(streamCalls(server).filter(([verb]) => verb === "ack")).toHaveLength(2);
  });
});

describe("pictures", () => {
  it("look colours up in a palette", async () => {
    const palette = new Uint8Array(768);
    palette.set([10, 20, 30], 3 * 3);
    palette.set([40, 50, 60], 255 * 3);
    const server = await show();
    await server.socket.publish("field", { width: 1, height: 2, format: "indexed8", palette, data: new Uint8Array([3, 255]) });
    animate();
    expect(drawn).toEqual([[10, 20, 30, 255, 40, 50, 60, 255]]);
    const canvas = find("canvas#field") as HTMLCanvasElement;
    expect([canvas.width, canvas.height]).toEqual([1, 2]);
    expect(canvas.getAttribute("aria-label")).toBe("Field");
  });

  it("take their own colours", async () => {
    const server = await show();
    await server.socket.publish("field", { width: 1, height: 1, format: "rgba8", data: new Uint8Array([1, 2, 3, 4]) });
    animate();
    expect(drawn).toEqual([[1, 2, 3, 4]]);
  });
});

describe("painting", () => {
  const paints = (server: FakeServer) =>
    server.socket.calls("trame.state.update").map(([changes]) => (changes as [{ value: unknown }])[0].value);

  function pointer(kind: string, x: number, y: number, more: object = {}): void {
    const canvas = find("canvas");
    canvas.setPointerCapture = vi.fn();
    canvas.getBoundingClientRect = () => ({ left: 100, top: 50, width: 200, height: 100 }) as DOMRect;
    canvas.dispatchEvent(Object.assign(new Event(kind), { clientX: x, clientY: y, buttons: 1, pointerId: 1, shiftKey: false, ...more }));
  }

  it("reports presses at once and moves once per frame, from 0 to 1", async () => {
    const server = await show();
    pointer("pointerdown", 100, 50);
    await settle();
    expect(paints(server)).toEqual([{ x: 0, y: 0, erase: false }]);
    pointer("pointermove", 150, 75);
    pointer("pointermove", 200, 100);
    await settle();
    expect(paints(server)).toHaveLength(1);
    animate();
    await settle();
    expect(paints(server).slice(1)).toEqual([{ x: 0.5, y: 0.5, erase: false }]);
    pointer("pointermove", 900, 900);
    animate();
    await settle();
    expect(paints(server).at(-1)).toEqual({ x: 1, y: 1, erase: false });
  });

  it("erases with the right button or shift, and ignores a pointer that only passes", async () => {
    const server = await show();
    pointer("pointermove", 120, 60, { buttons: 0 });
    animate();
    pointer("pointerdown", 100, 50, { buttons: 2 });
    await settle();
    pointer("pointerdown", 100, 150, { shiftKey: true });
    await settle();
    expect(paints(server)).toEqual([
      { x: 0, y: 0, erase: true },
      { x: 0, y: 1, erase: true },
    ]);
  });

  it("works with the keyboard", async () => {
    const server = await show();
    const press = (key: string, more: KeyboardEventInit = {}) =>
      find("canvas").dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true, ...more }));
    expect(find("canvas").tabIndex).toBe(0);
    expect(press("ArrowRight")).toBe(false);
    press("ArrowUp", { ctrlKey: true });
    press(" ");
    await settle();
    press(" ", { shiftKey: true });
    await settle();
    expect(press("x")).toBe(true);
    expect(paints(server)).toEqual([
      { x: 0.5 + 1 / 64, y: 0.375, erase: false },
      { x: 0.5 + 1 / 64, y: 0.375, erase: true },
    ]);
  });
});
