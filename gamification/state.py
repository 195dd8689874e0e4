"""A member's state: what the fold of their history comes to. Immutable; every step makes a new one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gamification.windows import Tally


@dataclass(frozen=True, slots=True)
class Lot:
    """Points that came together and leave together: spent soonest-expiring first, expired, or reversed.

    ``lot_id`` names the record and effect that made it. A ``pending`` lot can be spent from ``available_at`` on.
    """

    lot_id: str
    points: int
    remaining: int
    earned_at: datetime
    available_at: datetime
    expires_at: datetime | None = None
    pending: bool = False


@dataclass(frozen=True, slots=True)
class Balance:
    """Points a member can spend now, and points that become available later."""

    available: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """Lifetime sums: ``earned``, ``spent`` and ``expired`` in points, ``spend_minor`` in minor units of money."""

    earned: int = 0
    spent: int = 0
    expired: int = 0
    purchases: int = 0
    items: int = 0
    spend_minor: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a member stands on the tier ladder: since when, and the tally that decides it.

    ``rewarded`` are the tiers whose rewards have been given, which happens once.
    """

    tier: str | None = None
    since: datetime | None = None
    tally: Tally = ()
    rewarded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleUse:
    """How much a rule has given: when last, and the points per capped window (by its unit)."""

    last_at: datetime
    given: Mapping[str, Tally] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChallengeState:
    """Progress in a challenge. ``seen`` holds (value, bucket) pairs of a collection; ``completed`` counts times."""

    tally: Tally = ()
    seen: tuple[tuple[str, int], ...] = ()
    completed: int = 0
    completed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class CampaignUse:
    """What a member has had of a campaign: when last, how many points in all, and per day where that is capped."""

    last_at: datetime
    points: int = 0
    today: Tally = ()


@dataclass(frozen=True, slots=True)
class State:
    """Everything the game knows of a member after record ``seq``, which took effect at ``as_of``."""

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

    @classmethod
    def new(cls, joined_at: datetime) -> "State":
        """A member who has just joined and done nothing yet."""
        return cls(joined_at=joined_at, as_of=joined_at)
