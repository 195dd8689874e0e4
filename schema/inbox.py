"""Notices in pages: the inbox of a member, newest first, and the feed of all members, oldest first."""

from functools import partial
from typing import get_args

import strawberry

from gamification.notices.notice import NoticeKind
from gamification.notices.posted import Mailbox
from schema.connections import Connection, page_info_of, page_size, stale_cursor
from schema.context import Context, Info
from schema.faults import BAD_USER_INPUT, CallerError
from schema.ids import number_in
from schema.permissions import check_own
from schema.types.notice import Notice, show_notice

_FEED = "noticeFeed"


@strawberry.type(description="What a member was told, newest first.")
class Inbox(Connection[Notice]):
    """What a member was told, newest first."""

    mailbox: strawberry.Private[Mailbox]

    @strawberry.field(description="How many the member has not read; 1000 stands for that many or more.")
    async def unread_count(self, info: Info) -> int:
        """How many the member has not read."""
        return await info.context.game.stores.notices.count_unread(self.mailbox)


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
    mailbox = await mailbox_of(context, member_id)
    found = await context.game.stores.notices.inbox(mailbox, before, size + 1)
    page, seal = found[:size], await context.game.cursors.sealer(listed)

    def cursor_at(at: int) -> str:
        return seal(str(page[at].position))

    return Inbox(
        cursor_at=cursor_at,
        nodes=[show_notice(posted, language) for posted in page],
        page_info=page_info_of(len(page), cursor_at, has_next=len(found) > size, after=after),
        mailbox=mailbox,
    )


async def mailbox_of(context: Context, member_id: str) -> Mailbox:
    """What stands in a member's inbox: also what accounts were told that were merged into theirs.

    What they or the program do not want there is left out when it is read, so that it is there again, with all that was
    told meanwhile, when they want it.
    """
    member = await context.members.load(member_id)
    delivery = (await context.reading()).program.delivery
    absorbed = member.state.absorbed if member else ()
    preferences = await context.game.telling.preferences.of_member(member_id, absorbed)
    unwanted = tuple(kind for kind in get_args(NoticeKind) if not preferences.allow(kind, "inbox", delivery))
    return Mailbox((member_id, *absorbed), unwanted)


async def notice_feed(
    context: Context, language: str | None, first: int | None, after: str | None, position: int | None
) -> NoticeFeed:
    """A page of the feed of all members, after a cursor or a place. Without notices it ends where the feed does.

    Raises:
        CallerError: a page too large, both a cursor and a place, a cursor of something else, or one of a place that the
            feed has not come to.
    """
    notices, size = context.game.stores.notices, page_size(first)
    if after is not None and position is not None:
        raise CallerError(BAD_USER_INPUT, "Give after or afterPosition, not both.")
    place = await _place(context, _FEED, after) if after is not None else max(position or 0, 0)
    last = await notices.last()
    if place > last:
        raise stale_cursor()
    found = await notices.after(place, size + 1) if size else []
    page, seal = found[:size], await context.game.cursors.sealer(_FEED)

    def cursor_at(at: int) -> str:
        return seal(str(page[at].position))

    # Whoever asks for none and has no place yet wants to begin with what comes next.
    end = partial(seal, str(last if position is None else place)) if after is None and not page else None
    has_next = len(found) > size or (not size and (after is not None or position is not None) and place < last)
    info = page_info_of(len(page), cursor_at, has_next=has_next, after=after, last=end)
    return NoticeFeed(cursor_at=cursor_at, nodes=[show_notice(posted, language) for posted in page], page_info=info)


async def _place(context: Context, listed: str, cursor: str) -> int:
    # Sealed, for the places count what all members are told.
    place = number_in(await context.game.cursors.open(listed, cursor))
    if place is None:
        raise stale_cursor()
    return place
