"""Talks to a server, or is one: `client URL` or `server`."""

import sys

import trio
import trio_websocket


async def client(url):
    async with trio_websocket.open_websocket_url(url) as connection:
        for message in ["grün", b"\x00" * 100_000]:
            await connection.send_message(message)
            assert await connection.get_message() == message
        await connection.ping(b"payload")
        await connection.aclose(3001, "enough")
        assert connection.closed.code == 3001, connection.closed
    print("done")


async def echo(request):
    connection = await request.accept(subprotocol="echo" if request.proposed_subprotocols else None)
    try:
        while True:
            await connection.send_message(await connection.get_message())
    except trio_websocket.ConnectionClosed:
        pass


async def server():
    async with trio.open_nursery() as nursery:
        listening = await nursery.start(trio_websocket.serve_websocket, echo, "127.0.0.1", 0, None)
        print(listening.port, flush=True)
        await trio.to_thread.run_sync(sys.stdin.read)
        nursery.cancel_scope.cancel()


trio.run(server) if sys.argv[1] == "server" else trio.run(client, sys.argv[2])
