import { describe, expect, it } from "vitest";
import { FakeServer, settle } from "./fake-server";
import { find, openPage } from "./open-page";

/** Shows a template to a user who may only look, in a program with the open trigger `export`. */
async function show(template: string, isViewer = true): Promise<FakeServer> {
  const state = { trame__template_main: template, trame__viewer: isViewer, speed: 1, busy: false, list: ["a"] };
  const server = new FakeServer({ ...state, tab: "a", trame__client_only: ["tab"] });
  server.openToViewers = ["export"];
  await openPage();
  return server;
}

const isDisabled = (selector: string) => find(selector).matches(":disabled");

describe("controls of users who may only look", () => {
  it("are disabled where they edit or call", async () => {
    await show(`
      <input id="model" v-model.number="speed">
      <button id="trigger" @click="trigger('add')"></button>
      <button id="edit" @click="speed += 1"></button>
      <select id="change" @change="set('speed', 2)"></select>
      <selvedge-switch id="component" v-model="busy"></selvedge-switch>
      <button id="looped" v-for="item in list" :key="item" @click="trigger('add', [item])"></button>`);
    for (const id of ["model", "trigger", "edit", "change", "component", "looped"]) expect(isDisabled(`#${id}`), id).toBe(true);
  });

  it("are enabled where they change nothing that others see", async () => {
    await show(`
      <button id="open" @click="trigger('export')"></button>
      <button id="arguments" @click='trigger("export", ["csv"])'></button>
      <input id="local" v-model="tab">
      <button id="hovered" @mouseenter="window.hovered = true"></button>
      <button id="own" data-for-viewers @click="speed += 1"></button>
      <button id="more" @click="trigger('export'); trigger('add')"></button>`);
    for (const id of ["open", "arguments", "local", "hovered", "own"]) expect(isDisabled(`#${id}`), id).toBe(false);
    expect(isDisabled("#more")).toBe(true);
  });

  it("keep their own reasons, and follow the role", async () => {
    const server = await show(`
      <button id="busy" :disabled="busy" @click="trigger('add')"></button>
      <button id="never" disabled @click="trigger('add')"></button>
      <button id="free" @click="trigger('add')"></button>`);
    const disabled = () => ["busy", "never", "free"].map((id) => isDisabled(`#${id}`));
    expect(disabled()).toEqual([true, true, true]);
    await server.socket.publish("trame.state.topic", { trame__viewer: false });
    await settle();
    expect(disabled()).toEqual([false, true, false]);
    await server.socket.publish("trame.state.topic", { busy: true });
    await settle();
    expect(disabled()).toEqual([true, true, false]);
  });

  it("are enabled for editors", async () => {
    await show(`<input v-model="speed">`, false);
    expect(isDisabled("input")).toBe(false);
  });
});
