// Style sheets and scripts whose text is in the state.

import { defineComponent, onBeforeUnmount, watch } from "vue";

/** <trame-style :css="rules">: rules for the whole page while the component is mounted. */
export const style = defineComponent({
  props: { css: { type: String, default: "" } },
  setup(props, { slots }) {
    const element = document.createElement("style");
    const show = (css: string | null) => {
      element.textContent = css;
      if (css) document.head.append(element);
      else element.remove();
    };
    watch(() => props.css, show, { immediate: true });
    onBeforeUnmount(() => element.remove());
    return () => slots.default?.();
  },
});

/**
 * <trame-script :script="text" module>: runs the text when it is set. As in trame, another text
 * runs only after the text was empty: a page cannot undo what a script did.
 */
export const script = defineComponent({
  props: { script: { type: String, default: "" }, module: Boolean },
  setup(props, { slots }) {
    let ran = false;
    watch(
      () => props.script,
      (text: string | null) => {
        if (text && !ran) run(text, props.module);
        ran = Boolean(text);
      },
      { immediate: true },
    );
    return () => slots.default?.();
  },
});

/**
 * The page's policy allows no inline scripts: classic scripts are evaluated in the page's scope,
 * modules have a URL.
 */
function run(text: string, module: boolean): void {
  if (!module) {
    try {
      (0, eval)(text);
    } catch (error) {
      reportError(error);
    }
    return;
  }
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const element = Object.assign(document.createElement("script"), { type: "module", src: url });
  element.onload = element.onerror = () => {
    URL.revokeObjectURL(url);
    element.remove();
  };
  document.head.append(element);
}
