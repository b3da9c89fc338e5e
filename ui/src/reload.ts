// Development: handles changes on disk of files that the page has loaded.

let reloads = 0;

/** Replaces style sheets in place. For any other file calls `loadAgain`, which reloads the page. */
export function reloadAssets(urls: unknown, loadAgain: () => void): void {
  if (!Array.isArray(urls)) return;
  const swapped = urls.map((url) => typeof url === "string" && swapStyle(url));
  if (swapped.includes(false)) loadAgain();
}

/**
 * Returns whether the page has this style sheet. Removes the old one when the new one is loaded, to
 * avoid flicker.
 */
function swapStyle(url: string): boolean {
  const path = new URL(url, document.baseURI).pathname;
  const links = [...document.querySelectorAll<HTMLLinkElement>("link[rel=stylesheet]")];
  const old = links.find((link) => new URL(link.href).pathname === path && link.dataset.replaced === undefined);
  if (!old) return false;
  const fresh = old.cloneNode() as HTMLLinkElement;
  const href = new URL(old.href);
  href.searchParams.set("reload", String(++reloads));
  fresh.href = href.href;
  old.dataset.replaced = "";
  fresh.onload = fresh.onerror = () => old.remove();
  old.after(fresh);
  return true;
}
