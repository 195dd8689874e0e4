"""The record path: read the snapshot, fold in what is asked, commit; the same for one purchase and for a whole log."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import cast

from gamification.activity import (
    MAX_KEY_CHARS,
    Problem,
    identifier_problems,
    normalised,
    problems_of,
    text_problems,
    time_problems,
    to_milliseconds,
)
from gamification.circumstances import Circumstances, ReachesBack
from gamification.contention import MAX_COMMIT_ATTEMPTS, insist
from gamification.fold import NO_CAMPAIGNS, CampaignVersions, InsufficientPoints
from gamification.group_commit import GroupCommit
from gamification.history import ACCOUNT_MARK, Past
from gamification.member import Member
from gamification.member_fold import MemberFold
from gamification.one_person import as_one, looked_up, with_first_results
from gamification.record import Record
from gamification.requests import (
    MAX_RETURNS,
    InvalidInput,
    MemberNotFound,
    Passed,
    PassTime,
    RecordRequest,
    RecordResult,
    Request,
    Result,
    ReverseRequest,
    ReverseResult,
    Simulated,
    SimulatedStep,
    SimulateResult,
    StepRefused,
    UnknownActivity,
)
from gamification.stores import Stores, TooLongPast

log = logging.getLogger(__name__)

MAX_ITEMS_PER_CALL = 500
MAX_FORESEEN = timedelta(days=3660)
"""How far ahead a simulation may look."""
TOGETHER_ATTEMPTS = 4
"""How often the activities of several members are tried in one commit before each member is tried alone."""


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
        self._queue: GroupCommit[Request, Result] = GroupCommit(self._record_together)

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
        recorded = iter(await self._write(sound))
        return [next(recorded) if isinstance(request, RecordRequest) else request for request in judged]

    async def record_own(self, requests: Sequence[RecordRequest]) -> list[RecordResult]:
        """Record what Laurel itself has made, such as a prize, of a kind that nobody else may report.

        Raises:
            StoreUnavailable: a store did not answer in time; the same keys make a retry safe.
            ValueError: more than ``MAX_ITEMS_PER_CALL`` requests.
        """
        if len(requests) > MAX_ITEMS_PER_CALL:
            raise ValueError(f"at most {MAX_ITEMS_PER_CALL} activities at a time")
        return await self._write(requests)

    async def reverse(self, request: ReverseRequest) -> ReverseResult:
        """Take an activity of a member back, or a part of it, with all that followed from it.

        Raises:
            StoreUnavailable: a store did not answer in time; the same key makes a retry safe.
            TooLongPast: more has happened since than can be played again.
        """
        if problems := self._reversal_problems(request):
            return InvalidInput(problems)
        if ACCOUNT_MARK in request.activity_key:
            return UnknownActivity(request.activity_key)  # No caller has made a key with it.
        occurred_at = to_milliseconds(request.occurred_at) if request.occurred_at else None
        results = await self._queue.write([(request.member_id, replace(request, occurred_at=occurred_at))])
        return cast("ReverseResult", results[0])

    async def pass_time(self, member_ids: Sequence[str]) -> int:
        """Let time pass for these members: record what was due, and judge again where the program asks for it.

        Harmless where nothing is due, and for several processes at once. Returns how many records that made.

        Raises:
            StoreUnavailable: a store did not answer in time; it may be done again.
        """
        results = await self._queue.write([(member_id, PassTime(member_id)) for member_id in member_ids])
        return sum(result.records for result in results if isinstance(result, Passed))

    async def learn(self, member_ids: Sequence[str]) -> None:
        """Let the game learn what the profiles of these members say by now.

        Raises:
            StoreUnavailable: a store did not answer in time. The next record of the member brings it as well.
        """
        await self.pass_time(member_ids)

    async def simulate(self, member_id: str, steps: Sequence[RecordRequest | datetime]) -> SimulateResult:
        """What these would change one after the other, without writing anything: activities, and instants to wait for.

        All activities are of this member, and they may lie up to ``MAX_FORESEEN`` ahead.

        Raises:
            StoreUnavailable: a store did not answer in time.
            TooLongPast: more has happened since than can be played again.
        """
        judged: list[RecordRequest | datetime] = []
        for number, step in enumerate(steps):
            sound = self._foreseeable(step)
            if isinstance(sound, InvalidInput):
                return StepRefused(number, sound)
            judged.append(sound)
        return await insist(partial(self._simulate, member_id, judged))

    async def _simulate(self, member_id: str, steps: Sequence[RecordRequest | datetime]) -> SimulateResult:
        member = (await self._members.by_ids([member_id])).get(member_id)
        if member is not None and member.state.merged_into is not None:
            member = (await self._members.by_ids([member.state.merged_into])).get(member.state.merged_into)
        if member is None:
            return MemberNotFound(member_id)
        table = _Table([step for step in steps if isinstance(step, RecordRequest)])
        while True:
            try:
                return await _foresee(table.fold(member, await self._circumstances(table)), steps)
            except ReachesBack as back:
                await self._lay_out(table, back)

    async def _write(self, requests: Sequence[RecordRequest]) -> list[RecordResult]:
        results = await self._queue.write([(request.member_id, request) for request in requests])
        return cast("list[RecordResult]", results)  # What is asked for is a record, and so is the answer.

    def _judged(self, request: RecordRequest, ahead: timedelta | None = None) -> RecordRequest | InvalidInput:
        # Judged as it came: a time without a zone would be read in this host's, and an absurd one has no UTC at all.
        if problems := problems_of(request.activity, self._now(), ahead or self._future_tolerance):
            return InvalidInput(problems)
        return replace(request, activity=normalised(request.activity))

    def _foreseeable(self, step: RecordRequest | datetime) -> RecordRequest | datetime | InvalidInput:
        if isinstance(step, RecordRequest):
            return self._judged(step, MAX_FORESEEN)
        if problems := tuple(time_problems(step, self._now(), MAX_FORESEEN)):
            return InvalidInput(problems)
        return to_milliseconds(step)

    def _reversal_problems(self, request: ReverseRequest) -> tuple[Problem, ...]:
        partial = bool(request.returns) or request.amount_minor is not None
        found: list[Problem] = []
        if request.key is not None:
            found += identifier_problems("reversalKey", request.key, MAX_KEY_CHARS)
        elif partial:
            found.append(Problem("reversalKey", "is needed for a part, so that a retry takes nothing back twice"))
        if len(request.returns) > MAX_RETURNS:
            found.append(Problem("lines", f"has {len(request.returns)} entries; at most {MAX_RETURNS} are allowed"))
        if request.reason is not None:
            found += text_problems("reason", request.reason)
        if request.occurred_at is not None:
            found += time_problems(request.occurred_at, self._now(), self._future_tolerance)
        return tuple(found)

    async def _record_together(self, requests: Sequence[Request]) -> list[Result]:
        """All in one commit. With several members it is given up sooner, for each can still be tried alone."""
        alone = len({request.member_id for request in requests}) == 1
        attempts = MAX_COMMIT_ATTEMPTS if alone else TOGETHER_ATTEMPTS
        try:
            return await insist(partial(self._attempt, requests), attempts=attempts)
        except TooLongPast as fault:
            if not alone:
                raise  # Then each member is tried alone.
            if len(requests) > 1:
                return [(await self._record_together([request]))[0] for request in requests]
            if isinstance(requests[0], RecordRequest):
                return [InvalidInput((Problem("occurredAt", f"is too long ago: {fault}"),))]
            raise

    async def _attempt(self, requests: Sequence[Request]) -> list[Result]:
        table = _Table(requests)
        members, known, circumstances = await asyncio.gather(
            self._members.by_ids(list(dict.fromkeys(request.member_id for request in requests))),
            self._journal.by_keys(list(dict.fromkeys(place for each in requests for place in looked_up(each)))),
            self._circumstances(table),
        )
        if any(each.state.merged_into or each.state.absorbed for each in members.values()):
            requests, members, known = await as_one(self._members, self._journal, requests, members)
            table = _Table(requests)
        while True:
            folds = {member_id: table.fold(member, circumstances) for member_id, member in members.items()}
            results, needed = await _answers(requests, folds, known)
            if not needed:
                break
            for back in needed:
                await self._lay_out(table, back)
            circumstances = await self._circumstances(table)
        await self._journal.commit([fold.commit() for fold in folds.values() if fold.is_worth_writing])
        return await with_first_results(self._journal, results)

    async def _circumstances(self, table: "_Table") -> Circumstances:
        schedule, offers = await asyncio.gather(self._programs.schedule(), self._campaigns.offers(table.kinds))
        return Circumstances(schedule, offers, to_milliseconds(self._now()))

    async def _lay_out(self, table: "_Table", back: ReachesBack) -> None:
        """Read the history that turned out to be needed.

        Where that is more than can be read, a backfill is given up, and so is settling again what stays at reversals.
        """
        try:
            past = await self._journal.past(back.member_id, back.moment)
        except TooLongPast as fault:
            if back.to_settle:
                table.give_up_settling(back.member_id)
                return
            if not back.to_judge_again:
                raise
            # Whoever buys something has not asked for the backfill, and must not be refused for it.
            log.warning("the history of %s is not judged again: %s", back.member_id, fault)
            table.give_up_backfill(back.member_id)
            return
        grants = [grant for record in past.all_records for grant in record.all_grants]
        table.lay(back.member_id, past, await self._campaigns.terms(grants) if grants else {})


class _Table:
    """What one commit is worked out from: the requests, and the histories as far back as they turn out to reach."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self._requests = requests
        self._pasts: dict[str, tuple[Past, CampaignVersions]] = {}
        self._too_long: set[str] = set()
        self._unsettled: set[str] = set()
        self.kinds = {each.activity.kind for each in requests if isinstance(each, RecordRequest)}

    def lay(self, member_id: str, past: Past, terms: CampaignVersions) -> None:
        """Add a member's history. What is in it may be judged again, by campaigns too."""
        self._pasts[member_id] = (past, terms)
        self.kinds |= {record.activity.kind for record in past.all_records if record.activity is not None}

    def give_up_backfill(self, member_id: str) -> None:
        """Leave what a member has done so far as it was judged, for there is too much of it."""
        self._too_long.add(member_id)

    def give_up_settling(self, member_id: str) -> None:
        """Leave what stays at reversals of a member that reach back too far."""
        self._unsettled.add(member_id)

    def fold(self, member: Member, circumstances: Circumstances) -> MemberFold:
        """A member's fold, with their history if it is there.

        Raises:
            OutOfDate: the history is not that of this snapshot; someone else was faster.
        """
        past, terms = self._pasts.get(member.member_id, (None, NO_CAMPAIGNS))
        known = past.of(member.state) if past else None
        gives_up, leaves = (member.member_id in given_up for given_up in (self._too_long, self._unsettled))
        return MemberFold(member, circumstances, known, terms, gives_up_backfill=gives_up, gives_up_settling=leaves)


async def _answers(
    requests: Sequence[Request], folds: Mapping[str, MemberFold], known: Mapping[tuple[str, str], Record]
) -> tuple[list[Result], Sequence[ReachesBack]]:
    """The answer to each, or of whom more of the past is needed first; then the answers are of no use."""
    results: list[Result] = []
    needed: dict[str, ReachesBack] = {}
    for request in requests:
        if request.member_id in needed:
            continue
        try:
            results.append(await _answer(folds.get(request.member_id), request, known))
        except ReachesBack as back:
            needed[request.member_id] = back
    return results, list(needed.values())


async def _answer(fold: MemberFold | None, request: Request, known: Mapping[tuple[str, str], Record]) -> Result:
    return MemberNotFound(request.member_id) if fold is None else await fold.answer(request, known)


async def _foresee(fold: MemberFold, steps: Sequence[RecordRequest | datetime]) -> Simulated | StepRefused:
    """Take these steps, waiting for each where it lies ahead."""
    before, taken = fold.member, list[SimulatedStep]()
    for number, step in enumerate(steps):
        await asyncio.sleep(0)
        made = len(fold.records)
        await fold.wait(step if isinstance(step, datetime) else step.activity.occurred_at)
        if isinstance(step, RecordRequest):
            result = await fold.add(step, None)
            if isinstance(result, InvalidInput | InsufficientPoints):
                return StepRefused(number, result)
        taken.append(SimulatedStep(fold.now, tuple(fold.records[made:]), fold.member))
    return Simulated(before, fold.member, tuple(fold.records), tuple(taken))
