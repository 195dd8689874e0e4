"""What can be asked of the recorder, and how it answers."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime

from gamification.activity import Activity, Problem, own_key
from gamification.fold import InsufficientPoints
from gamification.member import Member
from gamification.record import Record
from gamification.reversal import AlreadyReversed, NotReversible, Return

REVERSAL_KEY = "#reversal:"
MAX_RETURNS = 500
"""Lines in one reversal."""


@dataclass(frozen=True, slots=True)
class RecordRequest:
    """An activity to record for a member. ``timed`` is False where the caller left the time to us.

    Then a retry, which comes at another time, still has the same input. ``arrived_at`` is set where a log of the past
    is read in: each of its activities counts as having come in then, and so is late for nothing. ``by`` is who asks.
    """

    member_id: str
    activity: Activity
    timed: bool = True
    arrived_at: datetime | None = None
    by: str = ""

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
class ReverseRequest:
    """A reversal of a member's activity ``activity_key``: of the whole, of what ``returns`` name, or of an amount.

    ``key`` is the reversal's own, made by the caller; a reversal of the whole without one goes by a name of ours.
    ``occurred_at`` is when it happened, now if None; it takes effect when it comes in. ``by`` is who asks.
    """

    member_id: str
    activity_key: str
    key: str | None = None
    returns: tuple[Return, ...] = ()
    amount_minor: int | None = None
    reason: str | None = None
    occurred_at: datetime | None = None
    by: str = ""

    @property
    def record_key(self) -> str:
        """The key of its record. No caller's key begins with the sign."""
        return self.key or f"{REVERSAL_KEY}{self.activity_key}"

    @property
    def input_hash(self) -> str:
        """SHA-256 of what the caller gave."""
        returns = [asdict(each) for each in self.returns]
        occurred_at = self.occurred_at.isoformat() if self.occurred_at else None
        return hash_of([own_key(self.activity_key), returns, self.amount_minor, self.reason, occurred_at])


@dataclass(frozen=True, slots=True)
class PassTime:
    """Time to pass for a member: what was due is to be recorded, also where a new version of the program says so."""

    member_id: str


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """The account ``other_id`` to be merged into ``member_id``; where it ``undoes`` that, to be taken out again.

    ``key`` is made by the caller, if any, and unique with both accounts.
    """

    other_id: str
    member_id: str
    undoes: bool = False
    key: str | None = None
    reason: str | None = None
    by: str = ""

    @property
    def input_hash(self) -> str:
        """SHA-256 of what the caller gave."""
        return hash_of([self.undoes, self.other_id, self.member_id, self.reason])


Request = RecordRequest | ReverseRequest | PassTime


@dataclass(frozen=True, slots=True)
class Recorded:
    """The activity stands in the journal. ``replayed`` marks a retry, which is answered with the first result."""

    record: Record
    member: Member
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Passed:
    """Time has passed for a member, which made so many ``records``."""

    records: int
    member: Member


@dataclass(frozen=True, slots=True)
class Simulated:
    """What would happen: the member before and after, and the records that would be written."""

    before: Member
    after: Member
    records: tuple[Record, ...]
    steps: tuple["SimulatedStep", ...] = ()


@dataclass(frozen=True, slots=True)
class SimulatedStep:
    """What one step of a simulation would make: the records, the member ``after`` it, and the instant ``at`` which."""

    at: datetime
    records: tuple[Record, ...]
    after: Member


@dataclass(frozen=True, slots=True)
class InvalidInput:
    """The input cannot be recorded; nothing was written."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class MemberNotFound:
    """There is no such member; nothing was written."""

    member_id: str


@dataclass(frozen=True, slots=True)
class UnknownActivity:
    """The member has no activity with this key; nothing was written."""

    key: str


@dataclass(frozen=True, slots=True)
class IdempotencyConflict:
    """The key was used before for something else; nothing was written."""

    key: str


@dataclass(frozen=True, slots=True)
class StepRefused:
    """A simulation ended at the ``step`` (from 0) that would be refused, and how."""

    step: int
    refusal: InvalidInput | InsufficientPoints


RecordResult = Recorded | InvalidInput | MemberNotFound | IdempotencyConflict | InsufficientPoints
ReverseResult = (
    Recorded | InvalidInput | MemberNotFound | IdempotencyConflict | UnknownActivity | AlreadyReversed | NotReversible
)
SimulateResult = Simulated | StepRefused | MemberNotFound
Result = RecordResult | ReverseResult | Passed


def hash_of(content: object) -> str:
    """SHA-256 over the canonical JSON of an input."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
