"""Talks to a server, or is one: `client URL` or `server`."""

import asyncio
import sys

import websockets


async def client(url):
    async with websockets.connect(url, max_size=None) as connection:
        for message in ["grün", b"\x00" * 100_000]:
            await connection.send(message)
            assert await connection.recv() == message
        await (await connection.ping())
        await connection.close(3001, "enough")
        assert connection.close_code == 3001, connection.close_code
    print("done")


async def echo(connection):
    try:
        async for message in connection:
            await connection.send(message)
    except websockets.ConnectionClosedError:
        pass  # any other code than 1000 and 1001


async def server():
    async with websockets.serve(echo, "127.0.0.1", 0, subprotocols=["echo"]) as listening:
        print(listening.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(server() if sys.argv[1] == "server" else client(sys.argv[2]))
