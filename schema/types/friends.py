"""A member's friends, requests and blocks, as that member alone sees them."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import TypeVar

import strawberry

from gamification.activity import to_milliseconds
from gamification.friends import Friendship, Kept
from schema.connections import Connection, connection_of, decode_cursor, encode_cursor, page_size, stale_cursor
from schema.context import Context, Info, Reading
from schema.ids import number_in, to_global_id
from schema.permissions import check_own
from schema.types.profile import PROFILE_ID, PublicProfile, profile_shown

_NodeT = TypeVar("_NodeT")


@strawberry.enum(description="Where the member who asks stands with another, as they see it.")
class FriendshipStatus(Enum):
    """Where a member stands with another."""

    NONE = strawberry.enum_value("none", description="There is nothing between the two.")
    REQUESTED = strawberry.enum_value("sent", description="The other has been asked, and has not answered.")
    RECEIVED = strawberry.enum_value("received", description="The other asks, and waits for an answer.")
    FRIENDS = strawberry.enum_value("friends", description="The two are friends.")
    BLOCKED = strawberry.enum_value("blocked", description="The other is blocked by the member who asks.")


@strawberry.type(description="Another member, by what every reader of a list of friends needs.")
class OtherMember:
    """Another member in a list of one's own."""

    member_id: strawberry.Private[str]
    reading: strawberry.Private[Reading]
    profile_id: strawberry.ID = strawberry.field(
        description="Names the other in mutations, and stays when the handle changes. Also the id of their profile."
    )

    @strawberry.field(description="What the other shows to everybody; null where that is nothing.")
    async def profile(self, info: Info) -> PublicProfile | None:
        """What the other shows to everybody."""
        return await profile_shown(info.context, await info.context.members.load(self.member_id), self.reading)


@strawberry.type(description="A friend. Friends see each other's handle and alias, also where the profile is private.")
class Friend(OtherMember):
    """A friend."""

    since: datetime = strawberry.field(description="When the two became friends.")

    @strawberry.field(description="The friend's public name of today; null where they have none any more.")
    async def handle(self, info: Info) -> str | None:
        """The friend's public name."""
        return await _handle(info.context, self.member_id)

    @strawberry.field(description="What boards call the friend, where they want that; null without one.")
    async def alias(self, info: Info) -> str | None:
        """What boards call the friend."""
        friend = await info.context.members.load(self.member_id)
        return friend.profile.alias if friend else None


@strawberry.type(description="A request to be friends that waits for an answer.")
class FriendRequest(OtherMember):
    """A request to be friends."""

    asked_handle: strawberry.Private[str | None]
    asked_at: datetime = strawberry.field(description="When it was made.")

    @strawberry.field(
        description="Of one received, the other's handle of today, if any; of one sent, the handle that was asked for."
    )
    async def handle(self, info: Info) -> str | None:
        """The other's handle. Whoever was asked is not followed from one handle to the next."""
        return self.asked_handle or await _handle(info.context, self.member_id)


@strawberry.type(description="A member who is blocked by the one who asks.")
class BlockedMember:
    """A member who is blocked."""

    profile_id: strawberry.ID = strawberry.field(description="Names the other in mutations.")
    handle: str | None = strawberry.field(description="The handle that they had when they were blocked, if any.")
    blocked_at: datetime = strawberry.field(description="When they were blocked.")


async def friends_of(
    context: Context, member_id: str, reading: Reading, first: int | None, after: str | None
) -> Connection[Friend]:
    """A member's friends, latest first; for that member alone."""
    check_own("friends", context.principal, member_id)

    def show(pair: Friendship, at: datetime) -> Friend:
        other = pair.other(member_id)
        return Friend(member_id=other, reading=reading, profile_id=profile_id(other), since=at)

    return await _page(context, member_id, "friends", show, first=first, after=after)


async def requests_of(
    context: Context, member_id: str, reading: Reading, *, sent: bool, first: int | None, after: str | None
) -> Connection[FriendRequest]:
    """The requests that a member got, or sent, latest first; for that member alone."""
    check_own("friendRequests", context.principal, member_id)

    def show(pair: Friendship, at: datetime) -> FriendRequest:
        other = pair.other(member_id)
        asked = pair.request.handle if sent and pair.request else None
        return FriendRequest(
            member_id=other, reading=reading, profile_id=profile_id(other), asked_handle=asked, asked_at=at
        )

    return await _page(context, member_id, "sent" if sent else "received", show, first=first, after=after)


async def blocked_by(
    context: Context, member_id: str, first: int | None, after: str | None
) -> Connection[BlockedMember]:
    """The members whom a member blocks, latest first; for that member alone."""
    check_own("blocked", context.principal, member_id)

    def show(pair: Friendship, at: datetime) -> BlockedMember:
        held = pair.block_of(member_id)
        handle = held.handle if held else None
        return BlockedMember(profile_id=profile_id(pair.other(member_id)), handle=handle, blocked_at=at)

    return await _page(context, member_id, "blocked", show, first=first, after=after)


def profile_id(member_id: str) -> strawberry.ID:
    """The id that names another member to members."""
    return to_global_id(PROFILE_ID, member_id)


async def _handle(context: Context, member_id: str) -> str | None:
    member = await context.members.load(member_id)
    return member.profile.handle if member else None


async def _page(
    context: Context,
    member_id: str,
    what: Kept,
    show: Callable[[Friendship, datetime], _NodeT],
    *,
    first: int | None,
    after: str | None,
) -> Connection[_NodeT]:
    """A page of a list, latest first. A cursor leads on also where its entry is gone, as lists like these lose some.

    Raises:
        CallerError: a page too large, or a cursor of something else.
    """
    size = page_size(first)
    listed = f"{what}:{member_id}"
    passed = _place(decode_cursor(listed, after)) if after is not None else None
    kept = await context.game.stores.friends.kept(member_id, what)
    dated = [(pair, at) for pair in kept if (at := pair.kept_at(member_id, what)) is not None]
    placed = [(_place_of(pair.other(member_id), at), pair, at) for pair, at in dated]
    rest = [entry for entry in sorted(placed, key=_order) if passed is None or entry[0] > passed]
    page = rest[:size]

    def cursor_at(at: int) -> str:
        place = page[at][0]
        return encode_cursor(listed, f"{-place[0]}.{place[1]}")

    nodes = [show(pair, at) for _, pair, at in page]
    return connection_of(nodes, cursor_at, has_next=len(rest) > size, after=after)


def _order(entry: tuple[tuple[int, str], Friendship, datetime]) -> tuple[int, str]:
    return entry[0]


def _place_of(other: str, at: datetime) -> tuple[int, str]:
    """Where an entry stands: latest first, and those of the same moment by id."""
    return -int(to_milliseconds(at).timestamp() * 1000), other


def _place(text: str) -> tuple[int, str]:
    milliseconds, _, other = text.partition(".")
    at = number_in(milliseconds)
    if at is None:
        raise stale_cursor()
    return -at, other
