"""A member's state: what the fold of their history comes to. Immutable; every step makes a new one."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Literal

from gamification.values import value
from gamification.windows import Tally


@value(frozen=True, slots=True, order=True)
class Moment:
    """The place of an activity in its member's time. What happens at the same instant is in the order of the keys.

    So the order does not depend on what arrived first.
    """

    at: datetime
    key: str


@value(frozen=True, slots=True)
class Expiry:
    """When points expire that can be spent from some day on: after ``days``, after a ``month_day``, or never.

    That is at the end of the day such as ``03-31``, ``years_after`` the year in which they can first be spent. With
    ``idle_days``, they expire so many days after the member was last active. ``grace_days`` come on top of each.
    """

    days: int | None = None
    month_day: str = ""
    years_after: int = 0
    idle_days: int | None = None
    grace_days: int = 0


@value(frozen=True, slots=True)
class Waiting:
    """What a pending lot waits for: an activity of this ``kind``. ``cancels``: without one it comes to nothing.

    Without a kind no activity releases it any more: there were too many that waited.
    """

    kind: str | None
    expiry: Expiry
    cancels: bool = False


@value(frozen=True, slots=True)
class Lot:
    """Points that came together and leave together: spent soonest-expiring first, expired, or reversed.

    ``lot_id`` names what made it, an activity's key or an instant, and its number among those of that. A ``pending``
    lot can be spent from ``available_at`` on, or from when what it is ``waiting`` for happens. It is gone at
    ``expires_at``, or ``idle_days`` and the grace after the member was last active, whichever comes last. The
    ``grace_days`` are in ``expires_at``. While it waits, ``expires_at`` is an end that staff has promised, if any.
    ``origin`` is the ``source:code`` of the entry that made it; empty where several did, or where it is not known.
    """

    lot_id: str
    points: int
    remaining: int
    earned_at: datetime
    available_at: datetime
    expires_at: datetime | None = None
    pending: bool = False
    idle_days: int | None = None
    grace_days: int = 0
    waiting: Waiting | None = None
    origin: str = ""


@value(frozen=True, slots=True)
class OpenLot:
    """A lot as its member sees it: made of ``points``, what is left of them, and from when to when they can be spent.

    ``expires_at`` is the end that members are told of, ``gone_at`` the one after the days of grace; None for never. Of
    a lot that ``waits_for`` a kind of activity, both are the end that staff has promised, if any.
    """

    points: int
    remaining: int
    earned_at: datetime
    available_at: datetime
    pending: bool
    waits_for: str | None
    expires_at: datetime | None
    gone_at: datetime | None


@value(frozen=True, slots=True)
class Balance:
    """Points a member can spend now, and points that become available later.

    ``available`` is below zero only while the member owes points that were spent and then taken back.
    """

    available: int = 0
    pending: int = 0


@value(frozen=True, slots=True)
class Totals:
    """Lifetime sums: ``earned``, ``spent`` and ``expired`` in points, ``spend_minor`` in minor units of money."""

    earned: int = 0
    spent: int = 0
    expired: int = 0
    purchases: int = 0
    items: int = 0
    spend_minor: int = 0


TierReason = Literal["earned", "review", "granted", "grant_ended", "program", "revised"]
"""Why a member's tier moved: by what they did, by a review, by staff, at the end of that, by a changed ladder, or by
a change of the past."""


@value(frozen=True, slots=True)
class TierStep:
    """A tier that a member came to, when and why."""

    tier: str
    at: datetime
    reason: TierReason


@value(frozen=True, slots=True)
class Standing:
    """Where a member stands on the tier ladder: since when, and the tally that decides it.

    ``rewarded`` are the tiers whose rewards have been given, which happens once. The ``tier`` is the one ``earned``, or
    the one that staff ``granted`` if that is higher, until ``granted_until`` (None: until it is withdrawn). What was
    earned is not reviewed before the day ``review_on`` (its ordinal), and is lost at ``grace_until`` unless enough is
    earned by then. ``history`` are the newest moves, oldest first.
    """

    tier: str | None = None
    since: datetime | None = None
    tally: Tally = ()
    rewarded: tuple[str, ...] = ()
    earned: str | None = None
    granted: str | None = None
    granted_until: datetime | None = None
    review_on: int = 0
    grace_until: datetime | None = None
    history: tuple[TierStep, ...] = ()

    def with_tally(self, tally: Tally) -> "Standing":
        """The same standing by another tally. Spelt out, since every activity that counts needs it."""
        return Standing(
            self.tier,
            self.since,
            tally,
            self.rewarded,
            self.earned,
            self.granted,
            self.granted_until,
            self.review_on,
            self.grace_until,
            self.history,
        )


@value(frozen=True, slots=True)
class RuleUse:
    """How much a rule has given: when last, and the points per capped window (by its unit)."""

    last_at: datetime
    given: Mapping[str, Tally] = field(default_factory=dict)


@value(frozen=True, slots=True)
class ChallengeState:
    """Progress in a challenge. ``seen`` holds (value, bucket) pairs of a collection; ``completed`` counts times."""

    tally: Tally = ()
    seen: tuple[tuple[str, int], ...] = ()
    completed: int = 0
    completed_at: datetime | None = None


@value(frozen=True, slots=True)
class BadgeHeld:
    """A badge won: when each of its levels was reached."""

    levels_at: tuple[datetime, ...]

    @property
    def level(self) -> int:
        """The highest level reached, from 1."""
        return len(self.levels_at)

    @property
    def earned_at(self) -> datetime:
        """When the highest level was reached."""
        return self.levels_at[-1]


@value(frozen=True, slots=True)
class Score:
    """A member's score on a board in one period and scope. Whole numbers in the board's scale; higher is better.

    ``columns`` decide between equal values. ``reached_at`` is when these numbers were reached, and ``counted_at`` when
    the newest of what they count happened.
    """

    board: str
    period: str
    scope: str
    value: int
    columns: tuple[int, ...]
    reached_at: datetime
    counted_at: datetime


@value(frozen=True, slots=True)
class CampaignUse:
    """What a member has had of a campaign: when last, how many points in all, and per day where that is capped."""

    last_at: datetime
    points: int = 0
    today: Tally = ()


PeriodFate = Literal["done", "frozen", "paused", "excused", "missed"]
"""What became of a period of a streak. ``excused``: travel, or the calendar of the zone, left too little of it."""


@value(frozen=True, slots=True)
class StreakState:
    """A streak as it stands: ``length`` periods in a row, and the ``longest`` there was.

    Days are ordinals, and a period goes by its first day. ``last`` is the latest one that is decided; ``periods`` are
    the latest of those with what became of them. ``under_way`` are later periods with how often each condition was met
    in them. ``pauses`` are the first and last days of those that the member planned. ``zone_since`` is when the member
    came to their time zone, and ``lived`` how many seconds of recent days were over by then, in the zones before.
    """

    length: int = 0
    longest: int = 0
    last: int | None = None
    freezes: int = 0
    under_way: tuple[tuple[int, tuple[int, ...]], ...] = ()
    periods: tuple[tuple[int, PeriodFate], ...] = ()
    pauses: tuple[tuple[int, int], ...] = ()
    zone_since: datetime | None = None
    lived: tuple[tuple[int, int], ...] = ()


@value(frozen=True, slots=True)
class State:
    """Everything the game knows of a member after record ``seq``, up to the instant ``as_of``.

    ``newest`` is the last activity in time. ``debt`` are points owed: they were spent before they were taken back, and
    what comes in next pays for them. ``subtotals`` are the sums of all entries by ``account:source:code``.
    ``time_zone`` and ``birthday`` (ISO 8601) are the member's as the game goes by them; empty where unknown.
    ``occasions_from`` is the first day on which each occasion may come round; any day where it is not told.
    ``judged_by`` is the latest version of the program by which all of the history was judged again; 0 for none.
    ``activities`` is how many there are, reversals aside. ``active_on`` is the day (an ordinal) of the last activity
    that puts off expiry by inactivity. ``absorbed`` are the ids of accounts of the same person that were merged into
    this one, and ``merged_into`` the one that has taken this one in.
    """

    joined_at: datetime
    as_of: datetime
    seq: int = 0
    lots: tuple[Lot, ...] = ()
    balance: Balance = Balance()
    totals: Totals = Totals()
    standing: Standing = Standing()
    rules: Mapping[str, RuleUse] = field(default_factory=dict)
    challenges: Mapping[str, ChallengeState] = field(default_factory=dict)
    badges: Mapping[str, BadgeHeld] = field(default_factory=dict)
    campaigns: Mapping[str, CampaignUse] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    scores: tuple[Score, ...] = ()
    newest: Moment | None = None
    debt: int = 0
    subtotals: Mapping[str, int] = field(default_factory=dict)
    streaks: Mapping[str, StreakState] = field(default_factory=dict)
    time_zone: str = ""
    birthday: str = ""
    occasions_from: Mapping[str, str] = field(default_factory=dict)
    judged_by: int = 0
    absorbed: tuple[str, ...] = ()
    merged_into: str | None = None
    active_on: int | None = None
    activities: int = 0

    @classmethod
    def new(cls, joined_at: datetime) -> "State":
        """A member who has just joined and done nothing yet."""
        return cls(joined_at=joined_at, as_of=joined_at)
