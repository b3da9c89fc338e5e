import { afterEach, describe, expect, it, vi } from "vitest";
import { routeOf } from "../src/router";
import { FakeServer, settle } from "./fake-server";
import { find, openPage } from "./open-page";

const ROUTES = [
  { path: "/", template: "home", title: null },
  { path: "/runs/new", template: "new", title: "New run" },
  { path: "/runs/{id}", template: "run", title: "Run {id}" },
  { path: "/files/{*path}", template: "file", title: null },
];

describe("a fragment", () => {
  const shown = (fragment: string) => {
    const { template, parameters, title, query } = routeOf(ROUTES, fragment);
    return [template, parameters, title, query];
  };

  it("names a route with parameters and a query", () => {
    expect(shown("")).toEqual(["home", {}, null, {}]);
    expect(shown("#/")).toEqual(["home", {}, null, {}]);
    expect(shown("#/runs/new")).toEqual(["new", {}, "New run", {}]);
    expect(shown("#/runs/3/")).toEqual(["run", { id: "3" }, "Run 3", {}]);
    expect(shown("#/runs/a%2Fb%20c?tab=log&x=1%3F")).toEqual(["run", { id: "a/b c" }, "Run a/b c", { tab: "log", x: "1?" }]);
    expect(shown("#/files/a/b.txt")).toEqual(["file", { path: "a/b.txt" }, null, {}]);
  });

  it("that names an element stays on the first page", () => {
    expect(shown("#results")).toEqual(["home", {}, null, {}]);
  });

  it("without a route, or with a broken encoding, is harmless", () => {
    expect(shown("#/runs")).toEqual([null, {}, null, {}]);
    expect(shown("#/runs/3/4")).toEqual([null, {}, null, {}]);
    expect(shown("#/files")).toEqual([null, {}, null, {}]);
    expect(shown("#/runs//")).toEqual([null, {}, null, {}]);
    expect(shown("#/runs/100%")).toEqual(["run", { id: "100%" }, "Run 100%", {}]);
  });
});

describe("a page with routes", () => {
  const state = {
    trame__selvedge_routes: ROUTES,
    trame__template_main: `<nav><a href="#/runs/3">3</a></nav><selvedge-page @show="trigger('shown', [$event.path])"></selvedge-page>`,
    trame__template_home: "<h1>Home</h1>",
    trame__template_run: "<h1>Run {{ route.parameters.id }}, {{ count }}</h1><input id=note>",
    trame__template_new: `<button @click="go('/runs/5')">Make</button>`,
    count: 1,
  };
  const scrolled = vi.fn();
  const visit = async (fragment: string) => {
    window.location.hash = fragment;
    window.dispatchEvent(new Event("hashchange"));
    await settle();
  };
  const show = async (changes: Record<string, unknown> = {}) => {
    vi.stubGlobal("scrollTo", scrolled.mockClear());
    const server = new FakeServer({ ...state, ...changes });
    await openPage();
    return server;
  };

  afterEach(() => window.history.replaceState(null, "", "/"));

  it("follows the address, and gives the title back", async () => {
    const server = await show();
    expect([find("h1").textContent, document.title]).toEqual(["Home", "Test"]);
    await visit("#/runs/3");
    expect([find("h1").textContent, document.title]).toEqual(["Run 3, 1", "Run 3"]);
    await server.socket.publish("trame.state.topic", { count: 2, trame__title: "Other" });
    expect([find("h1").textContent, document.title]).toEqual(["Run 3, 2", "Run 3"]);
    await visit("#/");
    expect([find("h1").textContent, document.title]).toEqual(["Home", "Other"]);
    expect(server.socket.calls("trame.trigger").map(([, args]) => args)).toEqual([["/"], ["/runs/3"], ["/"]]);
  });

  it("keeps its elements when only parameters change", async () => {
    await show();
    await visit("#/runs/3");
    const note = find("#note");
    await visit("#/runs/4");
    expect(find("h1").textContent).toBe("Run 4, 1");
    expect(find("#note")).toBe(note);
  });

  it("goes where a template or the application says", async () => {
    const server = await show();
    await visit("#/runs/new");
    find("button").click();
    expect(window.location.hash).toBe("#/runs/5");
    await server.socket.publish("selvedge.route", "/runs/6");
    expect(window.location.hash).toBe("#/runs/6");
  });

  it("says that there is no such page, and announces the ones that there are", async () => {
    await show();
    await visit("#/gr%C3%B6%C3%9Fe");
    expect(find("[role=alert]").textContent).toContain("There is no page “/größe”.");
    await visit("#/runs/3");
    expect(find("[aria-live=polite]").textContent).toBe("Run 3");
  });

  it("scrolls to the top for links, and leaves back and forward to the browser", async () => {
    await show();
    await visit("#/runs/3");
    expect(scrolled).toHaveBeenCalledTimes(1);
    window.dispatchEvent(new Event("hashchange"));
    window.history.replaceState(window.history.state, "", "#/runs/4");
    window.dispatchEvent(new Event("hashchange"));
    await settle();
    expect(find("h1").textContent).toBe("Run 4, 1");
    expect(scrolled).toHaveBeenCalledTimes(1);
  });

  it("stays where it is when an element is named", async () => {
    await show();
    await visit("#/runs/3");
    await visit("#note");
    expect([find("h1").textContent, document.title]).toEqual(["Run 3, 1", "Run 3"]);
  });

  it("has the title of a route only while it shows it, and gets routes later", async () => {
    const server = await show({ trame__selvedge_routes: [], trame__template_main: "<p>{{ route }}</p>" });
    expect(find("p").textContent).toBe("");
    await visit("#/runs/3");
    await server.socket.publish("trame.state.topic", { trame__selvedge_routes: ROUTES });
    expect([find("p").textContent.includes('"3"'), document.title]).toEqual([true, "Test"]);
  });

  it("needs no main template", async () => {
    await show({ trame__template_main: undefined });
    expect(find("h1").textContent).toBe("Home");
  });
});

describe("a page without routes", () => {
  it("leaves the names to the state", async () => {
    new FakeServer({ trame__template_main: "<p>{{ route }} {{ go }}</p>", route: "north", go: 5 });
    await openPage();
    expect(find("p").textContent).toBe("north 5");
  });
});
