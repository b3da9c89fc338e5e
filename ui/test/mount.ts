// One component in a document of its own.

import { type Component, createApp, h } from "vue";
import { onTestFinished } from "vitest";

export function mount(component: Component, props: Record<string, unknown>): HTMLElement {
  const root = document.createElement("div");
  const app = createApp({ render: () => h(component, props) });
  app.mount(root);
  onTestFinished(() => app.unmount());
  return root;
}
