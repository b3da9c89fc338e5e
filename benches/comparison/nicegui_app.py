"""The measured application in NiceGUI, as far as it does the same: a number and its double, and a text for all pages."""

import argparse

from nicegui import binding, ui

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int)
arguments, _ = parser.parse_known_args()


@binding.bindable_dataclass
class State:
    counter: int = 0
    doubled: int = 0
    blob: str = ""


state = State()


def double(event):
    state.doubled = 2 * event.value


def broadcast(event):
    size, number = event.args
    state.blob = f"{number:08}".ljust(size, "x")


@ui.page("/")
def page():
    ui.number(on_change=double).bind_value(state, "counter")
    ui.label().bind_text_from(state, "doubled")
    ui.label().bind_text_from(state, "blob")
    ui.element().on("broadcast", broadcast)


ui.run(host="127.0.0.1", port=arguments.port, show=False, reload=False, show_welcome_message=False)
