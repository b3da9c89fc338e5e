// Development: files that the page has loaded were changed on disk.

let reloads = 0;

/** Swaps styles in place. For any other file the page has to be loaded again, which is left to `loadAgain`. */
export function reloadAssets(urls: unknown, loadAgain: () => void): void {
  if (!Array.isArray(urls)) return;
  const swapped = urls.map((url) => typeof url === "string" && swapStyle(url));
  if (swapped.includes(false)) loadAgain();
}

/** Says whether the page has this style. The old one goes when the new one is there, so that nothing flickers. */
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
