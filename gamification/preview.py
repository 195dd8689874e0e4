"""Previews: what a campaign would have given in past days. Writes nothing.

Members' histories are taken up where the days begin, and what they did since is folded in once more, with the campaign
among those that were on offer, in the order of time over all members. So its budget, caps and places run out as they
would have.
"""

import asyncio
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from gamification.absorbed import size_of, still_absorbed, whole_pasts
from gamification.activity import EARLIEST
from gamification.campaigns import Offer, Offers, grants_of, settlements
from gamification.effects import BonusWithheld, Entry
from gamification.fold import CampaignVersions, advance, apply_standing
from gamification.history import Event, History, Past
from gamification.playing import Playing
from gamification.program.campaigns import Campaign
from gamification.record import Outcome
from gamification.schedule import Schedule
from gamification.state import Moment, State
from gamification.stores import Stores

MAX_PREVIEW_DAYS = 92
MAX_PREVIEW_MEMBERS = 2_000
MAX_PREVIEW_RECORDS = 50_000
MAX_EXAMPLES = 10
PREVIEW_VERSION = 0
"""The version of terms that are only previewed; those that are kept count from 1."""
_RECORDS_PER_TURN = 50
"""After how many records whoever waits for the event loop gets a turn."""
_MEMBERS_PER_READ = 200


@dataclass(frozen=True, slots=True)
class Example:
    """What one member would have had: how many points, for how many activities."""

    member_id: str
    points: int
    activities: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a campaign would have given: to ``members`` for ``activities``, ``points`` altogether.

    ``net_points`` is how much more members would have got of all campaigns, since one may take another's place.
    ``reduced`` counts by limit how many bonuses it cut. ``exhausted_at`` is when the budget would have run dry.
    ``members_read`` and ``records_read`` say what it rests on, and ``is_sample`` that there were more.
    """

    members: int = 0
    activities: int = 0
    points: int = 0
    net_points: int = 0
    reduced: Mapping[str, int] = field(default_factory=dict)
    exhausted_at: datetime | None = None
    examples: tuple[Example, ...] = ()
    members_read: int = 0
    records_read: int = 0
    is_sample: bool = False


@dataclass(slots=True)
class _Path:
    """One member on the way through the days once more."""

    state: State
    ahead: Sequence[Event]
    points: int = 0
    activities: int = 0


async def preview(
    pasts: Mapping[str, Past],
    schedule: Schedule,
    terms: CampaignVersions,
    proposed: Campaign,
    since: datetime,
) -> Preview:
    """What ``proposed`` would have given from ``since`` on, had it run then with the hours that it names.

    ``pasts`` are those of members from the beginning on; ``schedule`` and ``terms`` have the versions that the records
    were decided under. Others get a turn of the event loop in between.

    Raises:
        KeyError: a record names a version that is not given.
    """
    run = _Run(schedule, terms, proposed.model_copy(update={"starts_at": since, "ends_at": None}))
    for member_id, past in pasts.items():
        await run.take_up(member_id, past, since)
    lines = [_line(member_id, path.ahead) for member_id, path in run.paths.items()]
    for _, member_id, event in heapq.merge(*lines, key=lambda each: each[:2]):
        await run.turn()
        run.again(member_id, event)
    return run.told()


class _Run:
    def __init__(self, schedule: Schedule, terms: CampaignVersions, proposed: Campaign) -> None:
        self._schedule, self._terms, self._proposed = schedule, terms, proposed
        budget = proposed.budget.points if proposed.budget else None
        self._offers = Offers([Offer(proposed, PREVIEW_VERSION, budget, proposed.first_members)])
        self._room = budget
        self._records = self._points = self._net = 0
        self._reduced: dict[str, int] = {}
        self._exhausted_at: datetime | None = None
        self.paths: dict[str, _Path] = {}

    async def turn(self) -> None:
        """Count a record, and give others a turn now and then."""
        self._records += 1
        if self._records % _RECORDS_PER_TURN == 0:
            await asyncio.sleep(0)

    async def take_up(self, member_id: str, past: Past, since: datetime) -> None:
        """Bring a member to where the days begin. What was done with a merged account is that of whoever has it now."""
        history = History.of(past, self._schedule)
        start = history.state_before(Moment(EARLIEST, ""))
        if start.merged_into is not None:
            return
        # What changed hands is a gain in the one account's records and a loss in the other's.
        for records in (past.records, *(past.absorbed[other] for other in still_absorbed(past.records))):
            self._net -= sum(_given(record.outcome) for record in records if record.outcome.at >= since)
        await asyncio.sleep(0)
        living = history.living(None)
        behind = [event for event in living if event.at < since]
        playing = Playing(start, behind, self._schedule, self._terms)
        for _ in playing.play():
            await self.turn()
        self.paths[member_id] = _Path(playing.state, living[len(behind) :])

    def again(self, member_id: str, event: Event) -> None:
        """Take an activity's step once more, with the proposed campaign on offer."""
        path, program = self.paths[member_id], self._schedule.version(event.version)
        recorded = [
            Offer.again(each, self._terms[each.campaign, each.version])
            for each in event.grants
            if each.campaign != self._proposed.code
        ]
        state, _ = advance(path.state, event.at, self._schedule)
        offers = [*recorded, *self._offers.open_for(event.activity, event.recorded_at, program, state)]
        result = apply_standing(state, event.activity, program, event.at, offers)
        given = _given(result.outcome, self._proposed.code)
        self._net += _given(result.outcome)
        self._note(result.outcome)
        grants = grants_of(offers, state, result.outcome)
        self._offers.take(settlements(each for each in grants if each.version == PREVIEW_VERSION))
        self._room = None if self._room is None else self._room - given
        if self._room == 0 and self._exhausted_at is None:
            self._exhausted_at = event.at
        path.state = result.state
        if given:
            path.points, path.activities = path.points + given, path.activities + 1
            self._points += given

    def told(self) -> Preview:
        """What came out."""
        having = {member_id: path for member_id, path in self.paths.items() if path.activities}
        top = heapq.nsmallest(MAX_EXAMPLES, having.items(), key=lambda each: (-each[1].points, each[0]))
        return Preview(
            members=len(having),
            activities=sum(path.activities for path in having.values()),
            points=self._points,
            net_points=self._net,
            reduced=self._reduced,
            exhausted_at=self._exhausted_at,
            examples=tuple(Example(member_id, path.points, path.activities) for member_id, path in top),
            members_read=len(self.paths),
            records_read=self._records,
        )

    def _note(self, outcome: Outcome) -> None:
        for effect in outcome.effects:
            if isinstance(effect, BonusWithheld) and effect.campaign == self._proposed.code:
                self._reduced[effect.limit] = self._reduced.get(effect.limit, 0) + 1
                if effect.limit == "budget" and self._exhausted_at is None:
                    self._exhausted_at = outcome.at


class Previewer:
    """Previews campaigns over the journal; the store is asked for no more than the bounds allow."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def preview(self, proposed: Campaign, since: datetime) -> Preview:
        """What a campaign would have given since then, to up to ``MAX_PREVIEW_MEMBERS`` members.

        Raises:
            StoreUnavailable: a store did not answer in time.
        """
        pasts, is_sample = await self._pasts(since)
        records = [record for past in pasts.values() for record in past.all_records]
        schedule = await self._stores.programs.schedule()
        named = {(each.campaign, each.version): each for record in records for each in record.all_grants}
        grants = list(named.values())
        terms = await self._stores.campaigns.terms(grants) if grants else {}
        made = await preview(pasts, schedule, terms, proposed, since)
        return replace(made, is_sample=is_sample)

    async def _pasts(self, since: datetime) -> tuple[dict[str, Past], bool]:
        pasts: dict[str, Past] = {}
        after, left = "", MAX_PREVIEW_RECORDS
        while True:
            ids = await self._stores.journal.active_since(since, after, _MEMBERS_PER_READ)
            if not ids:
                return pasts, False
            if len(pasts) >= MAX_PREVIEW_MEMBERS:
                return pasts, True
            found = await self._stores.members.by_ids(ids)
            members = [found[each] for each in ids if each in found and found[each].state.merged_into is None]
            read = await whole_pasts(self._stores.journal, members, left)
            pasts.update(read)
            left -= sum(map(size_of, read.values()))
            if len(read) < len(members):
                return pasts, True
            after = ids[-1]


def _line(member_id: str, events: Sequence[Event]) -> list[tuple[datetime, str, Event]]:
    return [(event.at, member_id, event) for event in events]


def _given(outcome: Outcome, code: str | None = None) -> int:
    """What campaigns gave in an outcome, or one of them."""
    return sum(
        effect.points
        for effect in outcome.effects
        if isinstance(effect, Entry) and effect.why.source == "campaign" and code in (None, effect.why.code)
    )
