// A script of an application that uses its declarations. Compiled only.

import type { Limits, Mode } from "./pump";

const { trame } = window;

export async function use(): Promise<void> {
  if (!trame) return;
  const speed: number = trame.state.get("speed");
  const place: string | null = trame.state.get("place");
  const [first]: [number, number][] = trame.state.get("points");
  const pixels: Uint8Array = trame.state.get("picture");
  const seen: Date = trame.state.get("seen");
  const label: string = trame.state.get("label-text");
  const limits: Limits = { lowest: speed, highestAllowed: null };
  const mode: Mode = { Ramp: { from: 0, to: 1 } };
  const { state, progress } = trame.state.get("render");
  const [lastRun] = trame.state.get("render_history");
  console.log(state === "done", progress ?? 0, lastRun?.began?.getTime(), trame.state.get("render_log").length);
  await trame.state.set("mode", "Off");
  await trame.state.update({ speed: 2, name: label });
  trame.state.watch(["speed", "name"], (now: number, name: string) => console.log(now, name));
  await trame.trigger("stop");
  await trame.trigger("turn", [90, mode]);
  await trame.trigger("turn", [90, "Off", true]);
  await trame.trigger("join", [",", 1, "two"], { exact: true });
  await trame.trigger("render", [400]);
  const lowest = (await trame.call("pump.limits", [limits])) as number;
  console.log(place, first, pixels, seen.getTime(), lowest);

  // @ts-expect-error a key that does not exist
  trame.state.get("sped");
  // @ts-expect-error a value of another type
  await trame.state.set("speed", "fast");
  // @ts-expect-error a trigger that does not exist
  await trame.trigger("trun", [90]);
  // @ts-expect-error an argument of another type
  await trame.trigger("turn", ["ninety", "Off"]);
  // @ts-expect-error a missing argument
  await trame.trigger("turn");
  // @ts-expect-error an argument of a method of another type
  await trame.call("pump.limits", ["low"]);
  // @ts-expect-error a variant that does not exist
  await trame.state.set("mode", "On");
}
