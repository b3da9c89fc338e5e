// Moves a window without a frame. The page has no access to the window; it asks for a window of this scheme, which the
// host understands and does not open.
addEventListener("mousedown", (event) => {
  if (event.button !== 0 || event.defaultPrevented || !(event.target instanceof Element)) return;
  const regions = ".drag-region, .pywebview-drag-region";
  const controls =
    "a, button, input, select, textarea, label, summary, canvas, video, audio, iframe, [contenteditable], [role=button], " +
    "[role=slider], [draggable=true], .no-drag";
  const nearest = event.target.closest(`${regions}, ${controls}`);
  const drags = nearest ? nearest.matches(regions) && !nearest.matches(controls) : EASY_DRAG;
  if (!drags) return;
  event.preventDefault();
  open("selvedge-window:drag");
});
