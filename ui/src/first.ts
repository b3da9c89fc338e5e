// What the page does first of all. The server answers while the rest of the page, Vue above all, is still being set up.

import { Connection } from "./connection";
import { readOptions } from "./options";
import { installTransport } from "./transport";

const { config, template } = readOptions(window.location, window.history);
installTransport(Boolean(config.wsProxy ?? config.iframe));
const connection = new Connection(config);
connection.connect();

export { connection, template };
