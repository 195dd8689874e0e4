"""Notices in pages: the inbox of a member, newest first, and the feed of all members, oldest first."""

from collections.abc import Callable, Sequence
from functools import partial

import strawberry

from gamification.notices.posted import Posted
from schema.connections import Connection, Edge, page_info_of, page_size, stale_cursor
from schema.context import Context, Info
from schema.ids import number_in
from schema.permissions import check_own
from schema.types.notice import Notice, show_notice

_FEED = "noticeFeed"


@strawberry.type(description="What a member was told, newest first.")
class Inbox(Connection[Notice]):
    """What a member was told, newest first."""

    member_id: strawberry.Private[str]

    @strawberry.field(description="How many the member has not read; 1000 stands for that many or more.")
    async def unread_count(self, info: Info) -> int:
        """How many the member has not read."""
        return await info.context.game.stores.notices.count_unread(self.member_id)


@strawberry.type(description="The notices of all members in one order, which never changes.")
class NoticeFeed(Connection[Notice]):
    """The notices of all members in one order."""


async def inbox(context: Context, member_id: str, language: str | None, first: int | None, after: str | None) -> Inbox:
    """A page of a member's inbox; for that member alone.

    Raises:
        CallerError: another caller, a page too large, or a cursor of something else.
    """
    check_own("inbox", context.principal, member_id)
    size, listed = page_size(first), f"inbox:{member_id}"
    before = await _place(context, listed, after) if after is not None else None
    found = await context.game.stores.notices.inbox(member_id, before, size + 1)
    edges = _edges(found[:size], language, await context.game.cursors.sealer(listed))
    return Inbox(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=page_info_of(edges, has_next=len(found) > size, after=after),
        member_id=member_id,
    )


async def notice_feed(context: Context, language: str | None, first: int | None, after: str | None) -> NoticeFeed:
    """A page of the feed of all members. Without notices it ends where the feed does.

    Raises:
        CallerError: a page too large, or a cursor of something else, or of a place that the feed has not come to.
    """
    notices, size = context.game.stores.notices, page_size(first)
    place = await _place(context, _FEED, after) if after is not None else 0
    last = await notices.last()
    if place > last:
        raise stale_cursor()
    found = await notices.after(place, size + 1) if size else []
    sealer = await context.game.cursors.sealer(_FEED)
    edges = _edges(found[:size], language, sealer)
    # Whoever asks for none and has no place yet wants to begin with what comes next.
    end = partial(sealer, str(last)) if after is None and not edges else None
    has_next = len(found) > size or (not size and after is not None and place < last)
    info = page_info_of(edges, has_next=has_next, after=after, last=end)
    return NoticeFeed(edges=edges, nodes=[edge.node for edge in edges], page_info=info)


def _edges(found: Sequence[Posted], language: str | None, sealer: Callable[[str], str]) -> list[Edge[Notice]]:
    return [
        Edge(make_cursor=partial(sealer, str(posted.position)), node=show_notice(posted, language)) for posted in found
    ]


async def _place(context: Context, listed: str, cursor: str) -> int:
    # Sealed, for the places count what all members are told.
    place = number_in(await context.game.cursors.open(listed, cursor))
    if place is None:
        raise stale_cursor()
    return place
