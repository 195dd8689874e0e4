"""Serving over HTTP until told to stop, or until a server that is needed has ended."""

import asyncio
import gc
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from socket import socket

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from app.http.subscriptions.connections import KEEP_ALIVE_SECONDS as PING_SECONDS
from app.http.subscriptions.connections import MAX_MESSAGE_BYTES, PONG_TIMEOUT_SECONDS
from app.http.subscriptions.uvicorn_protocols import HttpProtocol, WebSocketProtocol
from app.live.background import Job, running
from app.ports import BACKLOG
from app.web import end_streams
from app.wiring import Laurel
from app.workers.channel import Handed

GRACEFUL_SECONDS = 10
"""How long requests under way may go on once the process is told to stop."""
KEEP_ALIVE_SECONDS = 65
"""Longer than the idle time of usual load balancers, so that it is they who close a connection."""

GC_THRESHOLDS = (20_000, 10, 10)
"""Net allocations until a collection of the youngest objects, and how many of those until the next older ones.

Each open subscription is some 230 objects. With 5,000 of them a full collection stops the process for a second or two,
and with Python's own thresholds (700, 10, 10) one came with every third event that all of them heard.
"""


class Server(uvicorn.Server):
    """A server that says when it is ready and when it ends, and leaves signals to the event loop.

    So all is closed in order. ``on_end`` is called when no more connections are taken, before those that are open are
    waited for.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        on_ready: Callable[[], None] = lambda: None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_end = on_end

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Begin to listen: on these sockets, if any are given, and else on the port of the configuration."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def take(self, connection: socket) -> None:
        """Serve a connection that another process has accepted."""
        await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> HttpProtocol:
        return HttpProtocol(self.config, self.server_state, self.lifespan.state)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """End: WebSockets are closed with 1012, streams by ``on_end``, and requests under way may go on for a while."""
        self._on_end()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM as the wish to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


async def serve(
    laurel: Laurel,
    web: Starlette,
    on_ready: Callable[[], None] = lambda: None,
    handed: Handed | None = None,
    besides: Mapping[str, Job] | None = None,
) -> None:
    """Serve, with the jobs in the background, until a signal says stop; ``on_ready`` is called when requests are taken.

    ``besides`` are jobs that not every serving process has. Connections are those that come to the port of the
    settings, or those that are ``handed`` over by a parent.

    Raises:
        OperatorError: the embedded MongoDB has ended, or the guard and all servers with it.
    """
    settings = laurel.settings
    _spare_collections()

    def begin() -> None:
        if handed is not None:
            handed.deliver(server.take)
        on_ready()

    def end() -> None:
        if handed is not None:
            handed.close()
        end_streams(web)

    server = Server(server_config(web, settings.host, settings.port), begin, end)
    watch = asyncio.create_task(laurel.servers.watch())
    serving = asyncio.create_task(server.serve(None if handed is None else []))
    try:
        async with running({**laurel.jobs(), **(besides or {})}):
            await asyncio.wait({watch, serving}, return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            await serving
        if watch.done():
            watch.result()
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


def _spare_collections() -> None:
    gc.collect()
    gc.freeze()  # what is there at the start stays to the end, so no collection has to look at it
    gc.set_threshold(*GC_THRESHOLDS)


def server_config(web: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> uvicorn.Config:
    """How the application is served, WebSockets included."""
    return uvicorn.Config(
        web,
        host=host,
        port=port,
        loop="none",
        http=HttpProtocol,
        ws=WebSocketProtocol,
        # Some 64 KiB for each connection that has spoken, to make short messages a little shorter.
        ws_per_message_deflate=False,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PONG_TIMEOUT_SECONDS,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing goes by where a request says that it comes from
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
