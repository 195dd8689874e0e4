"""Leaderboards and campaigns as the home screen asks for them. There are none yet: ranks are null and lists empty."""

from datetime import datetime

import strawberry

from schema.types.profile import PublicProfile
from schema.types.progress import ProgressBar


@strawberry.type(description="A member's place on a board.")
class Rank:
    """A member's place on a board."""

    rank: int
    score: float
    total: int


@strawberry.type(description="A line of a board.")
class LeaderboardRow:
    """A line of a board."""

    rank: int
    score: float
    member: PublicProfile | None = strawberry.field(description="Null for a member who does not show themself.")


@strawberry.type(description="A bonus-point campaign.")
class Campaign:
    """A bonus-point campaign."""

    id: strawberry.ID
    name: str
    multiplier: float | None
    ends_at: datetime | None
    budget: ProgressBar | None
