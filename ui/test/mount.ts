// One component in a document of its own.

import { type Component, createApp, h } from "vue";

export function mount(component: Component, props: Record<string, unknown>): HTMLElement {
  const root = document.createElement("div");
  createApp({ render: () => h(component, props) }).mount(root);
  return root;
}
