// Dialogs that the application asks for, as the browser's own modal ones: they keep the focus, and Escape closes them.
//
// Each is answered once. When the connection goes, the application has its answer, that the page is gone, so the
// dialogs go, too.

import { type Connection, messageOf } from "./connection";
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
  /** Ends of names as an `<input type=file>` takes them. */
  accept: string;
  choice: "file" | "files" | "folder";
}

type Request = Message | Open | { kind: "close"; id: number };

/** The buttons by their answers. The last one is what Enter presses. */
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
    /** Hears what did not work. */
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
    dialog.dataset.level = request.level;
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
      // The application waits for what does not come. It may have given up before, which is no error.
      this.connection.call("selvedge.dialog.end", [id]).catch(() => undefined);
    }
  }

  /** Takes a dialog away and tells the application what its user answered. */
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
    const dialog = create("dialog", { className: "sv-dialog" });
    const heading = create("h2", { id: `sv-dialog-${id}`, textContent: title ?? document.title });
    const row = create("div", { className: "sv-dialog-buttons" });
    row.append(...buttons);
    dialog.append(heading, ...content, row);
    dialog.setAttribute("aria-labelledby", heading.id);
    dialog.oncancel = (event) => {
      // A file input has such an event, too.
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
    // Closed first, so that the focus goes back to where it was.
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
