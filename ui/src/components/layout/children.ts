// The elements in a slot, as a parent sees them that arranges its children.

import { cloneVNode, Comment, Fragment, Text, type VNode } from "vue";

/** Returns the elements and components in a slot, without comments and white space. */
export function elementsIn(nodes: VNode[] | undefined): VNode[] {
  return (nodes ?? []).flatMap((node) => {
    if (node.type === Fragment) return elementsIn(Array.isArray(node.children) ? (node.children as VNode[]) : []);
    if (node.type === Comment || isSpace(node)) return [];
    return [node];
  });
}

function isSpace({ type, children }: VNode): boolean {
  return type === Text && typeof children === "string" && children.trim() === "";
}

/** Adds properties to the first element of a slot, such as the control of a field. */
export function withProps(nodes: VNode[] | undefined, props: (node: VNode) => Record<string, unknown>): VNode[] {
  const [first, ...others] = elementsIn(nodes);
  if (!first || first.type === Text) return nodes ?? [];
  return [cloneVNode(first, props(first)), ...others];
}

/** Returns a property as the template has written it: `<x wide>` and `:wide="true"` are both true. */
export function flag(node: VNode, name: string): boolean {
  const value: unknown = node.props?.[name];
  return value === "" || value === true;
}
