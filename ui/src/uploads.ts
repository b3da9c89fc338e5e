// Uploads files of any size to the application: over HTTP, beside the connection, so that nothing
// waits for them.
//
// The connection provides a ticket for each upload: an address valid for one request. The files of
// one call are sent one after another. Running and most recent uploads are in a list that templates
// can show.

import { shallowReactive, shallowRef } from "vue";
import { messageOf } from "./call-errors";
import { type Connection } from "./connection";

export type UploadState = "waiting" | "sending" | "working" | "done" | "failed" | "cancelled";

/**
 * One file. `working`: it is sent completely, and the application has not answered yet. Reactive.
 */
export class Upload {
  private readonly seen = shallowReactive<{ sent: number; state: UploadState; error: string }>({
    sent: 0,
    state: "waiting",
    error: "",
  });
  private request: XMLHttpRequest | null = null;

  constructor(
    /** The name that the application passed to `on_upload`; empty for files of a dialog. */
    readonly to: string,
    readonly file: File,
  ) {}

  get name(): string {
    return this.file.name;
  }

  /** Size in bytes. */
  get size(): number {
    return this.file.size;
  }

  /** Bytes sent so far. */
  get sent(): number {
    return this.seen.sent;
  }

  get state(): UploadState {
    return this.seen.state;
  }

  /** The reason for a failure. */
  get error(): string {
    return this.seen.error;
  }

  get ended(): boolean {
    return ["done", "failed", "cancelled"].includes(this.state);
  }

  /**
   * Read this after an await: the compiler assumes that `state` still has the value from an earlier
   * comparison.
   */
  private get cancelled(): boolean {
    return this.state === "cancelled";
  }

  /** Progress, from 0 to 1. */
  get progress(): number {
    if (this.state === "done") return 1;
    return this.size === 0 ? 0 : Math.min(1, this.sent / this.size);
  }

  cancel(): void {
    if (this.ended) return;
    this.seen.state = "cancelled";
    this.request?.abort();
  }

  /** The description of the file for the server. */
  describe(): Record<string, unknown> {
    const { name, size, type, webkitRelativePath } = this.file;
    // Not every browser provides the path.
    return { name, size, type, path: webkitRelativePath || "" };
  }

  /**
   * Sends the file and resolves to the application's answer, or to nothing if it was cancelled.
   * Rejects if it failed.
   */
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

  /** Uses `XMLHttpRequest`, since `fetch` does not report progress. */
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
      // The body is the file, which the browser reads from disk as it sends it.
      request.send(this.file);
    });
  }
}

export class Uploads {
  private readonly current = shallowRef<readonly Upload[]>([]);

  constructor(
    private readonly connection: Pick<Connection, "call">,
    /** Called with the reason when an upload failed. */
    private readonly failed: (message: string) => void,
  ) {}

  /** Running uploads and those that ended last. Reactive. */
  get list(): readonly Upload[] {
    return this.current.value;
  }

  /**
   * Sends files to the upload function that the application named `to`: the files of an event, a
   * list of files, or one file. Resolves to the answers, in the order of the files. Rejects with
   * the first failure, after the other files were sent.
   */
  upload(to: string, source: unknown): Promise<unknown[]> {
    const uploads = this.add(to, filesOf(source));
    return this.run(uploads, async (upload) => {
      return (await this.connection.call("selvedge.upload.open", [to, upload.describe()])) as string;
    });
  }

  /** Adds files to the list and removes those that have ended. */
  add(to: string, files: File[]): Upload[] {
    const added = files.map((file) => new Upload(to, file));
    this.current.value = [...this.list.filter((known) => !known.ended || known.to !== to), ...added];
    return added;
  }

  /** Cancels running uploads. */
  dispose(): void {
    for (const upload of this.list) upload.cancel();
  }

  /** Sends files one after another, each to an address obtained when its turn comes. */
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
    // Templates rarely check the outcome, so a failure is shown; the caller gets it, too.
    outcome.catch((error: unknown) => this.failed(messageOf(error)));
    return outcome;
  }
}

/** Returns the files in an event, a list, or a file. */
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
