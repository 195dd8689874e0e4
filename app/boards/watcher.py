"""Watches whether Redis still holds what MongoDB trusts, and has the boards rebuilt where it does not.

They are rebuilt too where a version of the program has come into force that lays them out otherwise.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NoReturn

from app.boards.confidence import NEVER_BUILT, Confidence, went_back
from app.boards.control import Control, ControlHash
from app.boards.rebuilding import Layout, Rebuilder
from app.boards.trust import MongoProjection, Trusted
from app.stores.programs import PROGRAM_CACHE_SECONDS
from gamification.stores import StoreUnavailable

WATCH_SECONDS = 0.4
"""How often Redis is looked at. What is asked of it in between notices most of its faults by itself."""
LEAST_PAUSE_SECONDS = 0.05
"""Between two looks, however many readers wake the watcher."""
NOTE_WRITES_SECONDS = 3.0
"""How often the count of writes is noted in MongoDB, for the process that starts after all others have ended."""
CLEAN_AFTER_SECONDS = 5.0
"""How long a generation is kept after it was swapped out; longer than any read or write that began before it."""
NEW_LAYOUT_SECONDS = 2 * PROGRAM_CACHE_SECONDS
"""How long a new layout is in force before the boards are rebuilt: by then no process places by the one before."""

log = logging.getLogger(__name__)


class Watcher:
    """Sets the doubt that makes every read of this process unavailable, and takes it back."""

    def __init__(
        self,
        control: ControlHash,
        projection: MongoProjection,
        confidence: Confidence,
        rebuilder: Rebuilder,
        *,
        layout: Layout,
        now: Callable[[], datetime],
    ) -> None:
        self._control, self._projection, self._confidence = control, projection, confidence
        self._rebuilder, self._layout, self._now = rebuilder, layout, now
        self._noted_at: datetime | None = None
        self._changed_at: datetime | None = None

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        while True:
            self._confidence.suspected.clear()
            try:
                await self.look()
            except Exception:
                # A watch that ends would leave the boards as they are for good. The fault is logged each time.
                log.exception("the boards could not be watched")
                self._doubt("the boards cannot be watched")
            await asyncio.sleep(LEAST_PAUSE_SECONDS)
            try:
                async with asyncio.timeout(WATCH_SECONDS - LEAST_PAUSE_SECONDS):
                    await self._confidence.suspected.wait()
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Look once; where Redis lacks something, rebuild, unless another process does."""
        try:
            fault = await self._fault()
            if fault is None:
                self._trust()
                return
            self._doubt(fault)
            if await self._rebuilder.rebuild():
                log.info("the boards are built")
                self._trust()
        except StoreUnavailable as error:  # A rebuild that was interrupted too: the next look begins it again.
            self._doubt(str(error))

    async def _fault(self) -> str | None:
        """What is wrong with what Redis holds; None if nothing is. Does what is due where nothing is."""
        known = await self._confidence.known()
        mark = self._confidence.mark()
        control = await self._control.read()
        if control is None or not known.find(control.epoch, control.current):
            known = await self._confidence.refresh()
        if known.trusted is None and known.upcoming is None:
            return NEVER_BUILT
        if control is None or control.epoch is None:
            return "Redis has been emptied"
        if went_back(control, mark):
            return "Redis has gone back to an earlier state"
        trusted = self._confidence.accept(control, mark)
        if trusted is None:
            return "Redis holds an epoch that is not the trusted one"
        if await self._control.fingerprint() != trusted.run:
            return "a Redis server was restarted or replaced"
        if not await self._control.alive(trusted.generation):
            return "a Redis server has been emptied"
        with suppress(StoreUnavailable):  # It stays due; what Redis holds is right all the same.
            await self._do_what_is_due(trusted, control)
        return None

    async def _do_what_is_due(self, trusted: Trusted, control: Control) -> None:
        known = await self._confidence.known()
        now = self._now()
        if trusted == known.upcoming:  # Whoever swapped it in ended before saying so.
            await self._projection.confirm(trusted, now)
            await self._confidence.refresh()
        elif not known.cleaned and known.swapped_at and now - known.swapped_at > timedelta(seconds=CLEAN_AFTER_SECONDS):
            await self._control.clean()
            await self._projection.cleaned(trusted)
            await self._confidence.refresh()
        if self._noted_at is None or now - self._noted_at > timedelta(seconds=NOTE_WRITES_SECONDS):
            self._noted_at = now
            await self._projection.saw_writes(trusted, control.writes)
        await self._follow_layout(trusted)

    async def _follow_layout(self, trusted: Trusted) -> None:
        """Have the boards rebuilt where the program lays them out otherwise by now. Reads go on meanwhile."""
        if await self._layout() == trusted.layout:
            self._changed_at = None
            return
        self._changed_at = self._changed_at or self._now()
        if self._now() - self._changed_at >= timedelta(seconds=NEW_LAYOUT_SECONDS) and await self._rebuilder.rebuild():
            log.info("the program lays out the boards otherwise, and they are rebuilt")

    def _doubt(self, reason: str) -> None:
        if self._confidence.doubt is None:
            level = logging.INFO if reason == NEVER_BUILT else logging.WARNING
            log.log(level, "ranks are unavailable: %s", reason)
        self._confidence.doubt = reason

    def _trust(self) -> None:
        if self._confidence.doubt is not None:
            log.info("ranks are available")
        self._confidence.doubt = None
