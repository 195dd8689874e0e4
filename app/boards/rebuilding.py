"""Rebuilds all boards from MongoDB beside the current ones, and swaps them in, while reads go on."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from app.boards.confidence import Confidence
from app.boards.control import Control, ControlHash
from app.boards.placing import Placing
from app.boards.redis_boards import RedisBoards
from app.boards.trust import LEASE_SECONDS, MongoProjection, Trusted
from gamification.stores import StoreUnavailable

RENEW_SECONDS = LEASE_SECONDS / 3
EPOCH_BYTES = 12

Stream = Callable[[], AsyncIterator[Sequence[Placing]]]
"""All placings of all members as MongoDB has them from the moment it is called, in batches."""
Layout = Callable[[], Awaitable[str]]
"""The layout of the boards by the program in force."""


class RebuildInterrupted(StoreUnavailable):
    """Redis lost something meanwhile, or another process took over. What was built is not used; begin again."""


class Rebuilder:
    """Rebuilds the boards. Of all processes one does at a time; one that has lost its lease cannot swap."""

    def __init__(
        self,
        boards: RedisBoards,
        control: ControlHash,
        projection: MongoProjection,
        confidence: Confidence,
        *,
        stream: Stream,
        layout: Layout,
        now: Callable[[], datetime],
    ) -> None:
        self._boards, self._control, self._projection, self._confidence = boards, control, projection, confidence
        self._stream, self._layout, self._now = stream, layout, now
        self._holder = secrets.token_hex(EPOCH_BYTES)
        self._renewed_at = now()

    async def rebuild(self, progress: Callable[[int], None] | None = None) -> bool:
        """Build a generation and swap it in; False if another process is at it. ``progress`` is told how many more.

        The generation before is deleted by a watcher, a little later.

        Raises:
            RebuildInterrupted: Redis lost something meanwhile, or another process took over. Nothing was swapped.
            StoreUnavailable: Redis or MongoDB does not answer.
        """
        present = await self._control.read()
        newest = max(present.current or 0, present.building or 0) if present else 0
        generation = await self._projection.lease(self._holder, newest, self._now())
        if generation is None:
            return False
        self._renewed_at = self._now()
        try:
            await self._build(generation, progress)
        except BaseException:
            with suppress(StoreUnavailable):  # It is the fault before that counts.
                await self._control.abandon(generation)
            raise
        finally:
            with suppress(StoreUnavailable):  # Then the lease runs out by itself.
                await self._projection.release(self._holder, generation)
        return True

    async def _build(self, generation: int, progress: Callable[[int], None] | None) -> None:
        # The layout before the placings: if another one comes into force between them, it is built once too often.
        layout, run = await self._layout(), await self._control.fingerprint()
        trusted = Trusted(secrets.token_hex(EPOCH_BYTES), generation, run, layout)
        if not await self._control.begin(generation):
            raise RebuildInterrupted("another process has begun a newer generation")
        await self._control.clean()  # What an earlier rebuild left half-built takes memory.
        writes = _require_building(await self._control.read(), generation, 0)
        async for batch in self._stream():
            # Filling counts as a write itself, so a count that has not grown is one that went back.
            writes = _require_building(await self._boards.fill(generation, batch), generation, writes + 1)
            await self._renew(generation)
            if progress:
                progress(len(batch))
        await self._swap(trusted, writes)

    async def _swap(self, trusted: Trusted, writes: int) -> None:
        if not await self._control.alive(trusted.generation) or await self._control.fingerprint() != trusted.run:
            raise RebuildInterrupted("a Redis server was emptied or restarted during the rebuild")
        # MongoDB knows what comes before Redis has it, so that no reader meets an epoch that nobody knows.
        if not await self._projection.propose(self._holder, trusted):
            raise RebuildInterrupted("another process has taken over the rebuild")
        if not await self._control.swap(trusted.generation, trusted.epoch, writes):
            raise RebuildInterrupted("Redis lost what was built")
        await self._projection.confirm(trusted, self._now())
        await self._confidence.refresh()

    async def _renew(self, generation: int) -> None:
        now = self._now()
        if now - self._renewed_at < timedelta(seconds=RENEW_SECONDS):
            return
        if not await self._projection.renew(self._holder, generation, now):
            raise RebuildInterrupted("another process has taken over the rebuild")
        self._renewed_at = now


def _require_building(control: Control | None, generation: int, least_writes: int) -> int:
    """How many writes were counted, if this generation is still being built and nothing went back."""
    if control is None or control.building != generation or control.writes < least_writes:
        raise RebuildInterrupted("Redis lost what was being built, or another process has begun a newer generation")
    return control.writes
