"""markRead and markAllRead: each for the member who asks."""

from typing import Annotated, TypeAlias

import strawberry

from gamification.activity import Problem, to_milliseconds
from schema.context import Context
from schema.ids import local_id
from schema.inbox import mailbox_of
from schema.measure import MAX_PAGE_SIZE
from schema.permissions import check_subject
from schema.principals import MemberPrincipal
from schema.types.errors import InvalidInput, invalid
from schema.types.notice import NOTICE_ID, Notice, show_notice


@strawberry.input(description="Which notices were read.")
class MarkReadInput:
    """Which notices were read."""

    ids: list[strawberry.ID] = strawberry.field(description="Up to 100 ids of notices of one's own.")


@strawberry.input(description="Up to which notice all were read.")
class MarkAllReadInput:
    """Up to which notice all were read."""

    up_to: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the latest notice that was seen, so that one that comes meanwhile stays unread; all "
        "there are if left out.",
    )


@strawberry.type(description="The notices are read; also where they were before.")
class MarkReadSuccess:
    """The notices are read."""

    notices: list[Notice] = strawberry.field(description="As they are now, in the order of the ids.")
    unread_count: int = strawberry.field(description="How many others are unread; 1000 for that many or more.")


@strawberry.type(description="All are read up to that notice; also where they were before.")
class MarkAllReadSuccess:
    """All are read up to that notice."""

    marked_count: int = strawberry.field(description="How many were unread.")
    unread_count: int = strawberry.field(description="How many are unread still; 1000 for that many or more.")


MarkReadResult: TypeAlias = Annotated[
    MarkReadSuccess | InvalidInput,
    strawberry.union("MarkReadResult", description="The notices, or what is wrong with the ids."),
]
MarkAllReadResult: TypeAlias = Annotated[
    MarkAllReadSuccess | InvalidInput,
    strawberry.union("MarkAllReadResult", description="What was read, or what is wrong with the id."),
]


async def mark_read(context: Context, given: MarkReadInput) -> MarkReadResult:
    """Note that the caller has read these: all of them, or none where one is not theirs."""
    member_id = await _caller(context, "markRead")
    if not 0 < len(given.ids) <= MAX_PAGE_SIZE:
        return invalid(Problem("ids", f"must be from 1 to {MAX_PAGE_SIZE}"))
    notices, ids = context.game.stores.notices, [local_id(NOTICE_ID, each) or "" for each in given.ids]
    found = await notices.get(list(dict.fromkeys(ids)))
    mailbox = await mailbox_of(context, member_id)
    own = {notice_id for notice_id, posted in found.items() if posted.notice.member_id in mailbox.member_ids}
    problems = [_unknown(f"ids.{place}") for place, notice_id in enumerate(ids) if notice_id not in own]
    if problems:
        return invalid(*problems)
    marked = await notices.mark_read(mailbox, list(own), to_milliseconds(context.game.now()))
    shown = {posted.notice.notice_id: show_notice(posted) for posted in marked}
    return MarkReadSuccess(
        notices=[shown[notice_id] for notice_id in dict.fromkeys(ids) if notice_id in shown],
        unread_count=await notices.count_unread(mailbox),
    )


async def mark_all_read(context: Context, given: MarkAllReadInput) -> MarkAllReadResult:
    """Note that the caller has read all up to one."""
    member_id = await _caller(context, "markAllRead")
    notices, mailbox = context.game.stores.notices, await mailbox_of(context, member_id)
    if given.up_to is None:
        place = await notices.last()
    else:
        notice_id = local_id(NOTICE_ID, given.up_to) or ""
        posted = (await notices.get([notice_id])).get(notice_id)
        if posted is None or posted.notice.member_id not in mailbox.member_ids:
            return invalid(_unknown("upTo"))
        place = posted.position
    marked = await notices.mark_all_read(mailbox, place, to_milliseconds(context.game.now()))
    return MarkAllReadSuccess(marked_count=marked, unread_count=await notices.count_unread(mailbox))


def _unknown(path: str) -> Problem:
    return Problem(path, "is the id of no notice of yours")


async def _caller(context: Context, root_field: str) -> str:
    await context.follow_merge()
    caller = context.principal
    member_id = caller.member_id if isinstance(caller, MemberPrincipal) else ""
    check_subject(root_field, caller, member_id)
    return member_id
