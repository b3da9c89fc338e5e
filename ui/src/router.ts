// Pages by path: finds the route of the application that the address names, and follows it.
//
// The path stands in the fragment of the address, `index.html#/runs/3`, so it needs no help of the
// server or of a proxy, and the browser itself handles links, back and forward. Fragments that do
// not begin with `#/` name elements of the page; they change no route.

import { type ShallowReactive, shallowReactive, shallowRef, watchEffect } from "vue";
import type { SharedState } from "./state";

const ROUTES = "trame__selvedge_routes";

/** A route as the server describes it. */
interface Pattern {
  path: string;
  template: string;
  title: string | null;
}

/** Where this page is. */
export interface Route {
  path: string;
  /** The template of the route; null if no route has this path. */
  template: string | null;
  title: string | null;
  parameters: Record<string, string>;
  query: Record<string, string>;
}

const FIRST: Route = { path: "/", template: null, title: null, parameters: {}, query: {} };

/** Follows the address. */
export class Router {
  /** The current route. Reactive; its parts are replaced as a whole. */
  readonly route: ShallowReactive<Route> = shallowReactive({ ...FIRST });
  private readonly address = shallowReactive({ fragment: isPath(window.location.hash) ? window.location.hash : "" });
  /** The number of elements that show the route. Reactive. */
  readonly shown = shallowRef(0);
  private readonly end = new AbortController();

  constructor(private readonly state: SharedState) {
    const follow = () => {
      const { hash } = window.location;
      if (hash === "" || isPath(hash)) this.address.fragment = hash;
    };
    const { signal } = this.end;
    window.addEventListener("hashchange", follow, { signal });
    // At once, so that a template never sees the address and the route of another time.
    const stop = watchEffect(() => Object.assign(this.route, routeOf(this.patterns(), this.address.fragment)), { flush: "sync" });
    signal.addEventListener("abort", stop);
  }

  dispose(): void {
    this.end.abort();
  }

  /** Whether the application has routes. */
  get used(): boolean {
    return this.patterns().length > 0;
  }

  /** Shows a path, as a link does. */
  readonly go = (path: string): void => {
    window.location.hash = `#${path.startsWith("/") ? path : `/${path}`}`;
  };

  /**
   * Returns `route` and `go` for templates. An application without routes may use the names for its
   * state.
   */
  readonly helper = (name: string): unknown => {
    if (name === "route") return this.used ? this.route : undefined;
    return name === "go" && this.used ? this.go : undefined;
  };

  /** The most specific pattern is the first. */
  private patterns(): Pattern[] {
    const patterns = this.state.get(ROUTES);
    return Array.isArray(patterns) ? (patterns as Pattern[]) : [];
  }
}

function isPath(fragment: string): boolean {
  return fragment.startsWith("#/");
}

/** Returns the route that a fragment names. Without a path it is the first page. */
export function routeOf(routes: readonly Pattern[], fragment: string): Route {
  const address = isPath(fragment) ? fragment.slice(1) : "/";
  const [path, search] = splitOnce(address, "?");
  const query = Object.fromEntries(new URLSearchParams(search));
  const given = segmentsOf(path).map(decoded);
  for (const { path: pattern, template, title } of routes) {
    const parameters = match(segmentsOf(pattern), given);
    if (parameters) return { path, template, title: title && filledIn(title, parameters), parameters, query };
  }
  return { ...FIRST, path, query };
}

/** Returns the parameters if the segments of a path match a pattern. */
function match(pattern: string[], given: string[]): Record<string, string> | null {
  const parameters: Record<string, string> = {};
  for (const [at, part] of pattern.entries()) {
    const name = /^\{(\*?)(.*)\}$/.exec(part);
    if (name?.[1]) {
      if (at >= given.length) return null;
      parameters[name[2] ?? ""] = given.slice(at).join("/");
      return parameters;
    }
    const value = given[at];
    if (!value || (name === null && value !== part)) return null;
    if (name) parameters[name[2] ?? ""] = value;
  }
  return given.length === pattern.length ? parameters : null;
}

/** Returns the parts between slashes; a slash at the end does not count. */
function segmentsOf(path: string): string[] {
  const inside = path.replace(/^\//, "").replace(/\/$/, "");
  return inside === "" ? [] : inside.split("/");
}

/** Returns a part of a path, or a whole path, as text. */
export function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // a percent sign that encodes nothing
  }
}

function filledIn(title: string, parameters: Record<string, string>): string {
  return title.replace(/\{\*?(\w+)\}/g, (all, name: string) => parameters[name] ?? all);
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
