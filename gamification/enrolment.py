"""Enrolment: how a member comes to be, once per key, with the enrolment itself as record number 1."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gamification.activity import (
    ENROLMENT,
    MAX_CODE_CHARS,
    Activity,
    Problem,
    identifier_problems,
    problems_of,
    to_milliseconds,
)
from gamification.circumstances import Circumstances
from gamification.contention import insist
from gamification.member import Member, Profile, language_problems, loyalty_number, profile_problems
from gamification.member_fold import MemberFold
from gamification.particulars import told
from gamification.program import Program
from gamification.requests import IdempotencyConflict, InvalidInput, Recorded, RecordRequest, hash_of
from gamification.state import State
from gamification.stores import CommitConflict, Stores

MAX_ENROLMENTS_PER_CALL = 64
ENROLMENT_KEY = "#enrolment"
"""The key of record 1. No caller's key begins like this, so an enrolment's own key stays free for activities."""


@dataclass(frozen=True, slots=True)
class EnrolRequest:
    """A person to enrol. ``joined_at`` None means now; ``external_id`` is the shop's own number for them."""

    key: str
    profile: Profile
    joined_at: datetime | None = None
    external_id: str | None = None

    @property
    def input_hash(self) -> str:
        """SHA-256 of what the caller gave, listed one by one as with activities: it is kept for ever.

        The birthday joins only where it is set, so that an enrolment of before there was one has the same hash still.
        """
        joined_at = to_milliseconds(self.joined_at).isoformat() if self.joined_at else None
        given = self.profile
        profile = [given.display_name, given.handle, given.avatar_url, given.language, given.time_zone]
        birthday = [given.birthday] if given.birthday is not None else []
        return hash_of([[*profile, *birthday], joined_at, self.external_id])


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The member exists. ``replayed`` marks a retry, which is answered with the member as they are now."""

    member: Member
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class AlreadyTaken:
    """Another member has this ``handle`` or ``external_id``; nothing was written."""

    what: str


EnrolResult = Enrolled | InvalidInput | IdempotencyConflict | AlreadyTaken


@dataclass(frozen=True, slots=True)
class Identities:
    """Where new ids come from: ``member_id`` makes unique ones, ``serial`` random ones below 10^11."""

    member_id: Callable[[], str]
    serial: Callable[[], int]


class Enroller:
    """Enrols members, one or many at a time. Holds no state but its collaborators."""

    def __init__(
        self,
        stores: Stores,
        now: Callable[[], datetime],
        future_tolerance: timedelta,
        identities: Identities,
    ) -> None:
        self._members, self._journal = stores.members, stores.journal
        self._programs, self._campaigns = stores.programs, stores.campaigns
        self._now, self._future_tolerance, self._identities = now, future_tolerance, identities

    async def enrol(self, requests: Sequence[EnrolRequest]) -> list[EnrolResult]:
        """Enrol everyone; a result for each, in that order.

        Raises:
            StoreUnavailable: a store did not answer in time; the same keys make a retry safe.
            ValueError: more than ``MAX_ENROLMENTS_PER_CALL`` requests.
        """
        if len(requests) > MAX_ENROLMENTS_PER_CALL:
            raise ValueError(f"at most {MAX_ENROLMENTS_PER_CALL} enrolments at a time")
        try:
            return await self._attempt(requests)
        except CommitConflict:
            return [await self._alone(request) for request in requests]

    async def _alone(self, request: EnrolRequest) -> EnrolResult:
        try:
            return (await insist(lambda: self._attempt([request]), final=("handle", "external_id")))[0]
        except CommitConflict as conflict:
            return AlreadyTaken(str(conflict.taken))

    async def _attempt(self, requests: Sequence[EnrolRequest]) -> list[EnrolResult]:
        known, schedule, offers = await asyncio.gather(
            self._members.by_enrolment_keys([request.key for request in requests]),
            self._programs.schedule(),
            self._campaigns.offers({ENROLMENT}),
        )
        circumstances = Circumstances(schedule, offers, to_milliseconds(self._now()))
        program = schedule.at(circumstances.now).program
        folds: dict[str, MemberFold] = {}
        hashes: dict[str, str] = {}
        results: list[EnrolResult] = []
        for request in requests:
            if problems := self._problems(request, program):
                results.append(InvalidInput(problems))
            elif request.key in known or request.key in folds:
                member, input_hash = known.get(request.key) or (folds[request.key].member, hashes[request.key])
                same = input_hash == request.input_hash
                results.append(Enrolled(member, replayed=True) if same else IdempotencyConflict(request.key))
            else:
                folds[request.key], hashes[request.key] = await self._fold(request, circumstances), request.input_hash
                results.append(Enrolled(folds[request.key].member))
        await self._journal.commit([fold.commit(key, hashes[key]) for key, fold in folds.items()])
        return results

    async def _fold(self, request: EnrolRequest, circumstances: Circumstances) -> MemberFold:
        joined_at = to_milliseconds(min(request.joined_at or circumstances.now, circumstances.now))
        member = Member(
            member_id=self._identities.member_id(),
            loyalty_number=loyalty_number(self._identities.serial()),
            enrolled_at=joined_at,
            profile=request.profile,
            state=State.new(joined_at),
            external_id=request.external_id,
            may_have_blocks=False,
        )
        fold = MemberFold(member, circumstances)
        enrolment = Activity(ENROLMENT_KEY, ENROLMENT, joined_at, attributes=told(request.profile))
        recorded = await fold.add(RecordRequest(member.member_id, enrolment, arrived_at=joined_at), None)
        assert isinstance(recorded, Recorded), "nothing forbids the first record of a new member"
        return fold

    def _problems(self, request: EnrolRequest, program: Program) -> tuple[Problem, ...]:
        now = self._now()
        activity = Activity(request.key, ENROLMENT, request.joined_at or now)
        timed = [
            Problem("joinedAt" if problem.path == "occurredAt" else problem.path, problem.message)
            for problem in problems_of(activity, now, self._future_tolerance)
        ]
        external = request.external_id
        return (
            *timed,
            *profile_problems(request.profile, now),
            *language_problems(request.profile.language, program),
            *(identifier_problems("externalId", external, MAX_CODE_CHARS) if external is not None else ()),
        )
