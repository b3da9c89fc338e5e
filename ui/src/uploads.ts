// Files of any size on their way to the application: over HTTP, beside the connection, so that nothing waits for them.
//
// The connection gives the right to each upload: an address that is good for one request. One call's files go one after
// another. What is on its way, or was last, is in a list that templates can show.

import { shallowReactive, shallowRef } from "vue";
import { type Connection, messageOf } from "./connection";

export type UploadState = "waiting" | "sending" | "working" | "done" | "failed" | "cancelled";

/** One file. `working`: all of it is sent, and the application has not answered yet. Reactive. */
export class Upload {
  private readonly seen = shallowReactive<{ sent: number; state: UploadState; error: string }>({
    sent: 0,
    state: "waiting",
    error: "",
  });
  private request: XMLHttpRequest | null = null;

  constructor(
    /** What the application calls those who take such files; empty for files of a dialog. */
    readonly to: string,
    readonly file: File,
  ) {}

  get name(): string {
    return this.file.name;
  }

  /** Bytes. */
  get size(): number {
    return this.file.size;
  }

  /** Bytes that have left. */
  get sent(): number {
    return this.seen.sent;
  }

  get state(): UploadState {
    return this.seen.state;
  }

  /** Why it failed. */
  get error(): string {
    return this.seen.error;
  }

  get ended(): boolean {
    return ["done", "failed", "cancelled"].includes(this.state);
  }

  /** For use after a wait: to the compiler, `state` itself is still what it was compared with before. */
  private get cancelled(): boolean {
    return this.state === "cancelled";
  }

  /** From 0 to 1. */
  get progress(): number {
    if (this.state === "done") return 1;
    return this.size === 0 ? 0 : Math.min(1, this.sent / this.size);
  }

  cancel(): void {
    if (this.ended) return;
    this.seen.state = "cancelled";
    this.request?.abort();
  }

  /** What a server needs to know of it. */
  describe(): Record<string, unknown> {
    const { name, size, type, webkitRelativePath } = this.file;
    // Not every browser has the path.
    return { name, size, type, path: webkitRelativePath || "" };
  }

  /** Sends it, and gives the application's answer; nothing when it was cancelled. Rejects when it failed. */
  async run(address: () => Promise<string>): Promise<unknown> {
    try {
      if (this.state !== "waiting") return undefined;
      this.seen.state = "sending";
      const url = await address();
      if (this.cancelled) return undefined;
      const answer = await this.send(new URL(url, document.baseURI));
      this.seen.state = "done";
      return answer;
    } catch (error) {
      if (this.cancelled) return undefined;
      this.seen.state = "failed";
      this.seen.error = messageOf(error);
      throw error;
    }
  }

  /** `fetch` does not tell how much has left. */
  private send(url: URL): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      this.request = request;
      request.open("PUT", url.href);
      request.upload.onprogress = ({ loaded }) => {
        this.seen.sent = loaded;
        if (loaded >= this.size) this.seen.state = "working";
      };
      request.onload = () => {
        const { status, responseText } = request;
        if (status === 200) resolve(JSON.parse(responseText));
        else reject(new Error(responseText.trim() || `The application answered with status ${status}.`));
      };
      request.onerror = () => reject(new Error(`The connection was lost while ${this.name} was sent.`));
      request.onabort = () => reject(new Error("Cancelled."));
      // The body is the file itself, which the browser reads from the disk as it sends it.
      request.send(this.file);
    });
  }
}

export class Uploads {
  private readonly current = shallowRef<readonly Upload[]>([]);

  constructor(
    private readonly connection: Pick<Connection, "call">,
    /** Hears why an upload failed. */
    private readonly failed: (message: string) => void,
  ) {}

  /** What is on its way, and what ended last. Reactive. */
  get list(): readonly Upload[] {
    return this.current.value;
  }

  /**
   * Sends files to those whom the application named `to`: the files of an event, a list of them, or one. Gives the answers,
   * in the order of the files. Rejects with the first failure, after the other files were sent.
   */
  upload(to: string, source: unknown): Promise<unknown[]> {
    const uploads = this.add(to, filesOf(source));
    return this.run(uploads, async (upload) => {
      return (await this.connection.call("selvedge.upload.open", [to, upload.describe()])) as string;
    });
  }

  /** Puts files into the list, in place of those that have ended. */
  add(to: string, files: File[]): Upload[] {
    const added = files.map((file) => new Upload(to, file));
    this.current.value = [...this.list.filter((known) => !known.ended || known.to !== to), ...added];
    return added;
  }

  /** Cancels what is on its way. */
  dispose(): void {
    for (const upload of this.list) upload.cancel();
  }

  /** Sends files one after another, each to the address that it is given when its turn comes. */
  run(uploads: Upload[], address: (upload: Upload, index: number) => Promise<string>): Promise<unknown[]> {
    const all = async () => {
      const answers: unknown[] = [];
      const failures: unknown[] = [];
      for (const [index, upload] of uploads.entries()) {
        answers.push(await upload.run(() => address(upload, index)).catch((error: unknown) => void failures.push(error)));
      }
      if (failures.length > 0) throw failures[0];
      return answers;
    };
    const outcome = all();
    // Templates seldom look at the outcome, so it is shown; who does look gets it too.
    outcome.catch((error: unknown) => this.failed(messageOf(error)));
    return outcome;
  }
}

/** The files in whatever a template has at hand. */
export function filesOf(source: unknown): File[] {
  if (source instanceof File) return [source];
  if (source instanceof FileList) return [...source];
  if (Array.isArray(source)) return source.flatMap(filesOf);
  if (source instanceof Event) {
    const dropped = (source as Partial<DragEvent>).dataTransfer?.files;
    return filesOf(dropped ?? (source.target as HTMLInputElement | null)?.files);
  }
  return [];
}
