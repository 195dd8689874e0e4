"""The keeper: notes what the groups have acknowledged, trims the streams, and drops notices that are old."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NoReturn

from app.clock import utc_now
from app.notices.groups import FeedGroups, Noted
from app.notices.positions import Heads, Positions
from app.notices.retention import Retention
from app.notices.streams import Seen, Streams
from gamification.stores import StoreUnavailable

KEEP_SECONDS = 2.0
"""How often; what a group has acknowledged since may come again where Redis is lost."""
KEPT_POSITIONS = 10_000
"""How much of the feed stays in the streams, even if all groups have acknowledged it."""

log = logging.getLogger(__name__)


class Keeper:
    """Any number may run; one at a time does the work."""

    def __init__(
        self,
        positions: Positions,
        streams: Streams,
        groups: FeedGroups,
        retention: Retention,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._positions, self._streams, self._groups, self._now = positions, streams, groups, now
        self._retention = retention

    async def run(self) -> NoReturn:
        """Keep the streams until cancelled."""
        while True:
            try:
                if await self._streams.claim(KEEP_SECONDS):
                    await self.keep()
            except StoreUnavailable as error:
                log.debug("what groups have acknowledged was not noted: %s", error)
            await asyncio.sleep(KEEP_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311

    async def keep(self) -> None:
        """Note what all groups have acknowledged, and drop what nobody needs.

        Of a stream that was lost, or went back, nothing is noted: it says nothing of its groups.

        Raises:
            StoreUnavailable: a store did not answer in time.
        """
        # Before all else: so what another keeper notes meanwhile is not undone.
        notes = await self._groups.read()
        seen = await self._streams.seen()
        heads = await self._positions.heads()
        sound = {
            partition: stream
            for partition, stream in enumerate(seen)
            if _is_sound(stream, heads.of(partition), notes.of(partition))
        }
        noted = {**notes.streams, **{number: Noted(each.place, each.groups) for number, each in sound.items()}}
        if noted == notes.streams or await self._groups.save(noted, notes.revision, self._now()):
            await self._streams.trim(_trimmed(sound, heads))
            await self._retention.sweep(noted, self._now())


def _is_sound(stream: Seen, head: int, noted: Noted) -> bool:
    return noted.mark <= stream.place <= head and (stream.place > 0 or stream.place == head)


def _trimmed(sound: Mapping[int, Seen], heads: Heads) -> Mapping[int, int]:
    """Before which position each stream is trimmed."""
    kept = heads.last - KEPT_POSITIONS
    before = {
        partition: min([kept, *(upto + 1 for upto in stream.groups.values())]) for partition, stream in sound.items()
    }
    return {partition: position for partition, position in before.items() if position > 0}
