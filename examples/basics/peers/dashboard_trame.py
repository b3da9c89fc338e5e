import asyncio
import math

import plotly.graph_objects as go
from trame.app import TrameApp, asynchronous
from trame.ui.vuetify3 import VAppLayout
from trame.widgets import plotly
from trame.widgets import vuetify3 as v3

SHOWN = 400


def pressure(time):
    return 3.0 + math.sin(time) + 0.3 * math.sin(7.3 * time)


class Dashboard(TrameApp):
    def __init__(self, server=None):
        super().__init__(server)
        self.history = []
        self.state.update({"running": True, "limit": 4.0, "alarm": False})
        self.page()
        self.server.controller.on_server_ready.add(self.start)

    def page(self):
        with VAppLayout(self.server):
            with v3.VAppBar(title="Pressure"):
                v3.VSpacer()
                v3.VChip("{{ alarm ? 'Too high' : 'Normal' }}")
            with v3.VNavigationDrawer(location="right"):
                v3.VCheckbox(label="Running", v_model="running")
                v3.VNumberInput(label="Limit, bar", step=0.1, precision=1, v_model="limit")
                v3.VBtn("Clear", click=self.clear)
            with v3.VMain():
                self.figure = plotly.Figure(display_mode_bar=False)

    def start(self, **_):
        asynchronous.create_task(self.measure())

    async def measure(self):
        while True:
            await asyncio.sleep(0.05)
            if not self.state.running:
                continue
            time = self.history[-1][0] + 0.05 if self.history else 0.0
            bar = pressure(time)
            self.history = [*self.history, (time, bar)][-SHOWN:]
            with self.state:
                self.state.alarm = bar > self.state.limit
                self.show()

    def show(self):
        x, y = zip(*self.history) if self.history else ((), ())
        figure = go.Figure(go.Scatter(x=x, y=y))
        figure.update_layout(xaxis_title="Time, s", yaxis_title="Pressure, bar")
        self.figure.update(figure)

    def clear(self):
        self.history = []
        self.show()


Dashboard().server.start()
