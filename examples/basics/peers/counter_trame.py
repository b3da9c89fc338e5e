from trame.app import TrameApp
from trame.decorators import change
from trame.ui.html import DivLayout
from trame.widgets import html


class Counter(TrameApp):
    def __init__(self, server=None):
        super().__init__(server)
        self.state.update({"count": 0, "doubled": 0})
        with DivLayout(self.server):
            html.Input(type="range", min=-10, max=10, v_model_number=("count",), __properties=[("v_model_number", "v-model.number")], aria_label="Count")
            html.P("{{ count }} × 2 = {{ doubled }}")
            html.Button("Less", click=(self.add, "[-1]"))
            html.Button("More", click=(self.add, "[1]"))

    @change("count")
    def on_count(self, count, **_):
        self.state.doubled = count * 2

    def add(self, by):
        self.state.count += by


Counter().server.start()
