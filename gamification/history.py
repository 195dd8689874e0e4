"""Histories: a member's activities in the order of time, from a checkpoint on, as they stand after all records."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

from gamification.activity import (
    ENROLMENT,
    MERGE,
    MERGED,
    PARTICULARS,
    REJUDGEMENT,
    UNMERGE,
    UNMERGED,
    Activity,
    Reversal,
)
from gamification.record import Grant, Kept, Record, Regrant
from gamification.reversal import left_of
from gamification.schedule import Schedule
from gamification.state import Moment, State
from gamification.values import value

_OWN_ALONE = frozenset({ENROLMENT, PARTICULARS})
"""What of an account does not go over to the one that it is merged into."""
ACCOUNT_MARK = "|"
"""What stands between an account and a key of it; no caller's key holds it."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state after the activity ``state.newest``. No activity later in time has a number below ``next_seq``."""

    state: State
    next_seq: int


class OutOfDate(Exception):
    """A snapshot and a history that were read one after the other do not belong together. Both are to be read again."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a member did since a checkpoint: all records from ``start.next_seq`` on, without their effects.

    ``absorbed`` are all records of the accounts that these merge into the member's.
    """

    start: Checkpoint
    records: tuple[Record, ...]
    absorbed: Mapping[str, Sequence[Record]] = field(default_factory=dict)

    def of(self, state: State) -> "Past":
        """The same, if it is the past of this snapshot.

        Raises:
            OutOfDate: it is not; someone else was faster.
        """
        if self.last_seq != state.seq:
            raise OutOfDate
        return self

    def with_absorbed(self, member_id: str, records: Sequence[Record]) -> "Past":
        """The same, with the records of one more account."""
        return replace(self, absorbed={**self.absorbed, member_id: records})

    @property
    def all_records(self) -> Iterator[Record]:
        """The member's records and those of the accounts that they merge."""
        return chain(self.records, *self.absorbed.values())

    @property
    def last_seq(self) -> int:
        """The number of the newest record."""
        return self.records[-1].seq if self.records else self.start.state.seq


@value(frozen=True, slots=True)
class Event:
    """An activity in its place, as it was reported: the version that decides it, and what campaigns had left for it."""

    at: datetime
    activity: Activity
    seq: int
    version: int
    grants: tuple[Grant, ...]
    recorded_at: datetime
    taken_from: datetime | None = None
    """Of a reversal: the instant at which what it takes back stands."""

    @property
    def moment(self) -> Moment:
        """Its place in time."""
        return Moment(self.at, self.activity.key)

    def keeping(self, points: int) -> "Event":
        """A reversal at which so many points stay with the member."""
        assert self.activity.reversal is not None, "points stay where some are taken back"
        reversal = replace(self.activity.reversal, kept=points)
        return replace(self, activity=replace(self.activity, reversal=reversal))


class History:
    """The activities of one member from a checkpoint on, as they stand after a number of records."""

    def __init__(self, start: Checkpoint) -> None:
        self._start = start.state
        self._joined = {"": start.state.joined_at}
        self._absorbed: dict[str, Sequence[Record]] = {}
        self._given_to: str | None = None
        self._marks: list[State] = []
        self._events: dict[str, Event] = {}
        self._reversals: dict[str, dict[str, Reversal]] = {}

    @classmethod
    def of(cls, past: Past, schedule: Schedule) -> "History":
        """The history that these records tell."""
        history = cls(past.start)
        for member_id, records in past.absorbed.items():
            history.know(member_id, records)
        for record in past.records:
            history.take(record, schedule)
        return history

    def know(self, member_id: str, records: Sequence[Record]) -> None:
        """Have all records of an account at hand that a later record merges into the member's."""
        self._absorbed[member_id] = records

    def take(self, record: Record, schedule: Schedule) -> None:
        """Take in what one more record tells of the member's time."""
        activity = record.activity
        if activity is None:
            return
        if activity.kind == REJUDGEMENT:
            self._judge_again(record, schedule)
        elif activity.kind == MERGE:
            self._absorb(record, activity, schedule)
        elif activity.kind == UNMERGE:
            self._release(str(activity.attributes["member"]))
        elif activity.kind in (MERGED, UNMERGED):
            self._given_to = str(activity.attributes["member"]) if activity.kind == MERGED else None
        else:
            self._enter(record, activity)
        for regrant in record.regrants:
            self.grant(regrant)
        for kept in record.kept:
            self.keep(kept)

    def grant(self, regrant: Regrant) -> None:
        """Let an activity go by other grants from now on, unless it lies before the checkpoint."""
        event = self._events.get(regrant.key)
        if event is not None:
            self._events[regrant.key] = replace(event, grants=regrant.grants)

    def keep(self, kept: Kept) -> None:
        """Let other points stay at a reversal from now on, unless there is none with this key after the checkpoint."""
        event = self._events.get(kept.key)
        if event is not None and event.activity.reversal is not None:
            self._events[kept.key] = event.keeping(kept.points)

    def reversals_of(self, key: str) -> Sequence[Reversal]:
        """What has been taken back of an activity so far."""
        return tuple(self._reversals.get(key, {}).values())

    def reversals_after(self, moment: Moment) -> list[Event]:
        """The reversals that stand after a moment, in the order of time."""
        events = self._events.values() if self._given_to is None else ()
        found = [each for each in events if each.activity.reversal is not None and each.moment > moment]
        return sorted(found, key=lambda event: event.moment)

    def taken_from(self, event: Event) -> Moment | None:
        """Where what a reversal takes back stands; None if that has gone away with its account."""
        taken = event.activity.reversal
        if taken is None or event.taken_from is None or event.activity.key not in self._reversals.get(taken.key, ()):
            return None
        return Moment(event.taken_from, taken.key)

    def event(self, key: str) -> Event | None:
        """An activity by its key, as it was reported; None if it lies before the checkpoint, or is none."""
        return self._events.get(key)

    @property
    def newest_version(self) -> int:
        """The latest version of the program that any of it was decided by; 0 without activities."""
        return max((event.version for event in self._events.values()), default=0)

    def reaches_before(self, moment: Moment) -> bool:
        """Whether the history begins before a moment."""
        return self._start.newest is None or self._start.newest < moment

    def state_before(self, moment: Moment) -> State:
        """The state at the latest known place before a moment."""
        marked = next((mark for mark in reversed(self._marks) if _is_before(mark, moment)), self._start)
        if marked.newest is not None:
            return marked
        # Of an account that was given away nothing is left, and time brings nothing about for it.
        return replace(State.new(min(self._joined.values())), merged_into=self._given_to)

    def mark(self, state: State) -> None:
        """Note the state after the newest activity, so that a later revision need not play what lies before it."""
        self._marks.append(state)

    def mark_anew(self, moment: Moment, states: Iterable[State]) -> None:
        """Replace what is noted of states from a moment on."""
        self._marks = [mark for mark in self._marks if _is_before(mark, moment)]
        self._marks += states

    def living(self, after: Moment | None, despite: Collection[str] = ()) -> list[Event]:
        """What of it still counts after a moment, in the order of time.

        Some reversals can be left aside (``despite``, their keys); what they take back then counts.
        """
        living: list[Event] = []
        for key, event in self._events.items() if self._given_to is None else ():
            if after is not None and event.moment <= after:
                continue
            left = self.left(key, despite) if key in self._reversals else event
            if left is not None:
                living.append(left)
        living.sort(key=lambda event: (event.at, event.activity.key))
        return living

    def left(self, key: str, despite: Collection[str] = ()) -> Event | None:
        """An activity as it counts by now; None if nothing is left of it. Some reversals can be left aside."""
        event, taken = self._events.get(key), self._reversals.get(key, {})
        if event is None:
            return None
        activity = left_of(event.activity, [each for by, each in taken.items() if by not in despite])
        return None if activity is None else event if activity is event.activity else replace(event, activity=activity)

    def _enter(self, record: Record, activity: Activity) -> None:
        event = Event(record.placed_at, activity, record.seq, record.program_version, record.grants, record.recorded_at)
        taken = activity.reversal
        if taken is not None:
            event = replace(event, taken_from=record.revised_from)
            self._reversals.setdefault(taken.key, {})[activity.key] = taken
        self._add(event)

    def _absorb(self, record: Record, activity: Activity, schedule: Schedule) -> None:
        """Add what another account of the person did, but for joining and for what only that account goes by."""
        member_id, last_seq = str(activity.attributes["member"]), activity.attributes["seq"]
        records = [each for each in self._absorbed[member_id] if each.seq <= float(last_seq)]
        other = History(Checkpoint(State.new(records[0].outcome.at), 1))
        for account, theirs in self._absorbed.items():
            other.know(account, theirs)
        for each in records:
            other.take(each, schedule)
        self._joined[member_id] = records[0].outcome.at
        events = {key: event for key, event in other._events.items() if event.activity.kind not in _OWN_ALONE}
        for event in events.values():
            renamed = _renamed(event.activity, member_id, other._events)
            self._add(replace(event, activity=renamed, seq=record.seq))
        for key, taken in other._reversals.items():
            by = {absorbed_key(member_id, own): reversal for own, reversal in taken.items()}
            self._reversals[absorbed_key(member_id, key)] = by

    def _release(self, member_id: str) -> None:
        """Take what another account did out again, also what it has done since."""
        prefix = absorbed_key(member_id, "")
        self._events = {
            key: event for key, event in self._events.items() if not changed_key(event.activity).startswith(prefix)
        }
        self._reversals = {key: taken for key, taken in self._reversals.items() if not key.startswith(prefix)}
        self._joined.pop(member_id, None)

    def _add(self, event: Event) -> None:
        if self.reaches_before(event.moment):  # Else the checkpoint has it.
            self._events[event.activity.key] = event

    def _judge_again(self, record: Record, schedule: Schedule) -> None:
        known = schedule.known(record.known_version)
        for key, event in self._events.items():
            if record.revised_from is not None and event.at >= record.revised_from:
                self._events[key] = replace(event, version=known.at(event.at).version)


def _is_before(state: State, moment: Moment) -> bool:
    return state.newest is not None and state.newest < moment


def _renamed(activity: Activity, member_id: str, known: Mapping[str, Event]) -> Activity:
    """An absorbed activity under its new name, and with what it names of its account under theirs."""
    attributes = dict(activity.attributes)
    if attributes.get("activity") in known:
        attributes["activity"] = absorbed_key(member_id, str(attributes["activity"]))
    if str(attributes.get("lot", "")).rpartition(".")[0] in known:
        attributes["lot"] = absorbed_key(member_id, str(attributes["lot"]))
    reversal = activity.reversal and replace(activity.reversal, key=absorbed_key(member_id, activity.reversal.key))
    return replace(activity, key=absorbed_key(member_id, activity.key), attributes=attributes, reversal=reversal)


def changed_key(activity: Activity) -> str:
    """The key of what an activity is about: of what it takes back, or else its own."""
    return activity.reversal.key if activity.reversal else activity.key


def account_of(key: str) -> str:
    """The account whose name merging put before a key; empty where there is none."""
    return key.rpartition(ACCOUNT_MARK)[0]


def absorbed_key(member_id: str, key: str) -> str:
    """The key that an activity of a merged account has among those of the account that it was merged into.

    No caller's key holds the bar.
    """
    return f"{member_id}{ACCOUNT_MARK}{key}"
