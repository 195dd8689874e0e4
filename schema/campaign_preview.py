"""previewCampaign: what a campaign would have given in past days."""

from datetime import datetime, timedelta
from typing import Annotated, TypeAlias

import strawberry

from gamification.activity import Problem
from gamification.preview import MAX_PREVIEW_DAYS, Previewer
from gamification.program.campaigns import Campaign as Terms
from schema.campaign_terms import CampaignTermsInput, to_terms
from schema.context import Context
from schema.ids import to_global_id
from schema.scalars import BigInt
from schema.types.effects import CampaignLimit
from schema.types.errors import InvalidInput, invalid
from schema.types.member import MEMBER_ID


@strawberry.input(description="Terms to try, and over how many past days.")
class PreviewCampaignInput:
    """Terms to try, and over how many past days."""

    terms: CampaignTermsInput = strawberry.field(description="As for createCampaign. Its start and end do not matter.")
    days: int = strawberry.field(default=7, description=f"How many days up to now, from 1 to {MAX_PREVIEW_DAYS}.")


@strawberry.type(description="How many bonuses a limit would have cut.")
class ReducedBonuses:
    """How many bonuses a limit would have cut."""

    limit: CampaignLimit = strawberry.field(description="The limit.")
    count: int = strawberry.field(description="How many bonuses got less because of it, or nothing.")


@strawberry.type(description="What one member would have had.")
class PreviewExample:
    """What one member would have had."""

    member_id: strawberry.ID = strawberry.field(description="The member's global id.")
    points: BigInt = strawberry.field(description="How many points more.")
    activities: int = strawberry.field(description="For how many activities.")


@strawberry.type(description="What a campaign would have given, had it run in the past days.")
class CampaignPreview:
    """What a campaign would have given, had it run in the past days."""

    members: int = strawberry.field(description="How many members would have got something.")
    activities: int = strawberry.field(description="For how many activities.")
    points: BigInt = strawberry.field(description="What it would have given.")
    net_points: BigInt = strawberry.field(
        description="What all campaigns together would have given more: it may take the place of another."
    )
    reduced: list[ReducedBonuses] = strawberry.field(description="The bonuses that limits would have cut.")
    exhausted_at: datetime | None = strawberry.field(
        description="When its budget would have been too small; null where it would have lasted."
    )
    examples: list[PreviewExample] = strawberry.field(description="Up to 10 members who would have got most.")
    members_read: int = strawberry.field(description="How many members were active in these days, as far as read.")
    records_read: int = strawberry.field(description="How many records of theirs were read.")
    is_sample: bool = strawberry.field(
        description="There is more than was read, so all figures are those of a sample and the budget lasts shorter."
    )


PreviewCampaignResult: TypeAlias = Annotated[
    CampaignPreview | InvalidInput,
    strawberry.union("PreviewCampaignResult", description="What it would have given, or what is wrong with the terms."),
]


async def preview_campaign(context: Context, given: PreviewCampaignInput) -> PreviewCampaignResult:
    """Try terms on the past days."""
    terms = to_terms(given.terms, (await context.game.stores.programs.current()).program)
    problems = () if isinstance(terms, Terms) else terms
    if not 1 <= given.days <= MAX_PREVIEW_DAYS:
        problems = (*problems, Problem("days", f"is {given.days}; from 1 to {MAX_PREVIEW_DAYS} are possible"))
    if problems or not isinstance(terms, Terms):
        return invalid(*problems)
    now = context.game.now()
    made = await Previewer(context.game.stores).preview(terms, now - timedelta(days=given.days))
    return CampaignPreview(
        members=made.members,
        activities=made.activities,
        points=BigInt(made.points),
        net_points=BigInt(made.net_points),
        reduced=[ReducedBonuses(limit=CampaignLimit(limit), count=count) for limit, count in made.reduced.items()],
        exhausted_at=made.exhausted_at,
        examples=[
            PreviewExample(
                member_id=to_global_id(MEMBER_ID, each.member_id),
                points=BigInt(each.points),
                activities=each.activities,
            )
            for each in made.examples
        ],
        members_read=made.members_read,
        records_read=made.records_read,
        is_sample=made.is_sample,
    )
