// Pointer input of the board: what is drawn or moved is sent a few times a second.

window.board = (() => {
  /** Least time between two messages, in ms. */
  const PERIOD = 40;
  const [WIDTH, HEIGHT] = [1600, 900];

  const { trame } = window;
  const isViewer = () => trame.state.get("trame__viewer") === true;

  /** Calls `send` with the newest values, not more often than the period allows. */
  function paced(send) {
    let timer;
    let latest;
    let last = 0;
    const now = () => {
      timer = undefined;
      last = performance.now();
      send(...latest);
    };
    return (...values) => {
      latest = values;
      timer ??= setTimeout(now, Math.max(0, last + PERIOD - performance.now()));
    };
  }

  /** The place of an event on the board, in its units. */
  function place({ clientX, clientY }) {
    const box = document.getElementById("surface").getBoundingClientRect();
    return [((clientX - box.left) / box.width) * WIDTH, ((clientY - box.top) / box.height) * HEIGHT].map(Math.round);
  }

  const quiet = (promise) => promise.catch(() => undefined);
  const point = paced((x, y) => quiet(trame.trigger("point", [x, y])));
  const moveNote = paced((id, x, y) => quiet(trame.trigger("move_note", [id, x, y])));

  /** The line that is being drawn: all points that the server does not have, and when they were sent. */
  let line = null;
  /** The note that is being moved, and where it was grabbed. */
  let grabbed = null;

  function draw(points) {
    document.getElementById("fresh-ink").setAttribute("points", points.join(" "));
  }

  async function sendInk() {
    const { color, points } = line;
    line.points = points.slice(-1);
    line.sent = performance.now();
    await quiet(trame.trigger("draw", [color, points]));
    draw(line?.points ?? []);
  }

  async function introduce() {
    const name = trame.state.get("nickname");
    try {
      if (name) localStorage.setItem("board.nickname", name);
    } catch {
      // A browser that keeps nothing.
    }
    trame.state.set("me", await trame.trigger("introduce", [name]));
  }

  function press(event) {
    if (isViewer() || event.button !== 0) return;
    const at = place(event);
    if (trame.state.get("tool") === "note") {
      quiet(trame.trigger("add_note", [...at, trame.state.get("color")]));
      trame.state.set("tool", "draw");
      return;
    }
    event.currentTarget.setPointerCapture(event.pointerId);
    line = { color: trame.state.get("color"), points: [at], sent: performance.now() };
  }

  function move(event) {
    const at = place(event);
    point(...at);
    if (grabbed) moveNote(grabbed.id, at[0] - grabbed.dx, at[1] - grabbed.dy);
    if (!line) return;
    line.points.push(at);
    draw(line.points);
    if (performance.now() - line.sent > PERIOD) void sendInk();
  }

  function release() {
    grabbed = null;
    if (!line) return;
    if (line.points.length === 1) line.points.push(line.points[0]);
    void sendInk();
    line = null;
  }

  function grab(event, { id, x, y }) {
    if (isViewer()) return;
    const at = place(event);
    document.getElementById("surface").setPointerCapture(event.pointerId);
    grabbed = { id, dx: at[0] - x, dy: at[1] - y };
  }

  async function invite(name, isViewer) {
    const query = await trame.trigger("invite", [name, isViewer]);
    trame.state.set("invitation", new URL(query, document.baseURI).href);
  }

  try {
    trame.state.set("nickname", localStorage.getItem("board.nickname") ?? "");
  } catch {
    // A browser that keeps nothing.
  }
  trame.addConnectListener(() => void introduce());
  return { press, move, release, grab, invite, introduce };
})();
