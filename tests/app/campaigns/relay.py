"""A relay in front of a server that can lose the answer to a command after the server has carried it out."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from urllib.parse import urlsplit, urlunsplit

READ_BYTES = 65_536
MONGO_PORT = 27_017
WAIT_SECONDS = 10.0
END_SECONDS = 0.02

Side = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Relay:
    """Passes on what comes. While it ``loses``, the answer to a message with ``word`` is lost with its connection."""

    def __init__(self, host: str, port: int, word: bytes) -> None:
        self._host, self._port, self._word = host, port, word
        self.loses = 0
        """How many answers are still to be lost."""
        self.lost = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        with aborting(writer):
            server_reader, server_writer = await asyncio.open_connection(self._host, self._port)
            with aborting(server_writer):
                await self._pass((reader, writer), (server_reader, server_writer))

    async def _pass(self, client: Side, server: Side) -> None:
        doomed = asyncio.Event()

        async def ask() -> None:
            while data := await client[0].read(READ_BYTES):
                if self.loses and self._word in data:
                    self.loses -= 1
                    self.lost += 1
                    doomed.set()
                server[1].write(data)

        async def answer() -> None:
            while (data := await server[0].read(READ_BYTES)) and not doomed.is_set():
                client[1].write(data)

        # When either side has gone, or an answer has come that nobody shall know of, all is over.
        ways = [asyncio.ensure_future(ask()), asyncio.ensure_future(answer())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)


@contextmanager
def aborting(writer: asyncio.StreamWriter) -> Iterator[None]:
    """Break the connection off at the end."""
    try:
        yield
    finally:
        writer.transport.abort()


@contextmanager
def relayed(mongo_url: str, word: bytes) -> Iterator[tuple[str, Relay]]:
    """The URL of a relay in front of a MongoDB server, and the relay.

    It has a thread of its own, for a client that is closed takes its leave and keeps its event loop waiting meanwhile.
    """
    parts = urlsplit(mongo_url)
    relay = Relay(parts.hostname or "127.0.0.1", parts.port or MONGO_PORT, word)
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    starting = asyncio.run_coroutine_threadsafe(asyncio.start_server(relay.serve, "127.0.0.1", 0), loop)
    try:
        server = starting.result(WAIT_SECONDS)
        port = server.sockets[0].getsockname()[1]
        # Unless told, the driver asks the server for its own address and goes there.
        yield urlunsplit(("mongodb", f"127.0.0.1:{port}", "/", "directConnection=true", "")), relay
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(WAIT_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WAIT_SECONDS)
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(END_SECONDS)  # Sockets are closed one turn of the loop after their connection.
