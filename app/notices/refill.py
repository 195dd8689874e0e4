"""Refilling: brings the streams to where the feed is, whatever Redis has lost and whoever was killed in the middle."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import NoReturn

from app.notices.entries import Entry
from app.notices.groups import FeedGroups, Noted
from app.notices.positions import MAX_BATCH, Heads, Positions
from app.notices.streams import Streams
from gamification.stores import StoreUnavailable

LOOK_SECONDS = 1.0
"""How often is looked without a reason: where a relay was killed between MongoDB and Redis, nobody else says so."""
AWAY_SECONDS = 0.5
"""How long Redis or MongoDB is left alone that did not answer."""

log = logging.getLogger(__name__)


class Refill:
    """Any number may run at once, in any processes."""

    def __init__(self, positions: Positions, streams: Streams, groups: FeedGroups) -> None:
        self._positions, self._streams, self._groups = positions, streams, groups
        self._due = asyncio.Event()
        self._away = False

    def due(self) -> None:
        """Have it looked at once: something could not be added to a stream."""
        self._due.set()

    async def run(self) -> NoReturn:
        """Look again and again until cancelled."""
        while True:
            try:
                await self.look()
                if self._away:
                    log.info("the streams of notices are up to date again")
                self._away, pause = False, LOOK_SECONDS
            except StoreUnavailable as error:
                if not self._away:
                    log.warning("notices come to the streams late: %s", error)
                self._away, pause = True, 0.0
                await asyncio.sleep(AWAY_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._due.wait()
            self._due.clear()

    async def look(self) -> None:
        """Bring every stream to where the feed is now. One that loses something meanwhile is left to the next look.

        Raises:
            StoreUnavailable: a store did not answer in time.
        """
        places = await self._streams.places()
        # Read after the places: so no stream that is sound is beyond it.
        heads = await self._positions.heads()
        behind = {partition: place for partition, place in enumerate(places) if place != heads.of(partition)}
        if not behind:
            return
        notes = await self._groups.read()
        lost = [each for each, place in behind.items() if place < notes.of(each).mark]
        if lost and notes.revision:  # Else there were none yet: it is the first start.
            log.warning(
                "%d of %d streams of notices have lost what Redis held, and get it again", len(lost), len(places)
            )
        after = {
            partition: await self._begin(partition, place, heads.of(partition), notes.of(partition))
            for partition, place in behind.items()
        }
        await self._fill(after, heads)

    async def _begin(self, partition: int, place: int, head: int, noted: Noted) -> int:
        """Make sure that there is a stream with its groups; from where on it lacks what the feed has."""
        # Lost, or ahead of the feed, which no stream ever is unless MongoDB has gone back to a backup.
        if place <= 0 or place > head:
            mark = min(noted.mark, head)
            groups = {name: min(upto, head) for name, upto in noted.groups.items()}
            start = min([mark, *groups.values()])
            restored = await self._streams.restore(partition, place, start, mark, groups)
            # Somebody else has been at it. What it has come to, the next look shows.
            return restored if restored >= start else head
        if place < noted.mark:  # Redis has gone back to what it was some time ago.
            await self._streams.ensure(partition, noted.groups)
        return place

    async def _fill(self, after: dict[int, int], heads: Heads) -> None:
        """Add what the feed has beyond these places."""
        after = {partition: place for partition, place in after.items() if place < heads.of(partition)}
        while after:
            position = min(after.values())
            entries = await self._positions.entries(position, MAX_BATCH)
            last = entries[-1].position if len(entries) == MAX_BATCH else heads.last
            upto = {partition: min(last, heads.of(partition)) for partition in after}
            upto = {partition: end for partition, end in upto.items() if after[partition] < end}
            wanted = [each for each in entries if _is_between(each, after, upto)]
            got = await self._streams.add(wanted, after, upto)
            after = _further(after, upto, got, heads)


def _is_between(entry: Entry, after: Mapping[int, int], upto: Mapping[int, int]) -> bool:
    partition = entry.partition
    return partition in upto and after[partition] < entry.position <= upto[partition]


def _further(after: Mapping[int, int], upto: Mapping[int, int], got: Mapping[int, int], heads: Heads) -> dict[int, int]:
    """How far the streams are that are not done yet, but for those that have lost something once more."""
    return {
        partition: got.get(partition, place)
        for partition, place in after.items()
        if upto.get(partition, place) <= got.get(partition, place) < heads.of(partition)
    }
