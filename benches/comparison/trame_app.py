"""The measured application in Python trame: the same state, listener and triggers as examples/bench."""

from trame.app import get_server
from trame.ui.html import DivLayout

server = get_server("bench", client_type="vue3")
server.cli.add_argument("--keys", type=int, default=0)
arguments, _ = server.cli.parse_known_args()
state, ctrl = server.state, server.controller

state.counter = 0
state.doubled = 0
state.blob = ""
for number in range(arguments.keys):
    state[f"item_{number}"] = number


@state.change("counter")
def double(counter, **_):
    state.doubled = counter * 2


@server.trigger("echo")
def echo(*args):
    return list(args)


@server.trigger("broadcast")
def broadcast(size, count, start):
    for number in range(start, start + count):
        state.blob = f"{number:08}".ljust(size, "x")
        state.flush()


NOISE = {}


@server.trigger("stream")
def stream(size, count, start):
    if size not in NOISE:
        NOISE[size] = bytes((at * 2654435761 >> 13) & 0xFF for at in range(size))
    protocol = server.protocol
    for number in range(start, start + count):
        content = {"seq": number, "data": protocol.addAttachment(NOISE[size])}
        protocol.publish("bench.stream", content)


with DivLayout(server) as layout:
    layout.root.style = "background: #12ab34; color: #fff; padding: 2rem; font-size: 2rem"
    layout.root.add_child("{{ counter }} × 2 = {{ doubled }}")

# With `--app` in a window of pywebview's.
server.start(backend="aiohttp")
