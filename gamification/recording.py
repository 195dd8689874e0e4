"""The record path: read the snapshot, fold the activity in, commit; the same for one purchase and for a whole log."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from gamification.activity import Activity, Problem, normalised, problems_of, to_milliseconds
from gamification.contention import insist
from gamification.fold import Applied, InsufficientPoints, advance, apply, next_due_at
from gamification.member import Member
from gamification.record import Outcome, Record
from gamification.stores import AppliedProgram, Commit, CommitConflict, Stores

MAX_ITEMS_PER_CALL = 500
MAX_MEMBERS_PER_COMMIT = 64


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
        self._members, self._journal, self._programs = stores.members, stores.journal, stores.programs
        self._now, self._future_tolerance = now, future_tolerance

    async def record(self, requests: Sequence[RecordRequest]) -> list[RecordResult]:
        """Record every activity, those of one member in the order given; a result for each, in that order.

        Raises:
            StoreUnavailable: a store did not answer in time; the same keys make a retry safe.
            ValueError: more than ``MAX_ITEMS_PER_CALL`` requests.
        """
        if len(requests) > MAX_ITEMS_PER_CALL:
            raise ValueError(f"at most {MAX_ITEMS_PER_CALL} activities at a time")
        results: dict[int, RecordResult] = {}
        sound: dict[int, RecordRequest] = {}
        groups: dict[str, list[int]] = {}
        for place, request in enumerate(requests):
            judged = self._judged(request)
            if isinstance(judged, InvalidInput):
                results[place] = judged
            else:
                sound[place] = judged
                groups.setdefault(request.member_id, []).append(place)
        members = iter(groups)
        while chunk := list(islice(members, MAX_MEMBERS_PER_COMMIT)):
            places = [place for member_id in chunk for place in groups[member_id]]
            recorded = await self._record_together([sound[place] for place in places])
            results.update(zip(places, recorded, strict=True))
        return [results[place] for place in range(len(requests))]

    async def simulate(self, request: RecordRequest) -> SimulateResult:
        """What recording the activity would change, without writing anything."""
        judged = self._judged(request)
        if isinstance(judged, InvalidInput):
            return judged
        member = (await self._members.by_ids([request.member_id])).get(request.member_id)
        if member is None:
            return MemberNotFound(request.member_id)
        fold = MemberFold(member, await self._programs.current(), to_milliseconds(self._now()))
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
        """All in one commit; where that meets a conflict, each member on its own."""
        try:
            return await self._attempt(requests)
        except CommitConflict:
            pass
        results: dict[int, RecordResult] = {}
        for member_id in dict.fromkeys(request.member_id for request in requests):
            places = [place for place, request in enumerate(requests) if request.member_id == member_id]
            alone = await insist(partial(self._attempt, [requests[place] for place in places]))
            results.update(zip(places, alone, strict=True))
        return [results[place] for place in range(len(requests))]

    async def _attempt(self, requests: Sequence[RecordRequest]) -> list[RecordResult]:
        members, known, applied = await asyncio.gather(
            self._members.by_ids(list(dict.fromkeys(request.member_id for request in requests))),
            self._journal.by_keys([(request.member_id, request.activity.key) for request in requests]),
            self._programs.current(),
        )
        folds = {
            member_id: MemberFold(member, applied, to_milliseconds(self._now()))
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

    def __init__(self, member: Member, applied: AppliedProgram, now: datetime) -> None:
        self._member, self._applied, self._now = member, applied, now
        self._state = member.state
        self._made: dict[str, Record] = {}
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
        result = apply(state, request.activity, self._applied.program, at)
        if not isinstance(result, Applied):
            return result
        for outcome in passed:
            self._append(None, outcome, "")
        record = self._append(request.activity, result.outcome, request.input_hash)
        self._state = result.state
        self._made[request.activity.key] = record
        return Recorded(record, self.member)

    def commit(self, enrolment_key: str | None = None, enrolment_hash: str | None = None) -> Commit:
        """What is to be written."""
        due_at = next_due_at(self._state, self._applied.program)
        base_seq = self._member.state.seq
        return Commit(self.member, base_seq, tuple(self.records), due_at, enrolment_key, enrolment_hash)

    @property
    def member(self) -> Member:
        """The member as they are after what was added."""
        return replace(self._member, state=self._state)

    def _append(self, activity: Activity | None, outcome: Outcome, input_hash: str) -> Record:
        seq = self._member.state.seq + len(self.records) + 1
        record = Record(self._member.member_id, seq, self._applied.version, activity, outcome, self._now, input_hash)
        self.records.append(record)
        return record
