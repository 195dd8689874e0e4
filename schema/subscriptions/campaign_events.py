"""campaignEvents: what happens to campaigns, as it happens, from a cursor on without a gap."""

from collections.abc import AsyncGenerator
from datetime import datetime
from enum import Enum

import strawberry

from gamification.campaigning import CampaignEvent as Happened
from gamification.campaigning import phase_at
from schema.connections import stale_cursor
from schema.context import Context, Info
from schema.ids import number_in
from schema.sharing import Share
from schema.types.campaign import Campaign, show_campaign

_LISTED = "campaignEvents"


@strawberry.enum(description="What happened to a campaign.")
class CampaignEventKind(Enum):
    """What happened to a campaign."""

    BEGAN = strawberry.enum_value(
        "began", description="Nothing yet: the first event of a subscription, from which on nothing is missed."
    )
    STARTED = strawberry.enum_value("started", description="It is open for the first time.")
    OPENED = strawberry.enum_value("opened", description="It is open again, as its hours say.")
    CLOSED = strawberry.enum_value("closed", description="It is closed until its next hours.")
    PAUSED = strawberry.enum_value("paused", description="Staff have paused it.")
    RESUMED = strawberry.enum_value("resumed", description="Staff let it go on.")
    RUNNING_LOW = strawberry.enum_value("running_low", description="Little of its points is left.")
    FULL = strawberry.enum_value("full", description="No places are left; who has one goes on getting it.")
    ENDED = strawberry.enum_value("ended", description="It is over; `campaign.endedBy` says why.")


@strawberry.type(description="Something that happened to a campaign.")
class CampaignEvent:
    """Something that happened to a campaign."""

    share: strawberry.Private[Share | None]
    code: strawberry.Private[str | None]
    language: strawberry.Private[str | None]
    cursor: str = strawberry.field(
        description="Give it as `after` when subscribing again, and nothing is missed or repeated."
    )
    kind: CampaignEventKind = strawberry.field(description="What happened.")
    at: datetime = strawberry.field(description="When it happened.")

    @strawberry.field(description="The campaign as it is when this is sent; null for `BEGAN`.")
    async def campaign(self, info: Info) -> Campaign | None:
        """The campaign as it is when this is sent."""
        if self.code is None:
            return None
        info.context.renew()
        store = info.context.game.stores.campaigns
        state = (await store.get([self.code])).get(self.code)
        # Whoever asks, this is the same: staff see no more here than members do.
        if state is None or not state.is_public:
            return None
        left = await store.live([self.code])
        reading = await info.context.reading(self.language)
        phase = phase_at(state, reading.now, reading.program.time_zone)
        return show_campaign(state, phase, left[self.code], reading)


async def campaign_events(
    context: Context, after: str | None, language: str | None
) -> AsyncGenerator[CampaignEvent, None]:
    """What happens to the campaigns that members may know of, oldest first, without an end.

    Raises:
        CallerError: a cursor of something else.
    """
    feed = context.game.campaign_feed
    if after is None:
        number = await feed.last()
        yield CampaignEvent(
            share=None,
            code=None,
            language=None,
            cursor=await _cursor(context, number),
            kind=CampaignEventKind.BEGAN,
            at=context.game.now(),
        )
    else:
        number = await _number(context, after)
    while True:
        told, number = await feed.after(number)
        for event in told:
            yield await _show(context, event, language)


async def _show(context: Context, event: Happened, language: str | None) -> CampaignEvent:
    return CampaignEvent(
        share=Share(context.game.campaign_feed.answers, (_LISTED, event.number, language, context.accepted)),
        code=event.campaign,
        language=language,
        cursor=await _cursor(context, event.number),
        kind=CampaignEventKind(event.kind),
        at=event.at,
    )


async def _cursor(context: Context, number: int) -> str:
    # Sealed, for the numbers count what staff does behind the scenes too.
    return (await context.game.cursors.sealer(_LISTED))(str(number))


async def _number(context: Context, cursor: str) -> int:
    number = number_in(await context.game.cursors.open(_LISTED, cursor))
    if number is None or not await context.game.campaign_feed.has(number):
        raise stale_cursor()
    return number
