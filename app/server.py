"""Serving over HTTP until told to stop, or until a server that is needed has ended."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import socket

import uvicorn
from starlette.applications import Starlette

from app.settings import Settings
from app.wiring import Laurel

GRACEFUL_SECONDS = 10
"""How long requests under way may go on once the process is told to stop."""
BACKLOG = 2048
KEEP_ALIVE_SECONDS = 65
"""Longer than the idle time of usual load balancers, so that it is they who close a connection."""


class _Server(uvicorn.Server):
    """A server that says when it is ready, and leaves signals to the event loop so that all is closed in order."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

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


async def serve(laurel: Laurel, web: Starlette, on_ready: Callable[[], None] = lambda: None) -> None:
    """Serve until a signal says stop; ``on_ready`` is called when requests are taken.

    Raises:
        OperatorError: the embedded MongoDB has ended, or the guard and all servers with it.
    """
    server = _Server(_config(laurel.settings, web), on_ready)
    watch = asyncio.create_task(laurel.servers.watch())
    serving = asyncio.create_task(server.serve())
    try:
        await asyncio.wait({watch, serving}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        if watch.done():
            watch.result()
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


def _config(settings: Settings, web: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        web,
        host=settings.host,
        port=settings.port,
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
