import { describe, expect, it, vi } from "vitest";
import { FakeServer, settle } from "./fake-server";
import { openPage } from "./open-page";

const PICTURES = "viewport.image.push.subscription";

async function open(server = new FakeServer({ trame__template_main: "<p></p>" })) {
  vi.stubGlobal(
    "URL",
    Object.assign(URL, { createObjectURL: vi.fn(() => `blob:${++urls}`), revokeObjectURL: vi.fn() }),
  );
  await openPage();
  const images = window.trame?.client.getImageStream();
  if (!images) throw new Error("The page has no image stream.");
  return { server, images };
}

let urls = 0;

/** The calls of views, without the common part of their names. */
function calls(server: FakeServer): unknown[] {
  return server.socket.requests
    .filter(({ method }) => method.startsWith("viewport."))
    .map(({ method, args }) => [method.replace("viewport.", ""), ...args]);
}

function camera() {
  return {
    getFocalPoint: () => [0, 0, 0],
    getViewUp: () => [0, 1, 0],
    getPosition: () => [0, 0, 5],
    getParallelProjection: () => false,
    getViewAngle: () => 30,
    getParallelScale: () => 1,
  };
}

describe("the image stream", () => {
  it("is one, and tells the server of its views", async () => {
    const { server, images } = await open();
    expect(window.trame?.client.getImageStream()).toBe(images);
    const view = images.createViewStream("3", [200, 100]);
    await view.render();
    view.setInteractiveQuality(50);
    await view.startInteraction();
    await view.endInteraction();
    view.delete();
    await settle();
    expect(calls(server)).toEqual([
      ["image.push.observer.add", "3"],
      ["image.push.original.size", "3", 200, 100],
      ["image.push", { view: "3", size: [200, 100] }],
      ["image.push.quality", "3", 50, 1],
      ["image.push.quality", "3", 100, 1],
      ["image.push", { view: "3", size: [200, 100] }],
      ["image.push.observer.remove", "3"],
    ]);
  });

  it("tells the server of a view once when the page makes it", async () => {
    const making = "trame.client.getImageStream().createViewStream('7')";
    const { server } = await open(new FakeServer({ trame__template_main: `<p @vue:mounted="${making}"></p>` }));
    await settle();
    expect(calls(server)).toEqual([
      ["image.push.observer.add", "7"],
      ["image.push.original.size", "7", 400, 400],
    ]);
  });

  it("gives views the methods of the server that it uses itself", async () => {
    const { server, images } = await open();
    const view = images.createViewStream("3");
    const { protocol, viewId } = view.get("protocol", "viewId");
    await (protocol as { setQuality: (...args: unknown[]) => Promise<unknown> }).setQuality(viewId, 5, 0.1);
    expect(calls(server).at(-1)).toEqual(["image.push.quality", "3", 5, 0.1]);
    expect(view.get()).toMatchObject({ stillQuality: 100, size: [400, 400] });
  });

  it("hands pictures to the view that they are for, decoded only if that is wanted", async () => {
    const { server, images } = await open();
    const [one, two] = [images.createViewStream("1"), images.createViewStream("2")];
    expect([one.setDecodeImage(false), one.setDecodeImage(false), one.getDecodeImage()]).toEqual([true, false, false]);
    const seen = vi.fn();
    one.onImageReady(seen);
    two.onImageReady(() => void seen("two"));
    await server.socket.publish(PICTURES, { id: 1, image: new Uint8Array(3), size: [4, 4], memsize: 3, workTime: 7 });
    expect(seen).toHaveBeenCalledTimes(1);
    expect(seen.mock.calls[0]?.[0]).toMatchObject({ metadata: { size: [4, 4], id: 1, memory: 3, workTime: 7 } });
    expect(one.getLastImageEvent()?.url).toMatch(/^blob:/);
  });

  it("does not show a picture that was decoded after a newer one", async () => {
    const decoding: HTMLImageElement[] = [];
    vi.stubGlobal("Image", function () {
      const image = document.createElement("img");
      decoding.push(image);
      return image;
    });
    const { server, images } = await open();
    const view = images.createViewStream("1");
    const shown: unknown[] = [];
    view.onImageReady(({ image }) => shown.push(image));
    for (let count = 0; count < 2; count += 1) await server.socket.publish(PICTURES, { id: "1", image: new Uint8Array(1) });
    decoding[1]?.onload?.(new Event("load"));
    decoding[0]?.onload?.(new Event("load"));
    expect(shown).toEqual([decoding[1]]);
  });

  it("sends a camera that moves, and no more when it rests", async () => {
    vi.useFakeTimers();
    const { server, images } = await open();
    const view = images.createViewStream("1");
    view.setCamera(camera());
    view.setCameraUpdateRate(10);
    void view.startInteraction();
    await vi.advanceTimersByTimeAsync(250);
    view.setUseCameraParameters(true);
    void view.endInteraction();
    await vi.advanceTimersByTimeAsync(1000);
    const sent = calls(server).map((call) => (call as unknown[])[0]);
    expect(sent.filter((method) => method === "camera.update")).toHaveLength(3);
    expect(sent.filter((method) => method === "camera.update.params")).toHaveLength(1);
    expect(sent.at(-1)).toBe("camera.update.params");
  });

  it("takes the server's id for the view that was drawn last, and tells a new connection of it", async () => {
    vi.useFakeTimers();
    const { server, images } = await open();
    server.held.add("viewport.image.push.observer.add");
    const view = images.createViewStream();
    await settle();
    await server.socket.reply(server.socket.last("viewport.image.push.observer.add"), { viewId: "12" });
    expect(view.getViewId()).toBe("12");
    server.socket.drop();
    await vi.advanceTimersByTimeAsync(300);
    await settle();
    expect(calls(server).map((call) => (call as unknown[]).slice(0, 2))).toEqual([
      ["image.push.observer.add", "12"],
      ["image.push.original.size", "12"],
      ["image.push.quality", "12"],
      ["image.push", { view: "12", size: [400, 400] }],
    ]);
  });
});
