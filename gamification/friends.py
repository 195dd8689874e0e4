"""Friends: what stands between two members, and the steps that either of them may take. Pure; time is an argument.

Nothing between two members tells one of them that the other has blocked them. A block ends what there was, as removing
a friend or turning a request down does. A request to somebody who blocks is kept and stays open for ever, as one does
that is never answered; the one who blocks does not see it until they lift the block. To answer as for no such member
would tell: the handle was there a moment ago, and nobody else can take it.
"""

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Literal

MAX_FRIENDS = 500
MAX_OPEN_REQUESTS = 100
"""Of those that a member has sent and that wait."""
MAX_BLOCKS = 1_000

Kept = Literal["friends", "received", "sent", "blocked"]
"""What a member keeps in lists: friends, requests they got, requests they sent, members they block."""


class Standing(Enum):
    """Where one member stands with another, as the one sees it."""

    NONE = "none"
    SENT = "sent"
    RECEIVED = "received"
    FRIENDS = "friends"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Request:
    """A wish to be friends that waits. ``handle`` is the one that was asked for: it may be another's by now."""

    by: str
    handle: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Block:
    """A member wants nothing to do with the other, whose ``handle`` at that time is kept."""

    by: str
    handle: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Friendship:
    """What stands between two members, whose ids are in order. All empty is nothing.

    At most one of friendship and request; beside a block only a request of the one who is blocked.
    """

    pair: tuple[str, str]
    friends_since: datetime | None = None
    request: Request | None = None
    blocks: tuple[Block, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands between the two."""
        return self.friends_since is None and self.request is None and not self.blocks

    @property
    def hides(self) -> bool:
        """Whether each is hidden from the other, whichever of them blocks."""
        return bool(self.blocks)

    def other(self, member_id: str) -> str:
        """The other of the two."""
        return self.pair[1] if self.pair[0] == member_id else self.pair[0]

    def block_of(self, member_id: str) -> Block | None:
        """How this member blocks the other, if they do."""
        return next((block for block in self.blocks if block.by == member_id), None)

    def request_to(self, member_id: str) -> Request | None:
        """The request that waits for this member, if they may see it."""
        seen = self.request is not None and self.request.by != member_id and self.block_of(member_id) is None
        return self.request if seen else None

    def standing(self, member_id: str) -> Standing:
        """Where this member stands with the other, as they see it."""
        if self.block_of(member_id):
            return Standing.BLOCKED
        if self.friends_since is not None:
            return Standing.FRIENDS
        if self.request is None:
            return Standing.NONE
        return Standing.SENT if self.request.by == member_id else Standing.RECEIVED

    def kept_at(self, member_id: str, what: Kept) -> datetime | None:
        """Since when the pair stands in this list of a member; None if it does not."""
        match what:
            case "friends":
                return self.friends_since
            case "received":
                received = self.request_to(member_id)
                return received.at if received else None
            case "sent":
                return self.request.at if self.request and self.request.by == member_id else None
            case "blocked":
                held = self.block_of(member_id)
                return held.at if held else None


@dataclass(frozen=True, slots=True)
class NoRequest:
    """There is no request to accept; nothing changed."""


@dataclass(frozen=True, slots=True)
class BlockedByYou:
    """The member who asks blocks the other; nothing changed."""


@dataclass(frozen=True, slots=True)
class LimitReached:
    """One of the two has as many ``what`` as a member can have; nothing changed."""

    what: Literal["friends", "requests", "blocks"]
    limit: int


Refusal = NoRequest | BlockedByYou | LimitReached
Step = Callable[[Friendship], Friendship | Refusal]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many friends, open requests of their own, and blocks a member has."""

    friends: int = 0
    requests: int = 0
    blocks: int = 0


_LIMITS = Counts(MAX_FRIENDS, MAX_OPEN_REQUESTS, MAX_BLOCKS)


def friendship(one: str, other: str) -> Friendship:
    """Nothing between two members, as yet.

    Raises:
        ValueError: the two are one.
    """
    if one == other:
        raise ValueError("a friendship takes two")
    return Friendship((min(one, other), max(one, other)))


def ask(between: Friendship, by: str, handle: str, at: datetime) -> Friendship | BlockedByYou:
    """Ask to be friends; where the other has asked too, they are. Asking again changes nothing."""
    if between.block_of(by):
        return BlockedByYou()
    if between.standing(by) is Standing.NONE:
        return replace(between, request=Request(by, handle, at))
    if between.standing(by) is Standing.RECEIVED:
        return replace(between, friends_since=at, request=None)
    return between


def accept(between: Friendship, by: str, at: datetime) -> Friendship | NoRequest:
    """Accept the request that waits. Accepting again changes nothing."""
    if between.request_to(by):
        return replace(between, friends_since=at, request=None)
    return between if between.standing(by) is Standing.FRIENDS else NoRequest()


def remove(between: Friendship, by: str) -> Friendship:
    """End a friendship, withdraw a request, or turn one down: after it, ``by`` sees nothing of these any more."""
    unseen = between.request if between.block_of(by) else None
    return replace(between, friends_since=None, request=unseen)


def block(between: Friendship, by: str, handle: str | None, at: datetime) -> Friendship:
    """Block the other: it ends what there was, both ways. Blocking again changes nothing."""
    if between.block_of(by):
        return between
    return replace(between, friends_since=None, request=None, blocks=(*between.blocks, Block(by, handle, at)))


def unblock(between: Friendship, by: str) -> Friendship:
    """Lift one's own block. A request that the other made meanwhile comes to light."""
    return replace(between, blocks=tuple(one for one in between.blocks if one.by != by))


def settle(before: Friendship, after: Friendship, counts: Mapping[str, Counts]) -> Mapping[str, Counts] | LimitReached:
    """The counts of both members after a step, given those before it; refused where one would grow beyond its limit."""
    settled = {}
    for member_id in before.pair:
        was = zip(astuple(counts[member_id]), astuple(_counted(before, member_id)), strict=True)
        now = astuple(_counted(after, member_id))
        settled[member_id] = Counts(*(total - old + new for (total, old), new in zip(was, now, strict=True)))
        if (exceeded := _exceeded(counts[member_id], settled[member_id])) is not None:
            return exceeded
    return settled


def _counted(between: Friendship, member_id: str) -> Counts:
    """What this pair adds to the counts of one of the two."""
    asked = between.request is not None and between.request.by == member_id
    return Counts(int(between.friends_since is not None), int(asked), int(between.block_of(member_id) is not None))


def _exceeded(before: Counts, after: Counts) -> LimitReached | None:
    if before.friends < after.friends > _LIMITS.friends:
        return LimitReached("friends", _LIMITS.friends)
    if before.requests < after.requests > _LIMITS.requests:
        return LimitReached("requests", _LIMITS.requests)
    if before.blocks < after.blocks > _LIMITS.blocks:
        return LimitReached("blocks", _LIMITS.blocks)
    return None
