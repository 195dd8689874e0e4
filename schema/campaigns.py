"""Reading campaigns: those for everybody, those for staff, and the trail of what was done to one."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from gamification.campaigning import CampaignEvent, CampaignState, Phase, phase_at
from schema.connections import Connection, connection_of, decode_cursor, encode_cursor, page_size, stale_cursor
from schema.context import Context, Reading
from schema.ids import number_in
from schema.principals import Scope, ServicePrincipal, StaffPrincipal
from schema.scalars import BigInt
from schema.types.campaign import Campaign, show_campaign

_RUNNING = ("live", "idle")
_COMING = (*_RUNNING, "scheduled")
_ORDER = (*_COMING, "paused", "draft")


@strawberry.type(description="A detail of something that was done to a campaign.")
class CampaignDetail:
    """A detail of something that was done to a campaign."""

    name: str = strawberry.field(description='What it is, such as "ends_at_before".')
    value: str | None = strawberry.field(description="What it was; null for nothing, such as no end.")


@strawberry.type(description="Something that was done to a campaign, or that time or its limits did.")
class CampaignAction:
    """Something that was done to a campaign."""

    number: BigInt = strawberry.field(description="Its number over all campaigns, from 1.")
    kind: str = strawberry.field(
        description='What it was, such as "created", "paused" or "ended"; "full" is when the last place was taken.'
    )
    at: datetime = strawberry.field(description="When.")
    by: str = strawberry.field(description="Who: the id of staff, the name of an API key, or what of Laurel did it.")
    details: list[CampaignDetail] = strawberry.field(description="What it changed.")


def sees_all(context: Context) -> bool:
    """Whether the caller may know of drafts: staff, and services that write campaigns."""
    match context.principal:
        case StaffPrincipal():
            return True
        case ServicePrincipal(scopes=scopes):
            return Scope.CAMPAIGNS_WRITE in scopes
    return False


async def campaigns(context: Context, *, live: bool, language: str | None = None) -> list[Campaign]:
    """The campaigns that the caller may know of, those that are open first."""
    reading, current = await context.reading(language), await context.game.stores.campaigns.current()
    zone = reading.program.time_zone
    standing = [(state, phase_at(state, reading.now, zone)) for state in current]
    wanted = _RUNNING if live else _COMING
    shown = [
        (state, phase)
        for state, phase in standing
        if phase in wanted or (not live and sees_all(context) and phase != "ended")
    ]
    return await _show(context, sorted(shown, key=lambda each: _ORDER.index(each[1])), reading)


async def campaign(context: Context, code: str, language: str | None = None) -> Campaign | None:
    """The campaign with this code; None where there is none that the caller may know of."""
    state = (await context.game.stores.campaigns.get([code])).get(code)
    if state is None or not (state.is_public or sees_all(context)):
        return None
    return await show_state(context, state, language)


async def show_state(context: Context, state: CampaignState, language: str | None = None) -> Campaign:
    """A campaign with what is left of it."""
    reading = await context.reading(language)
    phase = phase_at(state, reading.now, reading.program.time_zone)
    return (await _show(context, [(state, phase)], reading))[0]


async def audit(context: Context, code: str, first: int | None, after: str | None) -> Connection[CampaignAction] | None:
    """What happened to a campaign, oldest first; None where there is no such campaign."""
    size, listed = page_size(first), f"campaignAudit/{code}"
    passed = number_in(decode_cursor(listed, after)) if after is not None else 0
    if passed is None:
        raise stale_cursor()
    store = context.game.stores.campaigns
    if code not in await store.get([code]):
        return None
    events = await store.audit(code, passed, size + 1)
    shown = events[:size]
    return connection_of(
        [_action(event) for event in shown],
        lambda at: encode_cursor(listed, str(shown[at].number)),
        has_next=len(events) > size,
        after=after,
    )


async def _show(context: Context, standing: Sequence[tuple[CampaignState, Phase]], reading: Reading) -> list[Campaign]:
    left = await context.game.stores.campaigns.live([state.code for state, _ in standing]) if standing else {}
    with_terms = sees_all(context)
    return [show_campaign(state, phase, left[state.code], reading, with_terms=with_terms) for state, phase in standing]


def _action(event: CampaignEvent) -> CampaignAction:
    details = [
        CampaignDetail(name=name, value=None if value is None else str(value)) for name, value in event.details.items()
    ]
    return CampaignAction(number=BigInt(event.number), kind=event.kind, at=event.at, by=event.by, details=details)
