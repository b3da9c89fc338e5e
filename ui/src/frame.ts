// Converts the pictures of a stream into pixels for a canvas.

/** `indexed8`: one byte per pixel into a palette of 256 RGB colours. Rows from the top. */
export interface Frame {
  width: number;
  height: number;
  format: "indexed8" | "gray8" | "rgba8";
  data: Uint8Array;
  palette?: Uint8Array;
}

/** Formats that browsers decode. The file contains the size of the picture. */
const ENCODED = ["png", "jpeg", "webp", "avif", "gif", "bmp"];

/**
 * Returns a picture that is the content of a file: bytes, a Blob, or an object with such `data` and
 * a `format` other than plain pixels. Returns nothing for anything else.
 */
export function encodedPicture(value: unknown): Blob | null {
  if (value instanceof Blob) return value;
  if (value instanceof Uint8Array) return new Blob([value as Uint8Array<ArrayBuffer>]);
  const { format, data } = (value ?? {}) as { format?: unknown; data?: unknown };
  if (typeof format !== "string" || !ENCODED.includes(format)) return null;
  if (data instanceof Blob || data instanceof Uint8Array)
    return new Blob([data as Uint8Array<ArrayBuffer> | Blob], { type: `image/${format}` });
  throw new TypeError(`A ${format} frame needs its content as bytes in \`data\`.`);
}

const BYTES_PER_PIXEL = { indexed8: 1, gray8: 1, rgba8: 4 };
const PALETTE_BYTES = 256 * 3;

/** Checks a picture from the server. Throws a `TypeError` that names what is wrong. */
export function checkFrame(value: unknown): Frame {
  const frame = value as Partial<Frame> | null;
  const { width, height, format, data, palette } = frame ?? {};
  if (!isSize(width) || !isSize(height)) throw new TypeError("A frame needs a width and a height.");
  if (!format || !Object.hasOwn(BYTES_PER_PIXEL, format))
    throw new TypeError(`A frame is indexed8, gray8, rgba8 or a picture such as png or jpeg, not ${String(format)}.`);
  const expected = width * height * BYTES_PER_PIXEL[format];
  if (!(data instanceof Uint8Array) || data.length !== expected)
    throw new TypeError(`A ${format} frame of ${width}×${height} has ${expected} bytes, not ${data?.length ?? 0}.`);
  if (format === "indexed8" && (!(palette instanceof Uint8Array) || palette.length !== PALETTE_BYTES))
    throw new TypeError(`The palette of an indexed8 frame has ${PALETTE_BYTES} bytes, not ${palette?.length ?? 0}.`);
  return frame as Frame;
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0;
}

/** Converts pictures into images. Keeps its memory for the next picture of the same size. */
export class FrameDecoder {
  private image: ImageData | null = null;
  private pixels = new Uint32Array(0);
  /** The colour of each value, as a pixel word. */
  private readonly colours = new Uint32Array(256);
  private readonly components = new Uint8Array(this.colours.buffer);

  decode(frame: Frame): ImageData {
    const image = this.imageFor(frame.width, frame.height);
    if (frame.format === "rgba8") {
      image.data.set(frame.data);
      return image;
    }
    this.setColours(frame.palette);
    const { pixels, colours } = this;
    const { data } = frame;
    for (let index = 0; index < data.length; index += 1) pixels[index] = colours[data[index] as number] as number;
    return image;
  }

  private imageFor(width: number, height: number): ImageData {
    if (this.image?.width !== width || this.image.height !== height) {
      this.image = new ImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    return this.image;
  }

  /** Writes the palette byte by byte, so that the byte order of words does not matter. */
  private setColours(palette: Uint8Array | undefined): void {
    for (let value = 0; value < 256; value += 1) {
      for (let part = 0; part < 3; part += 1)
        this.components[value * 4 + part] = palette ? (palette[value * 3 + part] as number) : value;
      this.components[value * 4 + 3] = 255;
    }
  }
}
