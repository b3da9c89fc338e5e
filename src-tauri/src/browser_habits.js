// What a browser's window does around its page, for a window that has nothing but the page.
(() => {
  if (window !== top) return;

  // The host understands this address and does not go there.
  window.close = () => location.assign("CLOSE_ADDRESS");

  // What leads elsewhere opens in the system's browser. The host would see to that, but only after the page was asked whether
  // it may be left, and the other place for its answer.
  const leaves = ({ protocol, origin }, target) =>
    /^https?:$/.test(protocol) &&
    origin !== location.origin &&
    ["", "_self", "_top", "_parent"].includes(target.toLowerCase());
  addEventListener("click", (event) => {
    const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement || node instanceof HTMLAreaElement);
    if (!link?.href || event.defaultPrevented || link.hasAttribute("download") || !leaves(link, link.target)) return;
    event.preventDefault();
    open(link.href);
  });
  addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (event.defaultPrevented) return;
    const url = new URL(submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? "", document.baseURI);
    if (!leaves(url, submitter?.formTarget || form.target)) return;
    event.preventDefault();
    if ((submitter?.formMethod || form.method) === "get") {
      url.search = new URLSearchParams(new FormData(form, submitter)).toString();
    }
    open(url);
  });

  addEventListener("keydown", (event) => {
    if (event.defaultPrevented) return;
    const { key, altKey, shiftKey } = event;
    const command = event.ctrlKey || event.metaKey;
    if ((key === "F5" && !altKey) || (command && !altKey && key.toLowerCase() === "r")) location.reload();
    else if (altKey && !command && !shiftKey && key === "ArrowLeft") history.back();
    else if (altKey && !command && !shiftKey && key === "ArrowRight") history.forward();
    else return;
    event.preventDefault();
  });
})();
