"""One member's part of a commit in the making: what is asked, folded into their history, and the records of it."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gamification import particulars
from gamification.activity import (
    PARTICULARS,
    REJUDGEMENT,
    REVERSAL,
    Activity,
    Reversal,
    own_key,
)
from gamification.boards.keys import BoardKey
from gamification.campaigns import grants_of, settlements
from gamification.circumstances import Circumstances, ReachesBack
from gamification.fold import Applied, CampaignVersions, advance_once, apply, next_due_at
from gamification.history import Checkpoint, History, Past, absorbed_key, account_of
from gamification.member import Member
from gamification.notices.of_records import notices_of
from gamification.notices.of_time import look_at
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
from gamification.revision import Revised, Revision, revised_moment
from gamification.state import Moment
from gamification.stores import Commit, CommitConflict

EVENTS_PER_TURN = 50
"""After how many activities that are played again whoever waits for the event loop gets a turn."""
PARTICULARS_KEY = "#particulars:"
REJUDGEMENT_KEY = "#rejudgement:"
GIVEN_UP = "not judged again: there are more records than can be worked out again"
"""The reason in the record of a backfill that was given up."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the record of a revision tells beside its activity, as `Record` has it; of its version, if not today's."""

    input_hash: str = ""
    version: int | None = None
    by: str = ""


NOTHING_TOLD = Told()


class MemberFold:
    """One member's part of a commit: the state so far and the new records.

    ``past`` is their history as far back as anything that is asked reaches, with the ``terms`` that its grants name. A
    method raises `ReachesBack` where that is not far enough; the fold is then of no further use. With
    ``gives_up_backfill``, a backfill that is due leaves what has happened so far as it was judged. With
    ``gives_up_settling``, reversals that reach further back than the history keep what they kept.
    """

    def __init__(
        self,
        member: Member,
        circumstances: Circumstances,
        past: Past | None = None,
        terms: CampaignVersions | None = None,
        *,
        gives_up_backfill: bool = False,
        gives_up_settling: bool = False,
    ) -> None:
        self._member = self._after = member
        self._gives_up_backfill = gives_up_backfill
        self._gives_up_settling = gives_up_settling
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
        known = known or self._made.get(own_key(request.activity.key))
        if known is not None:
            return self._repeated(request, request.activity.key, known)
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
        known = known or self._made.get(own_key(request.record_key))
        target = target or self._made.get(own_key(request.activity_key))
        if known is not None and request.key is not None:
            if target is not None and self._taken_back_by(known) not in ("", self._key_here(target)):
                return IdempotencyConflict(own_key(request.key))  # Of accounts that are one, each has such an activity.
            return self._repeated(request, request.key, known)
        if target is None or target.activity is None:
            return UnknownActivity(own_key(request.activity_key))
        await self._catch_up()
        self._let_pass(self._now)
        key = self._key_here(target)
        history = self._history_before(Moment(target.placed_at, key))
        event = history.event(key)
        if event is None:
            return NotReversible(key, target.activity.kind)
        taken, money = history.reversals_of(key), self._schedule.at(self._now).program.money
        reversal = judged(event.activity, taken, request.returns, request.amount_minor, money)
        if isinstance(reversal, tuple):
            return InvalidInput(reversal)
        if not isinstance(reversal, Reversal):
            return reversal
        record = await self._take_back(request, reversal, event.moment)
        return Recorded(record, self.member)

    async def wait(self, until: datetime) -> None:
        """Let the moment at which all this is made be a later one, and time pass until then."""
        self._now = max(self._now, until)
        await self._catch_up()
        self._let_pass(self._now)

    def commit(self, enrolment_key: str | None = None, enrolment_hash: str | None = None) -> Commit:
        """What is to be written."""
        edition, due_at = self._schedule.at(self._now), next_due_at(self._state, self._schedule)
        return Commit(
            member=self.member,
            base_seq=self._member.state.seq,
            records=tuple(self.records),
            due_at=due_at,
            due_by=self._schedule.newest_version,
            enrolment_key=enrolment_key,
            enrolment_hash=enrolment_hash,
            settlements=tuple(self._settlements),
            checkpoints=tuple(self._checkpoints),
            revised_from=self._revised_from,
            left=self._left() if self._revised_from is not None else (),
            notices=tuple(notice for each in self.records for notice in notices_of(each, self._member, edition)),
            notice_due_at=look_at(self._state, self._schedule, self._now, due_at),
            made_at=self._now,
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
        if self._after.state is not self._state:
            self._after = self._after.with_state(self._state)
        return self._after

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
            member_id, seq, known = self._member.member_id, self._state.seq, self._schedule.newest_version
            self._append(Record(member_id, seq, version, None, outcome, self._now, known_version=known))

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
            self._schedule.newest_version,
            by=request.by,
        )
        return Recorded(self._append(record), self.member)

    async def _fold_in(self, request: RecordRequest, at: datetime, arrived_at: datetime) -> Record:
        """Put an activity where it belongs, and play what comes after it again."""
        until = max(arrived_at, self._state.as_of)
        told = Told(request.input_hash, self._schedule.at(at).version, by=request.by)
        return await self._revise(request.activity, at, until, told)

    async def _take_back(self, request: ReverseRequest, reversal: Reversal, moment: Moment) -> Record:
        """Play the member's time again without what is taken back."""
        key = self._reversal_key(request, moment.key)
        until = after_all(self._now, key, self._state)
        occurred_at = request.occurred_at or until
        activity = Activity(key, REVERSAL, occurred_at, reason=request.reason, reversal=reversal)
        return await self._revise(activity, moment.at, until, Told(request.input_hash, by=request.by))

    def _reversal_key(self, request: ReverseRequest, activity_key: str) -> str:
        """The caller's key, or one of our own, which may be needed again where accounts are merged and taken apart."""
        if request.key is not None:
            # Under an account's name where it is about that account's activity, so that it leaves together with it.
            return request.key if account_of(request.key) == account_of(activity_key) else own_key(request.key)
        is_plain = activity_key == request.activity_key and not self._state.absorbed
        return request.record_key if is_plain else f"{REVERSAL_KEY}{activity_key}:{self._state.seq + 1}"

    async def _judge_again(self) -> None:
        """Play the member's time again under the versions of the program that ask for it, or give that up."""
        asking = [each for each in self._schedule.editions if each.backfills and each.version > self._state.judged_by]
        from_at = max(min(each.from_at for each in asking), self._state.joined_at)
        self._let_pass(self._now)
        until = max(self._now, self._state.as_of)
        activity = Activity(f"{REJUDGEMENT_KEY}{self._schedule.newest_version}", REJUDGEMENT, until)
        if self._gives_up_backfill:
            from_at, activity = until, replace(activity, reason=GIVEN_UP)
        try:
            await self._revise(activity, from_at, until)
        except ReachesBack as back:
            if back.to_settle:
                raise
            raise ReachesBack(back.member_id, back.moment, to_judge_again=not self._gives_up_backfill) from None

    async def _revise(
        self,
        activity: Activity,
        from_at: datetime,
        until: datetime,
        told: Told = NOTHING_TOLD,
    ) -> Record:
        """Let an activity change the member's time from an instant on; told as the difference that makes."""
        known = Record(
            member_id=self._member.member_id,
            seq=self._state.seq + 1,
            program_version=told.version or self._schedule.at(until).version,
            activity=activity,
            outcome=Outcome(until, (), self._state.balance),
            recorded_at=self._now,
            input_hash=told.input_hash,
            known_version=self._schedule.newest_version,
            revised_from=from_at,
            by=told.by,
        )
        moment = revised_moment(known)
        history = self._history_before(moment)
        revision = Revision(
            known, history, self._state, schedule=self._schedule, terms=self._terms, offers=self._offers
        )
        if self._gives_up_settling:
            revision.leave_beyond()
        elif not history.reaches_before(revision.reaches_to):
            raise ReachesBack(self._member.member_id, revision.reaches_to, to_settle=True)
        await _with_pauses(revision.play())
        return self._keep(revision.finish(), moment)

    def _keep(self, revised: Revised, moment: Moment) -> Record:
        """Keep what a revision from a moment on came to."""
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
        if self._history is not None:
            self._history.take(record, self._schedule)
        if record.activity is not None and self._state.activities % CHECKPOINT_ACTIVITIES == 0:
            self._checkpoints.append(Checkpoint(self._state, record.seq + 1))
        return self._remember(record)

    def _remember(self, record: Record) -> Record:
        self.records.append(record)
        if record.activity is not None:
            self.is_worth_writing = True
            self._made[own_key(record.activity.key)] = record
        return record

    def _key_here(self, record: Record) -> str:
        """The key that the activity of a record, this account's own or an absorbed one's, has in the history."""
        key = record.activity.key if record.activity else ""
        return key if record.member_id == self._member.member_id else absorbed_key(record.member_id, key)

    def _taken_back_by(self, record: Record) -> str:
        """The key that what a record takes back has in the history; empty for what is no reversal."""
        reversal = record.activity.reversal if record.activity else None
        if reversal is None or record.member_id == self._member.member_id:
            return reversal.key if reversal else ""
        return absorbed_key(record.member_id, reversal.key)

    def _repeated(
        self, request: RecordRequest | ReverseRequest, key: str, known: Record
    ) -> Recorded | IdempotencyConflict:
        """The answer to a key that was used before."""
        same = known.input_hash == request.input_hash
        return Recorded(known, self.member, replayed=True) if same else IdempotencyConflict(own_key(key))


def _lies_before(checkpoint: Checkpoint, moment: Moment) -> bool:
    newest = checkpoint.state.newest
    return newest is not None and newest < moment


async def _with_pauses(events: Iterable[None]) -> None:
    """Go through events, with a turn for others now and then."""
    for number, _ in enumerate(events, start=1):
        if number % EVENTS_PER_TURN == 0:
            await asyncio.sleep(0)
