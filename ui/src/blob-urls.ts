// URLs of content that the browser is about to read.

/** Time after which the browser has started to read the content, in ms. */
const KEPT = 10_000;

const kept = new Map<string, ReturnType<typeof setTimeout>>();

/** Returns a URL of `content` that is valid for a while. */
export function addressOf(content: Blob): string {
  const url = URL.createObjectURL(content);
  kept.set(url, setTimeout(() => release(url), KEPT));
  return url;
}

/** Revokes the URLs that are still valid. */
export function releaseAddresses(): void {
  for (const url of [...kept.keys()]) release(url);
}

function release(url: string): void {
  clearTimeout(kept.get(url));
  kept.delete(url);
  URL.revokeObjectURL(url);
}
