// Vue without a document: what the page's code and compiled templates import from "vue". The
// directives of HTML note on the element what a test needs to know.

import { camelize, hyphenate, looseToNumber } from "@vue/shared";
import type { DirectiveBinding, ObjectDirective, VNode } from "@vue/runtime-core";
import type { Model, Node } from "./tree";

export * from "@vue/runtime-core";

type Hook = (node: Node, binding: DirectiveBinding, vnode: VNode) => void;

/** A directive that does the same for a new element and for one that changes. */
function directive(note: Hook): ObjectDirective<Node> {
  return { created: note, beforeUpdate: note } as ObjectDirective<Node>;
}

function model(kindOf: (vnode: VNode) => Model["kind"]): ObjectDirective<Node> {
  return directive((node, { value, modifiers }, vnode) => {
    node.model = { kind: kindOf(vnode), value, modifiers: modifiers as Record<string, boolean> };
  });
}

export const vModelText = model(() => "text");
export const vModelCheckbox = model(() => "checkbox");
export const vModelRadio = model(() => "radio");
export const vModelSelect = model(() => "select");
export const vModelDynamic = model(({ type, props }) => {
  if (type === "select") return "select";
  const kind: unknown = props?.type;
  return kind === "checkbox" || kind === "radio" ? kind : "text";
});

export const vShow = directive((node, { value }) => {
  node.hidden = !value;
});

/** Transitions show their content at once. */
export const Transition = (_: unknown, { slots }: { slots: { default?: () => VNode[] } }): VNode[] | undefined => slots.default?.();
export const TransitionGroup = Transition;

type Handler = (event: Record<string, unknown>, ...args: unknown[]) => unknown;

export function withModifiers(handler: Handler | undefined, modifiers: string[]): Handler {
  return (event, ...args) => {
    for (const modifier of modifiers) {
      if (modifier === "stop") (event.stopPropagation as () => void)();
      if (modifier === "prevent") (event.preventDefault as () => void)();
      if (modifier === "self" && event.target !== event.currentTarget) return undefined;
      if (["ctrl", "shift", "alt", "meta"].includes(modifier) && event[`${modifier}Key`] !== true) return undefined;
    }
    return handler?.(event, ...args);
  };
}

export function withKeys(handler: Handler, keys: string[]): Handler {
  return (event, ...args) => {
    const key = hyphenate(camelize(String(event.key)));
    return keys.some((one) => one === key || { esc: "escape", space: " ", up: "arrow-up", down: "arrow-down" }[one] === key)
      ? handler(event, ...args)
      : undefined;
  };
}

/** Converts what is typed as `v-model.number` does. */
export const asNumber: (text: string) => unknown = looseToNumber;
