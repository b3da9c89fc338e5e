// The page's own notices: whether it is connected or busy, and errors. A separate Vue app shows
// them, which exists before the first template and does not depend on any widget package.

import { type App, computed, createApp, defineComponent, h, reactive, ref, shallowReactive, watch, type VNode } from "vue";
import { line } from "./components/upload";
import type { Link } from "./connection";
import type { Upload } from "./uploads";

/** Time after which the page shows that it waits for the server, in ms. */
const BUSY_DELAY = 250;
/** Time that a message is shown, in ms. */
const NOTICE_TIME = 8000;

export class Status {
  private readonly seen = reactive({ mounted: false, notice: "", tone: "error" });
  private readonly connection = shallowReactive<{ link: Link }>({ link: { phase: "starting" } });
  private readonly busy = ref(0);
  private noticeTimer: ReturnType<typeof setTimeout> | undefined;
  private busyTimer: ReturnType<typeof setTimeout> | undefined;
  private shell: App | null = null;

  set link(link: Link) {
    this.connection.link = link;
    document.documentElement.dataset.connection = link.phase;
  }

  /** The first template is on the screen. */
  mounted(): void {
    this.seen.mounted = true;
  }

  /** Counts a call until it is answered. Passes the number of open calls to `changed`. */
  async track<T>(call: Promise<T>, changed: (count: number) => void): Promise<T> {
    changed((this.busy.value += 1));
    try {
      return await call;
    } finally {
      changed((this.busy.value -= 1));
    }
  }

  /** Shows an error or, with another tone, a message to the user. */
  notice(message: string, tone: "error" | "info" = "error"): void {
    this.seen.notice = message;
    this.seen.tone = tone;
    clearTimeout(this.noticeTimer);
    this.noticeTimer = setTimeout(() => (this.seen.notice = ""), NOTICE_TIME);
  }

  /** Shows the notices in `element`, and the `uploads` that no template shows. */
  show(element: Element, reconnect: () => void, uploads: () => Upload[]): void {
    const { seen, connection, busy } = this;
    const waiting = ref(false);
    const watchBusy = () =>
      watch(
        () => busy.value > 0,
        (isBusy) => {
          clearTimeout(this.busyTimer);
          if (isBusy) this.busyTimer = setTimeout(() => (waiting.value = true), BUSY_DELAY);
          else waiting.value = false;
        },
        { immediate: true },
      );
    const fault = computed(() => faultOf(connection.link, seen.mounted));
    const button = () => {
      if (connection.link.phase === "lost") return h("button", { onClick: reconnect }, "Reconnect now");
      return h("button", { onClick: () => location.reload() }, "Reload");
    };
    const notices = (): VNode[] => {
      const notices: VNode[] = [];
      if (fault.value) notices.push(card(fault.value.tone, [h("span", `${fault.value.title}. ${fault.value.text}`), button()], "status"));
      if (seen.notice) {
        const dismiss = h("button", { onClick: () => (seen.notice = "") }, "Dismiss");
        notices.push(card(seen.tone, [h("span", seen.notice), dismiss], seen.tone === "error" ? "alert" : "status"));
      }
      const files = uploads();
      if (files.length > 0) notices.push(card(undefined, [h("ul", { class: "sv-transfers" }, files.map(line))]));
      return notices;
    };
    const lines = (): VNode[] => {
      if (!seen.mounted) return [fullPage(fault.value, button)];
      const isBusy = waiting.value && connection.link.phase === "ready";
      return [...(isBusy ? [h("div", { class: "sv-busy" })] : []), h("div", { class: "sv-notices" }, notices())];
    };
    const shell = defineComponent(() => {
      watchBusy();
      return lines;
    });
    element.replaceChildren();
    this.shell = createApp(shell);
    this.shell.mount(element);
  }

  /** Removes the notices. */
  dispose(): void {
    this.shell?.unmount();
    clearTimeout(this.noticeTimer);
    clearTimeout(this.busyTimer);
  }
}

/** Why a page is not in use: in the place of a page, or in a card on it. */
interface Fault {
  tone: "lost" | "closed" | "refused";
  title: string;
  text: string;
}

/** Returns what the user should know about the connection, if anything. */
function faultOf(link: Link, mounted: boolean): Fault | null {
  switch (link.phase) {
    case "starting":
    case "ready":
      return null;
    case "lost":
      if (link.ended) return { tone: "closed", title: "The application was closed", text: mounted ? "" : "Waiting for it to run again…" };
      if (mounted) return { tone: "lost", title: "Connection lost", text: "Reconnecting…" };
      return { tone: "lost", title: "The application does not answer", text: "Trying again…" };
    case "refused":
      if (mounted) return { tone: "refused", title: "The application does not accept this page any more", text: link.message };
      return { tone: "refused", title: "This page cannot be opened", text: link.message };
  }
}

function card(tone: string | undefined, content: VNode[], role?: string): VNode {
  return h("div", { class: "sv-notice", "data-tone": tone, role }, content);
}

function fullPage(fault: Fault | null, button: () => VNode): VNode {
  if (!fault) return h("main", { class: "sv-page" }, h("div", { class: "sv-page-busy", role: "status" }, "Starting"));
  const { tone, title, text } = fault;
  const said = h("div", { role: "status" }, [h("h1", title), h("p", text)]);
  return h("main", { class: "sv-page", "data-tone": tone }, [said, button()]);
}
