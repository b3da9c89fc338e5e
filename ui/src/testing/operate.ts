// What a user does with the elements of a page: finds one by its name, presses it, fills it in.
//
// The events are those of a pointer and of a typed text: click, input, change and submit. Nothing
// has the focus, and no keys are pressed.

import { isArray, looseEqual, looseIndexOf } from "@vue/shared";
import { asNumber } from "./vue";
import { collapse, isControl, isDisabled, isPressable, isReachable, isToggle, nameOf, type Node, type Props, textOf } from "./tree";

/** An operation that a user could not do. The message is for the author of the test. */
class CannotOperate extends Error {}

type Listener = (event: Props, ...args: unknown[]) => unknown;

/** Gets what listeners return, which may be promises that fail. */
type Follow = (result: unknown) => void;

/** Presses the button, link, check box, option or other pressable element of this name. */
export function press(root: Node, name: string, follow: Follow): void {
  const node = find(root, name, "press", isPressable);
  const select = node.tag === "option" ? node.path.find(({ tag }) => tag === "select") : undefined;
  if (select) choose(select, node, follow);
  else click(node, follow);
}

/** Enters a value into the control of this name, or chooses the option of this text or value. */
export function fill(root: Node, name: string, text: string, follow: Follow): void {
  const node = find(root, name, "fill in", isControl);
  if (node.has("readonly")) throw new CannotOperate(`“${name}” is read-only`);
  if (isToggle(node)) throw new CannotOperate(`“${name}” is not filled in: press it`);
  if (node.tag === "select") choose(node, optionOf(node, name, text), follow);
  else enter(node, text, follow);
}

/** Returns the names of what can be operated, with their kinds, for messages. */
function operable(root: Node): string[] {
  const nodes = [...root.all()].filter((node) => isReachable(node) && (isPressable(node) || isControl(node)));
  return [...new Set(nodes.map((node) => `${node.attribute("role") ?? node.tag} “${nameOf(node)}”`))];
}

function find(root: Node, name: string, doing: string, accepts: (node: Node) => boolean): Node {
  const named = [...root.all()].filter((node) => accepts(node) && isReachable(node) && nameOf(node) === collapse(name));
  // Of elements inside each other, a user meets the innermost.
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
function fire(node: Node, type: string, follow: Follow, target: Props = {}): boolean {
  let [stopped, prevented] = [false, false];
  const proxy = { ...proxyOf(node), ...target };
  const event: Props = {
    type,
    target: proxy,
    button: 0,
    preventDefault: () => (prevented = true),
    stopPropagation: () => (stopped = true),
  };
  const run = (one: Node, capture: boolean) => {
    event.currentTarget = one === node ? proxy : proxyOf(one);
    for (const listener of listenersOf(one, type, capture)) follow(listener(event));
    return !stopped;
  };
  const { path } = node;
  if ([...path].reverse().every((one) => run(one, true))) path.every((one) => run(one, false));
  return !prevented;
}

/** The element as listeners see it. */
function proxyOf(node: Node): Props {
  return { ...node.props, tagName: node.tag.toUpperCase(), textContent: textOf(node) };
}

/** Returns the listeners that are to be called; those of `.once` only the first time. */
function listenersOf(node: Node, type: string, capture: boolean): Listener[] {
  const name = `on${type.charAt(0).toUpperCase()}${type.slice(1)}`;
  return Object.entries(node.props).flatMap(([key, value]) => {
    const modifiers = key.startsWith(name) ? key.slice(name.length) : "no listener";
    if (!/^(Once|Capture|Passive)*$/.test(modifiers) || modifiers.includes("Capture") !== capture) return [];
    if (modifiers.includes("Once")) {
      if (node.done.has(key)) return [];
      node.done.add(key);
    }
    return [value].flat() as Listener[];
  });
}

/** A click, and what a browser does after it unless a listener prevents it. */
function click(node: Node, follow: Follow): void {
  const activated = node.path.find((one) => isToggle(one) || isLink(one) || one.tag === "summary" || isSubmit(one));
  const checked = activated && isToggle(activated) ? !isChecked(activated) || isRadio(activated) : undefined;
  const uncancelled = fire(node, "click", follow, checked === undefined || activated !== node ? {} : { checked });
  if (!uncancelled || !activated || isDisabled(activated)) return;
  if (checked !== undefined) toggle(activated, checked, follow);
  else if (isLink(activated)) visit(activated.attribute("href") ?? "");
  else if (activated.tag === "summary") open(activated.parent, follow);
  else submit(activated, follow);
}

function isLink(node: Node): boolean {
  return node.tag === "a" && node.has("href");
}

function isRadio(node: Node): boolean {
  return node.attribute("type") === "radio";
}

function isSubmit(node: Node): boolean {
  const type = node.attribute("type");
  return (node.tag === "button" && (type === null || type === "submit")) || (node.tag === "input" && type === "submit");
}

function visit(href: string): void {
  if (href.startsWith("#")) window.location.hash = href;
}

function open(details: Node | null, follow: Follow): void {
  if (!details) return;
  details.props.open = !details.has("open");
  fire(details, "toggle", follow, { open: details.props.open });
}

function submit(button: Node, follow: Follow): void {
  const form = button.path.find((one) => one.tag === "form");
  if (!form) return;
  const missing = (one: Node) => one.has("required") && isControl(one) && !isDisabled(one) && isEmpty(one);
  const field = form.has("novalidate") ? undefined : [...form.all()].find(missing);
  if (field) throw new CannotOperate(`“${nameOf(field)}” has to be filled in first`);
  fire(form, "submit", follow);
}

function isEmpty(node: Node): boolean {
  if (isToggle(node)) return !isChecked(node);
  const value = node.model ? node.model.value : (node.props.modelValue ?? node.props.value);
  return value === undefined || value === null || value === "" || (isArray(value) && value.length === 0);
}

function isChecked(node: Node): boolean {
  const { model, props } = node;
  if (model?.kind === "radio") return looseEqual(model.value, props.value);
  if (!model) return "modelValue" in props ? props.modelValue === true : node.has("checked");
  if (isArray(model.value)) return looseIndexOf(model.value, props.value) >= 0;
  return looseEqual(model.value, props["true-value"] ?? true);
}

function toggle(node: Node, checked: boolean, follow: Follow): void {
  // A radio button that is chosen stays so.
  if (isChecked(node) === checked) return;
  fire(node, "input", follow, { checked });
  update(node, toggled(node, checked), follow);
  fire(node, "change", follow, { checked });
}

function toggled({ model, props }: Node, checked: boolean): unknown {
  if (model?.kind === "radio") return props.value;
  const value = model?.value;
  if (isArray(value)) {
    const others = value.filter((item) => !looseEqual(item, props.value)) as unknown[];
    return checked ? [...others, props.value] : others;
  }
  return checked ? (props["true-value"] ?? true) : (props["false-value"] ?? false);
}

function optionsOf(select: Node): Node[] {
  return [...select.all()].filter(({ tag }) => tag === "option");
}

function valueOf(option: Node): unknown {
  return "value" in option.props ? option.props.value : textOf(option);
}

/** Returns the option of this text, or else of this value. */
function optionOf(select: Node, name: string, text: string): Node {
  const options = optionsOf(select);
  const option = options.find((one) => textOf(one) === text) ?? options.find((one) => String(valueOf(one)) === text);
  if (!option) {
    const there = options.map((one) => `“${textOf(one)}”`).join(", ");
    throw new CannotOperate(`“${name}” has no option “${text}”. It has ${there || "none"}`);
  }
  if (isDisabled(option)) throw new CannotOperate(`the option “${text}” of “${name}” is disabled`);
  return option;
}

function choose(select: Node, option: Node, follow: Follow): void {
  const { model } = select;
  const number = (one: Node) => (model?.modifiers.number ? asNumber(String(valueOf(one))) : valueOf(one));
  const target = { value: valueOf(option) };
  fire(select, "input", follow, target);
  if (select.has("multiple")) {
    const before = isArray(model?.value) ? model.value : [];
    const isChosen = (one: Node) => one === option || looseIndexOf(before, number(one)) >= 0;
    update(select, optionsOf(select).filter(isChosen).map(number), follow);
  } else {
    update(select, number(option), follow);
  }
  fire(select, "change", follow, target);
}

function enter(node: Node, text: string, follow: Follow): void {
  const modifiers = node.model?.modifiers ?? (node.props.modelModifiers as Record<string, boolean> | undefined) ?? {};
  const trimmed = modifiers.trim ? text.trim() : text;
  const isNumber =
    modifiers.number || (node.tag === "input" && node.attribute("type") === "number") || typeof node.props.modelValue === "number";
  const value = isNumber ? asNumber(trimmed) : trimmed;
  if (!modifiers.lazy) update(node, value, follow);
  fire(node, "input", follow, { value: text });
  if (modifiers.lazy) update(node, value, follow);
  fire(node, "change", follow, { value: text });
}

/** Passes a value to what `v-model` has bound. */
function update(node: Node, value: unknown, follow: Follow): void {
  for (const listener of [node.props["onUpdate:modelValue"]].flat()) follow((listener as Listener | undefined)?.(value as Props));
}
