// What a user does with the elements of a page: finds one by its name, presses it, fills it in.

import { asNumber } from "./vue";
import { collapse, isControl, isDisabled, isPressable, isVisible, nameOf, type Node, type Props, textOf } from "./tree";

/** An operation that a user could not do. The message is for the author of the test. */
export class CannotOperate extends Error {}

type Listener = (event: Props, ...args: unknown[]) => unknown;

/** Presses the button, link, option or other pressable element of this name. */
export function press(root: Node, name: string): void {
  const node = find(root, name, "press", isPressable);
  const uncancelled = fire(node, "click");
  if (uncancelled) followClick(node);
}

/** Enters a value into the control of this name, or chooses the option of this name or value. */
export function fill(root: Node, name: string, text: string): void {
  const node = find(root, name, "fill in", isControl);
  if (node.attribute("readonly") !== null) throw new CannotOperate(`“${name}” is read-only`);
  if (node.tag === "select") choose(node, name, text);
  else enter(node, text);
}

/** Returns the names of what can be operated, with their kinds, for messages. */
export function operable(root: Node): string[] {
  const nodes = [...root.all()].filter((node) => isVisible(node) && (isPressable(node) || isControl(node)));
  return [...new Set(nodes.map((node) => `${node.attribute("role") ?? node.tag} “${nameOf(node)}”`))];
}

function find(root: Node, name: string, doing: string, accepts: (node: Node) => boolean): Node {
  const named = [...root.all()].filter((node) => accepts(node) && isVisible(node) && nameOf(node) === collapse(name));
  // A pressable element inside another is what a user meets.
  const found = named.filter((node) => !named.some((other) => other !== node && other.path.includes(node)));
  const [node] = found;
  if (!node) {
    const there = operable(root);
    const known = there.length > 0 ? `It has ${there.join(", ")}` : "It has no controls";
    throw new CannotOperate(`the page has nothing to ${doing} that is named “${name}”. ${known}`);
  }
  if (found.length > 1) throw new CannotOperate(`the page has ${found.length} elements to ${doing} that are named “${name}”`);
  if (isDisabled(node)) throw new CannotOperate(`“${name}” is disabled`);
  return node;
}

/** Calls the listeners of an element and of those around it. Returns whether nothing prevents what follows. */
function fire(node: Node, type: string, details: Props = {}): boolean {
  let [stopped, prevented] = [false, false];
  const target = proxyOf(node, details);
  const event: Props = {
    type,
    target,
    button: 0,
    preventDefault: () => (prevented = true),
    stopPropagation: () => (stopped = true),
    ...details,
  };
  for (const one of node.path) {
    event.currentTarget = one === node ? target : proxyOf(one, {});
    for (const listener of listenersOf(one, type)) listener(event);
    if (stopped) break;
  }
  return !prevented;
}

/** The element as listeners see it. */
function proxyOf(node: Node, details: Props): Props {
  return { ...node.props, tagName: node.tag.toUpperCase(), textContent: textOf(node), ...(details.target as Props | undefined) };
}

function listenersOf(node: Node, type: string): Listener[] {
  const name = `on${type.charAt(0).toUpperCase()}${type.slice(1)}`;
  const is = (key: string) => key.startsWith(name) && /^(Once|Capture|Passive)*$/.test(key.slice(name.length));
  return Object.entries(node.props).flatMap(([key, value]) => (is(key) ? [value].flat() : [])) as Listener[];
}

/** What a browser does after a click that nothing has prevented. */
function followClick(node: Node): void {
  const type = node.attribute("type");
  if (node.tag === "input" && (type === "checkbox" || type === "radio")) toggle(node);
  else if (node.tag === "summary" && node.parent) node.parent.props.open = node.parent.attribute("open") === null;
  else if (node.tag === "a") follow(node.attribute("href"));
  else if (isSubmit(node)) {
    const form = node.path.find((one) => one.tag === "form");
    if (form) fire(form, "submit");
  }
}

function isSubmit(node: Node): boolean {
  const type = node.attribute("type");
  return (node.tag === "button" && (type === null || type === "submit")) || (node.tag === "input" && type === "submit");
}

function follow(href: string | null): void {
  if (href?.startsWith("#")) window.location.hash = href;
}

function toggle(node: Node): void {
  const { model } = node;
  if (model?.kind === "radio") update(node, node.props.value);
  else if (model) update(node, toggled(node, model.value));
  const checked = node.attribute("type") === "radio" || node.attribute("checked") === null;
  const details = { target: { checked: model ? !isChecked(node, model.value) : checked } };
  fire(node, "input", details);
  fire(node, "change", details);
}

function isChecked(node: Node, value: unknown): boolean {
  if (Array.isArray(value)) return value.includes(node.props.value);
  return value === ("true-value" in node.props ? node.props["true-value"] : true);
}

function toggled(node: Node, value: unknown): unknown {
  const checked = isChecked(node, value);
  if (Array.isArray(value)) return checked ? value.filter((item) => item !== node.props.value) : [...(value as unknown[]), node.props.value];
  return checked ? (node.props["false-value"] ?? false) : (node.props["true-value"] ?? true);
}

function choose(node: Node, name: string, text: string): void {
  const options = [...node.all()].filter((one) => one.tag === "option");
  const valueOf = (option: Node) => ("value" in option.props ? option.props.value : textOf(option));
  const is = (option: Node) => [textOf(option), String(valueOf(option))].includes(text);
  const option = options.find(is);
  if (!option) {
    const there = options.map((one) => `“${textOf(one)}”`).join(", ");
    throw new CannotOperate(`“${name}” has no option “${text}”. It has ${there || "none"}`);
  }
  if (isDisabled(option)) throw new CannotOperate(`the option “${text}” of “${name}” is disabled`);
  const value = valueOf(option);
  const number = node.model?.modifiers.number ? asNumber(String(value)) : value;
  update(node, Array.isArray(node.model?.value) ? [...(node.model.value as unknown[]), number] : number);
  changed(node, String(value));
}

function enter(node: Node, text: string): void {
  const modifiers = node.model?.modifiers ?? {};
  const trimmed = modifiers.trim ? text.trim() : text;
  const isNumber = modifiers.number || (node.tag === "input" && node.attribute("type") === "number");
  update(node, isNumber ? asNumber(trimmed) : trimmed);
  changed(node, text);
}

function changed(node: Node, value: string): void {
  fire(node, "input", { target: { value } });
  fire(node, "change", { target: { value } });
}

/** Passes a value to what `v-model` has bound. */
function update(node: Node, value: unknown): void {
  for (const listener of [node.props["onUpdate:modelValue"]].flat()) (listener as Listener | undefined)?.(value as Props);
}
