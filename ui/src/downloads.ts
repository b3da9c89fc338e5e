// Downloads, which the browser does itself, with its own progress.

/** Has the browser download what is at an address. */
export function downloadFrom(url: string, name: string): void {
  const link = Object.assign(document.createElement("a"), { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
}
