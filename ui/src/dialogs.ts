// Dialogs of the application, shown as native modal dialogs of the browser: they keep the focus,
// and Escape closes them.
//
// Each is answered once. When the connection is lost, the application has the answer that the page
// is gone, so the dialogs are closed, too.

import { messageOf } from "./call-errors";
import { type Connection } from "./connection";
import type { Upload, Uploads } from "./uploads";

const TOPIC = "selvedge.dialog";

interface Message {
  kind: "message";
  id: number;
  level: "info" | "warning" | "error";
  title?: string;
  text: string;
  buttons: "ok" | "ok-cancel" | "yes-no";
}

interface Open {
  kind: "open";
  id: number;
  title?: string;
  /** File extensions, as for `<input type=file>`. */
  accept: string;
  choice: "file" | "files" | "folder";
}

type Request = Message | Open | { kind: "close"; id: number };

/** The buttons by their answers. Enter presses the last one. */
const BUTTONS: Record<Message["buttons"], Record<string, string>> = {
  ok: { ok: "OK" },
  "ok-cancel": { cancel: "Cancel", ok: "OK" },
  "yes-no": { no: "No", yes: "Yes" },
};

const CHOOSE: Record<Open["choice"], string> = {
  file: "Choose a file",
  files: "Choose files",
  folder: "Choose a folder",
};

export class Dialogs {
  private readonly shown = new Map<number, HTMLDialogElement>();

  constructor(
    private readonly connection: Pick<Connection, "call" | "subscribe">,
    private readonly uploads: Uploads,
    /** Called with the reason when something failed. */
    private readonly failed: (message: string) => void,
  ) {
    connection.subscribe(TOPIC, (data) => this.handle(data as Request));
  }

  disconnected(): void {
    for (const id of [...this.shown.keys()]) this.close(id);
  }

  private handle(request: Request): void {
    if (request.kind === "message") this.message(request);
    else if (request.kind === "open") this.open(request);
    else this.close(request.id);
  }

  private message(request: Message): void {
    const answer = (value: string) => this.finish(request.id, value);
    const choices = Object.entries(BUTTONS[request.buttons]);
    const buttons = choices.map(([value, label]) => button(label, () => answer(value)));
    const text = create("p", { textContent: request.text });
    const dialog = this.show(request.id, request.title, [text], buttons, () =>
      answer(request.buttons === "ok" ? "ok" : "cancel"),
    );
    dialog.dataset.tone = request.level;
    if (request.level !== "info") dialog.setAttribute("role", "alertdialog");
    text.id = `sv-dialog-${request.id}-text`;
    dialog.setAttribute("aria-describedby", text.id);
    buttons.at(-1)?.focus();
  }

  private open(request: Open): void {
    const cancel = () => this.finish(request.id, null);
    const input = create("input", { type: "file", accept: request.accept, multiple: request.choice === "files" });
    input.webkitdirectory = request.choice === "folder";
    input.setAttribute("aria-label", CHOOSE[request.choice]);
    const send = button("Open", () => {
      const files = [...(input.files ?? [])];
      this.close(request.id);
      void this.send(request.id, files);
    });
    send.disabled = true;
    input.onchange = () => (send.disabled = !input.files?.length);
    const title = request.title ?? CHOOSE[request.choice];
    this.show(request.id, title, [input], [button("Cancel", cancel), send], cancel);
    input.focus();
  }

  private async send(id: number, files: File[]): Promise<void> {
    const uploads = this.uploads.add("", files);
    try {
      const urls = (await this.answer(id, uploads.map((upload) => upload.describe()))) as string[];
      await this.uploads.run(uploads, (_, index) => Promise.resolve(urls[index] as string));
    } catch (error) {
      if (uploads.every((upload) => upload.state === "waiting")) this.failed(messageOf(error));
    }
    if (uploads.some((upload) => upload.state !== "done")) {
      uploads.forEach((upload: Upload) => upload.cancel());
      // Tells the application that no more files will follow. It may have given up before, which is
      // not an error.
      this.connection.call("selvedge.dialog.end", [id]).catch(() => undefined);
    }
  }

  /** Removes a dialog and sends the user's answer to the application. */
  private finish(id: number, answer: unknown): void {
    this.close(id);
    this.answer(id, answer).catch((error: unknown) => this.failed(messageOf(error)));
  }

  private answer(id: number, answer: unknown): Promise<unknown> {
    return this.connection.call("selvedge.dialog.answer", [id, answer]);
  }

  private show(
    id: number,
    title: string | undefined,
    content: HTMLElement[],
    buttons: HTMLButtonElement[],
    cancel: () => void,
  ): HTMLDialogElement {
    const dialog = create("dialog", { className: "sv-window sv-dialog" });
    const heading = create("h2", { id: `sv-dialog-${id}`, textContent: title ?? document.title });
    const row = create("div", { className: "sv-window-actions" });
    row.append(...buttons);
    dialog.append(heading, ...content, row);
    dialog.setAttribute("aria-labelledby", heading.id);
    dialog.oncancel = (event) => {
      // A file input also fires this event.
      if (event.target !== dialog) return;
      event.preventDefault();
      cancel();
    };
    document.body.append(dialog);
    this.shown.set(id, dialog);
    dialog.showModal();
    return dialog;
  }

  private close(id: number): void {
    const dialog = this.shown.get(id);
    this.shown.delete(id);
    // Close first, so that the focus returns to where it was.
    dialog?.close();
    dialog?.remove();
  }
}

function create<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]>,
): HTMLElementTagNameMap[K] {
  return Object.assign(document.createElement(tag), properties);
}

function button(label: string, onclick: () => void): HTMLButtonElement {
  return create("button", { type: "button", textContent: label, onclick });
}
