// Loads what the server's modules provide: style sheets, scripts, Vue plugins, and the page's title
// and icon.

import { type App, type Plugin, watch } from "vue";
import type { Router } from "./router";
import type { SharedState } from "./state";
import type { Utils } from "./trame";

/** A URL, or a URL with the group whose members load one after another. */
type Entry = string | [url: string, options?: { serial?: string }];
type Load = (url: string) => Promise<void>;

const loaded = new Map<string, Promise<void>>();

/**
 * Loads the lists in the state in their order. A URL that fails is reported and does not stop the
 * others.
 */
export async function loadResources(state: SharedState, report: (message: string) => void): Promise<void> {
  const load = (key: string, element: (url: string) => HTMLElement) =>
    loadAll(entries(state.get(key)), (url) => insert(url, element).catch((error: unknown) => report(String(error))));
  await load("trame__styles", styleSheet);
  await load("trame__scripts", (url) => script(url, "text/javascript"));
  await load("trame__module_scripts", (url) => script(url, "module"));
}

/** Evaluates `trame__vue_use` and passes the plugins to Vue. */
export function usePlugins(app: App, state: SharedState, report: (message: string) => void): void {
  for (const entry of list(state.get("trame__vue_use"))) {
    const [expression, ...options] = (Array.isArray(entry) ? entry : [entry]) as [string, ...unknown[]];
    try {
      const plugin = evaluate(expression) as Plugin | undefined;
      if (!plugin) throw new Error("There is no such plugin.");
      app.use(plugin, ...options.map(evaluateOption));
    } catch (error) {
      report(`The Vue plugin ${expression} cannot be used. ${String(error)}`);
    }
  }
}

/** Passes the application's routes to the router, if a widget package provides one. */
export function addRoutes(state: SharedState, { router }: Utils): void {
  if (router) for (const route of list(state.get("trame__routes"))) router.addRoute(route);
}

/**
 * Synchronizes title, icon and colour scheme of the page with the state, and the title with the
 * route. Returns a function that stops following the route.
 */
export function followAppearance(state: SharedState, { route, shown }: Router): () => void {
  state.watch(["trame__color_scheme"], (scheme) => {
    const { dataset } = document.documentElement;
    if (scheme === "light" || scheme === "dark") dataset.colorScheme = scheme;
    else delete dataset.colorScheme;
  });
  state.watch(["trame__selvedge_theme"], applyTheme);
  state.watch(["trame__favicon"], (url) => {
    const link = document.querySelector<HTMLLinkElement>("link[rel~=icon]");
    if (typeof url !== "string" || url === "" || !link) return;
    // The icon from the state may have another type than the one in the document.
    link.removeAttribute("type");
    link.href = url;
  });
  const title = () => (shown.value > 0 ? route.title : null) ?? state.get("trame__title");
  const show = (title: unknown) => {
    if (typeof title === "string" && title !== "") document.title = title;
  };
  return watch(title, show, { immediate: true, flush: "sync" });
}

interface Theme {
  density: "comfortable" | "compact";
  variables: Record<string, string>;
}

/** Names of the CSS variables that the last theme has set. */
let themed: string[] = [];

function applyTheme(theme: unknown): void {
  const { style, dataset } = document.documentElement;
  const { density = "comfortable", variables = {} } = (theme ?? {}) as Partial<Theme>;
  dataset.density = density;
  for (const name of themed) style.removeProperty(name);
  themed = Object.keys(variables);
  for (const [name, value] of Object.entries(variables)) style.setProperty(name, value);
}

/** Plugins of Vue that style plain HTML, or all of a page. */
const OWN_LOOK = /vuetify|quasar|primevue|element-?plus|naive|ant-?d|bootstrap|ionic|vuestic|oruga|buefy|bulma/i;

/** Plain HTML gets the look of the page, unless a widget package brings a look of its own. */
export function choosePlainLook(state: SharedState): void {
  const plugins = list(state.get("trame__vue_use")).map((entry) => String(Array.isArray(entry) ? entry[0] : entry));
  if (!plugins.some((plugin) => OWN_LOOK.test(plugin))) document.documentElement.dataset.look = "plain";
}

function entries(value: unknown): Entry[] {
  return list(value) as Entry[];
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

async function loadAll(all: Entry[], load: Load): Promise<void> {
  const groups = new Map<string, string[]>();
  const single: string[] = [];
  for (const entry of all) {
    const [url, options] = typeof entry === "string" ? [entry] : entry;
    if (!options?.serial) single.push(url);
    else groups.set(options.serial, [...(groups.get(options.serial) ?? []), url]);
  }
  const inTurn = async (urls: string[]) => {
    for (const url of urls) await load(url);
  };
  await Promise.all([...single.map(load), ...[...groups.values()].map(inTurn)]);
}

function insert(url: string, create: (url: string) => HTMLElement): Promise<void> {
  let loading = loaded.get(url);
  if (!loading) {
    loading = new Promise<void>((resolve, reject) => {
      const element = create(url);
      element.onload = () => resolve();
      element.onerror = () => reject(new Error(`${url} cannot be loaded.`));
      document.head.append(element);
    });
    loaded.set(url, loading);
  }
  return loading;
}

function styleSheet(url: string): HTMLElement {
  return Object.assign(document.createElement("link"), { rel: "stylesheet", href: url });
}

function script(url: string, type: string): HTMLElement {
  return Object.assign(document.createElement("script"), { type, src: url, async: false });
}

/** Evaluates in the global scope, where scripts have put their globals. */
function evaluate(expression: string): unknown {
  return (0, eval)(expression);
}

function evaluateOption(option: unknown): unknown {
  if (typeof option === "object" && option !== null && "js_eval" in option) return evaluate(String(option.js_eval));
  return option;
}
