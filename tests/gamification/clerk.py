"""A clerk who keeps one member's journal by the real record path, without stores: for tests of what it comes to."""

from collections.abc import Coroutine, Iterable
from datetime import datetime
from typing import Any, TypeVar

from gamification.activity import Activity, normalised
from gamification.campaigns import Offers
from gamification.fold import CampaignVersions, advance
from gamification.history import Checkpoint, Past
from gamification.member import Member, Profile
from gamification.member_fold import Circumstances, MemberFold, ReachesBack
from gamification.notices.notice import Notice
from gamification.program import Program
from gamification.record import Record
from gamification.requests import PassTime, Recorded, RecordRequest, Request, Result, ReverseRequest
from gamification.reversal import Return
from gamification.schedule import Schedule
from gamification.state import Moment, State
from gamification.stores import Commit

_T = TypeVar("_T")
MEMBER_ID = "m"


def drive(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """The result of a coroutine that waits for nothing but a turn."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as stop:
            result: _T = stop.value
            return result


class Clerk:
    """Records, reverses and lets time pass for one member. ``now`` is when the last thing came in."""

    def __init__(self, programs: Program | Schedule, joined_at: datetime, offers: Iterable[Any] = ()) -> None:
        self.schedule = programs if isinstance(programs, Schedule) else Schedule.always(programs)
        self.member = Member(MEMBER_ID, "000000000000", joined_at, Profile("Ann"), State.new(joined_at))
        self.offers = Offers(offers)
        self.terms: CampaignVersions = {(each.terms.code, each.version): each.terms for each in offers}
        self.records: list[Record] = []
        self.notices: list[Notice] = []
        self.checkpoints: list[Checkpoint] = []
        self.now = joined_at

    @property
    def state(self) -> State:
        """The member's state after the last record."""
        return self.member.state

    def do(self, activity: Activity, now: datetime | None = None) -> Result:
        """Record an activity that comes in now, or when it happened."""
        return self.ask(RecordRequest(MEMBER_ID, normalised(activity)), now or max(activity.occurred_at, self.now))

    def record(self, activity: Activity, now: datetime | None = None) -> Record:
        """Record an activity that nothing forbids; its record."""
        result = self.do(activity, now)
        assert isinstance(result, Recorded), result
        return result.record

    def reverse(self, key: str, now: datetime | None = None, own: str | None = None, **part: Any) -> Result:
        """Take back an activity, or with ``returns`` or ``amount_minor`` a part of it."""
        returns = tuple(Return(**each) for each in part.pop("returns", ()))
        return self.ask(ReverseRequest(MEMBER_ID, key, own, returns, **part), now or self.now)

    def wait(self, now: datetime) -> None:
        """Let the background clock run."""
        self.ask(PassTime(MEMBER_ID), now)

    def ask(self, request: Request, now: datetime) -> Result:
        """Ask for anything, as it comes in at an instant."""
        self.now = max(self.now, now)
        past: Past | None = None
        known = {(MEMBER_ID, key): each for key, each in self.known().items()}
        while True:
            fold = MemberFold(self.member, Circumstances(self.schedule, self.offers.copy(), now), past, self.terms)
            try:
                result = drive(fold.answer(request, known))
                break
            except ReachesBack as back:
                past = self.past(back.moment)
        if fold.is_worth_writing:
            self.keep(fold.commit())
        return result

    def keep(self, commit: Commit) -> None:
        """Keep what a fold came to, as the stores would."""
        self.member = commit.member
        self.records += commit.records
        self.notices += commit.notices
        self.offers.take(commit.settlements)
        if commit.revised_from is not None:
            kept = commit.revised_from
            self.checkpoints = [each for each in self.checkpoints if each.state.newest and each.state.newest < kept]
        self.checkpoints += commit.checkpoints

    def known(self) -> dict[str, Record]:
        """The records that there are, by the keys that they are known by."""
        return {each.activity.key: each for each in self.records if each.activity}

    def past(self, before: Moment) -> Past:
        """The history since the last checkpoint before a moment."""
        start = Checkpoint(State.new(self.member.enrolled_at), 1)
        for checkpoint in self.checkpoints:
            if checkpoint.state.newest and checkpoint.state.newest < before:
                start = checkpoint
        return Past(start, tuple(each for each in self.records if each.seq >= start.next_seq))

    def read(self, at: datetime) -> State:
        """The member's state as it is read at an instant."""
        return advance(self.state, at, self.schedule)[0]
