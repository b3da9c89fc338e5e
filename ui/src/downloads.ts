// Downloads, which the browser handles, with its own progress.

/** Makes the browser download the content of an address. */
export function downloadFrom(url: string, name: string): void {
  const link = Object.assign(document.createElement("a"), { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
}
