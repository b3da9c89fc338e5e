import asyncio
import math
import random
import threading
import time

from trame.app import TrameApp, asynchronous
from trame.ui.vuetify3 import VAppLayout
from trame.widgets import vuetify3 as v3

PART = 100_000


class Cancelled(Exception):
    pass


class Estimate(TrameApp):
    def __init__(self, server=None):
        super().__init__(server)
        self.state.update({"millions": 10, "job": "idle", "progress": 0.0, "message": "", "result": 0.0})
        with VAppLayout(self.server), v3.VMain():
            v3.VNumberInput(label="Millions of points", min=1, v_model="millions")
            v3.VBtn("Estimate π", click=self.start, disabled=("job === 'running'",))
            v3.VBtn("Cancel", click=self.cancel, v_if="job === 'running'")
            v3.VProgressLinear(model_value=("100 * progress",))
            v3.VLabel("{{ message }}")
            v3.VLabel("π ≈ {{ result }}", v_if="job === 'done'")

    def start(self):
        if self.state.job == "running":
            return
        self.state.update({"job": "running", "progress": 0.0, "message": ""})
        self.began, self.cancelled = time.monotonic(), threading.Event()
        self.loop = asyncio.get_running_loop()
        asynchronous.create_task(self.run(self.state.millions))

    async def run(self, millions):
        try:
            result = await asyncio.to_thread(self.compute, millions)
            self.report(job="done", result=result, progress=1.0)
        except Cancelled:
            self.report(job="cancelled", message="Cancelled")
        except Exception as error:
            self.report(job="failed", message=str(error))

    def compute(self, millions):
        total, inside = millions * 1_000_000, 0
        for done in range(PART, total + 1, PART):
            if self.cancelled.is_set():
                raise Cancelled
            inside += sum(math.hypot(random.random(), random.random()) < 1.0 for _ in range(PART))
            progress = done / total
            left = (time.monotonic() - self.began) * (1 / progress - 1)
            message = f"π ≈ {4 * inside / done:.5f}, {left:.0f} s left"
            self.loop.call_soon_threadsafe(lambda progress=progress, message=message: self.report(progress=progress, message=message))
        return 4 * inside / total

    def report(self, **values):
        with self.state:
            self.state.update(values)

    def cancel(self):
        self.cancelled.set()


Estimate().server.start()
