// Calls functions of an application's scripts with values of the state.

import { defineComponent, type PropType, reactive, watch } from "vue";
import type { SharedState } from "../state";

type Run = (value: unknown, inputs: unknown) => unknown;

interface ExternalScript {
  module_type: "es" | "umd";
  /** The URL of an ES module, or the global name of another script. */
  path: string;
  function: string;
  id: string;
}

/**
 * The functions by the key with which a handler requests them. trame has them in the same place.
 */
declare global {
  interface Window {
    TRAME_EXTERNAL_SCRIPTS?: Record<string, { func: Run }>;
  }
}

/**
 * Loads the scripts that `trame__client_external_scripts` lists. A script that fails is reported.
 */
export async function loadExternalScripts(state: SharedState, report: (message: string) => void): Promise<void> {
  const functions: Record<string, { func: Run }> = {};
  window.TRAME_EXTERNAL_SCRIPTS = functions;
  const listed = state.get("trame__client_external_scripts");
  const load = async ({ module_type, path, function: name, id }: ExternalScript) => {
    const found: unknown =
      module_type === "es" ? await import(/* @vite-ignore */ new URL(path, document.baseURI).href) : Reflect.get(window, path);
    const func = (found as Record<string, Run> | undefined)?.[name];
    if (!func) throw new Error(`${path} has no function ${name}.`);
    functions[id] = { func };
  };
  const loads = (Array.isArray(listed) ? (listed as ExternalScript[]) : []).map((script) =>
    load(script).catch((error: unknown) => report(String(error))),
  );
  await Promise.all(loads);
}

/**
 * <trame-handler function-key="…" v-slot="{ input_data, run }">: calls the function when
 * `input_data.value` changes.
 */
export const handler = defineComponent({
  props: {
    functionKey: { type: String, required: true },
    triggerOnChange: { type: Boolean, default: true },
    inputs: { type: Object as PropType<Record<string, unknown>> },
  },
  emits: ["success", "failure", "error", "completed"],
  setup(props, { emit, slots }) {
    const data = reactive<{ value: unknown }>({ value: null });
    const run = async (value?: unknown, inputs?: unknown) => {
      const func = window.TRAME_EXTERNAL_SCRIPTS?.[props.functionKey]?.func;
      try {
        if (!func) throw new Error(`There is no function ${props.functionKey}.`);
        const result = (await func(value ?? data.value, inputs ?? props.inputs)) as Outcome | null | undefined;
        const type = (result?.status ?? true) ? "success" : "failure";
        emit("completed", { type, outputs: result?.outputs ?? result });
        emit(type, result?.outputs);
      } catch (error) {
        console.error(error);
        emit("error", error);
      }
    };
    watch(data, () => {
      if (props.triggerOnChange) void run();
    });
    return () => slots.default?.({ run, input_data: data });
  },
});

interface Outcome {
  status?: boolean;
  outputs?: unknown;
}
