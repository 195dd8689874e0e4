"""One keep-alive connection: sends a request, reads its answer to the end, checks it, and sends the next."""

import asyncio
import time
from typing import Protocol, cast

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"
_OK = b"HTTP/1.1 200 "


class Work(Protocol):
    """Where requests come from and answers go."""

    def next(self) -> tuple[int, bytes] | None:
        """A request and its number; None when it is time to stop."""

    def done(self, number: int, body: bytes, seconds: float) -> None:
        """Take the body of a request's answer, and how long that took.

        Raises:
            WrongAnswer: it is not the answer to this request.
        """


class WrongAnswer(Exception):
    """A server answered something else than it should."""


class Connection(asyncio.Protocol):
    """Speaks HTTP/1.1 as far as the servers here do: every answer has a length. ``ended`` is done when it stops."""

    def __init__(self, work: Work) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._work = work
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._number = 0
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer = data if not self._buffer else self._buffer + data
        try:
            body = complete_body(self._buffer)
            if body is None:
                return
            self._work.done(self._number, body, time.perf_counter() - self._sent_at)
        except WrongAnswer as fault:
            self._end(fault)
            return
        self._buffer = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or ConnectionError("the server closed a connection"))

    def _send(self) -> None:
        following = self._work.next()
        if following is None:
            self._end(None)
            return
        assert self._transport is not None
        self._number, request = following
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def _end(self, fault: Exception | None) -> None:
        if self.ended.done():
            return
        if fault is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(fault)
        if self._transport is not None:
            self._transport.close()


def complete_body(received: bytes) -> bytes | None:
    """The body of an answer, as soon as all of it is there.

    Raises:
        WrongAnswer: the status is not 200, there is no length, or there is more than one answer.
    """
    end = received.find(_END_OF_HEAD)
    if end < 0:
        return None
    head = received[:end].lower()
    if not received.startswith(_OK):
        raise WrongAnswer(received[:400].decode(errors="replace"))
    at = head.find(_LENGTH)
    if at < 0:
        raise WrongAnswer(f"an answer without a length: {head.decode(errors='replace')}")
    length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0])
    body = received[end + len(_END_OF_HEAD) :]
    if len(body) > length:
        raise WrongAnswer("more came than was asked for")
    return body if len(body) == length else None
