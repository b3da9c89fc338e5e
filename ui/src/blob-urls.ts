// Addresses of contents that a browser is about to read.

/** Time in ms after which a browser has taken hold of the content. */
const KEPT = 10_000;

const kept = new Map<string, ReturnType<typeof setTimeout>>();

/** An address of `content` that is good for a while. */
export function addressOf(content: Blob): string {
  const url = URL.createObjectURL(content);
  kept.set(url, setTimeout(() => release(url), KEPT));
  return url;
}

/** Ends the addresses that are still good. */
export function releaseAddresses(): void {
  for (const url of [...kept.keys()]) release(url);
}

function release(url: string): void {
  clearTimeout(kept.get(url));
  kept.delete(url);
  URL.revokeObjectURL(url);
}
