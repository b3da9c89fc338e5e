// The elements that a page shows, as a test sees them: names, texts, and what can be operated.

export type Props = Record<string, unknown>;

/** What `v-model` binds to a control of HTML. */
export interface Model {
  kind: "text" | "checkbox" | "radio" | "select";
  value: unknown;
  modifiers: Record<string, boolean>;
}

/** An element, a text (`#text`) or a placeholder (`#comment`). */
export class Node {
  props: Props = {};
  children: Node[] = [];
  parent: Node | null = null;
  model: Model | null = null;
  /** Whether `v-show` hides it. */
  hidden = false;

  constructor(
    readonly tag: string,
    public text = "",
  ) {}

  insert(child: Node, before: Node | null): void {
    child.remove();
    child.parent = this;
    const at = before ? this.children.indexOf(before) : -1;
    if (at < 0) this.children.push(child);
    else this.children.splice(at, 0, child);
  }

  remove(): void {
    if (!this.parent) return;
    this.parent.children.splice(this.parent.children.indexOf(this), 1);
    this.parent = null;
  }

  /** This node and all below it, in the order of the document. */
  *all(): Generator<Node> {
    yield this;
    for (const child of this.children) yield* child.all();
  }

  get path(): Node[] {
    return [this, ...(this.parent?.path ?? [])];
  }

  attribute(name: string): string | null {
    const value = this.props[name] as string | number | boolean | null | undefined;
    if (value === undefined || value === null || value === false) return null;
    return value === true ? "" : String(value);
  }
}

/** Whether a user can see an element. */
export function isVisible(node: Node): boolean {
  return node.path.every((one, at, path) => {
    if (one.hidden || one.attribute("hidden") !== null || one.attribute("aria-hidden") === "true") return false;
    if (one.tag === "dialog") return one.attribute("open") !== null;
    // What is closed shows only its summary.
    const below = path[at - 1];
    if (one.tag === "details" && one.attribute("open") === null) return below === undefined || below.tag === "summary";
    return one.tag !== "template";
  });
}

export function isDisabled(node: Node): boolean {
  const says = (one: Node) => one.attribute("disabled") !== null || one.attribute("aria-disabled") === "true";
  return says(node) || node.path.some((one) => one.tag === "fieldset" && says(one));
}

const INLINE = new Set(["a", "abbr", "b", "code", "em", "i", "kbd", "label", "mark", "small", "span", "strong", "sub", "sup", "time", "u"]);

/** Returns what a user reads in an element. Blocks are separated by spaces. */
export function textOf(node: Node): string {
  return collapse(raw(node));
}

function raw(node: Node): string {
  if (node.tag === "#comment" || (node.parent !== null && !isVisible(node))) return "";
  if (node.tag === "#text") return node.text;
  if (node.tag === "img" || node.tag === "selvedge-image") return node.attribute("alt") ?? "";
  const inner = node.children.map(raw).join("");
  return INLINE.has(node.tag) ? inner : ` ${inner} `;
}

export function collapse(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/** Returns the accessible name of an element, by the usual rules. */
export function nameOf(node: Node): string {
  const root = node.path.at(-1) ?? node;
  const byId = (id: string) => [...root.all()].find((one) => one.attribute("id") === id);
  const labelledBy = node.attribute("aria-labelledby")?.split(/\s+/).map(byId) ?? [];
  if (labelledBy.some((one) => one !== undefined)) return collapse(labelledBy.map((one) => (one ? textOf(one) : "")).join(" "));
  const said = node.attribute("aria-label") ?? "";
  if (collapse(said) !== "") return collapse(said);
  if (isControl(node)) {
    const label = labelOf(node, root);
    if (label !== "") return label;
  }
  if (node.tag === "input" && ["button", "submit", "reset"].includes(node.attribute("type") ?? "")) {
    return collapse(node.attribute("value") ?? node.attribute("type") ?? "");
  }
  const own = isControl(node) ? "" : textOf(node);
  return own || collapse(node.attribute("title") ?? node.attribute("label") ?? node.attribute("placeholder") ?? "");
}

function labelOf(node: Node, root: Node): string {
  const id = node.attribute("id");
  const isFor = (one: Node) => one.tag === "label" && id !== null && one.attribute("for") === id;
  const label = [...root.all()].find(isFor) ?? node.path.find((one) => one.tag === "label");
  if (!label) return "";
  // The text of the control is not part of its label.
  return collapse(label.children.map((child) => withoutControls(child)).join(" "));
}

function withoutControls(node: Node): string {
  if (isControl(node)) return "";
  if (node.tag === "#text") return node.text;
  return node.children.map(withoutControls).join(" ");
}

/** Whether a user can enter a value. Elements of widget packages take it as `modelValue`. */
export function isControl(node: Node): boolean {
  if (node.tag === "input") return !["button", "submit", "reset", "hidden"].includes(node.attribute("type") ?? "");
  return node.tag === "select" || node.tag === "textarea" || "onUpdate:modelValue" in node.props;
}

const ROLES = new Set(["button", "link", "checkbox", "radio", "switch", "tab", "option", "menuitem", "menuitemcheckbox", "menuitemradio", "treeitem"]);

/** Whether a user can press an element. */
export function isPressable(node: Node): boolean {
  if (["button", "a", "summary", "option"].includes(node.tag) || ROLES.has(node.attribute("role") ?? "")) return true;
  if (node.tag === "input") return ["button", "submit", "reset", "checkbox", "radio"].includes(node.attribute("type") ?? "");
  return Object.keys(node.props).some((name) => name.startsWith("onClick"));
}
