// Counts its starts where pages store things, and tells the program what it found.
const visits = Number(localStorage.getItem("visits") ?? 0);
localStorage.setItem("visits", String(visits + 1));
const waiting = setInterval(() => {
  if (!window.trame) return;
  clearInterval(waiting);
  window.trame.trigger("visited", [visits]);
}, 20);
