import math
from dataclasses import field

from nicegui import app, binding, ui

SHOWN = 400


@binding.bindable_dataclass
class Dashboard:
    running: bool = True
    limit: float = 4.0
    alarm: bool = False
    history: list = field(default_factory=list)

    def measure(self):
        if not self.running:
            return
        time = self.history[-1][0] + 0.05 if self.history else 0.0
        bar = pressure(time)
        self.history = [*self.history, (time, bar)][-SHOWN:]
        self.alarm = bar > self.limit

    def clear(self):
        self.history = []


def pressure(time: float) -> float:
    return 3.0 + math.sin(time) + 0.3 * math.sin(7.3 * time)


dashboard = Dashboard()
app.timer(0.05, dashboard.measure)


@ui.page("/")
def page():
    with ui.header():
        ui.label("Pressure").classes("text-h6")
        ui.space()
        ui.badge().bind_text_from(dashboard, "alarm", lambda alarm: "Too high" if alarm else "Normal")
    with ui.row().classes("w-full no-wrap"):
        chart = ui.echart({
            "xAxis": {"type": "value", "name": "Time, s", "min": "dataMin", "max": "dataMax"},
            "yAxis": {"type": "value", "name": "Pressure, bar", "scale": True},
            "series": [{"type": "line", "showSymbol": False, "data": []}],
            "animation": False,
        }).classes("grow h-96")
        with ui.column():
            ui.checkbox("Running").bind_value(dashboard, "running")
            ui.number("Limit, bar", step=0.1).bind_value(dashboard, "limit")
            ui.button("Clear", on_click=dashboard.clear)

    def show():
        chart.options["series"][0]["data"] = dashboard.history
        chart.update()

    ui.timer(0.05, show)


ui.run(title="dashboard")
