"""Between a parent and a worker of it: connections go down, and reports come up.

A channel is a pair of connected sockets. When one end is gone, the other reads the end of the file, however the process
came to its end.
"""

import asyncio
import logging
import os
import select
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from socket import AF_UNIX, SHUT_RDWR, SOCK_STREAM, recv_fds, send_fds, socket, socketpair
from typing import Any

import orjson

ORPHAN_SECONDS = 20.0
"""How long a worker may take to end in order after its parent has gone; longer than requests under way may go on."""
MAX_REPORT_BYTES = 64 * 1024
MAX_TAKEN_AT_ONCE = 100
"""How many connections a worker takes before others in its event loop have their turn."""
_CONNECTION = b"c"

Take = Callable[[socket], Coroutine[Any, Any, None]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker says: that it is ready, why it cannot be, or that it uses a session of MongoDB."""

    ready: bool = False
    fault: str | None = None
    session: str | None = None


def channel() -> tuple["WorkerEnd", socket]:
    """The parent's end of a new channel, and the other end, to be inherited by the worker."""
    ours, theirs = socketpair(AF_UNIX, SOCK_STREAM)
    return WorkerEnd(ours), theirs


class WorkerEnd:
    """What the parent has of a worker."""

    def __init__(self, end: socket) -> None:
        end.setblocking(False)
        self._end = end

    def hand(self, connection: socket) -> bool:
        """Hand over an accepted connection; False if the worker takes none just now. Ours can be closed after it."""
        try:
            send_fds(self._end, [_CONNECTION], [connection.fileno()])
        except OSError:  # It has gone, or does not read.
            return False
        return True

    async def reports(self) -> AsyncIterator[Report]:
        """What the worker says, until it takes no more connections."""
        loop = asyncio.get_running_loop()
        begun = b""
        try:
            while data := await loop.sock_recv(self._end, MAX_REPORT_BYTES):
                *lines, begun = (begun + data).split(b"\n")
                for line in lines:
                    yield Report(**orjson.loads(line))
        except ConnectionResetError:  # As it ended, there was something that it had not read.
            return

    def close(self) -> None:
        """Let go of the worker."""
        self._end.close()


class Handed:
    """What a worker has of its parent: the connections that it hands over."""

    def __init__(self, descriptor: int) -> None:
        self._end = socket(fileno=descriptor)
        self._end.setblocking(False)
        self._taking: set[asyncio.Task[None]] = set()
        self._closed = threading.Event()
        threading.Thread(target=self._end_with_parent, name="end with parent", daemon=True).start()

    def deliver(self, take: Take) -> None:
        """Give every connection that comes to ``take``, from now on."""
        asyncio.get_running_loop().add_reader(self._end, self._receive, take)
        self._tell(Report(ready=True))

    def fail(self, fault: str) -> bool:
        """Tell the parent why nothing can be delivered; False if it does not listen any more."""
        return self._tell(Report(fault=fault))

    def tell_session(self, session: str) -> None:
        """Tell the parent what to end in MongoDB where this process is killed."""
        self._tell(Report(session=session))

    def close(self) -> None:
        """Take no more connections. Those that are on their way are lost, as with any server that ends."""
        asyncio.get_running_loop().remove_reader(self._end)
        self._closed.set()
        with suppress(OSError):
            self._end.shutdown(SHUT_RDWR)

    def _receive(self, take: Take) -> None:
        for _ in range(MAX_TAKEN_AT_ONCE):
            try:
                message, descriptors, _, _ = recv_fds(self._end, len(_CONNECTION), 1)
            except (BlockingIOError, ConnectionResetError):
                return
            if not message:  # The parent has gone, which is seen to elsewhere.
                asyncio.get_running_loop().remove_reader(self._end)
                return
            for descriptor in descriptors:
                taking = asyncio.ensure_future(_take(take, socket(fileno=descriptor)))
                self._taking.add(taking)
                taking.add_done_callback(self._taking.discard)

    def _tell(self, report: Report) -> bool:
        try:
            self._end.sendall(orjson.dumps(report) + b"\n")
        except OSError:
            return False
        return True

    def _end_with_parent(self) -> None:
        """Wait until the parent has gone, in a thread, so that an event loop that is stuck is not waited for."""
        hung_up = select.poll()
        hung_up.register(self._end, 0)
        hung_up.poll()
        if not self._closed.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(ORPHAN_SECONDS)
            os._exit(1)


async def _take(take: Take, connection: socket) -> None:
    try:
        await take(connection)
    except OSError as error:  # The client has gone already.
        log.debug("a connection was lost as it was handed over: %s", error)
        connection.close()
