"""The root of all subscriptions."""

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from schema.context import Info
from schema.permissions import permission_for
from schema.principals import MemberPrincipal
from schema.subscriptions.campaign_events import CampaignEvent, campaign_events
from schema.subscriptions.leaderboard_changes import leaderboard_changes
from schema.subscriptions.my_events import MyEvent, my_events
from schema.types.arguments import OfBoard, OfScope
from schema.types.leaderboard import Leaderboard

_Language = Annotated[
    str | None, strawberry.argument(description="For the texts; else the member's language, else Accept-Language.")
]
_Cursor = Annotated[
    str | None,
    strawberry.argument(description="The cursor of the last event that arrived: what came since is told first."),
]


@strawberry.type(description="What changes, as it happens, over graphql-transport-ws or server-sent events.")
class Subscription:
    """The root of all subscriptions."""

    @strawberry.subscription(
        extensions=[permission_for("myEvents")],
        description="Everything that happens to the member who asks. The first event has a cursor to come back with.",
    )
    async def my_events(
        self,
        info: Info,
        after: _Cursor = None,
        boards: Annotated[
            list[str] | None, strawberry.argument(description="Up to 5 boards whose rank is to be told as it moves.")
        ] = None,
        language: _Language = None,
    ) -> AsyncGenerator[MyEvent, None]:
        """Everything that happens to the member who asks."""
        await info.context.follow_merge()
        caller = info.context.principal
        member_id = caller.member_id if isinstance(caller, MemberPrincipal) else ""
        async for event in my_events(info.context, member_id, after, boards or [], language):
            yield event

    @strawberry.subscription(
        extensions=[permission_for("leaderboardChanges")],
        description="The top of a board, at once and whenever it changes, at most 4 times a second. Only the latest "
        "is told, so there is nothing to resume. `me` and `aroundMe` are as of that event: where the caller moves "
        "below the top, `myEvents(boards:)` tells it. A board that is for friends only is "
        "FORBIDDEN to everybody, and one that is not there is BAD_USER_INPUT.",
    )
    async def leaderboard_changes(
        self,
        info: Info,
        board: OfBoard,
        scope: OfScope = None,
        first: Annotated[int, strawberry.argument(description="How many rows, from 1 to 20.")] = 10,
        language: _Language = None,
    ) -> AsyncGenerator[Leaderboard, None]:
        """The top of a board, at once and whenever it changes."""
        async for change in leaderboard_changes(info, board, scope, first, language):
            yield change

    @strawberry.subscription(
        extensions=[permission_for("campaignEvents")],
        description="What happens to campaigns: starting, opening, running low, ending. The first event has a cursor "
        "to come back with.",
    )
    async def campaign_events(
        self, info: Info, after: _Cursor = None, language: _Language = None
    ) -> AsyncGenerator[CampaignEvent, None]:
        """What happens to campaigns."""
        async for event in campaign_events(info.context, after, language):
            yield event
