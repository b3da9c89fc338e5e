import { describe, expect, it } from "vitest";
import type { JobStatus } from "../src/components/job";
import { FakeServer, settle } from "./fake-server";
import { find, openPage } from "./open-page";

const IDLE: JobStatus = {
  title: "Render",
  run: 0,
  state: "idle",
  progress: null,
  message: "",
  seconds: 0,
  left: null,
  result: null,
  error: "",
  running: 0,
  waiting: 0,
};

async function page(job: Partial<JobStatus> = {}, attributes = ':args="[7]"'): Promise<FakeServer> {
  const template = `<selvedge-job name="render" ${attributes}></selvedge-job>`;
  const server = new FakeServer({ trame__template_main: template, render: { ...IDLE, ...job }, render_log: [] });
  await openPage();
  return server;
}

async function change(server: FakeServer, job: Partial<JobStatus>, log: string[] = []): Promise<void> {
  await server.socket.publish("trame.state.topic", { render: { ...IDLE, run: 1, ...job }, render_log: log });
  await settle();
}

function buttons(): HTMLButtonElement[] {
  return [...document.querySelectorAll<HTMLButtonElement>(".sv-job button")];
}

function text(selector: string): string {
  return find(selector).textContent;
}

describe("a job", () => {
  it("is started with its arguments and cancelled", async () => {
    const server = await page();
    expect(buttons().map((button) => button.textContent)).toEqual(["Render"]);
    buttons()[0]?.click();
    await settle();
    expect(server.socket.last("trame.trigger").args).toEqual(["render", [7], {}]);
    await change(server, { state: "running" });
    expect(buttons().map((button) => button.disabled)).toEqual([true, false]);
    buttons()[1]?.click();
    await settle();
    expect(server.socket.last("trame.trigger").args).toEqual(["render_cancel", [], {}]);
  });

  it("shows progress, message, time left and log while it runs", async () => {
    const server = await page();
    await change(server, { state: "running", progress: 0.425, message: "meshing", left: 200 }, ["one", "two"]);
    const bar = find(".sv-job progress") as HTMLProgressElement;
    expect([bar.value, bar.getAttribute("aria-label")]).toEqual([0.425, "Render"]);
    expect([text("[role=status]"), text(".sv-job-numbers")]).toEqual(["meshing", "42 %, 3 min left"]);
    expect(text(".sv-job-log pre")).toBe("one\ntwo");
    await change(server, { state: "running", progress: null });
    expect(find(".sv-job progress").hasAttribute("value")).toBe(false);
    await change(server, { state: "queued" });
    expect(text("[role=status]")).toBe("Waiting");
  });

  it("shows how it ended", async () => {
    const server = await page();
    for (const [job, shown] of [
      [{ state: "done", message: "" }, "Done"],
      [{ state: "done", message: "9 peaks" }, "9 peaks"],
      [{ state: "cancelled", message: "half" }, "Cancelled"],
    ] as const) {
      await change(server, job);
      expect([text("[role=status]"), document.querySelector("progress")]).toEqual([shown, null]);
    }
    await change(server, { state: "failed", error: "no such file" });
    expect(text("[role=alert]")).toBe("no such file");
    expect(buttons()[0]?.disabled).toBe(false);
  });

  it("may be started again while it runs, if its runs wait", async () => {
    const server = await page({}, "repeat");
    await change(server, { state: "running" });
    expect(buttons()[0]?.disabled).toBe(false);
  });

  it("that does not exist is named", async () => {
    new FakeServer({ trame__template_main: '<selvedge-job name="rendr"></selvedge-job>' });
    await openPage();
    expect(text(".sv-job")).toBe('There is no job "rendr".');
  });
});
