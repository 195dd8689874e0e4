"""The campaigns as a process uses them: those at hand, what is offered, and the figures that are shown."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from app.campaigns.allowances import Allowances, Key, Slice, left_of
from app.campaigns.book import CampaignBook
from app.campaigns.figures import LIVE_TIMEOUT_SECONDS, LiveFigures
from app.clock import utc_now
from app.shared_read import SharedRead
from app.stores.connection import Connection
from gamification.campaign_changes import NO_DETAILS, Details
from gamification.campaigning import (
    BelowGiven,
    CampaignEvent,
    CampaignRefusal,
    CampaignState,
    CodeTaken,
    Left,
    Origin,
    Repeated,
    TooManyCampaigns,
    Transition,
    UnknownCampaign,
)
from gamification.campaigns import Offer, Offers
from gamification.fold import CampaignVersions
from gamification.program.campaigns import Campaign
from gamification.program.texts import Text
from gamification.record import Grant
from gamification.stores import StoreUnavailable

MAX_AGE_SECONDS = 0.75
"""How old what is known of the campaigns may be where it is used."""
FIGURES_SECONDS = 0.25
"""How old the figures that are shown may be: however many phones ask, Redis is asked some six times a second."""
REFRESH_SECONDS = 0.15
"""How old they may be before they are read anew in the background, so that nobody has to wait while many ask."""
MAX_FIGURES = 200
"""Of how many campaigns figures are kept at hand; those of others are read when they are asked for."""
SPENT_SECONDS = 1.0
"""For how long a campaign that was used up is not asked about: points that are taken back may fill it again."""
MAX_SPENT = 2_000
MAX_NAMES = 2_000
"""Of how many campaigns, by code, the names are kept at hand; beyond, old records are explained by the code alone."""


class MongoCampaigns:
    """Implements `gamification.stores.Campaigns`. Holds nothing but caches.

    ``tell_others`` wakes whoever waits for changes of campaigns, in this process and in others.

    ``on_spent`` is told when a campaign is found to be used up; it must return at once and not fail.
    """

    def __init__(
        self,
        connection: Connection,
        allowances: Allowances,
        figures: LiveFigures | None = None,
        tell_others: Callable[[], Awaitable[None]] | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.book = CampaignBook(connection, allowances)
        self._allowances, self._live, self._now = allowances, figures, now
        self._tell_others = tell_others
        self._states: Mapping[str, CampaignState] = {}
        self._names: dict[str, Text] = {}
        self._seen: int | None = None
        self._checked_at = float("-inf")
        self._shortfalls = 0
        self._checking = SharedRead(self._check)
        self._reading: asyncio.Task[Mapping[Key, Sequence[Slice]]] | None = None
        self._asked: set[str] = set()
        self._spent: dict[tuple[str, int], tuple[Left, float]] = {}
        self._figures: Mapping[str, Left] = {}
        self._figures_at = float("-inf")
        self._refreshing = SharedRead(self._refresh_figures)
        self.on_spent: Callable[[], None] = lambda: None
        self._touched: set[str] = set()
        allowances.on_change = self._committed

    async def offers(self, kinds: Collection[str]) -> Offers:
        """The campaigns that run for activities of these kinds, each with what is left of it as of this call.

        One that was used up `SPENT_SECONDS` ago is taken to be so still.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        now = self._now()
        states = await self._current()
        offered = [state for state in states if state.is_offered(now) and not set(kinds).isdisjoint(state.terms.on)]
        limited = [state for state in offered if state.terms.is_limited]
        left = {state.code: Left() for state in offered if not state.terms.is_limited}
        # Again, for what is known to be used up may be unlearnt while the rest is asked for.
        while asked := [state for state in limited if state.code not in left and self._spent_by(state) is None]:
            slices = await self._slices({state.code for state in asked})
            for state in asked:
                left[state.code] = left_of(state.terms, slices)
                self._note(state, left[state.code])
        left |= {state.code: spent for state in limited if (spent := self._spent_by(state)) is not None}
        offers = [
            Offer(state.terms, state.version, left[state.code].points, left[state.code].places) for state in offered
        ]
        return Offers(offers, others=[*(state.code for state in states), *self.book.unreadable])

    async def terms(self, grants: Iterable[Grant]) -> CampaignVersions:
        """The terms that these grants were given by, where they are known.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        return await self.book.terms([(grant.campaign, grant.version) for grant in grants])

    async def create(
        self, terms: Campaign, origin: Origin, by: str, now: datetime, *, draft: bool, why: Details = NO_DETAILS
    ) -> CampaignState | CodeTaken | TooManyCampaigns:
        """A new campaign, known to all processes within a second.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        made = await self.book.create(terms, origin, by, now, draft=draft, why=why)
        await self.announce()
        return made

    async def change(
        self, code: str, transition: Transition, by: str, now: datetime, why: Details = NO_DETAILS
    ) -> CampaignState | Repeated | CampaignRefusal | UnknownCampaign:
        """Let a campaign take a step, known to all processes within a second.

        Raises:
            StoreUnavailable: the store did not answer in time, or others changed the campaign all the while.
        """
        changed = await self.book.change(code, transition, by, now, why)
        await self.announce()
        return changed

    async def get(self, codes: Sequence[str]) -> Mapping[str, CampaignState]:
        """The campaigns with these codes as they are now, where there are any.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        return await self.book.get(codes)

    async def all(self, after: str = "", limit: int = 100) -> Sequence[CampaignState]:
        """Up to ``limit`` campaigns of any status in the order of their codes, beyond the code ``after``.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        return await self.book.all(after, limit)

    async def events(self, after: int, limit: int) -> Sequence[CampaignEvent]:
        """Up to ``limit`` events beyond the number ``after``, oldest first.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        return await self.book.events(after, limit)

    def names(self) -> Mapping[str, Text]:
        """The names of campaigns by code, also of those that have ended, as far as this process knows them by now."""
        return self._names

    async def audit(self, code: str, after: int, limit: int) -> Sequence[CampaignEvent]:
        """Up to ``limit`` events of one campaign beyond the number ``after``, oldest first.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        return await self.book.events(after, limit, code)

    async def last_event(self) -> int:
        """The number of the last event; 0 if nothing has happened yet.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        return await self.book.last_event()

    async def current(self) -> Sequence[CampaignState]:
        """Drafts, running and paused campaigns, as of at most `MAX_AGE_SECONDS` ago, in the order of their codes.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        return [state for state in await self._current() if state.status != "ended"]

    async def live(self, codes: Collection[str]) -> Mapping[str, Left]:
        """What is left of these campaigns, for showing it: at most `FIGURES_SECONDS` and the commits on the way old.

        All who ask within that time share one round trip to Redis, or to MongoDB where that has no sound figures.

        Raises:
            StoreUnavailable: neither answered in time.
        """
        age = asyncio.get_running_loop().time() - self._figures_at
        if age > REFRESH_SECONDS:
            if age > FIGURES_SECONDS:
                await self._refreshing.get()
            else:
                self._refreshing.begin()
        missing = [code for code in codes if code not in self._figures]
        if not missing:
            return {code: self._figures[code] for code in codes}
        more = await self._left(list((await self.book.get(missing)).values()))
        return {code: left for code, left in ({**self._figures, **more}).items() if code in codes}

    async def refresh(self) -> Sequence[CampaignState]:
        """Look whether campaigns have changed; those at hand after it.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        await self._check()
        return list(self._states.values())

    async def below_given(self, terms: Campaign) -> BelowGiven | None:
        """A limit of these terms that is less than what their campaign has given already; None where there is none.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        return await self._allowances.below(terms)

    async def slices(self, codes: Collection[str]) -> Mapping[Key, Sequence[Slice]]:
        """The slices of these campaigns, read anew.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        return await self._allowances.slices(codes)

    def take_touched(self) -> Collection[str]:
        """Those limited campaigns of which something was taken here, or seems to be used up, since this was called."""
        touched, self._touched = self._touched, set()
        return touched

    def touch(self, codes: Collection[str]) -> None:
        """Have what is left of these read at the next look."""
        self._touched |= set(codes)

    def correct(self, state: CampaignState, left: Left) -> None:
        """Take over what MongoDB says is left; also that a campaign is not used up after all, as in an older copy."""
        if _used_up(left):
            self._note(state, left)
        else:
            self._spent.pop((state.code, state.version), None)

    async def _current(self) -> Sequence[CampaignState]:
        """The campaigns at hand; they are looked at again if that was too long ago, or if a commit had too little."""
        short = self._allowances.shortfalls != self._shortfalls
        if short or asyncio.get_running_loop().time() - self._checked_at > MAX_AGE_SECONDS:
            self._shortfalls = self._allowances.shortfalls
            await self._checking.get()
        return list(self._states.values())

    async def _check(self) -> None:
        asked_at = asyncio.get_running_loop().time()
        last = await self.book.last_event()
        if last != self._seen:
            # Read after the number: what changes in between is only read once more.
            states = await self.book.current(self._now())
            if asked_at >= self._checked_at:  # Or else a later look was quicker.
                if self._seen is None:
                    await self._learn_names()
                elif last < self._seen:
                    self._forget()
                self._states = {state.code: state for state in sorted(states, key=lambda state: state.code)}
                self._names |= {state.code: state.terms.name for state in states}
                self._seen = last
                self._figures_at = float("-inf")
        self._checked_at = max(self._checked_at, asked_at)

    def _forget(self) -> None:
        """Events are never taken back, so an older copy of the database was restored: what was certain is not."""
        self._spent.clear()
        self.book.forget()

    async def _learn_names(self) -> None:
        """Read the names of all campaigns there have been, once; later ones are seen while they run."""
        after = ""
        while len(self._names) < MAX_NAMES and (page := await self.book.all(after)):
            self._names |= {state.code: state.terms.name for state in page}
            after = page[-1].code

    async def announce(self) -> None:
        """As after a change: look at once, and let the other processes look. Without Redis these do so by themselves.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        await self._check()
        if self._tell_others is not None:
            with suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(LIVE_TIMEOUT_SECONDS):
                    await self._tell_others()

    async def _slices(self, codes: Collection[str]) -> Mapping[Key, Sequence[Slice]]:
        """The slices of these campaigns; all who ask in the same tick share one read, which begins after it."""
        self._asked |= set(codes)
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._read_slices())
        return await asyncio.shield(self._reading)

    async def _read_slices(self) -> Mapping[Key, Sequence[Slice]]:
        await asyncio.sleep(0)
        asked, self._asked, self._reading = self._asked, set(), None
        return await self._allowances.slices(asked)

    async def _refresh_figures(self) -> None:
        states = await self._current()
        limited = [state for state in states if state.terms.is_limited][:MAX_FIGURES]
        asked_at = asyncio.get_running_loop().time()
        figures = {state.code: Left() for state in states if not state.terms.is_limited}
        self._figures = {**figures, **await self._left(limited)}
        self._figures_at = asked_at

    async def _left(self, states: Sequence[CampaignState]) -> Mapping[str, Left]:
        """What is left of these, by Redis, or by MongoDB where Redis does not answer or is not to be believed."""
        limited = [state for state in states if state.terms.is_limited]
        left: dict[str, Left] = {state.code: Left() for state in states}
        unknown = limited
        if self._live is not None and limited:
            try:
                figures = await self._live.read([state.code for state in limited])
            except StoreUnavailable:
                figures = {}
            known = {
                state.code: seen
                for state in limited
                if (held := figures.get(state.code)) and (seen := held.left(state)) is not None
            }
            left |= known
            unknown = [state for state in limited if state.code not in known]
            doubtful = [state.code for state in limited if self._seems_spent(state, known.get(state.code, Left()))]
            if doubtful:
                self.touch(doubtful)
                self.on_spent()
        if unknown:
            slices = await self._allowances.slices({state.code for state in unknown})
            for state in unknown:
                left[state.code] = left_of(state.terms, slices)
                self._note(state, left[state.code])
        return left

    def _committed(self, slices: Sequence[Slice]) -> None:
        self.touch({each.campaign for each in slices})
        filled = {each.campaign for each in slices if each.remaining}
        self._spent = {key: spent for key, spent in self._spent.items() if key[0] not in filled}
        if self._live is not None:
            self._live.note(slices)

    def _spent_by(self, state: CampaignState) -> Left | None:
        left, until = self._spent.get((state.code, state.version), (None, 0.0))
        return left if asyncio.get_running_loop().time() < until else None

    def _seems_spent(self, state: CampaignState, left: Left) -> bool:
        """Whether Redis says that it is used up and MongoDB has not said so yet: then the watcher should look."""
        return state.status == "running" and _used_up(left) and (state.code, state.version) not in self._spent

    def _note(self, state: CampaignState, left: Left) -> None:
        """Remember for a while what MongoDB says is used up."""
        key = (state.code, state.version)
        if not _used_up(left):
            self._spent.pop(key, None)
            return
        is_news = key not in self._spent
        if is_news and len(self._spent) >= MAX_SPENT:
            self._spent.clear()
        self._spent[key] = (left, asyncio.get_running_loop().time() + SPENT_SECONDS)
        if is_news:
            self.touch([state.code])
            self.on_spent()


def _used_up(left: Left) -> bool:
    """Whether all that is counted is given out. Those who hold a place still get what has no budget."""
    return left.points == 0 or (left.points is None and left.places == 0)
