// The page: connects, synchronizes the state, and shows the template that the address names.

import * as Vue from "vue";
import { runActions, TemplateRefs } from "./actions";
import { releaseAddresses } from "./blob-urls";
import { SelvedgeCanvas, STREAMS } from "./components/canvas";
import { SelvedgeHeatmap } from "./components/heatmap";
import { SelvedgeImage } from "./components/image";
import { installElements } from "./components";
import { ROUTING, shownTemplate } from "./components/page";
import { EDITOR } from "./components/code/code";
import { SelvedgePlot } from "./components/plot/plot";
import { SelvedgeUpload, UPLOADS } from "./components/upload";
import { createClient } from "./client";
import { CallError, ConnectionLost, messageOf } from "./call-errors";
import { Connection } from "./connection";
import { decorateAll } from "./decorators";
import { Dialogs } from "./dialogs";
import { downloadFrom } from "./downloads";
import type { Early } from "./early";
import { isPromise } from "./files";
import { Mistakes } from "./mistakes";
import { answerPageCalls } from "./page-calls";
import { reloadAssets } from "./reload";
import { addRoutes, choosePlainLook, followAppearance, loadResources, usePlugins } from "./resources";
import { Resume } from "./resume";
import { Router } from "./router";
import { type Append, type Change, SharedState } from "./state";
import type { Status } from "./status";
import { Streams } from "./streams";
import { stateHelpers } from "./template-helpers";
import { download } from "./template-tools";
import { Templates } from "./templates";
import { type Ticket, Tickets } from "./tickets";
import { createTrame, type Trame } from "./trame";
import { Uploads } from "./uploads";
import { installWidgets } from "./widgets";
import { loadExternalScripts } from "./widgets/handler";
import { VIEWER } from "./viewers";

const STATE_TOPIC = "trame.state.topic";
const APPEND_TOPIC = "selvedge.append";
const ACTIONS_TOPIC = "trame.actions.topic";
const RELOAD_TOPIC = "selvedge.reload";
const ROUTE_TOPIC = "selvedge.route";
const DRAINING_TOPIC = "selvedge.draining";
const DOWNLOAD_TOPIC = "selvedge.download";

export class Page {
  private readonly connection: Connection;
  private readonly template: string;
  private readonly state: SharedState;
  private readonly router: Router;
  private readonly streams: Streams;
  private readonly resume: Resume;
  private readonly tickets: Tickets;
  private readonly uploads: Uploads;
  private readonly dialogs: Dialogs;
  private readonly templateRefs = new TemplateRefs();
  private readonly connectListeners = new Set<() => void>();
  private readonly client: ReturnType<typeof createClient>;
  private readonly trame: Trame;
  private mounting: Promise<void> | null = null;
  private statusShown = false;
  private readonly reported = new Set<string>();
  private readonly mistakes = new Mistakes((message) => console.warn(message), (message) => this.report(message));
  private readonly triggers = new Set<string>();
  private openToViewers: ReadonlySet<string> | null = null;
  private readonly end = new AbortController();
  private readonly consoleError = console.error;
  /** The original `console.error`. */
  private readonly write = this.consoleError.bind(console);

  constructor(
    { config, template, session }: Pick<Early, "config" | "template" | "session">,
    private readonly status: Status,
  ) {
    this.template = template;
    this.connection = new Connection(
      config,
      {
        link: (link) => {
          this.status.link = link;
          if (link.phase === "ready") return;
          this.showStatus();
          this.state.disconnected();
          this.streams.disconnected();
          this.resume.disconnected();
          this.tickets.disconnected();
          if (link.phase === "refused") this.tickets.dispose();
          this.client.linkChanged(link);
          this.dialogs.disconnected();
        },
        ready: () => void this.synchronise(),
        extras: (answer) => {
          this.streams.connected(answer !== null);
          this.resume.connected(answer !== null);
          this.tickets.connected(answer !== null);
          this.mistakes.on = answer?.development ?? false;
          this.openToViewers = answer?.openToViewers ? new Set(answer.openToViewers) : null;
        },
        unreadable: (message) => {
          this.status.notice(message);
          this.fault(message);
        },
      },
      session,
    );
    this.state = new SharedState(
      (changes) => this.track(this.connection.call("trame.state.update", decoratedUpdate(changes))),
      (keys, error) => void this.restore(keys, error),
    );
    this.router = new Router(this.state);
    this.streams = new Streams(this.connection);
    this.resume = new Resume(this.connection);
    this.tickets = new Tickets(this.connection);
    this.client = createClient(this.connection, this.state, (work) => void this.track(work));
    const notice = (message: string) => this.status.notice(message);
    this.uploads = new Uploads(this.connection, notice);
    this.dialogs = new Dialogs(this.connection, this.uploads, notice);
    const { connection, state, uploads, connectListeners } = this;
    const { client } = this.client;
    const { refs } = this.templateRefs;
    const dispose = () => this.dispose();
    this.trame = createTrame(connection, state, client, refs, this.trigger, uploads, connectListeners, dispose);
    this.connection.subscribe(STATE_TOPIC, (values) => {
      this.state.apply(values as Record<string, unknown>);
      this.resume.changed();
    });
    this.connection.subscribe(APPEND_TOPIC, (appends) => {
      const missing = this.state.append(appends as Record<string, Append>);
      // Ends in the whole lists; if the connection is lost, they come with the next one.
      if (missing.length > 0) this.connection.call("trame.force.push", missing).catch(() => undefined);
      this.resume.changed();
    });
    answerPageCalls(this.connection, refs);
    this.connection.subscribe(ACTIONS_TOPIC, (actions) => runActions(actions, this.templateRefs, this.mistakes));
    this.connection.subscribe(DOWNLOAD_TOPIC, (file) => {
      const { name, type, content, url } = file as { name: string; type?: string; content?: Uint8Array; url?: string };
      if (url === undefined) void download(name, content, type);
      else downloadFrom(new URL(url, document.baseURI).href, name);
    });
    this.connection.subscribe(DRAINING_TOPIC, (told) => {
      const { seconds } = told as { seconds: number };
      const time = seconds < 120 ? `${seconds} seconds` : `${Math.floor(seconds / 60)} minutes`;
      this.status.notice(`The application stops in ${time} at the latest. Finish what you are doing.`, "info");
    });
    this.connection.subscribe(ROUTE_TOPIC, (path) => this.router.go(String(path)));
    this.connection.subscribe(RELOAD_TOPIC, (urls) => reloadAssets(urls, () => window.location.reload()));
    this.state.setLocal("trame__busy", 0);
    this.state.setLocal(VIEWER, false);
    window.trame = this.trame;
    window.Vue = Vue;
  }

  start(): void {
    this.connection.connect();
    console.error = this.forwarding;
    const { signal } = this.end;
    window.addEventListener("error", (event) => this.fault(event.error ?? event.message), { signal });
    window.addEventListener("unhandledrejection", (event) => this.fault(event.reason), { signal });
    // Not `beforeunload`, which also fires when the page stays: for a download, or when the user is
    // asked and decides to stay.
    window.addEventListener("pagehide", (event) => this.hidden(event.persisted), { signal });
    window.addEventListener("pageshow", ({ persisted }) => persisted && this.connection.connect(), { signal });
  }

  /**
   * The user leaves the page. A browser that keeps it for the way back would keep its connection, too:
   * the application would still count the user.
   */
  private hidden(isKept: boolean): void {
    void this.announce("client_exited");
    if (isKept) this.connection.suspend();
  }

  /**
   * Ends everything that the page has created: components, connection, timers and listeners. The
   * page cannot be started again.
   */
  dispose(): void {
    if (this.end.signal.aborted) return;
    this.end.abort();
    this.trame.app?.unmount();
    this.dialogs.disconnected();
    this.uploads.dispose();
    this.client.dispose();
    this.router.dispose();
    this.streams.dispose();
    this.resume.disconnected();
    this.tickets.dispose();
    this.state.disconnected();
    this.state.dispose();
    this.connection.dispose();
    this.status.dispose();
    releaseAddresses();
    if (console.error === this.forwarding) console.error = this.consoleError;
    if (window.trame === this.trame) delete window.trame;
  }

  /**
   * Shows the page's own notices, once there is one to show. The application comes first, because
   * users wait for it; until then the content of the document is enough.
   */
  private showStatus(): void {
    if (this.statusShown) return;
    this.statusShown = true;
    const fromDialogs = () => this.uploads.list.filter(({ to, ended }) => to === "" && !ended);
    this.status.show(element("shell"), () => this.connection.connect(), fromDialogs);
  }

  /** Calls a trigger of the server, after sending the user's edits so far. */
  private readonly trigger = (
    name: string,
    args: unknown[] = [],
    kwargs: Record<string, unknown> = {},
  ): Promise<unknown> => {
    void this.state.flush();
    const send = (ticket: Ticket | null) =>
      this.connection.call("trame.trigger", decoratedTrigger(name, args, kwargs), { ...ticket });
    const answer = this.track(this.tickets.call(send));
    // Templates rarely check the outcome, so a failure is shown; the caller gets it, too. A missing
    // connection is shown anyway.
    answer.catch((error: unknown) => {
      if (!(error instanceof ConnectionLost)) this.status.notice(messageOf(error));
    });
    if (this.mistakes.on) void this.checkTrigger(name);
    return answer;
  };

  /** Reports an unknown trigger, which a server answers with nothing. */
  private async checkTrigger(name: string): Promise<void> {
    if (this.triggers.has(name)) return;
    this.triggers.add(name);
    const mistake = await this.connection.call("selvedge.trigger.check", [name]).catch(() => {
      this.triggers.delete(name); // asked again later
    });
    if (typeof mistake === "string") this.mistakes.note(mistake);
  }

  private track<T>(call: Promise<T>): Promise<T> {
    return this.status.track(call, (count) => this.state.setLocal("trame__busy", count));
  }

  /**
   * Loads the server's state on a new connection. A failure means that the connection was lost
   * again.
   */
  private async synchronise(): Promise<void> {
    try {
      await this.takeOver();
      this.state.connected();
      this.resume.changed();
      this.mounting ??= this.mount();
      await this.mounting;
      this.connection.settled();
      this.client.settled();
      for (const listener of [...this.connectListeners]) listener();
      await this.announce("client_connected");
    } catch (error) {
      if (!(error instanceof ConnectionLost)) reportError(error);
    }
  }

  /** Gets the values that this page does not have yet, or may not have. */
  private async takeOver(): Promise<void> {
    const missed = await this.resume.missed();
    if (missed.since === "mark") {
      this.state.apply(missed.values);
      return;
    }
    if (missed.restarted) this.status.notice("The application was started anew.", "info");
    this.state.applySnapshot(await this.snapshot());
  }

  private async snapshot(): Promise<Record<string, unknown>> {
    const snapshot = await this.connection.call("trame.state.get");
    const { name, state } = snapshot as { name: string; state: Record<string, unknown> };
    this.state.name = name;
    return state;
  }

  /** Restores the server's values for edits that the server refused. */
  private async restore(keys: string[], error: unknown): Promise<void> {
    if (!this.state.refusals.note(keys, messageOf(error))) this.status.notice(messageOf(error));
    this.mistakes.tell(`The application did not take an edit. ${messageOf(error)}`);
    const state: Record<string, unknown> = await this.snapshot().catch(() => ({}));
    this.state.apply(Object.fromEntries(keys.filter((key) => key in state).map((key) => [key, state[key]])));
  }

  private async mount(): Promise<void> {
    const report = (message: string) => this.fault(message);
    await loadResources(this.state, report);
    await loadExternalScripts(this.state, report);
    if (this.end.signal.aborted) return;
    const check = (name: string) => void this.checkTrigger(name);
    const templates = new Templates(this.state, this.helpers(), this.templateRefs, this.mistakes, check, this.router.helper);
    templates.openToViewers = this.openToViewers;
    const app = Vue.createApp(this.root(templates));
    this.trame.app = app;
    app.provide("trame", this.trame);
    app.provide(STREAMS, this.streams);
    app.provide(UPLOADS, this.uploads);
    app.provide(EDITOR, () => import("./components/code/editor"));
    app.provide(ROUTING, { router: this.router, templates });
    installElements(app);
    app.component("SelvedgeCanvas", SelvedgeCanvas);
    app.component("SelvedgeHeatmap", SelvedgeHeatmap);
    app.component("SelvedgePlot", SelvedgePlot);
    app.component("SelvedgeImage", SelvedgeImage);
    app.component("SelvedgeTable", Vue.defineAsyncComponent(async () => (await import("./components/table/table")).SelvedgeTable));
    app.component("SelvedgeUpload", SelvedgeUpload);
    app.config.errorHandler = (error) => console.error(error);
    templates.install(app);
    choosePlainLook(this.state);
    this.end.signal.addEventListener("abort", followAppearance(this.state, this.router));
    installWidgets(app, this.state, templates);
    usePlugins(app, this.state, report);
    addRoutes(this.state, this.trame.utils);
    app.mount(element("app"));
    this.status.mounted();
    this.showStatus();
    scrollToFragment();
  }

  /** The template that the address names. A script can have it rendered again. */
  private root(templates: Templates): Vue.Component {
    const refreshes = Vue.ref(0);
    this.state.addListener(({ type }) => {
      if (type === "refresh") refreshes.value += 1;
    });
    return Vue.defineComponent(() => {
      Vue.onUnmounted(() => void this.announce("client_unmounted"));
      return () => Vue.h(shownTemplate(this.template, templates, this.router, this.state), { key: refreshes.value });
    });
  }

  private helpers(): Record<string, unknown> {
    const { state, trame } = this;
    return {
      trame,
      utils: trame.utils,
      window,
      trigger: this.trigger,
      ...stateHelpers(state, this.mistakes),
    };
  }

  private announce(event: "client_connected" | "client_exited" | "client_unmounted"): Promise<unknown> {
    return this.connection.call("trame.lifecycle.update", [event]).catch(() => undefined);
  }

  /** Also sends errors that scripts and widgets log to the server. */
  private readonly forwarding = (...args: unknown[]): void => {
    this.write(...args);
    if (!args.some(isAnswer)) this.report(args.map(messageOf).join(" "));
  };

  /**
   * Handles an error in this page. Errors that the server answered, or could not answer, are not
   * sent to it.
   */
  private fault(error: unknown): void {
    if (isAnswer(error)) return;
    const message = messageOf(error);
    this.write(message);
    this.report(message);
  }

  /** Reports an error in this page to the server, each error once. */
  private report(message: string): void {
    if (this.reported.has(message)) return;
    this.reported.add(message);
    this.connection.call("trame.error.client", [message]).catch(() => undefined);
  }
}

/** Whether an error is an answer of the server, or says that it could not answer. */
function isAnswer(error: unknown): boolean {
  return error instanceof CallError || error instanceof ConnectionLost;
}

/** Resolves to the arguments of an update, once each value can be sent. */
function decoratedUpdate(changes: Change[]): unknown[] | Promise<unknown[]> {
  return whenReady(decorateAll(changes.map(({ value }) => value)), (values) => [
    changes.map(({ key }, index) => ({ key, value: values[index] })),
  ]);
}

function decoratedTrigger(name: string, args: unknown[], kwargs: Record<string, unknown>): unknown[] | Promise<unknown[]> {
  const names = Object.keys(kwargs);
  return whenReady(decorateAll([...args, ...Object.values(kwargs)]), (values) => [
    name,
    values.slice(0, args.length),
    Object.fromEntries(names.map((key, index) => [key, values[args.length + index]])),
  ]);
}

function whenReady<T, R>(value: T | Promise<T>, use: (value: T) => R): R | Promise<R> {
  return isPromise(value) ? value.then(use) : use(value);
}

/**
 * Scrolls to the part that the address names, which did not exist when the browser looked for it.
 */
function scrollToFragment(): void {
  const { hash } = window.location;
  if (hash.length > 1) window.location.hash = hash;
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element #${id}.`);
  return found;
}
