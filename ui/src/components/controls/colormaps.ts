// Color maps: the usual ones of matplotlib and ParaView, by colors at equal distances.

const STOPS: Record<string, string> = {
  viridis: "440154 472d7b 3b528b 2c728e 21918c 28ae80 5ec962 addc30 fde725",
  magma: "000004 180f3d 440f76 721f81 9e2f7f cd4071 f1605d fd9668 feca8d fcfdbf",
  inferno: "000004 1b0c41 4a0c6b 781c6d a52c60 cf4446 ed6925 fb9b06 f7d13d fcffa4",
  plasma: "0d0887 46039f 7201a8 9c179e bd3786 d8576b ed7953 fb9f3a fdca26 f0f921",
  cividis: "00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 e1cc55 fee838",
  turbo: "30123b 4145ab 4675ed 39a2fc 1bcfd4 24eca6 61fc6c a4fc3b d1e834 f3c63a fe9b2d f36315 d93806 b11901 7a0403",
  coolwarm: "3b4cc0 6788ee 9abbff c9d7f0 dcdddd edd1c2 f7a889 e26952 b40426",
  gray: "000000 ffffff",
};

export const COLORMAPS = Object.keys(STOPS);

type Color = [red: number, green: number, blue: number];

/** Returns the colors of a map, or of the first one if there is none of this name. */
function stops(name: string): Color[] {
  const hex = (STOPS[name] ?? STOPS.viridis ?? "").split(" ");
  return hex.map((color) => [0, 2, 4].map((at) => parseInt(color.slice(at, at + 2), 16)) as Color);
}

/** Returns 256 colors, as red, green and blue, one after another. */
export function palette(name: string): Uint8Array {
  const colors = stops(name);
  const all = new Uint8Array(256 * 3);
  for (let index = 0; index < 256; index += 1) {
    const place = (index / 255) * (colors.length - 1);
    const at = Math.min(colors.length - 2, Math.floor(place));
    const [before, after] = [colors[at] as Color, colors[at + 1] as Color];
    before.forEach((part, channel) => (all[3 * index + channel] = Math.round(part + ((after[channel] ?? 0) - part) * (place - at))));
  }
  return all;
}

/** Returns a map as a gradient of CSS, from its lowest to its highest value. */
export function gradient(name: string, direction = "to right"): string {
  return `linear-gradient(${direction}, ${stops(name).map((color) => `rgb(${color.join(" ")})`).join(", ")})`;
}
