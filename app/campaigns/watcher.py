"""Watches the campaigns: notes what time and limits bring about, and keeps Redis' figures right.

Every process watches. A transition is noted by whoever is first: it is written only if the campaign is still as it was
when it was looked at, so each has one event.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NoReturn
from zoneinfo import ZoneInfo

from app.campaigns.allowances import Key, Slice, left_of
from app.campaigns.figures import LiveFigures
from app.campaigns.store import MongoCampaigns
from app.live.hub import Hub
from app.stores.programs import MongoPrograms
from gamification.activity import to_milliseconds
from gamification.campaigning import MAX_TRANSITIONS, CampaignState, Change, Left, due
from gamification.stores import StoreUnavailable
from schema.signals import CAMPAIGNS

LOOK_SECONDS = 0.5
"""How often the campaigns are looked at, besides the moments at which one opens or closes and hints of changes."""
LEAST_PAUSE_SECONDS = 0.02
"""Between two looks, however many hints there are."""
COMPARE_SECONDS = 1.0
"""How often Redis' figures are compared with MongoDB."""
MAX_COMPARED = 32
"""How many campaigns are compared at a time, in turn."""
MAX_READ = 32
"""Of how many campaigns what is left is read at a look, in turn; besides those of which something was taken."""
CLOCK = "clock"
"""Who is named in the events that nobody caused."""

log = logging.getLogger(__name__)


class CampaignWatcher:
    """Looks at the campaigns again and again, and at once when it is hinted that something has changed."""

    def __init__(
        self,
        campaigns: MongoCampaigns,
        programs: MongoPrograms,
        figures: LiveFigures,
        hub: Hub,
        now: Callable[[], datetime],
    ) -> None:
        self._campaigns, self._programs, self._hub = campaigns, programs, hub
        self._figures, self._now = figures, now
        self._boundaries: dict[tuple[str, int], datetime | None] = {}
        self._compared_at = float("-inf")
        self._turn = self._read_turn = 0

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        with self._hub.watch(CAMPAIGNS, counted=False) as signal:
            self._campaigns.on_spent = signal.set
            while True:
                try:
                    await self.look()
                except StoreUnavailable as error:
                    log.debug("campaigns were not looked at: %s", error)
                await asyncio.sleep(LEAST_PAUSE_SECONDS)
                try:
                    async with asyncio.timeout(self._pause_seconds()):
                        await signal.wait()
                except TimeoutError:
                    continue

    async def look(self) -> None:
        """Look once: note what is due, and now and then compare Redis.

        Raises:
            StoreUnavailable: MongoDB did not answer in time, or no program has been applied yet.
        """
        states = await self._campaigns.refresh()
        if not states:
            return
        zone = (await self._programs.current()).program.time_zone
        running = [state for state in states if state.status == "running" and state.started_at is not None]
        limited = [state for state in running if state.terms.is_limited]
        known = await self._read(limited)
        written = False
        try:
            for state in states:
                written |= await self._settle(state, known.get(state.code, Left()), zone)
        finally:
            if written:
                await self._campaigns.announce()
        self._note_boundaries(states, zone)
        try:
            await self._compare(limited)
        except StoreUnavailable as error:
            log.debug("live figures were not compared: %s", error)

    async def _read(self, limited: Sequence[CampaignState]) -> Mapping[str, Left]:
        """What is left of those of which something was taken, and of some others in turn, for others take too."""
        first = self._read_turn % len(limited) if limited else 0
        some = (*limited[first:], *limited[:first])[:MAX_READ]
        self._read_turn = first + len(some)
        touched = self._campaigns.take_touched()
        chosen = {state.code: state for state in (*some, *(each for each in limited if each.code in touched))}
        if not chosen:
            return {}
        try:
            slices = await self._campaigns.slices(list(chosen))
        except StoreUnavailable:
            self._campaigns.touch(touched)
            raise
        known = {code: left_of(state.terms, slices) for code, state in chosen.items()}
        for code, state in chosen.items():
            self._campaigns.correct(state, known[code])
        return known

    async def _settle(self, state: CampaignState, left: Left, zone: ZoneInfo) -> bool:
        """Note all that is due of one campaign; whether anything was written."""
        for step_number in range(MAX_TRANSITIONS):
            now = to_milliseconds(self._now())
            if due(state, left, now, zone) is None:
                return step_number > 0
            seen = state.revision

            def step(current: CampaignState, now: datetime = now, seen: int = seen) -> Change | None:
                # What is left was read for the campaign as it was then.
                return due(current, left, now, zone) if current.revision == seen else None

            after = await self._campaigns.book.step(state.code, step, CLOCK, now)
            if not isinstance(after, CampaignState):
                return step_number > 0  # Another process was faster; it is looked at again soon.
            state = after
        return True

    def _note_boundaries(self, states: Sequence[CampaignState], zone: ZoneInfo) -> None:
        """When each campaign opens or closes next. Worked out once, for the rules of recurring ones take a while."""
        now = self._now()
        boundaries: dict[tuple[str, int], datetime | None] = {}
        for state in states:
            key = (state.code, state.version)
            known = self._boundaries.get(key)
            if key in self._boundaries and (known is None or known > now):
                boundaries[key] = known
            elif state.status != "ended":
                boundaries[key] = state.terms.next_boundary(now, zone)
        self._boundaries = boundaries

    def _pause_seconds(self) -> float:
        next_at = min((at for at in self._boundaries.values() if at is not None), default=None)
        seconds = LOOK_SECONDS if next_at is None else (next_at - self._now()).total_seconds()
        return max(min(seconds, LOOK_SECONDS) - LEAST_PAUSE_SECONDS, 0)

    async def _compare(self, limited: Sequence[CampaignState]) -> None:
        """Compare some campaigns: Redis is read first, so whatever MongoDB says later is at least as new."""
        loop = asyncio.get_running_loop()
        if not limited or loop.time() - self._compared_at < COMPARE_SECONDS:
            return
        self._compared_at = loop.time()
        first = self._turn % len(limited)
        some = (*limited[first:], *limited[:first])[:MAX_COMPARED]
        self._turn = first + len(some)
        figures = await self._figures.read([state.code for state in some])
        slices = await self._campaigns.slices({state.code for state in some})
        ahead = [state.code for state in some if figures[state.code].runs_ahead(state, _parts(state, slices))]
        if ahead:
            await self._figures.forget(ahead)
        behind = [
            (state, _parts(state, slices))
            for state in some
            if state.code in ahead or figures[state.code].lacks(state, _parts(state, slices))
        ]
        await self._figures.write(behind)


def _parts(state: CampaignState, slices: Mapping[Key, Sequence[Slice]]) -> Sequence[Slice]:
    return (*slices.get((state.code, "points"), ()), *slices.get((state.code, "places"), ()))
