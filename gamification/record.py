"""Records: an activity, or the passing of time, with everything it caused and why. Immutable once written."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Literal

from gamification.activity import MERGE, MERGED, REJUDGEMENT, REVERSAL, UNMERGE, UNMERGED, Activity
from gamification.state import Balance, OpenLot, PeriodFate, TierReason, Totals
from gamification.values import value

REVISING = frozenset({REVERSAL, REJUDGEMENT, MERGE, UNMERGE, MERGED, UNMERGED})
"""Kinds of activities that change the past and stand in time where they were recorded."""

Account = Literal["available", "pending"]
Source = Literal[
    "rule",
    "challenge",
    "badge",
    "tier",
    "staff",
    "clock",
    "chain",
    "campaign",
    "board",
    "streak",
    "reversal",
    "revision",
]


@value(frozen=True, slots=True)
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


@value(frozen=True, slots=True)
class Entry:
    """A ledger entry: ``points`` (signed) on one account. The sum of all entries of a member is the balance."""

    account: Account
    points: int
    why: Why
    kind: Literal["entry"] = "entry"


@value(frozen=True, slots=True)
class Progressed:
    """A challenge moved from ``before`` to ``after`` of ``goal``, in ``scale``-ths of its unit."""

    code: str
    before: int
    after: int
    goal: int
    scale: int
    why: Why
    kind: Literal["progressed"] = "progressed"


@value(frozen=True, slots=True)
class Completed:
    """A challenge was completed, ``times`` over."""

    code: str
    times: int
    why: Why
    kind: Literal["completed"] = "completed"


@value(frozen=True, slots=True)
class BadgeWon:
    """A badge was won or rose to ``level``."""

    code: str
    level: int
    why: Why
    kind: Literal["badge_won"] = "badge_won"


@value(frozen=True, slots=True)
class BadgeLost:
    """A badge fell from level ``before`` to ``after``, 0 for none, since what had won it was taken back."""

    code: str
    before: int
    after: int
    why: Why
    kind: Literal["badge_lost"] = "badge_lost"


@value(frozen=True, slots=True)
class CompletionLost:
    """A challenge counts as completed ``times`` fewer, since what had completed it was taken back."""

    code: str
    times: int
    why: Why
    kind: Literal["completion_lost"] = "completion_lost"


@value(frozen=True, slots=True)
class StreakMoved:
    """A streak went from ``before`` periods to ``after``; ``frozen`` is how many freezes that took.

    ``freezes`` are those that are left, and ``longest`` is the longest that the streak ever was; None in records from
    before they were told. ``periods`` are those whose fate a revision changed, by their first days (ordinals), each
    with what became of it now; None where it is not decided, or no longer remembered.
    """

    code: str
    before: int
    after: int
    why: Why
    frozen: int = 0
    freezes: int | None = None
    longest: int | None = None
    periods: tuple[tuple[int, PeriodFate | None], ...] = ()
    kind: Literal["streak_moved"] = "streak_moved"


@value(frozen=True, slots=True)
class StreakReached:
    """A streak reached a milestone of ``length`` periods."""

    code: str
    length: int
    why: Why
    kind: Literal["streak_reached"] = "streak_reached"


@value(frozen=True, slots=True)
class Celebrated:
    """The member's birthday, or the day on which they joined, came round, ``years`` after it."""

    occasion: Literal["birthday", "anniversary"]
    years: int
    why: Why
    kind: Literal["celebrated"] = "celebrated"


@value(frozen=True, slots=True)
class TierMoved:
    """The standing moved from one tier to another; ``before`` is None when a member first gets one."""

    before: str | None
    after: str
    up: bool
    why: Why
    reason: TierReason = "earned"
    kind: Literal["tier_moved"] = "tier_moved"


@value(frozen=True, slots=True)
class TierReviewed:
    """A review of the ``tier`` earned that left the standing where it was.

    ``kept``: there is enough, until the next review. ``grace``: there is too little, and the tier is lost at
    ``grace_until`` unless enough is earned by then. ``lowered``: what was earned fell to this tier, but a tier granted
    by staff still stands above it.
    """

    tier: str
    verdict: Literal["kept", "grace", "lowered"]
    why: Why
    grace_until: datetime | None = None
    kind: Literal["tier_reviewed"] = "tier_reviewed"


@value(frozen=True, slots=True)
class ChainCut:
    """The chain of causes reached its bound: what the effect at ``why.because`` would have led to was left out."""

    links: int
    why: Why
    kind: Literal["chain_cut"] = "chain_cut"


@value(frozen=True, slots=True)
class Scored:
    """A score on a board changed from ``before`` to ``after``; None where the member is not on the board.

    In ``scale``-ths of the board's unit; ``columns`` are those after it. ``reached_at`` is when these numbers were
    reached, which decides who came first; None off the board, and in records from before it was told.
    """

    board: str
    period: str
    scope: str
    before: int | None
    after: int | None
    columns: tuple[int, ...]
    scale: int
    why: Why
    reached_at: datetime | None = None
    kind: Literal["scored"] = "scored"


@value(frozen=True, slots=True)
class LotMoved:
    """A lot has another end, or other points left, than before: by an extension, or by a revision.

    None where it is not among the open lots.
    """

    lot: str
    before: OpenLot | None
    after: OpenLot | None
    why: Why
    kind: Literal["lot_moved"] = "lot_moved"


@value(frozen=True, slots=True)
class TierGranted:
    """What staff grants is now this ``tier``, ``until`` an instant or until it is withdrawn. None: nothing any more."""

    tier: str | None
    until: datetime | None
    why: Why
    kind: Literal["tier_granted"] = "tier_granted"


@value(frozen=True, slots=True)
class TierProgress:
    """What is ``counted`` towards the next tier, ``since`` when the member has theirs, and what it takes to keep it.

    The review ``keep_until`` which it is kept will find ``kept`` of what is there today; None where nothing can be
    lost. ``grace_until`` is when the tier is lost, where a review has found too little.
    """

    counted: int
    since: datetime | None
    kept: int | None = None
    keep_until: datetime | None = None
    grace_until: datetime | None = None


@value(frozen=True, slots=True)
class TierProgressed:
    """A revision changed how far a member is on the ladder. In ``scale``-ths of the unit that tiers count."""

    tier: str
    before: TierProgress
    after: TierProgress
    scale: int
    why: Why
    kind: Literal["tier_progressed"] = "tier_progressed"


@value(frozen=True, slots=True)
class PausePlanned:
    """A streak is paused from the ``first`` day to the ``last`` (ordinals)."""

    code: str
    first: int
    last: int
    why: Why
    kind: Literal["pause_planned"] = "pause_planned"


@value(frozen=True, slots=True)
class PauseDropped:
    """A pause that was planned is none, since a revision no longer allows it."""

    code: str
    first: int
    last: int
    why: Why
    kind: Literal["pause_dropped"] = "pause_dropped"


@value(frozen=True, slots=True)
class Redated:
    """What was reached counts as reached at another time: a badge's ``level``, or a challenge's last completion.

    None where it had not been reached, or is no longer.
    """

    what: Literal["badge", "challenge"]
    code: str
    before: datetime | None
    after: datetime | None
    why: Why
    level: int = 0
    kind: Literal["redated"] = "redated"


@value(frozen=True, slots=True)
class AttributeChanged:
    """A revision changed what is known of a member by this ``name``; None for nothing."""

    name: str
    before: str | None
    after: str | None
    why: Why
    kind: Literal["attribute_changed"] = "attribute_changed"


@value(frozen=True, slots=True)
class TotalsMoved:
    """A revision changed what a member has come to in all their time."""

    before: Totals
    after: Totals
    why: Why
    kind: Literal["totals_moved"] = "totals_moved"


@value(frozen=True, slots=True)
class Truncated:
    """The record reached the bound of its effects: a revision changed so many more things than it lists."""

    left_out: int
    why: Why
    kind: Literal["truncated"] = "truncated"


@value(frozen=True, slots=True)
class BonusWithheld:
    """A campaign gave ``granted`` of the points ``wanted``: its ``limit`` kept the rest."""

    campaign: str
    wanted: int
    granted: int
    limit: Literal["cap", "places", "budget"]
    why: Why
    kind: Literal["bonus_withheld"] = "bonus_withheld"


Effect = (
    BonusWithheld
    | Entry
    | Progressed
    | Completed
    | CompletionLost
    | BadgeWon
    | BadgeLost
    | TierMoved
    | TierReviewed
    | StreakMoved
    | StreakReached
    | Celebrated
    | ChainCut
    | Scored
    | LotMoved
    | TierGranted
    | TierProgressed
    | PausePlanned
    | PauseDropped
    | Redated
    | AttributeChanged
    | TotalsMoved
    | Truncated
)


@value(frozen=True, slots=True)
class Outcome:
    """What one step of the fold did: ``effects`` in the order of their causes, and the balance after them."""

    at: datetime
    effects: tuple[Effect, ...]
    balance: Balance


@value(frozen=True, slots=True)
class Grant:
    """What was left of a campaign when a record was decided: points of its budget and places; None without limit.

    ``forgets`` is the campaign, long over, that the member's state forgets to make room for what this one gives.
    ``given`` are the points that it then gave, and ``placed`` says whether the member took a place with them.
    """

    campaign: str
    version: int
    room: int | None
    places: int | None
    forgets: str | None = None
    given: int = 0
    placed: bool = False


@value(frozen=True, slots=True)
class Settlement:
    """What one record took of a campaign: points of its budget, and a place if the member is new to it.

    Below zero where a revision gives back.
    """

    campaign: str
    points: int
    places: int


@value(frozen=True, slots=True)
class Regrant:
    """The grants that an earlier activity goes by since a revision played it again."""

    key: str
    grants: tuple[Grant, ...]


@value(frozen=True, slots=True)
class Kept:
    """The points that stay with the member at the earlier reversal ``key``, since a revision settled it again."""

    key: str
    points: int


@value(frozen=True, slots=True)
class Record:
    """One line of the journal, numbered ``seq`` per member from 1. ``activity`` is None where time alone passed.

    ``program_version`` decided it, and versions up to ``known_version`` were known then. ``input_hash`` tells a retry
    from a key that is used again for something else. ``grants`` are the campaigns that were on offer, with what was
    left of them, so that the record can be replayed, and played again.

    A revision is a record that changes the past: ``revised_from`` is the instant from which the member's time was
    played again, ``regrants`` what activities after it go by since, ``kept`` what stays at reversals after it,
    ``settlements`` what it took of campaigns or gave back, and its outcome the difference that all this made.

    ``first_in`` is the account that recorded it first, for this one, while this one was merged into that; empty for
    nearly all. Where that is a reversal, ``stands_at`` is the instant at which it stood there, and stands here. ``by``
    is who asked for it: the id of staff, the name of an API key; empty where nobody is known.
    """

    member_id: str
    seq: int
    program_version: int
    activity: Activity | None
    outcome: Outcome
    recorded_at: datetime
    input_hash: str = ""
    grants: tuple[Grant, ...] = ()
    known_version: int = 0
    revised_from: datetime | None = None
    regrants: tuple[Regrant, ...] = ()
    settlements: tuple[Settlement, ...] = ()
    kept: tuple[Kept, ...] = ()
    first_in: str = ""
    by: str = ""
    stands_at: datetime | None = None

    @property
    def all_grants(self) -> tuple[Grant, ...]:
        """The grants of its own activity, and those that it gives to earlier ones."""
        return (*self.grants, *(grant for each in self.regrants for grant in each.grants))

    @property
    def placed_at(self) -> datetime:
        """Where in the member's time the activity stands: for one that was folded in late, when it happened."""
        if self.stands_at is not None:
            return self.stands_at
        late = self.revised_from is not None and self.activity is not None and self.activity.kind not in REVISING
        return self.revised_from if late and self.revised_from else self.outcome.at
