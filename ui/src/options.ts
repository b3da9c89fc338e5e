// Session options in the address of the page, with the names of trame's stock page.

/** The configuration of wslink's SmartConnect. All of it is sent to the launcher. */
export interface Config {
  application: string;
  sessionURL?: string;
  sessionManagerURL?: string;
  secret?: string;
  [option: string]: unknown;
}

/** Parameters that are removed from the visible address: they are for one session, or secret. */
const CONSUMED = ["sessionURL", "sessionManagerURL", "secret", "application", "remove"];

/** Where a tab keeps the room that its page is in, so that a reload leads back. */
const ROOM_ITEM = "selvedge.room";

/** The fragment in which a sign-in link passes its proof: browsers never send fragments. */
const PROOF_FRAGMENT = "#signInProof=";
const PROOF_ITEM = "selvedge.signInProof";

/** The path of the application. Several may be under one origin, which share their storage. */
const base = (): string => new URL(".", document.baseURI).pathname;

/** Reads the query of the address and removes the parts that the user must not see. */
export function readOptions(location: Location, history: History): { config: Config; template: string } {
  const proof = signInProof(location, history);
  const url = new URL(location.href);
  const query = Object.fromEntries(url.searchParams);
  delete query.signInProof; // not by a link that anybody can make
  delete query.selvedgeRoom;
  const root = document.documentElement.dataset;
  const config: Config = {
    application: root.appName ?? "trame",
    useUrl: true,
    launcherRetry: JSON.parse(root.launcherRetry ?? "[]") as unknown,
    ...(root.sessionManagerUrl ? { sessionManagerURL: root.sessionManagerUrl } : {}),
    ...query,
  };
  // A link may name any launcher, but these are only for the page's own.
  if (launcherURL(config).origin === location.origin) {
    if (proof !== null) config.signInProof = proof;
    config.selvedgeBase = base();
    const room = keptRoom();
    if (room !== null) config.selvedgeRoom = room;
  }
  if (config.sessionURL) config.sessionURL = sessionURL(config.sessionURL, location);

  const consumed = [...CONSUMED, ...(query.remove ?? "").split(",")].filter((name) => url.searchParams.has(name));
  if (consumed.length > 0) {
    for (const name of consumed) url.searchParams.delete(name);
    history.replaceState(history.state, "", url);
  }
  return { config, template: query.ui ?? "main" };
}

/**
 * Returns the proof for the launcher that the cookie comes from this origin. Pages on other ports
 * of the host have the same cookies, but cannot read this storage.
 */
function signInProof(location: Location, history: History): string | null {
  if (location.hash.startsWith(PROOF_FRAGMENT)) {
    const proof = location.hash.slice(PROOF_FRAGMENT.length);
    history.replaceState(history.state, "", location.pathname + location.search);
    return proof;
  }
  try {
    return localStorage.getItem(`${PROOF_ITEM} ${base()}`);
  } catch {
    return null; // a browser that keeps nothing
  }
}

/**
 * Stores the proof for further windows and reloads. Separate from reading it, because storing takes
 * a browser a while.
 */
export function keepSignInProof({ signInProof }: Config): void {
  try {
    if (typeof signInProof === "string") localStorage.setItem(`${PROOF_ITEM} ${base()}`, signInProof);
  } catch {
    // A browser without storage. This page still has the proof.
  }
}

/** Returns the room that this tab was in at this address, if any. */
function keptRoom(): string | null {
  try {
    return sessionStorage.getItem(`${ROOM_ITEM} ${base()}`);
  } catch {
    return null; // a browser that keeps nothing
  }
}

/** Stores the room of a session for reloads. */
export function keepRoom({ selvedgeRoom }: Config): void {
  try {
    if (typeof selvedgeRoom === "string") sessionStorage.setItem(`${ROOM_ITEM} ${base()}`, selvedgeRoom);
  } catch {
    // A browser without storage: a reload leads to another room.
  }
}

/**
 * Returns the URL of the launcher. The default is the page's own server, at the path that wslink
 * uses.
 */
export function launcherURL({ sessionManagerURL }: Config): URL {
  const own = new URL("paraview/", document.baseURI);
  try {
    return new URL(sessionManagerURL ?? own, document.baseURI);
  } catch {
    console.warn(`The page's address names a launcher that is not a URL: ${sessionManagerURL}`);
    return own;
  }
}

/** Fills in the host, and uses TLS if the page does, since browsers refuse anything else there. */
function sessionURL(text: string, location: Location): string {
  return text
    .replaceAll(/use_hostname/gi, location.hostname)
    .replaceAll(/use_host/gi, location.host)
    .replace(/^ws:/i, location.protocol === "https:" ? "wss:" : "ws:");
}
