// The entry of the page.

import { connection, template } from "./first";
import { Page } from "./page";
import { Status } from "./status";

new Page(connection, template, new Status()).start();
