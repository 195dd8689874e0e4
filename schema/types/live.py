"""Leaderboards as the home screen asks for them."""

import strawberry

from schema.types.profile import PublicProfile


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
