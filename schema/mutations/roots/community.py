"""What stands between members."""

import strawberry

from schema.context import Info
from schema.mutations.friends import (
    AcceptFriendResult,
    BlockMemberResult,
    OtherMemberInput,
    RemoveFriendResult,
    RequestFriendInput,
    RequestFriendResult,
    UnblockMemberResult,
    accept_friend,
    block_member,
    remove_friend,
    request_friend,
    unblock_member,
)
from schema.permissions import permission_for


@strawberry.type
class Community:
    """What stands between members."""

    @strawberry.mutation(
        extensions=[permission_for("requestFriend")],
        description="Ask a member to be friends. Where they have asked too, the two are friends at once.",
    )
    async def request_friend(self, info: Info, input: RequestFriendInput) -> RequestFriendResult:  # noqa: A002
        """Ask a member to be friends."""
        return await request_friend(info.context, input)

    @strawberry.mutation(extensions=[permission_for("acceptFriend")], description="Accept a request to be friends.")
    async def accept_friend(self, info: Info, input: OtherMemberInput) -> AcceptFriendResult:  # noqa: A002
        """Accept a request to be friends."""
        return await accept_friend(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("removeFriend")],
        description="End a friendship, withdraw a request, or turn one down. The other is not told.",
    )
    async def remove_friend(self, info: Info, input: OtherMemberInput) -> RemoveFriendResult:  # noqa: A002
        """End a friendship, withdraw a request, or turn one down."""
        return await remove_friend(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("blockMember")],
        description="Block a member: neither sees the other any more, and a friendship ends. The other is not told.",
    )
    async def block_member(self, info: Info, input: OtherMemberInput) -> BlockMemberResult:  # noqa: A002
        """Block a member."""
        return await block_member(info.context, input)

    @strawberry.mutation(extensions=[permission_for("unblockMember")], description="Lift one's own block.")
    async def unblock_member(self, info: Info, input: OtherMemberInput) -> UnblockMemberResult:  # noqa: A002
        """Lift one's own block."""
        return await unblock_member(info.context, input)
