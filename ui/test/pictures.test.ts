import { describe, expect, it, vi } from "vitest";
import { encodedPicture } from "../src/frame";
import { FakeServer, settle } from "./fake-server";
import { find, openPage } from "./open-page";

const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47]);

describe("bytes in the state", () => {
  it("are a Uint8Array in templates, and a picture where one is wanted", async () => {
    const made = vi.fn((blob: Blob) => `blob:${blob.size}`);
    const revoked = vi.fn();
    vi.stubGlobal("URL", Object.assign(URL, { createObjectURL: made, revokeObjectURL: revoked }));
    const template = `<selvedge-image id="it" :bytes="picture" alt="A leaf"></selvedge-image>
      <p id="kind">{{ picture?.constructor.name }} {{ picture?.length }}</p>`;
    const server = new FakeServer({ trame__template_main: template, picture: PNG });
    await openPage();
    expect(find("#kind").textContent).toBe("Uint8Array 4");
    expect(find("#it").getAttribute("src")).toBe("blob:4");
    await server.socket.publish("trame.state.topic", { picture: null });
    expect(document.querySelector("#it")).toBeNull();
    expect(revoked).toHaveBeenCalledWith("blob:4");
  });
});

describe("a frame of a stream", () => {
  it("is a picture as bytes, as a Blob or with its format, and nothing else is", () => {
    expect(encodedPicture(PNG)?.size).toBe(4);
    const blob = new Blob([PNG]);
    expect(encodedPicture(blob)).toBe(blob);
    expect(encodedPicture({ format: "jpeg", data: PNG })?.type).toBe("image/jpeg");
    expect(encodedPicture({ format: "gray8", width: 2, height: 2, data: PNG })).toBeNull();
    expect(encodedPicture(null)).toBeNull();
    expect(() => encodedPicture({ format: "png", data: "iVBOR" })).toThrow("as bytes");
  });

  it("that is a picture is acknowledged when it was decoded and drawn", async () => {
    const frames: FrameRequestCallback[] = [];
    vi.stubGlobal("requestAnimationFrame", (run: FrameRequestCallback) => frames.push(run));
    let decoded: (image: object) => void = () => undefined;
    vi.stubGlobal("createImageBitmap", () => new Promise((resolve) => (decoded = resolve)));
    const drawImage = vi.fn();
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue({ drawImage, clearRect: vi.fn() } as never);
    const server = new FakeServer({ trame__template_main: '<selvedge-canvas topic="t" aria-label="T"></selvedge-canvas>' });
    await openPage();
    await server.socket.publish("t", PNG);
    frames.splice(0).forEach((run) => run(0));
    await settle();
    expect(server.socket.calls("selvedge.stream.ack")).toEqual([]);
    const image = { width: 5, height: 4, close: vi.fn() };
    decoded(image);
    await settle();
    expect(drawImage).toHaveBeenCalledWith(image, 0, 0);
    expect(image.close).toHaveBeenCalled();
    expect((find("canvas") as HTMLCanvasElement).width).toBe(5);
    expect(server.socket.calls("selvedge.stream.ack")).toEqual([["t"]]);
  });
});
