from nicegui import binding, ui


@binding.bindable_dataclass
class Counter:
    count: int = 0

    def add(self, by: int):
        self.count += by


counter = Counter()


@ui.page("/")
def page():
    ui.slider(min=-10, max=10).bind_value(counter, "count").props('aria-label="Count"')
    ui.label().bind_text_from(counter, "count", lambda count: f"{count} × 2 = {count * 2}")
    ui.button("Less", on_click=lambda: counter.add(-1))
    ui.button("More", on_click=lambda: counter.add(1))


ui.run(title="counter")
