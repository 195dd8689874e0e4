"""Merging: two accounts of one person become one, as if there had never been another, and can be taken apart again."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gamification.absorbed import key_taken_over, places_of, recorded_for
from gamification.activity import MERGE, MERGED, UNMERGE, UNMERGED, to_milliseconds
from gamification.circumstances import Circumstances
from gamification.contention import insist
from gamification.fold import CampaignVersions
from gamification.history import Past
from gamification.member import Member
from gamification.merging_fold import MergingFold
from gamification.record import Record
from gamification.requests import IdempotencyConflict, MemberNotFound, MergeRequest
from gamification.state import Moment
from gamification.stores import Stores

MAX_ABSORBED = 20
"""How many accounts can be merged into one."""
MAX_LOOKED_BACK = 1_000
"""Among how many of an account's latest records is looked for the one that made it so, where no key tells."""
MAX_TAKEN_OVER = 1_000
"""How many records an account takes over in one commit when it is taken out again."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The accounts are one now, or two again: the ``member`` that goes on, the ``other``, and the record of each.

    ``repeated`` marks what was so already, and nothing was written. The records are then those that made it so; None
    where they lie too far back.
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


MergeResult = Merged | CannotMerge | MemberNotFound | IdempotencyConflict


@dataclass(frozen=True, slots=True)
class Account:
    """One of the two: as it is now, and all that it did."""

    member: Member
    past: Past


@dataclass(frozen=True, slots=True)
class Change:
    """Two accounts becoming one or two, not yet written: the fold and the record of each."""

    fold: MergingFold
    other_fold: MergingFold
    record: Record
    other_record: Record


class Merger:
    """Merges accounts, and takes them apart. Holds no state but its collaborators."""

    def __init__(self, stores: Stores, now: Callable[[], datetime]) -> None:
        self._stores, self._now = stores, now

    async def change(self, request: MergeRequest) -> MergeResult:
        """Merge one account into another, so that all that was done with either counts for the latter; or undo that.

        Then it is as if the two had been two all along: what was reported for the other account meanwhile goes with it,
        and so does what was taken back of its activities.

        The same key with the same input answers with the first result. Without a key, so does what is so already, as
        long as nothing between the two came since.

        Raises:
            StoreUnavailable: a store did not answer in time; it may be done again.
            TooLongPast: one of the accounts has more records than can be played again.
        """
        return await insist(lambda: self._change(request))

    async def _change(self, request: MergeRequest) -> MergeResult:
        members = await self._stores.members.by_ids([request.other_id, request.member_id])
        for wanted in (request.other_id, request.member_id):
            if wanted not in members:
                return MemberNotFound(wanted)
        other, member = members[request.other_id], members[request.member_id]
        if (known := await self._known(request, other, member)) is not None:
            return known
        if reason := (_not_merged if request.undoes else _forbidding)(other, member):
            return CannotMerge(reason)
        return await self._write(request, other, member)

    async def _known(self, request: MergeRequest, other: Member, member: Member) -> Merged | IdempotencyConflict | None:
        """What was answered before, or stands in the way of the key; None where this is something new."""
        if request.key is None:
            return await self._made_so(request, other, member)
        one, key = member.member_id, request.key
        accounts = (one, other.member_id, *member.state.absorbed)
        places = [place for account in accounts for place in places_of(one, account, key)]
        found = await self._stores.journal.by_keys(list(dict.fromkeys(places)))
        if any(each.input_hash != request.input_hash for each in found.values()):
            return IdempotencyConflict(request.key)
        return _repeated(member, other, found, request.key) if found else None

    async def _made_so(self, request: MergeRequest, other: Member, member: Member) -> Merged | None:
        """What made it so already that they are one, or two, if that is the last that came between them."""
        is_one = other.state.merged_into == member.member_id
        if is_one == request.undoes:
            return None
        latest = await self._stores.journal.page(other.member_id, None, MAX_LOOKED_BACK)
        between = (
            each.activity
            for each in latest
            if each.activity
            and each.activity.kind in (MERGE, MERGED, UNMERGE, UNMERGED)
            and each.activity.attributes["member"] == member.member_id
        )
        last = next(between, None)
        if last is None or last.kind != (UNMERGED if request.undoes else MERGED):
            return Merged(member, other, repeated=True) if is_one else None
        places = [(account.member_id, last.key) for account in (member, other)]
        return _repeated(member, other, await self._stores.journal.by_keys(places), last.key)

    async def _write(self, request: MergeRequest, other: Member, member: Member) -> Merged:
        journal = self._stores.journal
        schedule, past, other_past = await asyncio.gather(
            self._stores.programs.schedule(),
            journal.past(member.member_id, Moment(min(member.enrolled_at, other.enrolled_at), "")),
            journal.past(other.member_id, Moment(other.enrolled_at, "")),
        )
        histories = (*past.all_records, *other_past.all_records)
        kinds = {record.activity.kind for record in histories if record.activity is not None}
        offers, terms = await asyncio.gather(
            self._stores.campaigns.offers(kinds),
            self._stores.campaigns.terms([grant for record in histories for grant in record.all_grants]),
        )
        circumstances = Circumstances(schedule, offers, to_milliseconds(self._now()))
        account, other_account = Account(member, past.of(member.state)), Account(other, other_past.of(other.state))
        if not request.undoes:
            change = await join(request, account, other_account, circumstances, terms)
        else:
            ahead = take_over_ahead(account, other_account, circumstances, terms)
            if ahead is not None:
                await journal.commit([ahead.commit()])
                return await self._write(request, ahead.member, member)
            change = await part(request, account, other_account, circumstances, terms)
        await journal.commit([change.fold.commit(), change.other_fold.commit()])
        return Merged(change.fold.member, change.other_fold.member, change.record, change.other_record)


async def join(
    request: MergeRequest, account: Account, other: Account, circumstances: Circumstances, terms: CampaignVersions
) -> Change:
    """Merge the other account into the one that goes on."""
    request = _keyed(request, other.member)
    # Whoever gives comes first, so that what comes back of campaigns is there for the one who takes.
    other_fold = MergingFold(other.member, circumstances, other.past, terms)
    other_record = await other_fold.merge(MERGED, account.member, request)
    past = account.past.with_absorbed(other.member.member_id, (*other.past.records, *other_fold.records))
    for member_id, records in other.past.absorbed.items():
        past = past.with_absorbed(member_id, records)
    fold = MergingFold(account.member, circumstances, past, terms)
    return Change(fold, other_fold, await fold.merge(MERGE, other_fold.member, request), other_record)


async def part(
    request: MergeRequest, account: Account, other: Account, circumstances: Circumstances, terms: CampaignVersions
) -> Change:
    """Take the other account out of the one that goes on, with what was reported for it meanwhile."""
    request = _keyed(request, other.member)
    fold = MergingFold(account.member, circumstances, account.past, terms)
    other_fold = MergingFold(other.member, circumstances, other.past, terms)
    await fold.wait(circumstances.now)
    await other_fold.wait(circumstances.now)
    theirs = _to_take_over(recorded_for(other.member.member_id, account.past.records), other)
    ahead = [fold.as_it_stands(each) for each in theirs]
    record = await fold.merge(UNMERGE, other.member, request)
    for each in ahead:
        other_fold.take_over(each)
    other_record = await other_fold.merge(UNMERGED, account.member, request)
    return Change(fold, other_fold, record, other_record)


def take_over_ahead(
    account: Account, other: Account, circumstances: Circumstances, terms: CampaignVersions
) -> MergingFold | None:
    """The first part of what the other account takes over where that is too much for one commit; None if it is not.

    What it takes over counts for nothing before the two are taken apart, so it may be written before.
    """
    theirs = _to_take_over(recorded_for(other.member.member_id, account.past.records), other)
    if len(theirs) <= MAX_TAKEN_OVER:
        return None
    fold = MergingFold(account.member, circumstances, account.past, terms)
    other_fold = MergingFold(other.member, circumstances, other.past, terms)
    for each in theirs[:MAX_TAKEN_OVER]:
        other_fold.take_over(fold.as_it_stands(each))
    return other_fold


def _keyed(request: MergeRequest, other: Member) -> MergeRequest:
    """The same with a key of ours where the caller gave none. Both records go by it."""
    kind = UNMERGE if request.undoes else MERGE
    return request if request.key else replace(request, key=f"#{kind}:{other.member_id}:{other.state.seq}")


def _to_take_over(theirs: Iterable[Record], other: Account) -> Sequence[Record]:
    """Those of an account's records, made by another one, that it has not made itself."""
    held = {each.activity.key for each in other.past.records if each.activity is not None}
    return [each for each in theirs if key_taken_over(each, other.member.member_id) not in held]


def _repeated(member: Member, other: Member, found: Mapping[tuple[str, str], Record], key: str) -> Merged:
    record, other_record = found.get((member.member_id, key)), found.get((other.member_id, key))
    return Merged(member, other, record, other_record, repeated=True)


def _not_merged(other: Member, member: Member) -> str | None:
    """Why there is nothing to take apart; None if there is."""
    return None if other.state.merged_into == member.member_id else "the one account is not merged into the other"


def _forbidding(other: Member, member: Member) -> str | None:
    """What stands in the way of merging one account into another; None if nothing does."""
    if other.member_id == member.member_id:
        return "an account cannot be merged into itself"
    if other.state.merged_into == member.member_id:
        return "the first account is merged into the second one already, under another key or none"
    if other.state.merged_into is not None:
        return "the first account is merged into another one; undo that first"
    if member.state.merged_into is not None:
        return "the second account is merged into another one; merge into that one instead"
    if other.state.absorbed:
        return "other accounts are merged into the first one; merge the second one into it instead, or undo them first"
    if len(member.state.absorbed) >= MAX_ABSORBED:
        return f"{MAX_ABSORBED} accounts are merged into the second one already"
    return None
