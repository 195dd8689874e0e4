"""Previews of programs: what a changed program would do, member by member, before it is applied. Writes nothing.

Each member is judged twice by the code that records: under the versions there are, and with the changed program as one
more. What campaigns have left goes to the members in the order in which they are read.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

from gamification.absorbed import size_of, whole_pasts
from gamification.activity import EARLIEST, to_milliseconds
from gamification.campaigns import Offers
from gamification.circumstances import Circumstances
from gamification.fold import CampaignVersions
from gamification.history import Past
from gamification.member import Member
from gamification.member_fold import MemberFold
from gamification.program import Program
from gamification.prospects import Prospects, Tally
from gamification.schedule import Edition, Schedule
from gamification.state import State
from gamification.stores import CommitConflict, Stores, StoreUnavailable

_MEMBERS_PER_READ = 200
_RECORDS_PER_READ = 50_000
"""How many records are held at a time; a member who has more is left out."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many members are read at most, and how many records of theirs."""

    members: int
    records: int


WITHIN_A_REQUEST = Bounds(2_000, 10_000)
"""For somebody who waits for an answer. A thousand records take a second at most."""
AT_LEISURE = Bounds(100_000, 1_000_000)
"""For a process of its own, which whoever waits for it can stop."""


@dataclass(frozen=True, slots=True)
class Change:
    """A changed program, applied ``now`` and in force from ``from_at`` on.

    Where that is past, what happened since is judged again.
    """

    program: Program
    from_at: datetime
    now: datetime

    @property
    def backfills(self) -> bool:
        """Whether history is judged again."""
        return self.from_at < self.now

    @property
    def judged_at(self) -> datetime:
        """When members are compared: now, or when it comes into force."""
        return max(self.from_at, self.now)


@dataclass(frozen=True, slots=True)
class ProgramPreview:
    """What a changed program would do to members; ``is_sample`` says that there are more than could be read."""

    change: Change
    prospects: Prospects
    records_read: int = 0
    is_sample: bool = False


async def preview_program(
    pasts: Iterable[tuple[Member, Past]],
    schedule: Schedule,
    terms: CampaignVersions,
    change: Change,
    offers: Offers | None = None,
) -> ProgramPreview:
    """What a change of the program would do to these members.

    Where it does not judge history again, nothing has changed by then but what is due at once, such as a tier whose
    threshold moved. ``pasts`` are the members as stored, each with all their records up to there. ``offers`` are what
    campaigns have left, and ``terms`` those that the records name. Others get a turn of the event loop in between.

    Raises:
        KeyError: a record names a version that is not given.
    """
    comparison = Comparison(schedule, change, offers or Offers(()))
    for member, past in pasts:
        await comparison.add(member, past, terms)
    return comparison.told()


class Comparison:
    """Members under the versions of the program there are, and under those with one more."""

    def __init__(self, schedule: Schedule, change: Change, offers: Offers) -> None:
        self._change = change
        edition = Edition(schedule.newest_version + 1, change.program, change.from_at, change.backfills)
        self._present = _World(schedule, offers.copy(), change.judged_at)
        self._changed = _World(Schedule((*schedule.editions, edition)), offers.copy(), change.judged_at)
        self._tally = Tally(schedule.at(change.judged_at).program, change.program)
        self._records = 0

    def needs_records_of(self, member: Member) -> bool:
        """Whether anything that the member did is to be judged again."""
        return self._changed.judges_again(member)

    async def add(self, member: Member, past: Past | None, terms: CampaignVersions) -> tuple[State, State]:
        """Compare a member; the state under the versions there are, and with the changed one.

        ``past`` is their whole history, where that is needed. An account that is merged into another one counts there.

        Raises:
            CommitConflict: the member has been judged by a version that is not known here.
        """
        before = await self._present.state_of(member, past, terms)
        after = await self._changed.state_of(member, past, terms)
        if member.state.merged_into is None:
            self._tally.add(member.member_id, before, after)
        self._records += size_of(past) if past is not None else 0
        await asyncio.sleep(0)
        return before, after

    def told(self) -> ProgramPreview:
        """What came of all who were added."""
        return ProgramPreview(self._change, self._tally.told(), self._records)


class _World:
    """The members as they would be under a schedule at an instant; ``offers`` are theirs to take from."""

    def __init__(self, schedule: Schedule, offers: Offers, judged_at: datetime) -> None:
        self._schedule, self._judged_at = schedule, judged_at
        self._circumstances = Circumstances(schedule, offers, judged_at)

    def judges_again(self, member: Member) -> bool:
        return member.state.judged_by < self._schedule.backfilled

    async def state_of(self, member: Member, past: Past | None, terms: CampaignVersions) -> State:
        fold = MemberFold(member, self._circumstances, past if self.judges_again(member) else None, terms)
        await fold.wait(self._judged_at)
        return fold.member.state


class ProgramPreviewer:
    """Previews programs over the journal; the stores are asked for no more than the bounds allow."""

    def __init__(self, stores: Stores, bounds: Bounds = WITHIN_A_REQUEST) -> None:
        self._stores, self._bounds = stores, bounds

    async def preview(self, change: Change, progress: Callable[[int], None] = lambda _: None) -> ProgramPreview:
        """What a change of the program would do; ``progress`` hears of every few members.

        Raises:
            StoreUnavailable: a store did not answer in time, no program has been applied yet, or another version was
                applied meanwhile.
        """
        change = replace(change, from_at=to_milliseconds(change.from_at), now=to_milliseconds(change.now))
        schedule = await self._stores.programs.schedule()
        kinds = {kind for state in await self._stores.campaigns.current() for kind in state.terms.on}
        comparison = Comparison(schedule, change, await self._stores.campaigns.offers(kinds))
        try:
            is_sample = await _Reading(self._stores, self._bounds, comparison, progress).compare_all()
        except CommitConflict:
            raise StoreUnavailable("another version of the program was applied meanwhile; ask again") from None
        return replace(comparison.told(), is_sample=is_sample)


class _Reading:
    """Reads members with their records, a page at a time, and has them compared."""

    def __init__(self, stores: Stores, bounds: Bounds, comparison: Comparison, progress: Callable[[int], None]) -> None:
        self._stores, self._comparison, self._progress = stores, comparison, progress
        self._members_left, self._records_left = bounds.members, bounds.records

    async def compare_all(self) -> bool:
        """Compare all members; whether some had to be left out."""
        after, is_sample = "", False
        while ids := await self._stores.journal.active_since(EARLIEST, after, _MEMBERS_PER_READ):
            if self._members_left <= 0:
                return True
            limit = min(self._records_left, _RECORDS_PER_READ)
            done = await self._compare(ids[: self._members_left], limit)
            self._progress(len(done))
            if len(done) < len(ids) and limit < _RECORDS_PER_READ:
                return True
            # Where not even the records of one member fit, that member is left out.
            is_sample = is_sample or not done
            after = done[-1] if done else ids[0]
        return is_sample

    async def _compare(self, ids: Sequence[str], limit: int) -> Sequence[str]:
        """Compare members up to the first one whose records are too many; the ids of those who were."""
        found = await self._stores.members.by_ids(ids)
        members = [found[each] for each in ids if each in found and found[each].state.merged_into is None]
        wanted = [each for each in members if self._comparison.needs_records_of(each)]
        pasts = await whole_pasts(self._stores.journal, wanted, limit)
        granted = (grant for past in pasts.values() for record in past.all_records for grant in record.all_grants)
        grants = {(grant.campaign, grant.version): grant for grant in granted}
        terms = await self._stores.campaigns.terms(grants.values()) if grants else {}
        cut = next((each.member_id for each in wanted if each.member_id not in pasts), None)
        done = list(takewhile(lambda each: each != cut, ids))
        for member in takewhile(lambda each: each.member_id != cut, members):
            past = pasts.get(member.member_id)
            if past is not None:
                # What was recorded since the member was read is not part of the comparison.
                past = replace(past, records=tuple(each for each in past.records if each.seq <= member.state.seq))
                self._records_left -= size_of(past)
            await self._comparison.add(member, past, terms)
        self._members_left -= len(done)
        return done
