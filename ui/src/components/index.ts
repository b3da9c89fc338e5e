// The elements of the page, by their names in templates.

import type { App, Component } from "vue";
import { SelvedgeJob } from "./job";
import { SelvedgeApp, SelvedgeSidebar, SelvedgeSpace, SelvedgeStatus, SelvedgeToolbar } from "./layout/app";
import { SelvedgeCard, SelvedgeGrid, SelvedgeStack } from "./layout/card";
import { SelvedgeDialog } from "./layout/dialog";
import { SelvedgeField } from "./layout/field";
import { SelvedgeIcon } from "./layout/icon";
import { SelvedgeItem, SelvedgeMenu } from "./layout/menu";
import { SelvedgeEmpty, SelvedgeLed, SelvedgeSkeleton } from "./layout/placeholders";
import { SelvedgePane, SelvedgeSplit } from "./layout/split";
import { SelvedgeTab, SelvedgeTabs } from "./layout/tabs";
import { SelvedgeToast } from "./layout/toast";
import { SelvedgeTooltip } from "./layout/tooltip";
import { SelvedgePage } from "./page";

/** Those that also work without a document, in the pages of tests. */
const ELEMENTS: Record<string, Component> = {
  SelvedgeApp,
  SelvedgeCard,
  SelvedgeDialog,
  SelvedgeEmpty,
  SelvedgeField,
  SelvedgeGrid,
  SelvedgeIcon,
  SelvedgeItem,
  SelvedgeJob,
  SelvedgeLed,
  SelvedgeMenu,
  SelvedgePage,
  SelvedgePane,
  SelvedgeSidebar,
  SelvedgeSkeleton,
  SelvedgeSpace,
  SelvedgeSplit,
  SelvedgeStack,
  SelvedgeStatus,
  SelvedgeTab,
  SelvedgeTabs,
  SelvedgeToast,
  SelvedgeToolbar,
  SelvedgeTooltip,
};

export function installElements<T>(app: App<T>): void {
  for (const [name, component] of Object.entries(ELEMENTS)) app.component(name, component);
}
