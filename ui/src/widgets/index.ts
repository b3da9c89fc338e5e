// The components that every trame page has, in addition to those of widget packages. Names,
// properties and events are trame's; see `trame.widgets.client` there.

import type { App } from "vue";
import type { SharedState } from "../state";
import type { Templates } from "../templates";
import { clientStateChange, clientTriggers, exec, lifeCycleMonitor } from "./events";
import { handler } from "./handler";
import { loading, reconnect, serverTemplate } from "./server-template";
import { script, style } from "./tags";
import { deepReactive, getter, sizeObserver } from "./values";

export function installWidgets(app: App, state: SharedState, templates: Templates): void {
  const components = {
    TrameClientStateChange: clientStateChange,
    TrameClientTriggers: clientTriggers,
    TrameDeepReactive: deepReactive(state),
    TrameExec: exec,
    TrameGetter: getter(state),
    TrameHandler: handler,
    TrameLifeCycleMonitor: lifeCycleMonitor,
    TrameLoading: loading,
    TrameReconnect: reconnect,
    TrameScript: script,
    TrameSizeObserver: sizeObserver(state),
    TrameStyle: style,
    TrameTemplate: serverTemplate(templates),
  };
  for (const [name, component] of Object.entries(components)) app.component(name, component);
}
