// The page of a test: compiles and renders the templates of an application without a document, and
// notes what its user causes. The program around it carries the calls and answers them.

import "./browser";
import { createRenderer } from "@vue/runtime-core";
import { decodeHTML } from "entities";
import * as Vue from "vue";
import { TemplateRefs } from "../actions";
import { CallError, messageOf } from "../call-errors";
import { isPromise } from "../files";
import { installElements } from "../components";
import { MAIN, ROUTING, shownTemplate } from "../components/page";
import { Mistakes } from "../mistakes";
import { Router } from "../router";
import { type Change, SharedState } from "../state";
import { stateHelpers } from "../template-helpers";
import * as tools from "../template-tools";
import { Templates } from "../templates";
import { clientStateChange, clientTriggers, exec, lifeCycleMonitor } from "../widgets/events";
import { loading, reconnect, serverTemplate } from "../widgets/server-template";
import { deepReactive, getter } from "../widgets/values";
import { fill, press } from "./operate";
import { Node, textOf } from "./tree";

type Values = Record<string, unknown>;

/** A call for the program around the page. */
type Outgoing =
  | { id: number; changes: Change[] }
  | { id: number; trigger: string; args: unknown[]; kwargs: Values }
  | { id: number; method: string; args: unknown[] };

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (reason: unknown) => void;
}

const root = new Node("#root");

function setText(node: Node, text: string): void {
  for (const child of node.children) child.parent = null;
  node.children = [];
  if (text !== "") node.insert(new Node("#text", text), null);
}

const { createApp } = createRenderer<Node, Node>({
  createElement: (tag) => new Node(tag),
  createText: (text) => new Node("#text", text),
  createComment: (text) => new Node("#comment", text),
  setText: (node, text) => void (node.text = text),
  setElementText: setText,
  insert: (child, parent, anchor) => parent.insert(child, anchor ?? null),
  remove: (node) => node.remove(),
  parentNode: ({ parent }) => parent,
  nextSibling: (node) => node.parent?.children[node.parent.children.indexOf(node) + 1] ?? null,
  // What is teleported is shown at the end of the page.
  querySelector: () => root,
  patchProp: (node, name, _, value) => {
    if (name === "textContent") setText(node, String(value));
    else if (name === "innerHTML") setText(node, decodeHTML(String(value).replace(/<[^>]*>/g, " ")));
    else if (value === null || value === undefined) Reflect.deleteProperty(node.props, name);
    else node.props[name] = value;
  },
});

/** Components of the page that need a document: a test sees their attributes and content. */
const OPAQUE = [
  "selvedge-canvas",
  "selvedge-heatmap",
  "selvedge-image",
  "selvedge-plot",
  "selvedge-table",
  "selvedge-upload",
  "trame-handler",
  "trame-script",
  "trame-size-observer",
  "trame-style",
];

function opaque(tag: string): Vue.FunctionalComponent {
  return (_, { attrs, slots }) => Vue.h(tag, attrs, slots.default?.());
}

function hasItems(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

class TestPage {
  private readonly outgoing: Outgoing[] = [];
  private readonly waiting = new Map<number, Waiting>();
  private readonly errors: string[] = [];
  readonly mistakes: string[] = [];
  private readonly state: SharedState;

  /** `triggers`: the names of those that the application has. */
  constructor(
    values: Values,
    private readonly triggers: string[],
  ) {
    const failed = (error: unknown) => this.failed(error);
    Object.assign(globalThis, { reportError: failed });
    this.state = new SharedState(
      (changes) => this.call((id) => ({ id, changes })),
      (keys, error) => {
        this.state.refusals.note(keys, messageOf(error));
        failed(error);
      },
    );
    this.state.apply(values);
    this.state.connected();
    this.mount();
  }

  apply(values: Values): void {
    this.state.apply(values);
  }

  /** Returns the calls and errors since the last time. */
  take(): { outgoing: Outgoing[]; errors: string[] } {
    return { outgoing: this.outgoing.splice(0), errors: this.errors.splice(0) };
  }

  answer(id: number, ok: boolean, value: unknown): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (ok) waiting?.resolve(value);
    else waiting?.reject(new CallError(String(value), 0));
  }

  private readonly trigger = (name: string, args: unknown[] = [], kwargs: Values = {}): Promise<unknown> => {
    void this.state.flush();
    const answer = this.call((id) => ({ id, trigger: name, args, kwargs }));
    // Templates rarely check the outcome; users see the failure.
    answer.catch((error: unknown) => this.failed(error));
    return answer;
  };

  private call(describe: (id: number) => Outgoing): Promise<unknown> {
    const id = (lastCall += 1);
    this.outgoing.push(describe(id));
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  failed(error: unknown): void {
    const message = messageOf(error);
    if (!this.errors.includes(message)) this.errors.push(message);
  }

  private mount(): void {
    const { state, trigger } = this;
    const mistakes = new Mistakes(() => undefined, (message) => this.mistakes.push(message));
    mistakes.on = true;
    const refs = new TemplateRefs();
    const router = new Router(state);
    const call = (method: string, args: unknown[] = [], kwargs: Values = {}) => {
      if (Object.keys(kwargs).length > 0) return Promise.reject(new Error("a page of a test cannot pass named arguments to a method"));
      return this.call((id) => ({ id, method, args }));
    };
    const trame = { state, refs: refs.refs, trigger, call, utils: { ...tools }, uploads: [] };
    const helpers = {
      trame,
      utils: trame.utils,
      window,
      trigger,
      ...stateHelpers(state, mistakes),
    };
    const checkTrigger = (name: string) => {
      if (this.triggers.includes(name)) return;
      mistakes.tell(`A template calls the trigger \`${name}\`, which does not exist.`, name, this.triggers);
    };
    const templates = new Templates(state, helpers, refs, mistakes, checkTrigger, router.helper);
    const app = createApp(Vue.defineComponent(() => () => Vue.h(shownTemplate(MAIN, templates, router, state))));
    app.config.errorHandler = (error) => this.failed(error);
    app.provide("trame", trame);
    app.provide(ROUTING, { router, templates });
    for (const tag of OPAQUE) app.component(tag, opaque(tag));
    installElements(app);
    app.component("TrameClientStateChange", clientStateChange);
    app.component("TrameClientTriggers", clientTriggers);
    app.component("TrameDeepReactive", deepReactive(state));
    app.component("TrameExec", exec);
    app.component("TrameGetter", getter(state));
    app.component("TrameLifeCycleMonitor", lifeCycleMonitor);
    app.component("TrameLoading", loading);
    app.component("TrameReconnect", reconnect);
    app.component("TrameTemplate", serverTemplate(templates));
    // Scripts of modules bring components; they are not run here.
    templates.componentsComplete = ["trame__scripts", "trame__module_scripts"].every((key) => !hasItems(state.get(key)));
    templates.install(app);
    app.mount(root);
  }
}

let lastCall = 0;
let page: TestPage | null = null;

/** Runs an operation. Returns the reason if it could not be done. */
function attempt(operation: () => void): string | null {
  try {
    operation();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** A listener of a template may return a promise, whose failure nothing else sees. */
function follow(result: unknown): void {
  if (isPromise(result)) result.catch((error: unknown) => page?.failed(error));
}

/** What the program around the page calls. Values are JSON. */
Object.assign(globalThis, {
  selvedge: {
    open: (values: string, triggers: string) => {
      page = new TestPage(JSON.parse(values) as Values, JSON.parse(triggers) as string[]);
    },
    apply: (values: string) => page?.apply(JSON.parse(values) as Values),
    take: () => JSON.stringify(page?.take()),
    answer: (id: number, ok: boolean, value: string) => page?.answer(id, ok, JSON.parse(value)),
    press: (name: string) => attempt(() => press(root, name, follow)),
    fill: (name: string, text: string) => attempt(() => fill(root, name, text, follow)),
    back: () => (window.history as unknown as { back: () => void }).back(),
    text: () => textOf(root),
    mistakes: () => JSON.stringify(page?.mistakes),
  },
});
