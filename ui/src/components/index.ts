// The elements of the page, by their names in templates.

import type { App, Component } from "vue";
import { SelvedgeCode } from "./code/code";
import { SelvedgeChoice, SelvedgeSelect, SelvedgeSwitch } from "./controls/choice";
import { SelvedgeColor, SelvedgeColormap } from "./controls/color";
import { SelvedgeFile } from "./controls/file";
import { SelvedgeGauge, SelvedgeSparkline } from "./controls/gauge";
import { SelvedgeLog } from "./controls/log";
import { SelvedgeMatrix, SelvedgeVector } from "./controls/matrix";
import { SelvedgeNumber } from "./controls/number";
import { SelvedgeKnob, SelvedgeRange, SelvedgeSlider } from "./controls/slider";
import { SelvedgeDatetime } from "./controls/time";
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
  SelvedgeChoice,
  SelvedgeCode,
  SelvedgeColor,
  SelvedgeColormap,
  SelvedgeDatetime,
  SelvedgeDialog,
  SelvedgeEmpty,
  SelvedgeField,
  SelvedgeFile,
  SelvedgeGauge,
  SelvedgeGrid,
  SelvedgeIcon,
  SelvedgeItem,
  SelvedgeJob,
  SelvedgeKnob,
  SelvedgeLed,
  SelvedgeLog,
  SelvedgeMatrix,
  SelvedgeMenu,
  SelvedgeNumber,
  SelvedgePage,
  SelvedgePane,
  SelvedgeRange,
  SelvedgeSelect,
  SelvedgeSidebar,
  SelvedgeSkeleton,
  SelvedgeSlider,
  SelvedgeSpace,
  SelvedgeSparkline,
  SelvedgeSplit,
  SelvedgeStack,
  SelvedgeStatus,
  SelvedgeSwitch,
  SelvedgeTab,
  SelvedgeTabs,
  SelvedgeToast,
  SelvedgeToolbar,
  SelvedgeTooltip,
  SelvedgeVector,
};

export function installElements<T>(app: App<T>): void {
  for (const [name, component] of Object.entries(ELEMENTS)) app.component(name, component);
}
