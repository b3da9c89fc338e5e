// Controls of users who may only look. The server refuses their edits and calls; the page shows the
// controls for them disabled.

import {
  createSimpleExpression,
  type DirectiveNode,
  ElementTypes,
  type ExpressionNode,
  type NodeTransform,
  NodeTypes,
} from "@vue/compiler-dom";

/** The key that says whether this page's user may only look. */
export const VIEWER = "trame__viewer";

/** The attribute of controls that viewers may use, too. */
const FOR_VIEWERS = "data-for-viewers";

const CONTROLS = new Set(["button", "input", "select", "textarea", "fieldset"]);

/** Events by which a user operates a control. */
const OPERATED = /^(?:click|change|input|submit|update:.+)$/;

const text = (expression: ExpressionNode | undefined): string =>
  expression?.type === NodeTypes.SIMPLE_EXPRESSION ? expression.content : "";

/** Returns whether an event handler is a call of a trigger that viewers may call. */
function isOpen(handler: string, open: ReadonlySet<string>): boolean {
  const [, single, double] = /^\s*trigger\(\s*(?:'([^'\\]+)'|"([^"\\]+)")/.exec(handler) ?? [];
  const name = single ?? double;
  return name !== undefined && open.has(name) && handler.split("trigger(").length === 2;
}

/**
 * Disables the controls of a template while the page's user may only look: those that edit a key of
 * the state and those that handle an event, except if it calls a trigger in `open`, or the control has
 * the attribute `data-for-viewers`.
 */
export function disableForViewers(open: ReadonlySet<string>, isLocal: (key: string) => boolean): NodeTransform {
  const edits = ({ name, arg, exp }: DirectiveNode): boolean => {
    if (name === "model") return !isLocal(text(exp).split(/[.[]/)[0] ?? "");
    return name === "on" && OPERATED.test(text(arg)) && !isOpen(text(exp), open);
  };
  return (node) => {
    if (node.type !== NodeTypes.ELEMENT) return;
    if (!CONTROLS.has(node.tag) && node.tagType !== ElementTypes.COMPONENT) return;
    if (node.props.some(({ name }) => name === FOR_VIEWERS)) return;
    const directives = node.props.filter((prop) => prop.type === NodeTypes.DIRECTIVE);
    if (!directives.some(edits)) return;
    const isDisabled = (prop: (typeof node.props)[number]) =>
      prop.type === NodeTypes.DIRECTIVE ? prop.name === "bind" && text(prop.arg) === "disabled" : prop.name === "disabled";
    const own = node.props.find(isDisabled);
    if (own && own.type !== NodeTypes.DIRECTIVE) return;
    const condition = own ? `(${text(own.exp) || "disabled"}) || ${VIEWER}` : VIEWER;
    node.props = node.props.filter((prop) => prop !== own);
    node.props.push({
      type: NodeTypes.DIRECTIVE,
      name: "bind",
      arg: createSimpleExpression("disabled", true),
      exp: createSimpleExpression(condition, false, node.loc),
      modifiers: [],
      loc: node.loc,
    });
  };
}
