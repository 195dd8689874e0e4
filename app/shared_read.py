"""One read at a time for all who ask for the same at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from gamification.stores import StoreUnavailable

AGAIN_WITHIN_SECONDS = 1.0
"""A read that fails so soon after somebody joined it was under way for long: what it says was so before they asked."""

Result = TypeVar("Result")


class SharedRead(Generic[Result]):
    """A read that whoever asks while it is under way joins. Who is cancelled takes it from nobody else."""

    def __init__(self, read: Callable[[], Awaitable[Result]]) -> None:
        self._read = read
        self._running: asyncio.Future[Result] | None = None

    async def get(self) -> Result:
        """What it comes to; whatever ``read`` raises.

        Where it was begun before and soon fails, it is begun anew, once: so a process that was stopped for a while, as
        a machine is that sleeps, does not refuse the first who come for what had gone wrong meanwhile.
        """
        if self._running is None or self._running.done():
            return await asyncio.shield(self.begin())
        loop = asyncio.get_running_loop()
        joined_at = loop.time()
        try:
            return await asyncio.shield(self._running)
        except StoreUnavailable:
            if loop.time() - joined_at > AGAIN_WITHIN_SECONDS:
                raise
        return await asyncio.shield(self.begin())

    def begin(self) -> "asyncio.Future[Result]":
        """Begin to read, unless that is under way. A fault is told to whoever waits for it, if anybody does."""
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._read())
            self._running.add_done_callback(_note_fault)
        return self._running


def _note_fault(read: "asyncio.Future[Any]") -> None:
    if not read.cancelled():
        read.exception()
