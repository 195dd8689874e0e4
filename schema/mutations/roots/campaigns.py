"""The life of a campaign."""

import strawberry

from schema.context import Info
from schema.mutations.campaigns import (
    CampaignInput,
    CampaignResult,
    CreateCampaignInput,
    CreateCampaignResult,
    ExtendCampaignInput,
    create_campaign,
    end_campaign,
    extend_campaign,
    pause_campaign,
    resume_campaign,
    start_campaign,
)
from schema.permissions import permission_for


@strawberry.type
class Campaigns:
    """The life of a campaign."""

    @strawberry.mutation(
        extensions=[permission_for("createCampaign")],
        description="Make a campaign: a draft, or one that runs from its start on.",
    )
    async def create_campaign(self, info: Info, input: CreateCampaignInput) -> CreateCampaignResult:  # noqa: A002
        """Make a campaign."""
        return await create_campaign(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("startCampaign")], description="Let a draft run. It opens when its terms say."
    )
    async def start_campaign(self, info: Info, input: CampaignInput) -> CampaignResult:  # noqa: A002
        """Let a draft run. It opens when its terms say."""
        return await start_campaign(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("pauseCampaign")], description="Let a campaign give nothing until it is resumed."
    )
    async def pause_campaign(self, info: Info, input: CampaignInput) -> CampaignResult:  # noqa: A002
        """Let a campaign give nothing until it is resumed."""
        return await pause_campaign(info.context, input)

    @strawberry.mutation(extensions=[permission_for("resumeCampaign")], description="Let a paused campaign go on.")
    async def resume_campaign(self, info: Info, input: CampaignInput) -> CampaignResult:  # noqa: A002
        """Let a paused campaign go on."""
        return await resume_campaign(info.context, input)

    @strawberry.mutation(extensions=[permission_for("endCampaign")], description="End a campaign for good, at once.")
    async def end_campaign(self, info: Info, input: CampaignInput) -> CampaignResult:  # noqa: A002
        """End a campaign for good, at once."""
        return await end_campaign(info.context, input)

    @strawberry.mutation(
        extensions=[permission_for("extendCampaign")],
        description="Give a campaign a later end, more points or more places.",
    )
    async def extend_campaign(self, info: Info, input: ExtendCampaignInput) -> CampaignResult:  # noqa: A002
        """Give a campaign a later end, more points or more places."""
        return await extend_campaign(info.context, input)
