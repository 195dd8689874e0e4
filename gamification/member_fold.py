"""One member's part of a commit in the making: what is asked, folded into their history, and the records of it."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gamification import particulars
from gamification.activity import (
    MERGE,
    PARTICULARS,
    REJUDGEMENT,
    REVERSAL,
    UNMERGE,
    Activity,
    Reversal,
    Scalar,
)
from gamification.boards.keys import BoardKey
from gamification.campaigns import Offers, grants_of, settlements
from gamification.fold import Applied, CampaignVersions, advance_once, apply, next_due_at
from gamification.history import ACCOUNT_MARK, Checkpoint, History, Past, absorbed_key
from gamification.member import Member
from gamification.placing import after_all, is_in_order, place_of, too_late
from gamification.playing import CHECKPOINT_ACTIVITIES
from gamification.record import Outcome, Record, Settlement
from gamification.requests import (
    REVERSAL_KEY,
    IdempotencyConflict,
    InvalidInput,
    Passed,
    PassTime,
    Recorded,
    RecordRequest,
    RecordResult,
    Request,
    Result,
    ReverseRequest,
    ReverseResult,
    UnknownActivity,
)
from gamification.reversal import NotReversible, judged
from gamification.revision import Revision, revised_moment
from gamification.schedule import Schedule
from gamification.state import Moment
from gamification.stores import Commit, CommitConflict

EVENTS_PER_TURN = 50
"""After how many activities that are played again whoever waits for the event loop gets a turn."""
PARTICULARS_KEY = "#particulars:"
REJUDGEMENT_KEY = "#rejudgement:"


class ReachesBack(Exception):
    """What is asked changes the member's time from ``moment`` on, and the history from before it is needed."""

    def __init__(self, member_id: str, moment: Moment) -> None:
        super().__init__(f"the history of {member_id} before {moment.at} is needed")
        self.member_id, self.moment = member_id, moment


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a commit is worked out by: the program's versions, what campaigns have left, and the moment it is made."""

    schedule: Schedule
    offers: Offers
    now: datetime


class MemberFold:
    """One member's part of a commit: the state so far and the new records.

    ``past`` is their history as far back as anything that is asked reaches, with the ``terms`` that its grants name. A
    method raises `ReachesBack` where that is not far enough; the fold is then of no further use.
    """

    def __init__(
        self,
        member: Member,
        circumstances: Circumstances,
        past: Past | None = None,
        terms: CampaignVersions | None = None,
    ) -> None:
        self._member = member
        self._schedule, self._offers, self._now = circumstances.schedule, circumstances.offers, circumstances.now
        if member.state.judged_by > self._schedule.newest_version:
            raise CommitConflict  # Another process knows a newer program; in a moment, so does this one.
        self._state = member.state
        if not member.state.seq:
            self._state = replace(member.state, judged_by=self._schedule.backfilled)
        self._history = None if past is None else History.of(past, self._schedule)
        self._terms = dict(terms or {})
        self._made: dict[str, Record] = {}
        self._settlements: list[Settlement] = []
        self._checkpoints: list[Checkpoint] = []
        self._revised_from: Moment | None = None
        self._is_caught_up = False
        self.records: list[Record] = []
        self.is_worth_writing = False
        """Whether anything was done but refused: what time has brought about is written along with that only."""

    async def answer(self, request: Request, known: Mapping[tuple[str, str], Record]) -> Result:
        """Do what is asked; ``known`` are the records that the journal has of keys that play a part in it."""
        match request:
            case RecordRequest():
                return await self.add(request, known.get((request.member_id, request.activity.key)))
            case ReverseRequest():
                same_key = known.get((request.member_id, request.record_key))
                return await self.reverse(request, same_key, known.get((request.member_id, request.activity_key)))
            case PassTime():
                await self.wait(self._now)
                self.is_worth_writing = True
                return Passed(len(self.records), self.member)

    async def add(self, request: RecordRequest, known: Record | None) -> RecordResult:
        """Fold an activity in, unless its key is ``known`` from the journal or was made in this very call."""
        known = known or self._made.get(request.activity.key)
        if known is not None:
            same = known.input_hash == request.input_hash
            return Recorded(known, self.member, replayed=True) if same else IdempotencyConflict(request.activity.key)
        arrived_at = self._now if request.arrived_at is None else min(request.arrived_at, self._now)
        late = self._schedule.at(arrived_at).program.late
        if problem := too_late(request, arrived_at, late):
            return InvalidInput((problem,))
        await self._catch_up()
        self._let_pass(arrived_at)
        at = place_of(request, arrived_at, self._state, late)
        if is_in_order(Moment(at, request.activity.key), self._state):
            return self._append_activity(request, at)
        record = await self._fold_in(request, at, arrived_at)
        return Recorded(record, self.member)

    async def reverse(self, request: ReverseRequest, known: Record | None, target: Record | None) -> ReverseResult:
        """Take an activity back, or a part of it. ``target`` is its record, if the journal has one."""
        known = known or self._made.get(request.record_key)
        if known is not None and request.key is not None:
            same = known.input_hash == request.input_hash
            return Recorded(known, self.member, replayed=True) if same else IdempotencyConflict(request.key)
        target = target or self._made.get(request.activity_key)
        if target is None or target.activity is None:
            return UnknownActivity(request.activity_key)
        await self._catch_up()
        self._let_pass(self._now)
        own = target.member_id == self._member.member_id
        key = request.activity_key if own else absorbed_key(target.member_id, request.activity_key)
        moment = Moment(target.placed_at, key)
        history = self._history_before(moment)
        event = history.event(key)
        if event is None:
            return NotReversible(request.activity_key, target.activity.kind)
        taken, money = history.reversals_of(key), self._schedule.at(self._now).program.money
        reversal = judged(event.activity, taken, request.returns, request.amount_minor, money)
        if isinstance(reversal, tuple):
            return InvalidInput(reversal)
        if not isinstance(reversal, Reversal):
            return reversal
        record = await self._take_back(request, reversal, moment)
        return Recorded(record, self.member)

    async def merge(self, kind: str, other: Member) -> Record:
        """Take another account of the same person in (`MERGE`) or give it back (`UNMERGE`).

        Or be that account, and be taken in (`MERGED`) or given back (`UNMERGED`). The game is then played as if the
        person had had one account all along, or two.
        """
        await self._catch_up()
        self._let_pass(self._now)
        until, seq = max(self._now, self._state.as_of), self._state.seq + 1
        attributes: dict[str, Scalar] = {"member": other.member_id, "seq": other.state.seq}
        activity = Activity(f"#{kind}:{other.member_id}:{seq}", kind, until, attributes=attributes)
        own = self._member.enrolled_at
        return await self._revise(activity, min(other.enrolled_at, own) if kind in (MERGE, UNMERGE) else own, until)

    def taken_back_of(self, other_id: str) -> Sequence[Reversal]:
        """What was taken back of another account's activities since that was merged into this one."""
        return () if self._history is None else self._history.taken_back_of(other_id)

    async def take_back_again(self, reversal: Reversal) -> Record:
        """Take back here what was taken back while this account was merged into another."""
        key = reversal.key.rpartition(ACCOUNT_MARK)[2]
        event = self._history_before(Moment(self._member.enrolled_at, "")).event(key)
        assert event is not None, "it is this account's own"
        own = f"{REVERSAL_KEY}{key}:{self._state.seq + 1}"
        until = after_all(self._now, own, self._state)
        activity = Activity(own, REVERSAL, until, reversal=replace(reversal, key=key, kept=0))
        return await self._revise(activity, event.at, until)

    async def wait(self, until: datetime) -> None:
        """Let the moment at which all this is made be a later one, and time pass until then."""
        self._now = max(self._now, until)
        await self._catch_up()
        self._let_pass(self._now)

    def commit(self, enrolment_key: str | None = None, enrolment_hash: str | None = None) -> Commit:
        """What is to be written."""
        return Commit(
            member=self.member,
            base_seq=self._member.state.seq,
            records=tuple(self.records),
            due_at=next_due_at(self._state, self._schedule),
            due_by=self._schedule.newest_version,
            enrolment_key=enrolment_key,
            enrolment_hash=enrolment_hash,
            settlements=tuple(self._settlements),
            checkpoints=tuple(self._checkpoints),
            revised_from=self._revised_from,
            left=self._left() if self._revised_from is not None else (),
        )

    @property
    def now(self) -> datetime:
        """The moment at which it is made: the present one, or a later one that was waited for."""
        return self._now

    def _left(self) -> tuple[BoardKey, ...]:
        """The boards on which the member was, and no longer is."""
        was, now = (
            {BoardKey(score.board, score.period, score.scope): None for score in state.scores}
            for state in (self._member.state, self._state)
        )
        return tuple(key for key in was if key not in now)

    @property
    def member(self) -> Member:
        """The member as they are after what was added."""
        return replace(self._member, state=self._state)

    async def _catch_up(self) -> None:
        """Before anything else, let the game learn what has changed about the member and about the program."""
        if self._is_caught_up:
            return
        self._is_caught_up = True
        if self._state.judged_by < self._schedule.backfilled:
            await self._judge_again()
        if self._state.seq and self._state.merged_into is None and (news := particulars.news(self.member)):
            self._let_pass(self._now)
            at = after_all(self._now, PARTICULARS_KEY, self._state)
            # Named after the instant and not after the record, so that a history played again makes the same lots.
            activity = Activity(f"{PARTICULARS_KEY}{at:%Y-%m-%dT%H:%M:%S.%f}", PARTICULARS, self._now, attributes=news)
            self._append_activity(RecordRequest(self._member.member_id, activity, timed=False), at)

    def _let_pass(self, until: datetime) -> None:
        """Write the records of what time has brought about."""
        while (passed := advance_once(self._state, until, self._schedule)) is not None:
            self._state, outcome = passed
            version = self._schedule.at(outcome.at).version
            self._append(Record(self._member.member_id, self._state.seq, version, None, outcome, self._now))

    def _append_activity(self, request: RecordRequest, at: datetime) -> RecordResult:
        """Fold an activity in after everything else."""
        activity, edition = request.activity, self._schedule.at(at)
        offers = self._offers.open_for(activity, self._now, edition.program, self._state)
        result = apply(self._state, activity, edition.program, at, offers)
        if not isinstance(result, Applied):
            return result
        grants = grants_of(offers, self._state, result.outcome)
        self._settle(settlements(grants))
        self._terms.update({(offer.terms.code, offer.version): offer.terms for offer in offers})
        self._state = result.state
        record = Record(
            self._member.member_id,
            self._state.seq,
            edition.version,
            activity,
            result.outcome,
            self._now,
            request.input_hash,
            grants,
        )
        return Recorded(self._append(record), self.member)

    async def _fold_in(self, request: RecordRequest, at: datetime, arrived_at: datetime) -> Record:
        """Put an activity where it belongs, and play what comes after it again."""
        until = max(arrived_at, self._state.as_of)
        return await self._revise(request.activity, at, until, request.input_hash, self._schedule.at(at).version)

    async def _take_back(self, request: ReverseRequest, reversal: Reversal, moment: Moment) -> Record:
        """Play the member's time again without what is taken back."""
        key = self._reversal_key(request, moment.key)
        until = after_all(self._now, key, self._state)
        occurred_at = request.occurred_at or until
        activity = Activity(key, REVERSAL, occurred_at, reason=request.reason, reversal=reversal)
        return await self._revise(activity, moment.at, until, request.input_hash)

    def _reversal_key(self, request: ReverseRequest, activity_key: str) -> str:
        """The caller's key, or one of our own, which may be needed again where accounts are merged and taken apart."""
        if request.key is not None:
            return request.key
        is_plain = activity_key == request.activity_key and not self._state.absorbed
        return request.record_key if is_plain else f"{REVERSAL_KEY}{activity_key}:{self._state.seq + 1}"

    async def _judge_again(self) -> None:
        """Play the member's time again under the versions of the program that ask for it."""
        asking = [each for each in self._schedule.editions if each.backfills and each.version > self._state.judged_by]
        from_at = max(min(each.from_at for each in asking), self._state.joined_at)
        self._let_pass(self._now)
        until = max(self._now, self._state.as_of)
        await self._revise(
            Activity(f"{REJUDGEMENT_KEY}{self._schedule.newest_version}", REJUDGEMENT, until), from_at, until
        )

    async def _revise(
        self, activity: Activity, from_at: datetime, until: datetime, input_hash: str = "", version: int | None = None
    ) -> Record:
        """Let an activity change the member's time from an instant on; told as the difference that makes."""
        known = Record(
            member_id=self._member.member_id,
            seq=self._state.seq + 1,
            program_version=version or self._schedule.at(until).version,
            activity=activity,
            outcome=Outcome(until, (), self._state.balance),
            recorded_at=self._now,
            input_hash=input_hash,
            known_version=self._schedule.newest_version,
            revised_from=from_at,
        )
        moment = revised_moment(known)
        history = self._history_before(moment)
        revision = Revision(
            known, history, self._state, schedule=self._schedule, terms=self._terms, offers=self._offers
        )
        self._history_before(revision.reaches_to)
        await _with_pauses(revision.play())
        revised = revision.finish()
        self._terms.update(self._offers.terms_of(revised.record.all_grants))
        self._state = revised.state
        self._settle(revised.record.settlements)
        self._revised_from = moment if self._revised_from is None else min(self._revised_from, moment)
        self._checkpoints = [each for each in self._checkpoints if _lies_before(each, moment)]
        self._checkpoints += revised.checkpoints
        return self._remember(revised.record)

    def _history_before(self, moment: Moment) -> History:
        """The history from before a moment on."""
        if self._history is None or not self._history.reaches_before(moment):
            raise ReachesBack(self._member.member_id, moment)
        if self._history.newest_version > self._schedule.newest_version:
            raise CommitConflict  # Another process knows a newer program; in a moment, so does this one.
        return self._history

    def _settle(self, taken: tuple[Settlement, ...]) -> None:
        self._offers.take(taken)
        self._settlements += taken

    def _append(self, record: Record) -> Record:
        """Add a record that comes after everything before it."""
        record = replace(record, known_version=self._schedule.newest_version)
        if self._history is not None:
            self._history.take(record, self._schedule)
        if record.activity is not None and self._state.activities % CHECKPOINT_ACTIVITIES == 0:
            self._checkpoints.append(Checkpoint(self._state, record.seq + 1))
        return self._remember(record)

    def _remember(self, record: Record) -> Record:
        self.records.append(record)
        if record.activity is not None:
            self.is_worth_writing = True
            self._made[record.activity.key] = record
        return record


def _lies_before(checkpoint: Checkpoint, moment: Moment) -> bool:
    newest = checkpoint.state.newest
    return newest is not None and newest < moment


async def _with_pauses(events: Iterable[None]) -> None:
    """Go through events, with a turn for others now and then."""
    for number, _ in enumerate(events, start=1):
        if number % EVENTS_PER_TURN == 0:
            await asyncio.sleep(0)
