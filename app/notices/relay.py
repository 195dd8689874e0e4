"""The relay: gives notices their places in the feed right after their commit, and brings them to the streams."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from itertools import islice
from typing import NoReturn

from app.live.background import Job
from app.live.hints import Hints
from app.live.hub import Hub
from app.notices.positions import Batch, Positions
from app.notices.refill import Refill
from app.notices.streams import Streams
from gamification.stores import StoreUnavailable

SWEEP_SECONDS = 0.5
"""How often is looked for notices of others: of a process that was killed, or one that does not relay."""
RETRY_SECONDS = 0.5
"""How long MongoDB is left alone that did not answer."""
MAX_WAITING = 8
"""How many batches wait to be added to the streams. What comes on top is left to the refill."""
MAX_TRIES = 3
MAX_UNTOLD = 100_000
"""Of how many members is kept in mind that other processes are to be told of them, while Redis is away. Of more than
that they find out by themselves, within the minute in which subscriptions look without a reason."""
TOLD_TOGETHER = 2_000
"""Of how many of these members others are told at a time."""
LATE_SECONDS = 0.005
"""How long another relay is given to add what comes before, until the next try."""

log = logging.getLogger(__name__)


class Relay:
    """Any number may run at once, and be killed anywhere: what one leaves undone, the others find."""

    def __init__(self, positions: Positions, streams: Streams, refill: Refill, hub: Hub) -> None:
        self._positions, self._streams, self._refill, self._hub = positions, streams, refill, hub
        self._came = asyncio.Event()
        self._placed: asyncio.Queue[Batch] = asyncio.Queue(MAX_WAITING)
        self._untold: dict[str, None] = {}
        self._away = False

    def written(self) -> None:
        """Note that notices have just been committed. Returns at once."""
        self._came.set()

    def jobs(self) -> dict[str, Job]:
        """What runs in the background, by name."""
        return {"notice relay": self.place, "notice streams": self.post}

    async def place(self) -> NoReturn:
        """Give places to all notices that have none, until cancelled."""
        while True:
            try:
                while await self.place_once():
                    pass
                self._away = False
            except StoreUnavailable as error:
                if not self._away:
                    log.warning("notices get their places late: %s", error)
                self._away = True
                await asyncio.sleep(RETRY_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_SECONDS):
                    await self._came.wait()
            self._came.clear()

    async def place_once(self) -> int:
        """Give places to a batch of notices; how many it has, and 0 where none waits.

        Raises:
            StoreUnavailable: MongoDB did not answer in time, or others were faster all the while.
        """
        batch = await self._positions.assign()
        if batch is None:
            return 0
        self._hub.wake(_hints(batch))
        try:
            self._placed.put_nowait(batch)
        except asyncio.QueueFull:
            self._leave(batch)
        return len(batch.entries)

    async def post(self) -> NoReturn:
        """Add to the streams what has got its place here, until cancelled."""
        while True:
            batch = await self._next()
            try:
                if batch is not None:
                    await self._add(batch, batch.upto)
                    await self._hub.tell_others(_hints(batch))
                await self._tell_late()
            except StoreUnavailable as error:
                log.debug("notices were not added to the streams: %s", error)
                if batch is not None:
                    self._leave(batch)
                while not self._placed.empty():
                    self._leave(self._placed.get_nowait())

    async def _next(self) -> Batch | None:
        """The next batch; None where others are to be told late, and none comes meanwhile."""
        if not self._untold:
            return await self._placed.get()
        with suppress(TimeoutError):
            async with asyncio.timeout(RETRY_SECONDS):
                return await self._placed.get()
        return None

    def _leave(self, batch: Batch) -> None:
        """Leave a batch to the refill, and keep in mind whom it is for."""
        self._refill.due()
        for member_id in _hints(batch).members:
            if len(self._untold) < MAX_UNTOLD:
                self._untold[member_id] = None

    async def _tell_late(self) -> None:
        """Tell the other processes what they could not be told before.

        Raises:
            StoreUnavailable: nor can they be now.
        """
        while self._untold:
            members = list(islice(self._untold, TOLD_TOGETHER))
            await self._hub.tell_others(Hints(members=members))
            for member_id in members:
                self._untold.pop(member_id, None)

    async def _add(self, batch: Batch, upto: Mapping[int, int]) -> None:
        after = batch.after
        for _ in range(MAX_TRIES):
            entries = [entry for entry in batch.entries if entry.partition in upto]
            got = await self._streams.add(entries, after, upto)
            upto = {partition: end for partition, end in upto.items() if got[partition] < end}
            if not upto:
                return
            await asyncio.sleep(LATE_SECONDS)
        self._refill.due()


def _hints(batch: Batch) -> Hints:
    return Hints(members=list(dict.fromkeys(entry.notice.member_id for entry in batch.entries)))
