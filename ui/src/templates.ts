// Compiles the templates of the state.
//
// In a template every state key is a variable that can be read and assigned, next to a few helpers.
// A template that cannot be compiled or rendered is replaced by the reason; the rest of the page
// keeps working.

import { compile, type CompilerError, DOMErrorCodes, type NodeTransform, type RootNode } from "@vue/compiler-dom";
import { camelize, capitalize, generateCodeFrame, hyphenate, isGloballyAllowed } from "@vue/shared";
import * as Vue from "vue";
import type { TemplateRefs } from "./actions";
import { TemplateError } from "./components/template-error";
import { type Mistakes, similarTags } from "./mistakes";
import type { SharedState } from "./state";
import { disableForViewers } from "./viewers";

const PREFIX = "trame__template_";

const BUILT_IN_DIRECTIVES =
  ["bind", "cloak", "else", "else-if", "for", "html", "if", "memo", "model", "on", "once", "pre", "show", "slot", "text"];

/** The names that templates can use besides the state. */
export type Helpers = Record<string, unknown>;

type Render = (this: unknown, scope: object, cache: unknown[]) => Vue.VNode;

interface Failure {
  message: string;
  frame?: string;
}

/** Returns the triggers that a template calls by a plain name. */
function triggersOf(source: string): Set<string> {
  const calls = source.matchAll(/(?<![.\w$])trigger\(\s*(?:'([^'\\]+)'|"([^"\\]+)"|&quot;([^&\\]+)&quot;)\s*[,)]/g);
  return new Set([...calls].map(([, single, double, escaped]) => single ?? double ?? escaped ?? ""));
}

/**
 * Returns the names that event handlers of a template assign to, without its own variables: those
 * of `v-for` and of slots.
 */
function assignedIn(source: string): Set<string> {
  const html = source.replace(/<!--.*?-->/gs, "");
  const own = new Set<string>();
  for (const [, variables] of html.matchAll(/(?:v-for|v-slot(?::[\w.-]+)?|#[\w.-]+)\s*=\s*["']([^"']*)/g)) {
    addNames(own, variables?.split(/\s(?:in|of)\s/)[0]);
  }
  const assigned = new Set<string>();
  for (const [, double, single] of html.matchAll(/\s(?:@|v-on:)[\w.:-]+\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
    const script = withoutTexts(double ?? single ?? "");
    const local = new Set(own);
    for (const [, name] of script.matchAll(/\b(?:let|const|var|function)\s+([^=;]*)/g)) addNames(local, name);
    for (const [, list, one] of script.matchAll(/(?:\(([^()]*)\)|([\w$]+))\s*=>/g)) addNames(local, list ?? one);
    for (const statement of script.split(/;|&&|\|\||=>|[?:({}]|\belse\b/)) {
      const name = /^\s*([A-Za-z_$][\w$]*)\s*(?:=(?![=>])|\+\+|--|(?:\*\*|[-+*/%])=)/.exec(statement)?.[1];
      if (name && !local.has(name)) assigned.add(name);
    }
  }
  return assigned;
}

function addNames(names: Set<string>, text = ""): void {
  for (const [name] of text.matchAll(/[A-Za-z_$][\w$]*/g)) names.add(name);
}

/** Returns a script of an attribute with empty texts in place of all texts. */
function withoutTexts(script: string): string {
  const decoded = script.replaceAll("&quot;", '"').replace(/&#0*39;|&apos;/g, "'");
  return decoded.replace(/'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`/g, "''");
}

export class Templates {
  private readonly byName = new Map<string, Vue.Component>();
  private readonly bySource = new Map<string, Vue.Component>();
  private app: Vue.App | null = null;
  /** Whether the app has all components. If not, unknown ones are not reported. */
  componentsComplete = true;
  /** The triggers that users who may only look may call; null if all users may do everything. */
  openToViewers: ReadonlySet<string> | null = null;

  constructor(
    private readonly state: SharedState,
    private readonly helpers: Helpers,
    private readonly refs: TemplateRefs,
    private readonly mistakes: Mistakes,
    /** Called with the name of each trigger that a template calls, in development. */
    private readonly triggerFound: (name: string) => void,
    /** Returns helpers that an application may or may not have, and may get later. */
    private readonly lateHelper: (name: string) => unknown = () => undefined,
  ) {}

  /** Registers every template of the state as a component of the app, including later ones. */
  install(app: Vue.App): void {
    this.app = app;
    const register = (keys: string[]) => {
      for (const key of keys) {
        if (key.startsWith(PREFIX)) app.component(componentName(key), this.component(key.slice(PREFIX.length)));
      }
    };
    register(this.state.keys());
    this.state.addListener(({ type, keys }) => {
      if (type === "new-keys") register(keys);
    });
  }

  /** Returns the component that shows a template and follows its changes. */
  component(name: string): Vue.Component {
    let component = this.byName.get(name);
    if (!component) {
      component = Vue.defineComponent({
        name: componentName(PREFIX + name),
        setup: (_, { slots }) => {
          return () => {
            const source = this.state.get(PREFIX + name);
            if (typeof source === "string") return Vue.h(this.compiled(name, source), null, slots);
            this.mistakes.tell(`There is no template \`${name}\`.`, name, this.names());
            return null;
          };
        },
      });
      this.byName.set(name, component);
    }
    return component;
  }

  private compiled(name: string, source: string): Vue.Component {
    let component = this.bySource.get(source);
    if (!component) {
      const open = this.openToViewers;
      const isLocal = (key: string) => this.state.has(key) && !this.state.canDirty(key);
      const transforms = open ? [disableForViewers(open, isLocal)] : [];
      const result = compileTemplate(source, transforms, (warning) => this.warn(name, warning));
      if ("render" in result) {
        this.check(name, result.root);
        if (this.mistakes.on) {
          triggersOf(source).forEach(this.triggerFound);
          for (const key of assignedIn(source)) {
            if (!this.state.has(key)) this.missing(name, key, "sets", this.helpers);
          }
        }
        component = this.view(name, result.render);
      } else {
        component = () => Vue.h(TemplateError, { name, doing: "compiled", ...result });
      }
      this.bySource.set(source, component);
    }
    return component;
  }

  private view(name: string, render: Render): Vue.Component {
    const helpers = { ...this.helpers, tts: this.bySource.size + 1 };
    return Vue.defineComponent({
      name: `Template:${name}`,
      setup: () => {
        const instance = Vue.getCurrentInstance()?.proxy as Vue.ComponentPublicInstance;
        const scope = this.scope(name, instance, helpers);
        const failure = this.retriedFailure();
        Vue.onBeforeUnmount(this.refs.add(() => instance.$refs));
        return (_: unknown, cache: unknown[]) => {
          if (failure.value) return Vue.h(TemplateError, { name, doing: "drawn", ...failure.value });
          try {
            return render.call(scope, scope, cache);
          } catch (error) {
            // Vue cleans up after an error that leaves the function; the next pass renders the
            // error box.
            queueMicrotask(() => (failure.value = { message: String(error) }));
            throw error;
          }
        };
      },
    });
  }

  /** A render error, cleared when the state changes, since the state may have caused it. */
  private retriedFailure(): Vue.ShallowRef<Failure | null> {
    const failure = Vue.shallowRef<Failure | null>(null);
    const retry = () => (failure.value = null);
    Vue.onMounted(() => this.state.addListener(retry));
    Vue.onBeforeUnmount(() => this.state.removeListener(retry));
    return failure;
  }

  /**
   * The variables of a template: helpers, the state, and what Vue and plugins add, in this order.
   */
  private scope(name: string, instance: Vue.ComponentPublicInstance, helpers: Helpers): object {
    const { state } = this;
    const missing = (key: string, doing: string) => this.missing(name, key, doing, helpers);
    return new Proxy(Object.create(null) as object, {
      has: (_, key) =>
        typeof key === "string" && !key.startsWith("_") && (state.has(key) || !isGloballyAllowed(key)),
      get: (_, key) => {
        if (typeof key === "symbol") return undefined;
        if (Object.hasOwn(helpers, key)) return helpers[key];
        const late = this.lateHelper(key);
        if (late !== undefined) return late;
        if (!state.has(key)) {
          if (key in instance) return Reflect.get(instance, key) as unknown;
          missing(key, "uses");
        }
        return state.get(key);
      },
      set: (_, key, value) => {
        if (typeof key !== "string") return true;
        if (!state.has(key)) missing(key, "sets");
        state.set(key, value);
        return true;
      },
    });
  }

  // Mistakes, reported in development

  private names(): string[] {
    return this.state.keys().flatMap((key) => (key.startsWith(PREFIX) ? [key.slice(PREFIX.length)] : []));
  }

  /**
   * Reports a variable without a value; the state may get the key later, but does not have it yet.
   */
  private missing(template: string, key: string, doing: string, helpers: Helpers): void {
    if (!this.mistakes.on || !this.state.canDirty(key)) return;
    const hint = key in window ? ` What is the browser's is \`window.${key}\`.` : "";
    const known = [...this.state.keys(), ...Object.keys(helpers)];
    this.mistakes.tell(`The template \`${template}\` ${doing} \`${key}\`, which is not a key of the state.${hint}`, key, known);
  }

  /** Reports unknown components and directives of a template. */
  private check(template: string, { components, directives }: RootNode): void {
    const { app, mistakes } = this;
    if (!app || !mistakes.on) return;
    const { components: known, directives: knownDirectives } = app._context;
    for (const tag of this.componentsComplete ? components : []) {
      if ([tag, camelize(tag), capitalize(camelize(tag))].some((name) => name in known)) continue;
      const near = [...Object.keys(known).map(hyphenate), ...similarTags(tag)];
      mistakes.tell(`The template \`${template}\` has <${tag}>, which is neither an element nor a component.`, hyphenate(tag), near);
    }
    for (const name of directives) {
      if (name in knownDirectives || camelize(name) in knownDirectives) continue;
      const near = [...Object.keys(knownDirectives).map(hyphenate), ...BUILT_IN_DIRECTIVES].map((known) => `v-${known}`);
      mistakes.tell(`The template \`${template}\` has \`v-${name}\`, which is no directive.`, `v-${name}`, near);
    }
  }

  private warn(template: string, { message }: CompilerError): void {
    if (this.mistakes.on) this.mistakes.tell(`The template \`${template}\`: ${message}`);
    else console.warn(message);
  }
}

/** Maps `trame__template_side_panel` to the component name `trame-template-side-panel`. */
function componentName(key: string): string {
  return key.replace("__", "-").replaceAll("_", "-").toLowerCase();
}

/** What to write instead of an element that Vue does not accept. */
const INSTEAD = {
  style: "Name a style sheet in `styles` of a module, or write <trame-style :css=\"key\"> for rules in the state.",
  script: "Name a script in `scripts` of a module, or write <trame-script :script=\"key\"> for a script in the state.",
};

function compileTemplate(
  source: string,
  nodeTransforms: NodeTransform[],
  onWarn: (warning: CompilerError) => void,
): { render: Render; root: RootNode } | Failure {
  const errors: CompilerError[] = [];
  try {
    const { code, ast } = compile(source, {
      hoistStatic: true,
      comments: false,
      nodeTransforms,
      isCustomElement: (tag) => customElements.get(tag) !== undefined,
      onError: (error) => errors.push(error),
      onWarn,
    });
    const [error] = errors;
    if (error) return describe(error, source);
    // A template compiler has to run code from text; the page's policy allows it for scripts.
    // eslint-disable-next-line @typescript-eslint/no-implied-eval
    const instantiate = new Function("Vue", code) as (vue: typeof Vue) => Render;
    return { render: instantiate(Vue), root: ast };
  } catch (error) {
    return { message: String(error) };
  }
}

function describe(error: CompilerError, source: string): Failure {
  if (error.code === DOMErrorCodes.X_IGNORED_SIDE_EFFECT_TAG) {
    const tag = error.loc?.source.startsWith("<style") ? "style" : "script";
    return { message: `<${tag}> has no place in a template. ${INSTEAD[tag]}` };
  }
  if (!error.loc) return { message: error.message };
  return { message: error.message, frame: generateCodeFrame(source, error.loc.start.offset, error.loc.end.offset) };
}
