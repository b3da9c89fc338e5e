import { beforeEach, describe, expect, it, vi } from "vitest";
import { filesOf } from "../src/uploads";
import { FakeServer, settle } from "./fake-server";
import { field, find, openPage } from "./open-page";

/** A request that a test answers. */
class FakeRequest {
  static readonly sent: FakeRequest[] = [];
  readonly upload: { onprogress: ((event: { loaded: number }) => void) | null } = { onprogress: null };
  onload: (() => void) | null = null;
  onerror: (() => void) | null = null;
  onabort: (() => void) | null = null;
  status = 0;
  responseText = "";
  target = "";
  body: unknown = null;

  open(method: string, url: string): void {
    this.target = `${method} ${new URL(url).pathname}`;
  }

  send(body: unknown): void {
    this.body = body;
    FakeRequest.sent.push(this);
  }

  abort(): void {
    this.onabort?.();
  }

  async progress(loaded: number): Promise<void> {
    this.upload.onprogress?.({ loaded });
    await settle();
  }

  async answer(status: number, text: string): Promise<void> {
    [this.status, this.responseText] = [status, text];
    this.onload?.();
    await settle();
  }
}

function request(index: number): FakeRequest {
  return FakeRequest.sent[index] as FakeRequest;
}

const TEMPLATE = `<selvedge-upload id="in" to="data" multiple @done="answers = $event">Load</selvedge-upload>
  <p id="all">{{ trame.uploads.map((upload) => upload.name + ' ' + upload.progress) }}</p>
  <p id="answers">{{ answers }}</p>`;

async function page(template = TEMPLATE): Promise<FakeServer> {
  const server = new FakeServer({ trame__template_main: template, answers: "", trame__client_only: ["answers"] });
  await openPage();
  vi.stubGlobal("XMLHttpRequest", FakeRequest);
  return server;
}

/** The user chooses files. */
async function choose(...files: File[]): Promise<void> {
  const list = Object.assign(Object.create(FileList.prototype) as FileList, files);
  Object.defineProperty(list, "length", { value: files.length });
  list[Symbol.iterator] = () => files[Symbol.iterator]();
  Object.defineProperty(field("input[type=file]"), "files", { value: list, configurable: true });
  field("input[type=file]").dispatchEvent(new Event("change"));
  await settle();
}

async function offer(server: FakeServer, url: string): Promise<void> {
  await server.socket.reply(server.socket.last("selvedge.upload.open"), url);
}

beforeEach(() => {
  FakeRequest.sent.length = 0;
});

describe("an upload", () => {
  it("asks for an address for each file, sends them one after another, and gives the answers", async () => {
    const server = await page();
    server.held.add("selvedge.upload.open");
    await choose(new File(["abcd"], "a.csv", { type: "text/csv" }), new File(["x"], "b.csv"));
    const described = { name: "a.csv", size: 4, type: "text/csv", path: "" };
    expect(server.socket.last("selvedge.upload.open").args).toMatchObject(["data", described]);
    await offer(server, "selvedge/upload/1");
    expect(request(0).target).toBe("PUT /selvedge/upload/1");
    expect(request(0).body).toBeInstanceOf(File);
    await request(0).progress(1);
    expect(find("#all").textContent).toBe(JSON.stringify(["a.csv 0.25", "b.csv 0"], null, 2));
    expect(find(".sv-transfers li").textContent).toContain("25 %");
    expect(server.socket.calls("selvedge.upload.open")).toHaveLength(1);
    await request(0).progress(4);
    expect(find("progress").hasAttribute("value")).toBe(false);
    await request(0).answer(200, "7");
    await offer(server, "selvedge/upload/2");
    await request(1).answer(200, '{"rows": 1}');
    expect(JSON.parse(find("#answers").textContent)).toEqual([7, { rows: 1 }]);
    expect(find(".sv-transfers").textContent).toBe("a.csvDoneb.csvDone");
    expect(field("input[type=file]").value).toBe("");
  });

  it("shows why it failed, and sends the other files", async () => {
    const server = await page();
    server.held.add("selvedge.upload.open");
    await choose(new File(["a"], "a"), new File(["b"], "b"), new File(["c"], "c"));
    await server.socket.fail(server.socket.last("selvedge.upload.open"), "too large");
    await offer(server, "selvedge/upload/2");
    await request(0).answer(500, "no numbers in it\n");
    await offer(server, "selvedge/upload/3");
    await request(1).answer(200, "null");
    expect(find(".sv-transfers").textContent).toBe("atoo largebno numbers in itcDone");
    expect(find("#shell [role=alert]").textContent).toContain("too large");
    expect(find("#answers").textContent).toBe("");
    expect(server.socket.calls("trame.error.client")).toEqual([]);
  });

  it("can be cancelled, which is no failure", async () => {
    const server = await page();
    server.held.add("selvedge.upload.open");
    await choose(new File(["ab"], "a"));
    await offer(server, "selvedge/upload/1");
    await request(0).progress(1);
    find(".sv-transfers button").click();
    await settle();
    expect(find(".sv-transfers").textContent).toBe("aCancelled");
    expect(find("#shell").textContent).toBe("");
  });

  it("takes the place of those that ended", async () => {
    const server = await page();
    server.held.add("selvedge.upload.open");
    await choose(new File(["a"], "old"));
    await offer(server, "selvedge/upload/1");
    await request(0).answer(200, "null");
    await choose(new File(["b"], "new"));
    expect(find(".sv-transfers").textContent).toBe("new0 %Cancel");
  });
});

describe("the files of a source", () => {
  it("are found in events, lists and as such", () => {
    const file = new File(["a"], "a");
    expect(filesOf(file)).toEqual([file]);
    expect(filesOf([file, [file]])).toEqual([file, file]);
    const drop = Object.assign(new Event("drop"), { dataTransfer: { files: [file] } });
    expect(filesOf(drop)).toEqual([file]);
    expect(filesOf(new Event("click"))).toEqual([]);
    expect(filesOf("a.csv")).toEqual([]);
  });
});

describe("an offered download", () => {
  it("is left to the browser", async () => {
    const server = await page();
    const clicked = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      expect(new URL(this.href).pathname).toBe("/selvedge/download/1");
      expect(this.download).toBe("run 5.h5");
    });
    await server.socket.publish("selvedge.download", { name: "run 5.h5", url: "selvedge/download/1" });
    expect(clicked).toHaveBeenCalledOnce();
  });
});
