// Templates of the state, compiled in the page.
//
// In a template every state key is a variable that can be read and assigned, next to a few helpers. A template that
// cannot be compiled or drawn shows why in its place; the rest of the page goes on.

import { compile, type CompilerError } from "@vue/compiler-dom";
import { generateCodeFrame, isGloballyAllowed } from "@vue/shared";
import * as Vue from "vue";
import type { TemplateRefs } from "./actions";
import { TemplateError } from "./components/template-error";
import type { SharedState } from "./state";

const PREFIX = "trame__template_";

/** What templates know besides the state. */
export type Helpers = Record<string, unknown>;

type Render = (this: unknown, scope: object, cache: unknown[]) => Vue.VNode;

interface Failure {
  message: string;
  frame?: string;
}

export class Templates {
  private readonly byName = new Map<string, Vue.Component>();
  private readonly bySource = new Map<string, Vue.Component>();

  constructor(
    private readonly state: SharedState,
    private readonly helpers: Helpers,
    private readonly refs: TemplateRefs,
  ) {}

  /** Makes every template of the state a component of the app, also those that come later. */
  install(app: Vue.App): void {
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

  /** The component that shows a template, and follows its changes. */
  component(name: string): Vue.Component {
    let component = this.byName.get(name);
    if (!component) {
      component = Vue.defineComponent({
        name: componentName(PREFIX + name),
        setup: (_, { slots }) => {
          return () => {
            const source = this.state.get(PREFIX + name);
            return typeof source === "string" ? Vue.h(this.compiled(name, source), null, slots) : null;
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
      const result = compileTemplate(source);
      component =
        typeof result === "function"
          ? this.view(name, result)
          : () => Vue.h(TemplateError, { name, doing: "compiled", ...result });
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
        const scope = this.scope(instance, helpers);
        const failure = this.retriedFailure();
        Vue.onBeforeUnmount(this.refs.add(() => instance.$refs));
        return (_: unknown, cache: unknown[]) => {
          if (failure.value) return Vue.h(TemplateError, { name, doing: "drawn", ...failure.value });
          try {
            return render.call(scope, scope, cache);
          } catch (error) {
            // Vue cleans up after an error that leaves the function; the box is drawn in the next pass.
            queueMicrotask(() => (failure.value = { message: String(error) }));
            throw error;
          }
        };
      },
    });
  }

  /** A failure to draw, which is forgotten when the state changes: it may have been the cause. */
  private retriedFailure(): Vue.ShallowRef<Failure | null> {
    const failure = Vue.shallowRef<Failure | null>(null);
    const retry = () => (failure.value = null);
    Vue.onMounted(() => this.state.addListener(retry));
    Vue.onBeforeUnmount(() => this.state.removeListener(retry));
    return failure;
  }

  /** The variables of a template: helpers, the state, what Vue and plugins add, in this order. */
  private scope(instance: Vue.ComponentPublicInstance, helpers: Helpers): object {
    const { state } = this;
    return new Proxy(Object.create(null) as object, {
      has: (_, key) =>
        typeof key === "string" && !key.startsWith("_") && (state.has(key) || !isGloballyAllowed(key)),
      get: (_, key) => {
        if (typeof key === "symbol") return undefined;
        if (Object.hasOwn(helpers, key)) return helpers[key];
        if (!state.has(key) && key in instance) return Reflect.get(instance, key) as unknown;
        return state.get(key);
      },
      set: (_, key, value) => {
        if (typeof key === "string") state.set(key, value);
        return true;
      },
    });
  }
}

/** `trame__template_side_panel` is the component `trame-template-side-panel`. */
function componentName(key: string): string {
  return key.replace("__", "-").replaceAll("_", "-").toLowerCase();
}

function compileTemplate(source: string): Render | Failure {
  const errors: CompilerError[] = [];
  try {
    const { code } = compile(source, {
      hoistStatic: true,
      comments: false,
      isCustomElement: (tag) => customElements.get(tag) !== undefined,
      onError: (error) => errors.push(error),
      onWarn: (warning) => console.warn(warning.message),
    });
    const [error] = errors;
    if (error) return describe(error, source);
    // Code from text is what a template compiler is about; the page's policy allows it for scripts.
    // eslint-disable-next-line @typescript-eslint/no-implied-eval
    const instantiate = new Function("Vue", code) as (vue: typeof Vue) => Render;
    return instantiate(Vue);
  } catch (error) {
    return { message: String(error) };
  }
}

function describe(error: CompilerError, source: string): Failure {
  if (!error.loc) return { message: error.message };
  return { message: error.message, frame: generateCodeFrame(source, error.loc.start.offset, error.loc.end.offset) };
}
