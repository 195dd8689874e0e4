"""The herald: makes broadcasts of what campaigns give cause to tell. Any number may run: each is made once."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NoReturn

from app.broadcasts.store import MongoBroadcasts
from app.campaigns.allowances import left_of
from app.campaigns.store import MongoCampaigns
from app.live.hub import Hub
from app.stores.programs import MongoPrograms
from gamification.campaigning import CampaignState
from gamification.notices.of_campaigns import campaign_broadcasts
from gamification.program import Program
from gamification.stores import StoreUnavailable
from schema.signals import CAMPAIGNS

LOOK_SECONDS = 1.0
"""How often campaigns are looked at, besides hints that one has changed."""
LEAST_PAUSE_SECONDS = 0.1
MAX_KNOWN = 10_000
"""Of how many broadcasts a process keeps in mind that they were made; of others it asks again."""

log = logging.getLogger(__name__)


class Herald:
    """Looks at the campaigns that run."""

    def __init__(
        self,
        broadcasts: MongoBroadcasts,
        programs: MongoPrograms,
        campaigns: MongoCampaigns,
        hub: Hub,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._broadcasts, self._programs, self._campaigns = broadcasts, programs, campaigns
        self._hub, self._now = hub, now
        self._known: dict[str, None] = {}

    async def run(self) -> NoReturn:
        """Look again and again, until cancelled."""
        with self._hub.watch(CAMPAIGNS, counted=False) as signal:
            while True:
                try:
                    await self.look()
                except StoreUnavailable as error:
                    log.debug("campaigns were not looked at: %s", error)
                await asyncio.sleep(LEAST_PAUSE_SECONDS)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await signal.wait()

    async def look(self) -> None:
        """Make what is to be told now.

        Raises:
            StoreUnavailable: a store did not answer in time, or no program has been applied yet.
        """
        now = self._now()
        edition = (await self._programs.schedule()).at(now)
        if not _tells_of_campaigns(edition.program):
            return
        running = [state for state in await self._campaigns.refresh() if state.status == "running"]
        slices = await self._campaigns.slices(_with_budget(running, edition.program))
        for state in running:
            for broadcast in campaign_broadcasts(state, left_of(state.terms, slices), edition, now):
                if broadcast.code not in self._known:
                    await self._broadcasts.create(broadcast, now)
                    self._know(broadcast.code)

    def _know(self, code: str) -> None:
        if len(self._known) >= MAX_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[code] = None


def _tells_of_campaigns(program: Program) -> bool:
    told = program.notices
    return any(each is not None for each in (told.campaign_started, told.campaign_ending, told.campaign_running_low))


def _with_budget(running: Sequence[CampaignState], program: Program) -> Sequence[str]:
    """Those of which it matters what is left."""
    if program.notices.campaign_running_low is None:
        return ()
    return [state.code for state in running if state.terms.budget is not None]
