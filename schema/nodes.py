"""Fetching objects again by their global ids. What the caller may not see is null, as if it were not there."""

import strawberry

from gamification.effects import Entry
from schema.campaigns import campaign
from schema.context import Context
from schema.ids import from_global_id
from schema.principals import MemberPrincipal
from schema.types.campaign import CAMPAIGN_ID
from schema.types.member import MEMBER_ID, load_member
from schema.types.node import Node
from schema.types.notice import NOTICE_ID, Notice, show_notice
from schema.types.profile import PROFILE_ID, PublicProfile, profile_shown
from schema.types.record import ENTRY_ID, LedgerEntry, Record, entry_place, record_place, show_entry, show_record
from schema.types.why import RECORD_ID


async def find_node(context: Context, global_id: strawberry.ID) -> Node | None:
    """The object with this id, if there is one that the caller may see."""
    match from_global_id(global_id):
        case (kind, member_id) if kind == MEMBER_ID:
            return await load_member(context, member_id) if await _may_see(context, member_id) else None
        case (kind, code) if kind == CAMPAIGN_ID:
            return await campaign(context, code)
        case (kind, local_id) if kind == RECORD_ID:
            place = record_place(local_id)
            return await _record(context, *place) if place else None
        case (kind, local_id) if kind == ENTRY_ID:
            entry = entry_place(local_id)
            return await _entry(context, *entry) if entry else None
        case (kind, local_id) if kind == NOTICE_ID:
            return await _notice(context, local_id)
        case (kind, member_id) if kind == PROFILE_ID:
            return await profile_shown(context, await context.members.load(member_id), await context.reading())
    return None


async def public_profile(context: Context, handle: str, language: str | None = None) -> PublicProfile | None:
    """What the member with this handle shows to the caller; None also where that is nothing."""
    await context.follow_merge()
    member = await context.game.stores.members.by_handle(handle)
    return await profile_shown(context, member, await context.reading(language))


async def _may_see(context: Context, member_id: str) -> bool:
    """Whether the caller may see what is a member's own; one's own is also what is of an account that was merged in."""
    if not isinstance(context.principal, MemberPrincipal) or context.principal.member_id == member_id:
        return True
    await context.follow_merge()
    own, account = context.principal.member_id, await context.account(member_id)
    return own == account


async def _record(context: Context, member_id: str, seq: int) -> Record | None:
    if not await _may_see(context, member_id):
        return None
    found = await context.game.stores.journal.page(member_id, seq + 1, 1)
    if not found or found[0].seq != seq:
        return None
    return show_record(found[0], await context.reading(None, await context.member(member_id)))


async def _notice(context: Context, notice_id: str) -> Notice | None:
    posted = (await context.game.stores.notices.get([notice_id])).get(notice_id)
    return show_notice(posted) if posted and await _may_see(context, posted.notice.member_id) else None


async def _entry(context: Context, member_id: str, seq: int, place: int) -> LedgerEntry | None:
    record = await _record(context, member_id, seq)
    effects = record.shown.outcome.effects if record else ()
    effect = effects[place] if place < len(effects) else None
    return show_entry(effect, place, record.shown, record.reading) if record and isinstance(effect, Entry) else None
