import math
import random
import threading
import time

from nicegui import binding, run, ui

PART = 100_000


class Cancelled(Exception):
    pass


@binding.bindable_dataclass
class Estimate:
    millions: int = 10
    state: str = "idle"
    progress: float = 0.0
    message: str = ""
    result: float = 0.0

    async def start(self):
        if self.state == "running":
            ui.notify("The estimate is running already.")
            return
        self.state, self.progress, self.message = "running", 0.0, ""
        self.began, self.cancelled = time.monotonic(), threading.Event()
        try:
            self.result = await run.io_bound(self.compute, self.millions)
            self.state, self.progress = "done", 1.0
        except Cancelled:
            self.state, self.message = "cancelled", "Cancelled"
        except Exception as error:
            self.state, self.message = "failed", str(error)

    def compute(self, millions: int) -> float:
        total, inside = millions * 1_000_000, 0
        for done in range(PART, total + 1, PART):
            if self.cancelled.is_set():
                raise Cancelled
            inside += sum(math.hypot(random.random(), random.random()) < 1.0 for _ in range(PART))
            self.progress = done / total
            left = (time.monotonic() - self.began) * (1 / self.progress - 1)
            self.message = f"π ≈ {4 * inside / done:.5f}, {left:.0f} s left"
        return 4 * inside / total

    def cancel(self):
        self.cancelled.set()


estimate = Estimate()


@ui.page("/")
def page():
    ui.number("Millions of points", min=1, format="%d").bind_value(estimate, "millions", forward=int)
    is_running = lambda state: state == "running"
    ui.button("Estimate π", on_click=estimate.start).bind_enabled_from(estimate, "state", lambda state: not is_running(state))
    ui.button("Cancel", on_click=estimate.cancel).bind_visibility_from(estimate, "state", is_running)
    ui.linear_progress(show_value=False).bind_value_from(estimate, "progress")
    ui.label().bind_text_from(estimate, "message")
    result = ui.label().bind_text_from(estimate, "result", lambda result: f"π ≈ {result}")
    result.bind_visibility_from(estimate, "state", lambda state: state == "done")


ui.run(title="estimate")
