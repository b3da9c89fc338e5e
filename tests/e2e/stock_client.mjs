// Talks to a server through the stock wslink client and prints what it saw, as one line of JSON.
//
// Arguments: the package.json whose dependencies to use, the URL of the WebSocket, the secret.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [packageFile, sessionURL, secret] = process.argv.slice(2);
const require = createRequire(packageFile);
// The package looks for a browser when it is loaded.
globalThis.window ??= globalThis;
globalThis.self ??= globalThis;
globalThis.location ??= new URL(sessionURL.replace("ws", "http"));
globalThis.document ??= { baseURI: globalThis.location.href };
const wslink = await import(pathToFileURL(require.resolve("wslink")).href);
const SmartConnect = wslink.SmartConnect ?? wslink.default.SmartConnect;

const client = SmartConnect.newInstance({ config: { sessionURL, secret, application: "test" } });
const session = await new Promise((resolve, reject) => {
  client.onConnectionReady((ready) => resolve(ready.getSession()));
  client.onConnectionError((_, error) => reject(error));
  client.connect();
});

const seen = {};
const pushes = [];
let pushed = () => {};
await session.subscribe("trame.state.topic", ([change]) => {
  pushes.push(change);
  pushed();
});
const pushWith = async (key) => {
  for (;;) {
    const found = pushes.find((change) => key in change);
    if (found) return found;
    await new Promise((resolve) => (pushed = resolve));
  }
};

const frame = new Promise((resolve) => {
  session.subscribe("field", ([data]) => resolve(data));
});
seen.title = (await session.call("trame.state.get")).state.trame__title;
seen.set = await session.call("trame.state.update", [[{ key: "feed", value: 0.07 }]]);
seen.pushed = await pushWith("preset");
seen.toggled = await session.call("trame.trigger", ["toggle", [], {}]);
seen.running = (await pushWith("running")).running;
const { width, format, palette, data } = await frame;
const size = (bytes) => bytes.byteLength ?? bytes.size;
seen.frame = { width, format, palette: size(palette), data: size(data) };
seen.error = await session.call("trame.trigger", ["paint", ["here"], {}]).then(
  () => null,
  (error) => error.data.exception,
);
console.log(JSON.stringify(seen));
process.exit(0);
