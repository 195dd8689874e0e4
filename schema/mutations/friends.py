"""requestFriend, acceptFriend, removeFriend, blockMember and unblockMember: each for the member who asks."""

from typing import Annotated, TypeAlias

import strawberry

from gamification import friends
from gamification.activity import Problem, to_milliseconds
from gamification.friends import Friendship, Refusal, Standing, Step
from schema.context import Context
from schema.ids import local_id
from schema.permissions import check_subject
from schema.principals import MemberPrincipal
from schema.types.errors import InvalidInput, MemberNotFound, invalid, not_found
from schema.types.friend_errors import (
    BlockedByYou,
    FriendLimitReached,
    NoFriendRequest,
    blocked_by_you,
    limit_reached,
    no_request,
)
from schema.types.friends import FriendshipStatus, profile_id
from schema.types.profile import PROFILE_ID


@strawberry.input(description="Whom to ask. A member without a handle cannot be found.")
class RequestFriendInput:
    """Whom to ask."""

    handle: str = strawberry.field(description="The other's exact handle, in small letters.")


@strawberry.input(description="Another member.")
class OtherMemberInput:
    """Another member, by handle or by the id of their profile."""

    handle: str | None = strawberry.field(
        default=None, description="The other's handle of today. Give this or `profileId`, not both."
    )
    profile_id: strawberry.ID | None = strawberry.field(
        default=None, description="The other's `profileId` from a list, or the `id` of their public profile."
    )


@strawberry.type(description="It is done; also where it was so already.")
class FriendshipSuccess:
    """It is done."""

    profile_id: strawberry.ID = strawberry.field(description="Names the other member.")
    status: FriendshipStatus = strawberry.field(description="Where the member who asked now stands with the other.")


RequestFriendResult: TypeAlias = Annotated[
    FriendshipSuccess | InvalidInput | MemberNotFound | BlockedByYou | FriendLimitReached,
    strawberry.union("RequestFriendResult", description="How the two stand, or why the request was not made."),
]
AcceptFriendResult: TypeAlias = Annotated[
    FriendshipSuccess | InvalidInput | MemberNotFound | NoFriendRequest | FriendLimitReached,
    strawberry.union("AcceptFriendResult", description="How the two stand, or why they are no friends."),
]
RemoveFriendResult: TypeAlias = Annotated[
    FriendshipSuccess | InvalidInput | MemberNotFound,
    strawberry.union("RemoveFriendResult", description="How the two stand, or whom the input does not name."),
]
BlockMemberResult: TypeAlias = Annotated[
    FriendshipSuccess | InvalidInput | MemberNotFound | FriendLimitReached,
    strawberry.union("BlockMemberResult", description="How the two stand, or why the other is not blocked."),
]
UnblockMemberResult: TypeAlias = Annotated[
    FriendshipSuccess | InvalidInput | MemberNotFound,
    strawberry.union("UnblockMemberResult", description="How the two stand, or whom the input does not name."),
]
_Unfound = InvalidInput | MemberNotFound


async def request_friend(context: Context, given: RequestFriendInput) -> RequestFriendResult:
    """Ask a member to be friends; where they have asked too, the two are friends at once."""
    own_id = await _caller(context, "requestFriend")
    own, other = await context.members.load(own_id), await context.game.stores.members.by_handle(given.handle)
    if own is None or other is None or other.state.merged_into is not None:
        return not_found()
    if own.profile.handle is None:
        return invalid(Problem("handle", "of your own is needed first, so that they see who asks"))
    if other.member_id == own_id:
        return _yourself("handle")
    at = to_milliseconds(context.game.now())
    step = await _take(context, own_id, other.member_id, lambda pair: friends.ask(pair, own_id, given.handle, at))
    match step:
        case friends.BlockedByYou():
            return blocked_by_you()
        case friends.LimitReached():
            return limit_reached(step)
    return _success(step, own_id, other.member_id)


async def accept_friend(context: Context, given: OtherMemberInput) -> AcceptFriendResult:
    """Accept a request that waits."""
    own_id = await _caller(context, "acceptFriend")
    other_id = await _other(context, own_id, given)
    if not isinstance(other_id, str):
        return other_id
    if any(each is None or each.state.merged_into for each in await context.members.load_many([own_id, other_id])):
        return not_found()
    at = to_milliseconds(context.game.now())
    step = await _take(context, own_id, other_id, lambda pair: friends.accept(pair, own_id, at))
    match step:
        case friends.NoRequest():
            return no_request()
        case friends.LimitReached():
            return limit_reached(step)
    return _success(step, own_id, other_id)


async def remove_friend(context: Context, given: OtherMemberInput) -> RemoveFriendResult:
    """End a friendship, withdraw a request or turn one down. The other need not be a member any more."""
    own_id = await _caller(context, "removeFriend")
    other_id = await _other(context, own_id, given)
    if not isinstance(other_id, str):
        return other_id
    return _success(await _take(context, own_id, other_id, lambda pair: friends.remove(pair, own_id)), own_id, other_id)


async def block_member(context: Context, given: OtherMemberInput) -> BlockMemberResult:
    """Block a member, who is not told."""
    own_id = await _caller(context, "blockMember")
    other_id = await _other(context, own_id, given)
    if not isinstance(other_id, str):
        return other_id
    own, other = await context.members.load_many([own_id, other_id])
    if own is None or other is None:
        return not_found()
    at, handle = to_milliseconds(context.game.now()), other.profile.handle
    step = await _take(context, own_id, other_id, lambda pair: friends.block(pair, own_id, handle, at))
    return limit_reached(step) if isinstance(step, friends.LimitReached) else _success(step, own_id, other_id)


async def unblock_member(context: Context, given: OtherMemberInput) -> UnblockMemberResult:
    """Lift a block. The other need not be a member any more."""
    own_id = await _caller(context, "unblockMember")
    other_id = await _other(context, own_id, given)
    if not isinstance(other_id, str):
        return other_id
    return _success(
        await _take(context, own_id, other_id, lambda pair: friends.unblock(pair, own_id)), own_id, other_id
    )


async def _caller(context: Context, root_field: str) -> str:
    await context.follow_merge()
    caller = context.principal
    member_id = caller.member_id if isinstance(caller, MemberPrincipal) else ""
    check_subject(root_field, caller, member_id)
    return member_id


async def _other(context: Context, own_id: str, given: OtherMemberInput) -> str | _Unfound:
    """The member that an input names, who may be gone where it is by id."""
    if (given.handle is None) == (given.profile_id is None):
        return invalid(Problem("profileId", "or handle is needed, one of the two"))
    if given.handle is not None:
        found = await context.game.stores.members.by_handle(given.handle)
        member_id = found.member_id if found else None
    else:
        member_id = local_id(PROFILE_ID, given.profile_id or "")
    if member_id is None:
        return not_found()
    return _yourself("profileId" if given.handle is None else "handle") if member_id == own_id else member_id


def _yourself(path: str) -> InvalidInput:
    return invalid(Problem(path, "is your own; name another member"))


async def _take(context: Context, own_id: str, other_id: str, step: Step) -> Friendship | Refusal:
    return await context.game.stores.friends.change(own_id, other_id, step)


def _success(step: Friendship | Refusal, own_id: str, other_id: str) -> FriendshipSuccess:
    assert isinstance(step, Friendship), "every way in which this step is refused is answered before"
    standing: Standing = step.standing(own_id)
    return FriendshipSuccess(profile_id=profile_id(other_id), status=FriendshipStatus(standing.value))
