// Asks the launcher and opens the WebSocket while the browser still loads and parses the page's
// code, which takes most of a start. This script is in the document itself, so that it runs first.

import { type Config, keepSignInProof, launcherURL, readOptions } from "./options";

/** What this script leaves for the page's code. */
export interface Early {
  config: Config;
  /** The name of the template to show. */
  template: string;
  /** Whether a host page may provide a transport, about which nothing is known here. */
  hostTransport: boolean;
  /**
   * The session. Null if it is not certain: then wslink finds the session and reports what is
   * wrong.
   */
  session: Promise<Config | null> | null;
  /**
   * Returns the connection to this URL that is already open or being opened. Returns it only once.
   */
  takeSocket: (url: string) => WebSocket | null;
  /** Called when the page's code runs. */
  begun: () => void;
}

/**
 * Time limit for loading the page's code, in ms. After it, the document says that the code is late.
 */
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
    // A URL with a host placeholder is left to wslink, which fills in the host.
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
 * Says in the document why the page's code does not run: it cannot be loaded, the browser does not
 * support it, or it does not arrive. Returns a function that stops this.
 */
function watchCode(): () => void {
  const onError = (event: Event) => {
    const { target } = event;
    if (target instanceof HTMLScriptElement) showFault(`A part of the page cannot be loaded: ${target.src}`);
    else if (event instanceof ErrorEvent) showFault(`The page cannot run in this browser: ${event.message}`);
  };
  const timer = setTimeout(() => showFault("The page's code does not arrive."), CODE_TIMEOUT);
  // Load errors of elements do not bubble; they are seen only while capturing.
  window.addEventListener("error", onError, { capture: true });
  return () => {
    clearTimeout(timer);
    window.removeEventListener("error", onError, { capture: true });
  };
}

function showFault(message: string): void {
  const create = (tag: string, textContent: string) => Object.assign(document.createElement(tag), { textContent });
  const title = create("h1", "This page cannot be shown");
  const text = create("p", message);
  text.setAttribute("role", "alert");
  const button = create("button", "Try again");
  button.addEventListener("click", () => window.location.reload());
  const page = document.querySelector("#shell main");
  page?.setAttribute("data-tone", "error");
  page?.replaceChildren(title, text, button);
}

function hasSession(answer: unknown): answer is { sessionURL: string } {
  return typeof answer === "object" && answer !== null && "sessionURL" in answer && !("error" in answer);
}

window.selvedgeEarly = begin();
