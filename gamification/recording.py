"""The record path: read the snapshot, fold the activity in, commit; the same for one purchase and for a whole log."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from gamification.activity import Activity, Problem, normalised, problems_of, to_milliseconds
from gamification.campaigns import Offers, Settlement, settlements, touched
from gamification.contention import MAX_COMMIT_ATTEMPTS, insist
from gamification.fold import Applied, InsufficientPoints, advance, apply, next_due_at
from gamification.group_commit import GroupCommit
from gamification.member import Member
from gamification.record import Grant, Outcome, Record
from gamification.stores import AppliedProgram, Commit, Stores

MAX_ITEMS_PER_CALL = 500
TOGETHER_ATTEMPTS = 4
"""How often the activities of several members are tried in one commit before each member is tried alone."""


@dataclass(frozen=True, slots=True)
class RecordRequest:
    """An activity to record for a member. ``timed`` is False where the caller left the time to us.

    Then a retry, which comes at another time, still has the same input.
    """

    member_id: str
    activity: Activity
    timed: bool = True

    @property
    def input_hash(self) -> str:
        """SHA-256 of what the caller gave.

        It is kept for ever, so what goes in is listed here: a field that activities gain later joins only where it is
        set, or else a retry across that change would look like another input.
        """
        given = self.activity
        items = [[item.sku, item.quantity, item.amount_minor, item.category] for item in given.items]
        content = [given.kind, given.amount_minor, items, dict(given.attributes), given.points, given.reason]
        return hash_of([*content, given.occurred_at.isoformat() if self.timed else None])


@dataclass(frozen=True, slots=True)
class Recorded:
    """The activity stands in the journal. ``replayed`` marks a retry, which is answered with the first result."""

    record: Record
    member: Member
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Simulated:
    """What would happen: the member before and after, and the records that would be written."""

    before: Member
    after: Member
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class InvalidInput:
    """The input cannot be recorded; nothing was written."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class MemberNotFound:
    """There is no such member; nothing was written."""

    member_id: str


@dataclass(frozen=True, slots=True)
class IdempotencyConflict:
    """The key was used before for something else; nothing was written."""

    key: str


RecordResult = Recorded | InvalidInput | MemberNotFound | IdempotencyConflict | InsufficientPoints
SimulateResult = Simulated | InvalidInput | MemberNotFound | InsufficientPoints


def hash_of(content: object) -> str:
    """SHA-256 over the canonical JSON of an input."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Recorder:
    """Records activities, one or many at a time. Holds no state but its collaborators."""

    def __init__(
        self,
        stores: Stores,
        now: Callable[[], datetime],
        future_tolerance: timedelta,
    ) -> None:
        self._members, self._journal = stores.members, stores.journal
        self._programs, self._campaigns = stores.programs, stores.campaigns
        self._now, self._future_tolerance = now, future_tolerance
        self._queue = GroupCommit(self._record_together)

    async def record(self, requests: Sequence[RecordRequest]) -> list[RecordResult]:
        """Record every activity, those of one member in the order given; a result for each, in that order.

        Raises:
            StoreUnavailable: a store did not answer in time; the same keys make a retry safe.
            ValueError: more than ``MAX_ITEMS_PER_CALL`` requests.
        """
        if len(requests) > MAX_ITEMS_PER_CALL:
            raise ValueError(f"at most {MAX_ITEMS_PER_CALL} activities at a time")
        judged = [self._judged(request) for request in requests]
        sound = [request for request in judged if isinstance(request, RecordRequest)]
        recorded = iter(await self._queue.write([(request.member_id, request) for request in sound]))
        return [next(recorded) if isinstance(request, RecordRequest) else request for request in judged]

    async def record_own(self, requests: Sequence[RecordRequest]) -> list[RecordResult]:
        """Record what Laurel itself has made, such as a prize, of a kind that nobody else may report.

        Raises:
            StoreUnavailable: a store did not answer in time; the same keys make a retry safe.
            ValueError: more than ``MAX_ITEMS_PER_CALL`` requests.
        """
        if len(requests) > MAX_ITEMS_PER_CALL:
            raise ValueError(f"at most {MAX_ITEMS_PER_CALL} activities at a time")
        return await self._queue.write([(request.member_id, request) for request in requests])

    async def simulate(self, request: RecordRequest) -> SimulateResult:
        """What recording the activity would change, without writing anything."""
        judged = self._judged(request)
        if isinstance(judged, InvalidInput):
            return judged
        member = (await self._members.by_ids([request.member_id])).get(request.member_id)
        if member is None:
            return MemberNotFound(request.member_id)
        offers = await self._campaigns.offers({judged.activity.kind})
        fold = MemberFold(member, await self._programs.current(), to_milliseconds(self._now()), offers)
        refused = fold.add(judged, None)
        if isinstance(refused, InsufficientPoints):
            return refused
        return Simulated(member, fold.member, tuple(fold.records))

    def _judged(self, request: RecordRequest) -> RecordRequest | InvalidInput:
        # Judged as it came: a time without a zone would be read in this host's, and an absurd one has no UTC at all.
        if problems := problems_of(request.activity, self._now(), self._future_tolerance):
            return InvalidInput(problems)
        return replace(request, activity=normalised(request.activity))

    async def _record_together(self, requests: Sequence[RecordRequest]) -> list[RecordResult]:
        """All in one commit. With several members it is given up sooner, for each can still be tried alone."""
        alone = len({request.member_id for request in requests}) == 1
        attempts = MAX_COMMIT_ATTEMPTS if alone else TOGETHER_ATTEMPTS
        return await insist(partial(self._attempt, requests), attempts=attempts)

    async def _attempt(self, requests: Sequence[RecordRequest]) -> list[RecordResult]:
        members, known, applied, offers = await asyncio.gather(
            self._members.by_ids(list(dict.fromkeys(request.member_id for request in requests))),
            self._journal.by_keys([(request.member_id, request.activity.key) for request in requests]),
            self._programs.current(),
            self._campaigns.offers({request.activity.kind for request in requests}),
        )
        folds = {
            member_id: MemberFold(member, applied, to_milliseconds(self._now()), offers)
            for member_id, member in members.items()
        }
        results: list[RecordResult] = []
        for request in requests:
            fold = folds.get(request.member_id)
            if fold is None:
                results.append(MemberNotFound(request.member_id))
            else:
                results.append(fold.add(request, known.get((request.member_id, request.activity.key))))
        await self._journal.commit([fold.commit() for fold in folds.values() if fold.records])
        return results


class MemberFold:
    """One member's part of a commit in the making: the state so far and the new records."""

    def __init__(self, member: Member, applied: AppliedProgram, now: datetime, offers: Offers) -> None:
        self._member, self._applied, self._now, self._offers = member, applied, now, offers
        self._state = member.state
        self._made: dict[str, Record] = {}
        self._settlements: list[Settlement] = []
        self.records: list[Record] = []

    def add(self, request: RecordRequest, known: Record | None) -> RecordResult:
        """Fold an activity in, unless its key is ``known`` from the journal or was made in this very call."""
        known = known or self._made.get(request.activity.key)
        if known is not None:
            same = known.input_hash == request.input_hash
            return Recorded(known, self.member, replayed=True) if same else IdempotencyConflict(request.activity.key)
        # A clock that is a little ahead of ours must not push everything that comes after it into the future.
        at = min(request.activity.occurred_at, self._now)
        state, passed = advance(self._state, at, self._applied.program)
        offers = self._offers.open_for(request.activity, self._now, self._applied.program, state)
        result = apply(state, request.activity, self._applied.program, at, offers)
        if not isinstance(result, Applied):
            return result
        for outcome in passed:
            self._append(None, outcome)
        grants = touched(result.outcome, offers)
        settled = settlements(state, result.outcome, grants)
        self._offers.take(settled)
        self._settlements += settled
        record = self._append(request.activity, result.outcome, request.input_hash, grants)
        self._state = result.state
        self._made[request.activity.key] = record
        return Recorded(record, self.member)

    def commit(self, enrolment_key: str | None = None, enrolment_hash: str | None = None) -> Commit:
        """What is to be written."""
        due_at = next_due_at(self._state, self._applied.program)
        base_seq = self._member.state.seq
        return Commit(
            member=self.member,
            base_seq=base_seq,
            records=tuple(self.records),
            due_at=due_at,
            enrolment_key=enrolment_key,
            enrolment_hash=enrolment_hash,
            settlements=tuple(self._settlements),
        )

    @property
    def member(self) -> Member:
        """The member as they are after what was added."""
        return replace(self._member, state=self._state)

    def _append(
        self, activity: Activity | None, outcome: Outcome, input_hash: str = "", grants: tuple[Grant, ...] = ()
    ) -> Record:
        seq = self._member.state.seq + len(self.records) + 1
        version = self._applied.version
        record = Record(self._member.member_id, seq, version, activity, outcome, self._now, input_hash, grants)
        self.records.append(record)
        return record
