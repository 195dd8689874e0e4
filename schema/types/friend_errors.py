"""Errors of friends and blocks that a client is expected to handle."""

from enum import Enum

import strawberry

from gamification import friends
from schema.types.errors import Error


@strawberry.enum(description="What a member can have only so many of.")
class FriendBound(Enum):
    """What a member can have only so many of."""

    FRIENDS = strawberry.enum_value("friends", description="Friends.")
    REQUESTS = strawberry.enum_value("requests", description="Requests of their own that wait for an answer.")
    BLOCKS = strawberry.enum_value("blocks", description="Members whom they block.")


@strawberry.type(description="No request of this member waits; nothing changed. Its `code` is NO_FRIEND_REQUEST.")
class NoFriendRequest(Error):
    """No request of this member waits; nothing changed."""


@strawberry.type(description="The other is blocked by the one who asks; nothing changed. Its `code` is BLOCKED_BY_YOU.")
class BlockedByYou(Error):
    """The other is blocked by the one who asks; nothing changed."""


@strawberry.type(
    description="One of the two has as many as a member can have; nothing changed. Its `code` is FRIEND_LIMIT_REACHED."
)
class FriendLimitReached(Error):
    """One of the two has as many as a member can have; nothing changed."""

    bound: FriendBound = strawberry.field(description="Of what there are too many.")
    limit: int = strawberry.field(description="How many of them a member can have.")


def no_request() -> NoFriendRequest:
    """The error for a request that is not there."""
    return NoFriendRequest(code="NO_FRIEND_REQUEST", message="There is no request of this member to accept.")


def blocked_by_you() -> BlockedByYou:
    """The error for asking somebody whom one blocks."""
    return BlockedByYou(code="BLOCKED_BY_YOU", message="You block this member; unblock them first.")


def limit_reached(result: friends.LimitReached) -> FriendLimitReached:
    """The error for one more than a member can have. Whose limit it is stays open where it may be the other's."""
    who = "one of you has" if result.what == "friends" else "you have"
    message = f"A member can have {result.limit} {result.what}, and {who} as many; remove some first."
    return FriendLimitReached(
        code="FRIEND_LIMIT_REACHED", message=message, bound=FriendBound(result.what), limit=result.limit
    )
