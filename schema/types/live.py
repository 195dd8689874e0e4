"""Leaderboards and campaigns as the home screen asks for them. There are none yet: ranks are null and lists empty."""

from datetime import datetime

import strawberry

from schema.types.profile import PublicProfile
from schema.types.progress import ProgressBar


@strawberry.type(description="A member's place on a board.")
class Rank:
    """A member's place on a board."""

    rank: int = strawberry.field(description="The place, from 1.")
    score: float = strawberry.field(description="What the place is worked out by.")
    total: int = strawberry.field(description="How many are on the board.")


@strawberry.type(description="A line of a board.")
class LeaderboardRow:
    """A line of a board."""

    rank: int = strawberry.field(description="The place, from 1.")
    score: float = strawberry.field(description="What the place is worked out by.")
    member: PublicProfile | None = strawberry.field(
        description="The member's public profile; null where they show nothing."
    )


@strawberry.type(description="A bonus-point campaign.")
class Campaign:
    """A bonus-point campaign."""

    id: strawberry.ID = strawberry.field(description="Opaque.")
    name: str = strawberry.field(description="In the reader's language.")
    multiplier: float | None = strawberry.field(description="What points are multiplied by; null where they are not.")
    ends_at: datetime | None = strawberry.field(description="When it is over; null where no end is set.")
    budget: ProgressBar | None = strawberry.field(
        description="How much of its points is given out; null where it has no limit."
    )
