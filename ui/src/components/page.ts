// <selvedge-page>: the template of the route that the address names.

import { type Component, defineComponent, h, inject, type InjectionKey, nextTick, onBeforeUnmount, ref, watch } from "vue";
import { decoded, type Route, type Router } from "../router";
import type { SharedState } from "../state";
import type { Templates } from "../templates";
import { SelvedgeIcon } from "./layout/icon";

/** The template of an address that names none. */
export const MAIN = "main";

export const ROUTING: InjectionKey<{ router: Router; templates: Templates }> = Symbol("routing");

export const SelvedgePage = defineComponent({
  name: "SelvedgePage",
  emits: {
    /** The page shows another path; also emitted for the first one. */
    show: (route: Route) => typeof route.path === "string",
  },
  setup(_, { emit }) {
    const routing = inject(ROUTING);
    if (!routing) throw new Error("<selvedge-page> has its place in a template.");
    const { router, templates } = routing;
    const { route } = router;
    /** What a screen reader says, since no document is loaded. */
    const announcement = ref("");
    const end = ref<HTMLElement>();
    const shown = (first: boolean) => {
      const { path, template, title, parameters, query } = route;
      emit("show", { path, template, title, parameters, query });
      const isNew = isNewEntry();
      if (first) return;
      // After the title has followed.
      void nextTick(() => (announcement.value = route.title ?? document.title));
      if (isNew) scrollToTop(end.value);
    };
    const address = () => `${route.path}?${new URLSearchParams(route.query).toString()}`;
    watch(address, () => shown(false));
    shown(true);
    router.shown.value += 1;
    onBeforeUnmount(() => (router.shown.value -= 1));
    return () => [
      route.template === null
        ? h("section", { class: "sv-empty", role: "alert" }, [
            h(SelvedgeIcon, { name: "compass" }),
            h("p", { class: "sv-empty-title" }, `There is no page “${decoded(route.path)}”.`),
            h("p", h("a", { href: "#/" }, "Go to the first page")),
          ])
        : h(templates.component(route.template), { key: route.template }),
      h("span", { ref: end, class: "sv-unseen", "aria-live": "polite" }, announcement.value),
    ];
  },
});

/** Returns what shows this template; the pages of the routes if there is no main template. */
export function shownTemplate(name: string, templates: Templates, router: Router, state: SharedState): Component {
  const routed = name === MAIN && router.used && typeof state.get(`trame__template_${MAIN}`) !== "string";
  return routed ? SelvedgePage : templates.component(name);
}

/**
 * Whether the user has followed a link. The browser itself scrolls if the user goes back or forward,
 * to an entry that has been marked here.
 */
function isNewEntry(): boolean {
  const { history } = window;
  const state = history.state as Record<string, unknown> | null;
  const isNew = state?.selvedgeShown !== true;
  if (isNew) history.replaceState({ ...state, selvedgeShown: true }, "");
  return isNew;
}

/** Shows the top of the window, and of each element that scrolls around this one. */
function scrollToTop(element: HTMLElement | undefined): void {
  window.scrollTo(0, 0);
  for (let one = element?.parentElement; one; one = one.parentElement) one.scrollTop = 0;
}
