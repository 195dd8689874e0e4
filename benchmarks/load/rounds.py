"""A round: so many connections for so many seconds, and what came of it."""

import asyncio
import gc
import statistics
import time
from array import array
from dataclasses import dataclass
from typing import Protocol

from benchmarks.load.connection import Connection

HOST = "127.0.0.1"
GRACE_SECONDS = 15.0
"""How long the last answers may take."""
MAX_REQUESTS = 5_000_000


class Requests(Protocol):
    """What is sent, by number."""

    def make(self, number: int) -> bytes:
        """The request of this number."""

    def check(self, number: int, body: bytes) -> None:
        """Check its answer.

        Raises:
            WrongAnswer: it is wrong.
        """


@dataclass(frozen=True, slots=True)
class Figures:
    """What a round came to: the answers within its time and all of them, a second, and how long they took."""

    answers: int
    all_answers: int
    rate: float
    p50_ms: float
    p99_ms: float
    most_ms: float
    answer_bytes: int


class Round:
    """The work of one round: so many ``seconds`` after the ``warm_up``, in which nothing counts, or ``most`` requests.

    The requests are those after number ``first``.
    """

    def __init__(
        self, requests: Requests, first: int, warm_up: float, seconds: float, most: int = MAX_REQUESTS
    ) -> None:
        self.number = first
        self._last = first + most
        self._requests = requests
        self._begins_at = self._ended_at = time.perf_counter() + warm_up
        self._ends_at = self._begins_at + seconds
        self._took = array("d")
        self._bytes = self._all = 0

    def next(self) -> tuple[int, bytes] | None:
        """As `Work`."""
        if time.perf_counter() >= self._ends_at or self.number >= self._last:
            return None
        self.number += 1
        return self.number, self._requests.make(self.number)

    def done(self, number: int, body: bytes, seconds: float) -> None:
        """As `Work`."""
        self._requests.check(number, body)
        self._all += 1
        now = time.perf_counter()
        if self._begins_at <= now < self._ends_at:
            self._ended_at = now
            self._took.append(seconds)
            self._bytes = len(body)

    def figures(self) -> Figures:
        """What it came to.

        Raises:
            ValueError: there were too few answers to say anything.
        """
        if len(self._took) < 2:
            raise ValueError("fewer than two answers in a round")
        percentiles = statistics.quantiles(self._took, n=100)
        return Figures(
            answers=len(self._took),
            all_answers=self._all,
            rate=len(self._took) / (self._ended_at - self._begins_at),
            p50_ms=percentiles[49] * 1000,
            p99_ms=percentiles[98] * 1000,
            most_ms=max(self._took) * 1000,
            answer_bytes=self._bytes,
        )


async def run(work: Round, port: int, connections: int, seconds: float) -> Figures:
    """Run a round of ``seconds``, warm-up included.

    Raises:
        WrongAnswer: an answer was wrong.
        ConnectionError: a server closed a connection, or did not take it.
        TimeoutError: it did not answer.
    """
    loop = asyncio.get_running_loop()
    opened: list[Connection] = []
    gc.disable()  # It must not be the generator that is late.
    try:
        async with asyncio.timeout(seconds + GRACE_SECONDS):
            for _ in range(connections):
                _, connection = await loop.create_connection(lambda: Connection(work), HOST, port)
                opened.append(connection)
            await asyncio.gather(*(connection.ended for connection in opened))
    finally:
        gc.enable()
    return work.figures()
