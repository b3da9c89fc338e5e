// The entry of the page.

import { readOptions } from "./options";
import { Page } from "./page";
import { Status } from "./status";
import { installTransport } from "./transport";

const { config, template } = readOptions(window.location, window.history);
installTransport(Boolean(config.wsProxy ?? config.iframe));
new Page(config, template, new Status()).start();
