// Templates inside of templates, and what stands in their place while there is nothing to show.

import { defineComponent, type FunctionalComponent, h } from "vue";
import type { Templates } from "../templates";

/** <trame-template template-name="side" use-url url-key="ui">: shows a template of the state, or that of the address. */
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

/** <trame-loading message="…">: fills the page. */
export const loading: FunctionalComponent<{ message?: string }> = ({ message = "Loading…" }) =>
  h("div", { class: "sv-page" }, h("div", { class: "sv-page-busy", role: "status" }, message));
loading.props = ["message"];
