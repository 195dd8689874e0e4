"""Records: an activity, or the passing of time, with everything it caused and why. Immutable once written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gamification.activity import Activity
from gamification.state import Balance

Account = Literal["available", "pending"]
Source = Literal["rule", "challenge", "badge", "tier", "staff", "clock", "chain", "campaign", "board"]


@dataclass(frozen=True, slots=True)
class Why:
    """Why an effect came about: what decided it, how it was worked out, and which effect of the record led to it.

    ``because`` is that effect's place in the record; None means the activity (or the clock) itself. ``inputs`` are
    the numbers of the ``arithmetic``; ``lots`` are those consumed, unlocked or expired.
    """

    source: Source
    code: str
    arithmetic: str = ""
    because: int | None = None
    inputs: Mapping[str, str | int | float] = field(default_factory=dict)
    lots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A ledger entry: ``points`` (signed) on one account. The sum of all entries of a member is the balance."""

    account: Account
    points: int
    why: Why
    kind: Literal["entry"] = "entry"


@dataclass(frozen=True, slots=True)
class Progressed:
    """A challenge moved from ``before`` to ``after`` of ``goal``, in ``scale``-ths of its unit."""

    code: str
    before: int
    after: int
    goal: int
    scale: int
    why: Why
    kind: Literal["progressed"] = "progressed"


@dataclass(frozen=True, slots=True)
class Completed:
    """A challenge was completed, ``times`` over."""

    code: str
    times: int
    why: Why
    kind: Literal["completed"] = "completed"


@dataclass(frozen=True, slots=True)
class BadgeWon:
    """A badge was won or rose to ``level``."""

    code: str
    level: int
    why: Why
    kind: Literal["badge_won"] = "badge_won"


@dataclass(frozen=True, slots=True)
class TierMoved:
    """The standing moved from one tier to another; ``before`` is None when a member first gets one."""

    before: str | None
    after: str
    up: bool
    why: Why
    kind: Literal["tier_moved"] = "tier_moved"


@dataclass(frozen=True, slots=True)
class ChainCut:
    """The chain of causes reached its bound: what the effect at ``why.because`` would have led to was left out."""

    links: int
    why: Why
    kind: Literal["chain_cut"] = "chain_cut"


@dataclass(frozen=True, slots=True)
class Scored:
    """A score on a board changed from ``before`` (None for the first in its period) to ``after``.

    In ``scale``-ths of the board's unit; ``columns`` are those after it.
    """

    board: str
    period: str
    scope: str
    before: int | None
    after: int
    columns: tuple[int, ...]
    scale: int
    why: Why
    kind: Literal["scored"] = "scored"


@dataclass(frozen=True, slots=True)
class BonusWithheld:
    """A campaign gave ``granted`` of the points ``wanted``: its ``limit`` kept the rest."""

    campaign: str
    wanted: int
    granted: int
    limit: Literal["cap", "places", "budget"]
    why: Why
    kind: Literal["bonus_withheld"] = "bonus_withheld"


Effect = BonusWithheld | Entry | Progressed | Completed | BadgeWon | TierMoved | ChainCut | Scored


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step of the fold did: ``effects`` in the order of their causes, and the balance after them."""

    at: datetime
    effects: tuple[Effect, ...]
    balance: Balance


@dataclass(frozen=True, slots=True)
class Grant:
    """What was left of a campaign when a record was decided: points of its budget and places; None without limit.

    ``forgets`` is the campaign, long over, that the member's state forgets to make room for what this one gives.
    """

    campaign: str
    version: int
    room: int | None
    places: int | None
    forgets: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the journal, numbered ``seq`` per member from 1. ``activity`` is None where time alone passed.

    ``input_hash`` tells a retry from a key that is used again for something else. ``grants`` are the campaigns that
    took part, with what was left of them, so that the record can be replayed.
    """

    member_id: str
    seq: int
    program_version: int
    activity: Activity | None
    outcome: Outcome
    recorded_at: datetime
    input_hash: str = ""
    grants: tuple[Grant, ...] = ()
