// Hands the files that its user has dropped on the window to the page, as a browser does. Only the web view can make files
// of paths, and does so for a file chooser: the host answers this one with the paths.
(() => {
  const [x, y] = [DROP_X, DROP_Y];
  let place = document;
  let target = place.elementFromPoint(x, y) ?? place.documentElement;
  let [left, top] = [x, y];
  // Into frames, as far as their pages are from here.
  while (target instanceof target.ownerDocument.defaultView.HTMLIFrameElement && target.contentDocument) {
    const box = target.getBoundingClientRect();
    [left, top] = [left - box.left - target.clientLeft, top - box.top - target.clientTop];
    place = target.contentDocument;
    target = place.elementFromPoint(left, top) ?? place.documentElement;
  }
  while (target.shadowRoot) {
    const inner = target.shadowRoot.elementFromPoint(left, top);
    if (!inner || inner === target) break;
    target = inner;
  }
  const chooser = Object.assign(document.createElement("input"), { type: "file", multiple: true });
  chooser.addEventListener("change", () => {
    const view = target.ownerDocument.defaultView;
    const dataTransfer = new view.DataTransfer();
    for (const file of chooser.files) dataTransfer.items.add(file);
    const place = { clientX: left, clientY: top, bubbles: true, cancelable: true, composed: true, dataTransfer };
    const send = (type) => !target.dispatchEvent(new view.DragEvent(type, place));
    send("dragenter");
    // A page says here whether it wants them.
    if (send("dragover")) {
      send("drop");
      return;
    }
    send("dragleave");
    const field = target.closest("label")?.control ?? target;
    if (!(field instanceof view.HTMLInputElement) || field.type !== "file" || field.disabled) return;
    if (!field.multiple) while (dataTransfer.items.length > 1) dataTransfer.items.remove(1);
    field.files = dataTransfer.files;
    for (const type of ["input", "change"]) field.dispatchEvent(new view.Event(type, { bubbles: true }));
  });
  chooser.click();
})();
