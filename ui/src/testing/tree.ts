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
  /** The listeners of `.once` that have run. */
  readonly done = new Set<unknown>();

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

  /** This node and those around it, from the inside to the root. */
  get path(): Node[] {
    return [this, ...(this.parent?.path ?? [])];
  }

  /** A dialog that is open, as its element says it. */
  get open(): boolean {
    return this.has("open");
  }

  showModal(): void {
    this.props.open = true;
  }

  close(): void {
    this.props.open = false;
  }

  /** Nothing has the focus in the page of a test. */
  focus(): void {}

  attribute(name: string): string | null {
    const value = this.props[name] as string | number | boolean | null | undefined;
    if (value === undefined || value === null || value === false) return null;
    return value === true ? "" : String(value);
  }

  has(name: string): boolean {
    return this.attribute(name) !== null;
  }
}

/** Whether a user can see an element. */
function isVisible(node: Node): boolean {
  return node.path.every((one, at, path) => {
    if (one.hidden || one.has("hidden") || one.tag === "template") return false;
    if (one.tag === "dialog") return one.has("open");
    // What is closed shows only its summary.
    const below = path[at - 1];
    return one.tag !== "details" || one.has("open") || below === undefined || below.tag === "summary";
  });
}

/** Whether a user can operate an element, also with a screen reader. */
export function isReachable(node: Node): boolean {
  return isVisible(node) && node.path.every((one) => one.attribute("aria-hidden") !== "true");
}

export function isDisabled(node: Node): boolean {
  const says = (one: Node) => one.has("disabled") || one.attribute("aria-disabled") === "true";
  return says(node) || node.path.some((one) => one.tag === "fieldset" && says(one));
}

const INLINE = new Set(["a", "abbr", "b", "code", "em", "i", "kbd", "label", "mark", "small", "span", "strong", "sub", "sup", "time", "u"]);

/** Returns what a user reads in an element. Blocks are separated by spaces. */
export function textOf(node: Node): string {
  return collapse(read(node, (one) => (one.parent === null || isVisible(one) ? null : "")));
}

/**
 * Returns the text of an element. `instead` returns what stands for a part, or null if its own text
 * does.
 */
function read(node: Node, instead: (part: Node) => string | null): string {
  const other = instead(node);
  if (other !== null) return other;
  if (node.tag === "#text") return node.text;
  if (node.tag === "#comment") return "";
  if (node.tag === "img" || node.tag === "selvedge-image") return node.attribute("alt") ?? "";
  const inner = node.children.map((child) => read(child, instead)).join("");
  return INLINE.has(node.tag) ? inner : ` ${inner} `;
}

export function collapse(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/** Returns the accessible name of an element, by the usual rules. */
export function nameOf(node: Node): string {
  const root = node.path.at(-1) ?? node;
  const byId = (id: string) => [...root.all()].find((one) => one.attribute("id") === id);
  const named = (node.attribute("aria-labelledby") ?? "").split(/\s+/).flatMap((id) => byId(id) ?? []);
  // Hidden elements can name others.
  if (named.length > 0) return collapse(named.map((one) => read(one, () => null)).join(" "));
  const said = collapse(node.attribute("aria-label") ?? "");
  if (said !== "") return said;
  const isButton = node.tag === "input" && ["button", "submit", "reset"].includes(node.attribute("type") ?? "");
  if (isButton) return collapse(node.attribute("value") ?? { submit: "Submit", reset: "Reset" }[node.attribute("type") ?? ""] ?? "");
  const own = isControl(node) || isToggle(node) ? labelOf(node, root) : "";
  return own || (isControl(node) ? "" : contentOf(node)) || collapse(node.attribute("title") ?? node.attribute("label") ?? node.attribute("placeholder") ?? "");
}

/** The name that the content of an element gives it. */
function contentOf(node: Node): string {
  const instead = (one: Node) => {
    if (one === node) return null;
    if (one.attribute("aria-hidden") === "true" || !isVisible(one)) return "";
    return one.attribute("aria-label");
  };
  return collapse(read(node, instead));
}

function labelOf(node: Node, root: Node): string {
  const id = node.attribute("id");
  const isFor = (one: Node) => one.tag === "label" && id !== null && one.attribute("for") === id;
  const around = node.path.find((one) => one.tag === "label");
  const labels = [...root.all()].filter((one) => isFor(one) || one === around);
  // The control inside a label is not part of its text, nor is what is hidden.
  const instead = (one: Node) => (isControl(one) || (one.parent !== null && !isReachable(one)) ? "" : null);
  return collapse(labels.map((label) => read(label, instead)).join(" "));
}

/** Whether a user can enter a value. Elements of widget packages take it as `modelValue`. */
export function isControl(node: Node): boolean {
  if (node.tag === "input") return !["button", "submit", "reset", "hidden"].includes(node.attribute("type") ?? "");
  return node.tag === "select" || node.tag === "textarea" || "onUpdate:modelValue" in node.props;
}

/** Whether a press changes the value of a control, such as that of a check box. */
export function isToggle(node: Node): boolean {
  if (node.tag === "input") return ["checkbox", "radio"].includes(node.attribute("type") ?? "");
  return node.model === null && typeof node.props.modelValue === "boolean" && "onUpdate:modelValue" in node.props;
}

const ROLES = new Set(["button", "link", "checkbox", "radio", "switch", "tab", "option", "menuitem", "menuitemcheckbox", "menuitemradio", "treeitem"]);

/** Whether a user can press an element. */
export function isPressable(node: Node): boolean {
  if (["button", "a", "summary", "option"].includes(node.tag) || ROLES.has(node.attribute("role") ?? "") || isToggle(node)) return true;
  if (node.tag === "input") return ["button", "submit", "reset"].includes(node.attribute("type") ?? "");
  return Object.keys(node.props).some((name) => name.startsWith("onClick"));
}
