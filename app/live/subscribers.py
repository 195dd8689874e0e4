"""The subscribers of this process: who waits for which member, board or for the campaigns."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from app.live.hints import Hints
from gamification.stores import StoreUnavailable
from schema.signals import Topic

MAX_SUBSCRIBERS = 50_000
"""In one process. Each takes about half a kilobyte here, and much more where it is connected."""


class Signal:
    """A wake-up call. Many calls before the next wait are one, and none is lost in between."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wake who waits, or who will."""
        self._event.set()

    async def wait(self) -> None:
        """Wait to be woken."""
        await self._event.wait()
        self._event.clear()


class Subscribers:
    """All who wait, by topic."""

    def __init__(self) -> None:
        self._by_topic: dict[Topic, set[Signal]] = {}
        self._count = 0

    @contextmanager
    def subscribed(self, topics: Sequence[Topic], *, counted: bool = True) -> Iterator[Signal]:
        """A signal that is set whenever one of the topics has changed, and now and then for no reason.

        What Laurel itself waits for is not ``counted``: it takes nobody's seat, and always finds one.

        Raises:
            StoreUnavailable: there are `MAX_SUBSCRIBERS` already.
        """
        if counted and self._count >= MAX_SUBSCRIBERS:
            raise StoreUnavailable(f"{MAX_SUBSCRIBERS} subscriptions are open in this process; try again later")
        signal = Signal()
        for topic in topics:
            self._by_topic.setdefault(topic, set()).add(signal)
        self._count += counted
        try:
            yield signal
        finally:
            self._count -= counted
            for topic in topics:
                self._forget(topic, signal)

    def wake(self, hints: Hints) -> None:
        """Wake who waits for what has changed."""
        for member_id in hints.members:
            self._wake(("member", member_id))
        for board in hints.boards:
            self._wake(("board", board))
        for topic in hints.all:
            self._wake(topic)

    async def wake_all(self, within_seconds: float, steps: int = 20) -> None:
        """Wake everybody once, a part of them at a time, so that not all read at the same instant."""
        signals = list({signal for waiting in self._by_topic.values() for signal in waiting})
        size = -(-len(signals) // steps)
        for step in range(steps):
            for signal in signals[step * size : (step + 1) * size]:
                signal.set()
            await asyncio.sleep(within_seconds / steps)

    def _forget(self, topic: Topic, signal: Signal) -> None:
        waiting = self._by_topic.get(topic, set())
        waiting.discard(signal)
        if not waiting:
            self._by_topic.pop(topic, None)

    def _wake(self, topic: Topic) -> None:
        for signal in self._by_topic.get(topic, ()):
            signal.set()
