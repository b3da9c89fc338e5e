"""A trame application. Prints its port, and ends when its input does."""

import asyncio
import sys

from trame.app import get_server

server = get_server("peer")
state, ctrl = server.state, server.controller
state.count = 1
state.doubled = 2


@state.change("count")
def on_count(count, **_):
    state.doubled = 2 * count


@ctrl.trigger("add")
def add(a, b):
    return a + b


@ctrl.trigger("fail")
def fail():
    raise ValueError("it is broken")


async def main():
    task = server.start(port=0, exec_mode="task", open_browser=False, show_connection_info=False, timeout=0)
    await server.ready
    print(server.port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.stop()
    await task


sys.argv = sys.argv[:1]
asyncio.run(main())
