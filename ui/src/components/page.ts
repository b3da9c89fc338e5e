// <selvedge-page>: the template of the route that the address names.

import { defineComponent, h, inject, type InjectionKey, nextTick, ref, watch } from "vue";
import type { Route, Router } from "../router";
import type { Templates } from "../templates";

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
    const shown = (first: boolean) => {
      const { path, template, title, parameters, query } = route;
      emit("show", { path, template, title, parameters, query });
      if (first) return;
      // After the title has followed.
      void nextTick(() => (announcement.value = route.title ?? document.title));
      if (isNewEntry()) window.scrollTo(0, 0);
    };
    const address = () => `${route.path}?${new URLSearchParams(route.query).toString()}`;
    watch(address, () => shown(false));
    shown(true);
    return () => [
      route.template === null
        ? h("section", { class: "sv-page-missing", role: "alert" }, [
            h("p", `There is no page “${route.path}”.`),
            h("p", h("a", { href: "#/" }, "Go to the first page")),
          ])
        : h(templates.component(route.template), { key: route.template }),
      h("span", { class: "sv-unseen", "aria-live": "polite" }, announcement.value),
    ];
  },
});

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
