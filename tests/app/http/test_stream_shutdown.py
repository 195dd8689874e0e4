"""The end of a process with connections that stay open."""

import asyncio
import time

from tests.app.http.live import NEWS, eventually, live_server
from tests.app.http.test_sse import of, stream


async def test_sockets_and_streams_end_promptly() -> None:
    server = live_server()
    live = await server.__aenter__()
    async with live.ready() as socket, live.socket() as silent, stream(live, NEWS) as events:
        await socket.subscribe(NEWS)
        await eventually(lambda: live.sources.open == 2)
        await live.sources.publish()
        assert await events.event() == of({"news": {"number": 1}})
        assert (await socket.receive())["type"] == "next"
        began = time.monotonic()
        ending = asyncio.create_task(server.__aexit__(None, None, None))
        assert await socket.closed() == (1012, "")
        assert await silent.closed() == (1012, "")
        assert await events.rest() == []  # no complete: the client may come again
        await ending
        assert time.monotonic() - began < 2
    assert live.sources.open == 0
    assert live.connections.count == 0
    assert live.connections.ending


async def test_a_client_that_does_not_read_does_not_hold_up_the_end() -> None:
    server = live_server()
    live = await server.__aenter__()
    async with live.ready(max_queue=1) as socket:
        await socket.subscribe("subscription { flood(characters: 10000) }")
        await eventually(lambda: live.sources.sent > 100)
        began = time.monotonic()
        await server.__aexit__(None, None, None)
        assert time.monotonic() - began < 3
    assert live.sources.open == 0
