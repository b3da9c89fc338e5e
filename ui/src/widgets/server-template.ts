// Templates inside templates, and placeholders for when there is nothing to show.

import { defineComponent, type FunctionalComponent, h, inject } from "vue";
import type { Templates } from "../templates";
import type { Trame } from "../trame";

/**
 * <trame-template template-name="side" use-url url-key="ui">: shows a template of the state, or the
 * one that the address names.
 */
export const serverTemplate = (templates: Templates) =>
  defineComponent({
    props: {
      templateName: { type: String, default: "main" },
      urlKey: { type: String, default: "ui" },
      useUrl: Boolean,
    },
    setup: (props) => () => {
      const fromAddress = props.useUrl ? new URLSearchParams(location.search).get(props.urlKey) : null;
      return h(templates.component(fromAddress ?? props.templateName));
    },
  });

/** <trame-loading message="…">: fills the nearest positioned ancestor. */
export const loading: FunctionalComponent<{ message?: string }> = ({ message = "Loading…" }) =>
  h("div", { class: "sv-page sv-within" }, h("div", { class: "sv-page-busy", role: "status" }, message));
loading.props = ["message"];

/**
 * <trame-reconnect message="…">: a button that tries to connect at once. The page also retries
 * automatically.
 */
export const reconnect = defineComponent({
  props: { message: { type: String, default: "Reconnect now" } },
  setup(props) {
    const trame = inject<Trame>("trame");
    // The page's own notices show a refusal.
    const connect = () => void trame?.connect().catch(() => undefined);
    return () => h("div", { class: "sv-page sv-within" }, h("button", { onClick: connect }, props.message));
  },
});
