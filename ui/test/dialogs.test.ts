import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeServer, settle } from "./fake-server";
import { field, find, openPage } from "./open-page";

const QUESTION = { id: 3, kind: "message", level: "warning", title: "Forget", text: "Sure?", buttons: "yes-no" };
const OPEN = { id: 4, kind: "open", title: "Tables", accept: ".csv", choice: "files" };

beforeEach(() => {
  // The document of the tests has no modal dialogs.
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function () {
    this.open = false;
  };
});

afterEach(() => {
  document.querySelectorAll("dialog").forEach((dialog) => dialog.remove());
});

async function page(): Promise<FakeServer> {
  const server = new FakeServer({ trame__template_main: "<p>Here</p>" });
  await openPage();
  return server;
}

function button(label: string): HTMLButtonElement {
  const found = [...document.querySelectorAll<HTMLButtonElement>("dialog button")];
  return found.find(({ textContent }) => textContent === label) as HTMLButtonElement;
}

function answers(server: FakeServer): unknown[][] {
  return server.socket.calls("selvedge.dialog.answer");
}

describe("a message", () => {
  it("is a dialog with its text and answers, and is answered once", async () => {
    const server = await page();
    await server.socket.publish("selvedge.dialog", QUESTION);
    const dialog = find("dialog");
    expect(dialog.getAttribute("role")).toBe("alertdialog");
    expect(document.getElementById(dialog.getAttribute("aria-labelledby") ?? "")?.textContent).toBe("Forget");
    expect(document.getElementById(dialog.getAttribute("aria-describedby") ?? "")?.textContent).toBe("Sure?");
    button("Yes").click();
    await settle();
    expect(answers(server)).toEqual([[3, "yes"]]);
    expect(document.querySelector("dialog")).toBeNull();
  });

  it.each([
    ["yes-no", "cancel"],
    ["ok-cancel", "cancel"],
    ["ok", "ok"],
  ])("with %s answers %s to Escape", async (buttons, answer) => {
    const server = await page();
    await server.socket.publish("selvedge.dialog", { ...QUESTION, buttons });
    find("dialog").dispatchEvent(new Event("cancel", { cancelable: true }));
    await settle();
    expect(answers(server)).toEqual([[3, answer]]);
  });

  it("shows markup as text", async () => {
    const server = await page();
    await server.socket.publish("selvedge.dialog", { ...QUESTION, text: "<img src=x>{{ 1 + 1 }}" });
    expect(find("dialog p").textContent).toBe("<img src=x>{{ 1 + 1 }}");
    expect(document.querySelector("dialog img")).toBeNull();
  });

  it("goes when the application does not wait any more, and when the connection is lost", async () => {
    vi.useFakeTimers();
    const server = await page();
    await server.socket.publish("selvedge.dialog", QUESTION);
    await server.socket.publish("selvedge.dialog", { id: 3, kind: "close" });
    expect(document.querySelector("dialog")).toBeNull();
    await server.socket.publish("selvedge.dialog", QUESTION);
    server.socket.drop();
    await settle();
    expect(document.querySelector("dialog")).toBeNull();
    expect(server.sockets.flatMap((socket) => socket.calls("selvedge.dialog.answer"))).toEqual([]);
  });
});

describe("a dialog for files", () => {
  async function choose(files: File[]): Promise<void> {
    Object.defineProperty(field("dialog input"), "files", { value: files, configurable: true });
    field("dialog input").dispatchEvent(new Event("change"));
    await settle();
  }

  it("tells what was chosen, and uploads it", async () => {
    const server = await page();
    const targets: string[] = [];
    vi.stubGlobal("XMLHttpRequest", class {
      upload = {};
      status = 200;
      responseText = "null";
      onload: (() => void) | null = null;
      open(_: string, url: string): void {
        targets.push(new URL(url).pathname);
      }
      send(): void {
        setTimeout(() => this.onload?.(), 0);
      }
    });
    server.held.add("selvedge.dialog.answer");
    await server.socket.publish("selvedge.dialog", OPEN);
    expect(field("dialog input").accept).toBe(".csv");
    expect(field("dialog input").multiple).toBe(true);
    expect(button("Open").disabled).toBe(true);
    await choose([new File(["1"], "a.csv"), new File(["22"], "b.csv")]);
    button("Open").click();
    await settle();
    const call = server.socket.last("selvedge.dialog.answer");
    expect(call.args).toMatchObject([4, [{ name: "a.csv", size: 1 }, { name: "b.csv", size: 2 }]]);
    expect(find("#shell").textContent).toContain("b.csv");
    await server.socket.reply(call, ["selvedge/upload/1", "selvedge/upload/2"]);
    await settle();
    expect(targets).toEqual(["/selvedge/upload/1", "/selvedge/upload/2"]);
    expect(find("#shell").textContent).toBe("");
    expect(server.socket.calls("selvedge.dialog.end")).toEqual([]);
  });

  it("answers nothing when it is cancelled, and nothing to the cancel event of its field", async () => {
    const server = await page();
    await server.socket.publish("selvedge.dialog", OPEN);
    field("dialog input").dispatchEvent(new Event("cancel", { bubbles: true }));
    await settle();
    expect(answers(server)).toEqual([]);
    button("Cancel").click();
    await settle();
    expect(answers(server)).toEqual([[4, null]]);
  });

  it("says when the files are refused, and that no more come", async () => {
    const server = await page();
    server.held.add("selvedge.dialog.answer");
    await server.socket.publish("selvedge.dialog", OPEN);
    await choose([new File(["1"], "a.csv")]);
    button("Open").click();
    await settle();
    await server.socket.fail(server.socket.last("selvedge.dialog.answer"), "too large");
    expect(find("#shell [role=alert]").textContent).toContain("too large");
    expect(server.socket.calls("selvedge.dialog.end")).toEqual([[4]]);
  });
});
