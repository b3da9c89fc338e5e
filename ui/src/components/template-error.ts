// Replaces a template that cannot be shown and says why.

import { type FunctionalComponent, h } from "vue";

interface Props {
  name: string;
  doing: "compiled" | "drawn";
  message: string;
  frame?: string;
}

export const TemplateError: FunctionalComponent<Props> = ({ name, doing, message, frame }) =>
  h("section", { class: "sv-notice sv-template-error", "data-tone": "error", role: "alert" }, [
    h("div", [h("h1", `The template “${name}” cannot be ${doing}`), h("p", message), frame ? h("pre", { tabindex: 0 }, frame) : null]),
  ]);
TemplateError.props = ["name", "doing", "message", "frame"];
