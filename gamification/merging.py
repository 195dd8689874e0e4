"""Merging: two accounts of one person become one, as if there had never been another, and can be taken apart again."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gamification.activity import MERGE, MERGED, UNMERGE, UNMERGED, to_milliseconds
from gamification.contention import insist
from gamification.member import Member
from gamification.member_fold import Circumstances, MemberFold
from gamification.record import Record
from gamification.requests import MemberNotFound
from gamification.state import Moment
from gamification.stores import Stores

MAX_ABSORBED = 20
"""How many accounts can be merged into one."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The accounts are one now, or two again: the ``member`` that goes on, the ``other``, and the record of each.

    ``repeated`` marks what was so already; then nothing was written, and there are no records.
    """

    member: Member
    other: Member
    record: Record | None = None
    other_record: Record | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class CannotMerge:
    """These accounts cannot be merged or taken apart; nothing was written. ``reason`` says why, and what to do."""

    reason: str


MergeResult = Merged | CannotMerge | MemberNotFound


class Merger:
    """Merges accounts. Holds no state but its collaborators."""

    def __init__(self, stores: Stores, now: Callable[[], datetime]) -> None:
        self._stores, self._now = stores, now

    async def merge(self, other_id: str, member_id: str) -> MergeResult:
        """Merge one account into another: all that was done with either counts for the latter.

        The same again changes nothing.

        Raises:
            StoreUnavailable: a store did not answer in time; it may be done again.
        """
        return await insist(lambda: self._merge(other_id, member_id))

    async def undo(self, other_id: str, member_id: str) -> MergeResult:
        """Take a merged account out again. What was done since the merge stays with the one that it was merged into.

        Raises:
            StoreUnavailable: a store did not answer in time; it may be done again.
        """
        return await insist(lambda: self._undo(other_id, member_id))

    async def _merge(self, other_id: str, member_id: str) -> MergeResult:
        members = await self._stores.members.by_ids([other_id, member_id])
        for wanted in (other_id, member_id):
            if wanted not in members:
                return MemberNotFound(wanted)
        other, member = members[other_id], members[member_id]
        if other.state.merged_into == member_id:
            return Merged(member, other, repeated=True)
        if reason := _forbidding(other, member):
            return CannotMerge(reason)
        return await self._write(other, member, MERGE, MERGED)

    async def _undo(self, other_id: str, member_id: str) -> MergeResult:
        members = await self._stores.members.by_ids([other_id, member_id])
        for wanted in (other_id, member_id):
            if wanted not in members:
                return MemberNotFound(wanted)
        other, member = members[other_id], members[member_id]
        if other.state.merged_into != member_id:
            return CannotMerge("the one account is not merged into the other")
        return await self._write(other, member, UNMERGE, UNMERGED)

    async def _write(self, other: Member, member: Member, kind: str, other_kind: str) -> Merged:
        journal = self._stores.journal
        schedule, past, other_past = await asyncio.gather(
            self._stores.programs.schedule(),
            journal.past(member.member_id, Moment(min(member.enrolled_at, other.enrolled_at), "")),
            journal.past(other.member_id, Moment(other.enrolled_at, "")),
        )
        for account, records in other_past.absorbed.items():
            past = past.with_absorbed(account, records)
        histories = (*past.all_records, *other_past.all_records)
        kinds = {record.activity.kind for record in histories if record.activity is not None}
        offers, terms = await asyncio.gather(
            self._stores.campaigns.offers(kinds),
            self._stores.campaigns.terms([grant for record in histories for grant in record.all_grants]),
        )
        circumstances = Circumstances(schedule, offers, to_milliseconds(self._now()))
        other_fold = MemberFold(other, circumstances, other_past.of(other.state), terms)
        # Whoever gives comes first, so that what comes back of campaigns is there for the one who takes.
        if kind == MERGE:
            other_record = await other_fold.merge(other_kind, member)
            past = past.with_absorbed(other.member_id, (*other_past.records, *other_fold.records))
            fold = MemberFold(member, circumstances, past.of(member.state), terms)
            record = await fold.merge(kind, other_fold.member)
        else:
            fold = MemberFold(member, circumstances, past.of(member.state), terms)
            taken_back = fold.taken_back_of(other.member_id)
            record, other_record = await fold.merge(kind, other), await other_fold.merge(other_kind, member)
            for reversal in taken_back:
                await other_fold.take_back_again(reversal)
        await journal.commit([fold.commit(), other_fold.commit()])
        return Merged(fold.member, other_fold.member, record, other_record)


def _forbidding(other: Member, member: Member) -> str | None:
    """What stands in the way of merging one account into another; None if nothing does."""
    if other.member_id == member.member_id:
        return "an account cannot be merged into itself"
    if other.state.merged_into is not None:
        return "the first account is merged into another one; undo that first"
    if member.state.merged_into is not None:
        return "the second account is merged into another one; merge into that one instead"
    if other.state.absorbed:
        return "other accounts are merged into the first one; merge the second one into it instead, or undo them first"
    if len(member.state.absorbed) >= MAX_ABSORBED:
        return f"{MAX_ABSORBED} accounts are merged into the second one already"
    return None
