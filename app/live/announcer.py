"""The announcer: carries what was committed to the boards and to whoever listens, soon, and sometime for certain."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NoReturn

from app.boards.confidence import NeverBuilt
from app.boards.placings import MongoPlacings
from app.boards.redis_boards import RedisBoards
from app.clock import utc_now
from app.live.hints import Hints
from app.live.hub import Hub
from app.stores.codec import MemberScores
from app.stores.outbox import Changed, Outbox
from gamification.boards.keys import BoardKey
from gamification.stores import StoreUnavailable

MAX_BATCH = 500
"""How many entries are announced together."""
MAX_WAITING = 10_000
"""How many entries a process keeps in mind. What comes on top is found by the sweeper."""
RETRY_SECONDS = 0.5
"""How long the announcer leaves a store alone that did not answer; what comes meanwhile is left to the sweeper."""
ROUND_SECONDS = 0.02
"""How long at least lies between the beginnings of two announcements: one that comes after a quiet time is made at
once, and of many that come one after the other several go together, since each costs the same whatever is in it."""
FORGET_SECONDS = 0.1
"""How long announced entries are gathered before they are deleted, since a deletion costs as much as a commit."""
SWEPT_AFTER = timedelta(milliseconds=300)
"""How long an entry lies before the sweeper takes it for forgotten."""
SWEEP_SECONDS = 0.5
MAX_SWEEP_PAUSE_SECONDS = 2.0
"""Between two tries while a store is away."""
PASSED_OVER_FOR = timedelta(minutes=1)
"""How long an entry that cannot be announced is left alone, so that it does not stop those after it."""
MAX_PASSED_OVER = 1_000
"""How many such entries a process keeps in mind; those beyond are tried again sooner."""

Told = tuple[str, MemberScores | None]
"""Whom an entry is about, and what is known of them as of its revision; None where they must be read."""

log = logging.getLogger(__name__)


class Announcer:
    """Announces members that have changed. To do it again, late or in two processes at once changes nothing."""

    def __init__(
        self,
        outbox: Outbox,
        placings: MongoPlacings,
        boards: RedisBoards,
        hub: Hub,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._outbox, self._placings, self._boards, self._hub = outbox, placings, boards, hub
        self._now = now
        self.on_placed: Callable[[Iterable[BoardKey]], None] = lambda _: None
        """Is told on which boards members were placed; returns at once."""
        self._waiting: dict[str, Told] = {}
        self._in_hand: set[str] = set()
        """Entries that this process will announce or has announced, and not deleted yet."""
        self._came = asyncio.Event()
        self._announced: list[str] = []
        self._done = asyncio.Event()
        self._fails: type[StoreUnavailable] | None = None
        self._passed_over: dict[str, datetime] = {}

    def written(self, changes: Sequence[Changed]) -> None:
        """Note these changes, whose commit has just been confirmed. Returns at once."""
        noted = {
            change.entry_id: (change.member_id, change.scores) for change in changes[: MAX_WAITING - len(self._waiting)]
        }
        self._waiting |= noted
        self._in_hand |= noted.keys()
        self._came.set()

    async def run(self) -> NoReturn:
        """Announce what is noted, until cancelled."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._forget_in_batches())
            while True:
                await self._came.wait()
                self._came.clear()
                while self._waiting:
                    next_at = loop.time() + ROUND_SECONDS
                    batch = dict(list(self._waiting.items())[:MAX_BATCH])
                    for entry in batch:
                        del self._waiting[entry]
                    await self._try(batch)
                    await asyncio.sleep(max(0.0, next_at - loop.time()))

    async def sweep(self) -> NoReturn:
        """Announce what has been lying in the outbox for a while, whoever wrote it, until cancelled."""
        pause = SWEEP_SECONDS
        while True:
            try:
                while await self._sweep_once() == MAX_BATCH:
                    pass
                pause = SWEEP_SECONDS
            except StoreUnavailable as error:
                self._failed(error)
                pause = min(2 * pause, MAX_SWEEP_PAUSE_SECONDS)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311

    async def _forget_in_batches(self) -> NoReturn:
        while True:
            await self._done.wait()
            self._done.clear()
            await asyncio.sleep(FORGET_SECONDS)
            announced, self._announced = self._announced, []
            try:
                await self._outbox.done(announced)
            except StoreUnavailable as error:  # The sweeper announces them once more.
                self._failed(error)
            finally:
                self._in_hand.difference_update(announced)

    async def _sweep_once(self) -> int:
        now = self._now()
        self._passed_over = {entry: at for entry, at in self._passed_over.items() if now - at < PASSED_OVER_FOR}
        found = await self._outbox.pending(now - SWEPT_AFTER, MAX_BATCH, besides=list(self._passed_over))
        # What is in hand is announced anyway; to do it twice is what a busy process has least time for.
        entries = {one.entry_id: (one.member_id, None) for one in found if one.entry_id not in self._in_hand}
        if entries:
            await self._outbox.done(await self._announce_sound(entries))
        return len(entries)

    async def _try(self, batch: dict[str, Told]) -> None:
        announced: list[str] = []
        try:
            announced = (await self._announce_sound(batch))[: MAX_WAITING - len(self._announced)]
            self._announced += announced
            self._done.set()
        except StoreUnavailable as error:
            self._failed(error)
            # Local subscribers need MongoDB alone. All of these are in the outbox, where the sweeper finds them.
            self._hub.wake(Hints(members=[member_id for member_id, _ in self._waiting.values()]))
            self._in_hand.difference_update(self._waiting)
            self._waiting.clear()
            self._in_hand.difference_update(batch)
            await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._in_hand.difference_update(batch.keys() - set(announced))

    async def _announce_sound(self, entries: Mapping[str, Told]) -> list[str]:
        """Announce all entries but those with which something is wrong; which these were.

        Raises:
            StoreUnavailable: a store did not answer. The entries stay.
        """
        try:
            await self._announce(entries)
        except StoreUnavailable:
            raise
        except Exception as error:
            if len(entries) == 1:
                self._pass_over(next(iter(entries)), error)
                return []
        else:
            return list(entries)
        return [one for entry, told in entries.items() for one in await self._announce_sound({entry: told})]

    def _pass_over(self, entry: str, error: Exception) -> None:
        log.error("%s cannot be announced, which is tried again in %s", entry, PASSED_OVER_FOR, exc_info=error)
        if len(self._passed_over) >= MAX_PASSED_OVER:
            del self._passed_over[next(iter(self._passed_over))]
        self._passed_over[entry] = self._now()

    async def _announce(self, entries: Mapping[str, Told]) -> None:
        """Place these members and tell of it. Then the entries have done their work: a later commit has one of its own.

        Raises:
            StoreUnavailable: a store did not answer. The entries stay.
        """
        known, unknown = _known_and_unknown(entries.values())
        member_ids = [*known, *unknown]
        try:
            placings = [
                *await self._placings.as_of(list(known.values())),
                *(await self._placings.of(unknown) if unknown else ()),
            ]
            await self._boards.place(placings)
        except StoreUnavailable:
            self._hub.wake(Hints(members=member_ids))
            raise
        self.on_placed({placing.key for placing in placings})
        await self._hub.announce(Hints(member_ids, list(dict.fromkeys(placing.key.text for placing in placings))))
        if self._fails:
            self._fails = None
            log.info("what is recorded comes to boards and phones at once again")

    def _failed(self, error: StoreUnavailable) -> None:
        if self._fails is not type(error):
            self._fails = type(error)
            # At the very first start that is how it must be.
            level = logging.INFO if isinstance(error, NeverBuilt) else logging.WARNING
            log.log(level, "what is recorded comes to boards and phones later: %s", error)


def _known_and_unknown(all_told: Iterable[Told]) -> tuple[Mapping[str, MemberScores], Sequence[str]]:
    """What is known of members as of their latest revision, and those who must be read for one entry or another."""
    known: dict[str, MemberScores] = {}
    unknown: dict[str, None] = {}
    for member_id, scores in all_told:
        if scores is None:
            unknown[member_id] = None
        elif member_id not in known or known[member_id].revision < scores.revision:
            known[member_id] = scores
    return {member_id: scores for member_id, scores in known.items() if member_id not in unknown}, list(unknown)
