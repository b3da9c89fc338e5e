// What is done while a browser still gets and reads the page's own code, which takes the most of a start: the launcher is
// asked, and the WebSocket opened. It stands in the document itself, so that nothing comes before it.

import { type Config, keepSignInProof, launcherURL, readOptions } from "./options";

/** What the page's own code finds when it starts. */
export interface Early {
  config: Config;
  /** The name of the template to show. */
  template: string;
  /** Whether a host page may bring a transport of its own, of which nothing is known here. */
  hostTransport: boolean;
  /** Where the session is. Null where this is not for certain: then wslink finds out, and what is wrong. */
  session: Promise<Config | null> | null;
  /** The connection to this URL that is open, or being opened, already. Gives it once. */
  takeSocket: (url: string) => WebSocket | null;
  /** The page's own code runs. */
  begun: () => void;
}

/** Time that the page's own code may take to arrive, in ms. A page that still waits says so. */
const CODE_TIMEOUT = 20_000;

declare global {
  interface Window {
    selvedgeEarly?: Early;
  }
}

function begin(): Early {
  const { config, template } = readOptions(window.location, window.history);
  const hostTransport = Boolean(config.wsProxy ?? config.iframe);
  let waiting: WebSocket | null = null;
  const open = (found: Config | null) => {
    // wslink fills in a host that is left open.
    if (found?.sessionURL && !found.sessionURL.includes("USE_HOST")) waiting = new WebSocket(found.sessionURL);
    return found;
  };
  const takeSocket = (url: string) => {
    const socket = waiting;
    waiting = null;
    const usable = socket?.url === new URL(url, document.baseURI).href && socket.readyState <= WebSocket.OPEN;
    return usable ? socket : null;
  };
  const session = hostTransport ? null : findSession(config).then(open).catch(() => null);
  keepSignInProof(config);
  return { config, template, hostTransport, session, takeSocket, begun: watchCode() };
}

async function findSession(config: Config): Promise<Config | null> {
  if (config.sessionURL) return config;
  const response = await fetch(launcherURL(config), { method: "POST", body: JSON.stringify(config) });
  const answer: unknown = response.ok ? await response.json() : null;
  return hasSession(answer) ? { ...config, ...answer } : null;
}

/**
 * Says in the document what keeps the page's own code from running: it cannot be loaded, it is of a kind that the browser does
 * not know, or it does not come. Returns the way to stop.
 */
function watchCode(): () => void {
  const onError = (event: Event) => {
    const { target } = event;
    if (target instanceof HTMLScriptElement) showFault(`A part of the page cannot be loaded: ${target.src}`);
    else if (event instanceof ErrorEvent) showFault(`The page cannot run in this browser: ${event.message}`);
  };
  const timer = setTimeout(() => showFault("The page's code does not arrive."), CODE_TIMEOUT);
  // Elements that cannot be loaded tell it on the way down only.
  window.addEventListener("error", onError, { capture: true });
  return () => {
    clearTimeout(timer);
    window.removeEventListener("error", onError, { capture: true });
  };
}

function showFault(message: string): void {
  const text = Object.assign(document.createElement("p"), { textContent: message });
  text.setAttribute("role", "alert");
  const button = Object.assign(document.createElement("button"), { textContent: "Try again" });
  button.addEventListener("click", () => window.location.reload());
  document.querySelector("#shell main")?.replaceChildren(text, button);
}

function hasSession(answer: unknown): answer is { sessionURL: string } {
  return typeof answer === "object" && answer !== null && "sessionURL" in answer && !("error" in answer);
}

window.selvedgeEarly = begin();
