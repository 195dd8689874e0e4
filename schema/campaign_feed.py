"""What happened to campaigns, for all subscriptions of a process: read once, told to any number of them."""

import asyncio
import logging
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from gamification.campaigning import CampaignEvent
from gamification.stores import Campaigns, StoreUnavailable
from schema.sharing import SharedAnswers
from schema.signals import CAMPAIGNS, Signals, wait_at_most

MAX_KEPT = 1_000
"""How many events are kept at hand, whatever their kind. Whoever comes back from further away reads by themselves."""
EVENTS_PER_READ = 100
LOOK_AGAIN_SECONDS = 1.0
"""How often is looked without a hint, for one may be lost."""
RETRY_SECONDS = 0.5
"""After a read that failed."""
FIRST_READ_SECONDS = 5.0
"""How long a subscription waits for the first read of a process."""

log = logging.getLogger(__name__)


class CampaignFeed:
    """The last events of all campaigns. Without ``run`` nothing is ever told."""

    def __init__(self, campaigns: Campaigns, signals: Signals) -> None:
        self._campaigns, self._signals = campaigns, signals
        self._told: list[CampaignEvent] = []
        self._numbers: list[int] = []
        self._reaches_back_to = 0
        self._last: int | None = None
        self._came = asyncio.Event()
        self.answers = SharedAnswers()

    async def run(self) -> NoReturn:
        """Follow the events until cancelled."""
        with self._signals.watch(CAMPAIGNS, counted=False) as signal:
            while True:
                try:
                    await self._follow()
                except StoreUnavailable as error:
                    log.debug("events of campaigns were not read: %s", error)
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    await wait_at_most(signal, LOOK_AGAIN_SECONDS)

    async def last(self) -> int:
        """The number of the last event that is known here; what happens from now on has a higher one.

        Raises:
            StoreUnavailable: the events could not be read yet.
        """
        if self._last is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._came.wait(), FIRST_READ_SECONDS)
        if self._last is None:
            raise StoreUnavailable("the events of campaigns have not been read yet")
        return self._last

    async def has(self, number: int) -> bool:
        """Whether an event of this number has happened, or it is 0.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        return number <= await self.last() or number <= await self._campaigns.last_event()

    async def after(self, number: int) -> tuple[Sequence[CampaignEvent], int]:
        """Some of the events that phones are told, after a number, and up to which number these are all.

        Waits until something has happened, which may be nothing to tell.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        while number >= await self.last():
            await self._came.wait()
        if number < self._reaches_back_to:
            events = await self._campaigns.events(number, EVENTS_PER_READ)
            return await self._shown(events), events[-1].number if events else number
        first = bisect_right(self._numbers, number)
        told = self._told[first : first + EVENTS_PER_READ]
        return told, await self.last() if first + EVENTS_PER_READ >= len(self._told) else told[-1].number

    async def _follow(self) -> None:
        """Read all that is new.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        if self._last is None:
            last = await self._campaigns.last_event()
            self._reaches_back_to = max(last - MAX_KEPT, 0)
            position = self._reaches_back_to
        else:
            position = self._last
        more = True
        while more:
            events = await self._campaigns.events(position, EVENTS_PER_READ)
            more = len(events) == EVENTS_PER_READ
            if events:
                position = events[-1].number
                self._keep(await self._shown(events))
            if (events and self._last is not None) or not (more or self._last is not None):
                self._note(position)

    async def _shown(self, events: Sequence[CampaignEvent]) -> Sequence[CampaignEvent]:
        """Those that phones are told: nothing of drafts, and nothing of what only staff does behind the scenes."""
        shown = [event for event in events if event.is_shown]
        states = await self._campaigns.get(sorted({event.campaign for event in shown})) if shown else {}
        return [event for event in shown if (state := states.get(event.campaign)) is not None and state.is_public]

    def _keep(self, told: Sequence[CampaignEvent]) -> None:
        self._told += told
        if len(self._told) > 2 * MAX_KEPT:
            self._reaches_back_to = self._told[-MAX_KEPT - 1].number
            del self._told[:-MAX_KEPT]
        self._numbers = [event.number for event in self._told]

    def _note(self, last: int) -> None:
        self._last = last
        came, self._came = self._came, asyncio.Event()
        came.set()
