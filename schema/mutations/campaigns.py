"""createCampaign, startCampaign, pauseCampaign, resumeCampaign, endCampaign and extendCampaign: for staff."""

from datetime import datetime
from typing import Annotated, TypeAlias

import strawberry

from gamification import campaigning
from gamification.activity import Problem
from gamification.campaigning import (
    CampaignRefusal,
    CampaignState,
    Repeated,
    TooManyCampaigns,
    Transition,
    UnknownCampaign,
    WrongStatus,
    phase_at,
)
from gamification.program.base import MAX_CODE_CHARS
from gamification.program.campaigns import Campaign as Terms
from schema.campaign_terms import CampaignTermsInput, to_terms
from schema.campaigns import show_state
from schema.context import Context
from schema.principals import acting
from schema.scalars import BigInt
from schema.types.campaign import Campaign
from schema.types.campaign_errors import (
    CampaignNotFound,
    WrongCampaignStatus,
    code_taken,
    unknown_campaign,
    wrong_status,
)
from schema.types.errors import AlreadyTaken, InvalidInput, invalid

_EXTENDED = {"ends_at": "endsAt", "budget": "budgetPoints", "first_members": "firstMembers"}


@strawberry.input(description="A new campaign. The same code with the same terms again is a retry.")
class CreateCampaignInput:
    """A new campaign."""

    terms: CampaignTermsInput = strawberry.field(description="What it gives, to whom, when and up to which limits.")
    start: bool = strawberry.field(
        default=False, description="Let it run from its `startsAt` on; else it is a draft that only staff see."
    )


@strawberry.input(description="A campaign.")
class CampaignInput:
    """A campaign."""

    code: str = strawberry.field(description="The campaign's code.")


@strawberry.input(description="What a campaign gets more of; give at least one.")
class ExtendCampaignInput(CampaignInput):
    """What a campaign gets more of."""

    ends_at: datetime | None = strawberry.field(default=None, description="A later end.")
    budget_points: BigInt | None = strawberry.field(
        default=None, description="A larger budget, what is given included."
    )
    first_members: BigInt | None = strawberry.field(default=None, description="More places, those taken included.")


@strawberry.type(description="It is done.")
class CampaignSuccess:
    """It is done."""

    campaign: Campaign = strawberry.field(description="The campaign as it is now.")
    replayed: bool = strawberry.field(description="A retry: it was done already, and nothing changed.")


CreateCampaignResult: TypeAlias = Annotated[
    CampaignSuccess | InvalidInput | AlreadyTaken,
    strawberry.union("CreateCampaignResult", description="The new campaign, or why there is none."),
]
CampaignResult: TypeAlias = Annotated[
    CampaignSuccess | CampaignNotFound | WrongCampaignStatus | InvalidInput,
    strawberry.union("CampaignResult", description="The campaign as it is now, or why nothing changed."),
]


async def create_campaign(context: Context, given: CreateCampaignInput) -> CreateCampaignResult:
    """Make a campaign; the same again answers with the first."""
    program = (await context.game.stores.programs.current()).program
    now, by = context.game.now(), acting(context.principal)
    terms = to_terms(given.terms, program)
    problems = () if isinstance(terms, Terms) else terms
    ends_at = given.terms.ends_at
    if (
        ends_at is not None
        and ends_at.tzinfo is not None
        and ends_at <= now
        and "terms.endsAt" not in [problem.path for problem in problems]
    ):
        problems = (*problems, Problem("terms.endsAt", "must lie in the future"))
    if problems or not isinstance(terms, Terms):
        return invalid(*problems)
    store = context.game.stores.campaigns
    made = await store.create(terms, "staff", by, now, draft=not given.start)
    if isinstance(made, CampaignState):
        return CampaignSuccess(campaign=await show_state(context, made), replayed=False)
    if isinstance(made, TooManyCampaigns):
        return invalid(Problem("terms", f"there are {made.limit} campaigns that have not ended; end one first"))
    known = (await store.get([terms.code])).get(terms.code)
    if known is None or known.origin != "staff" or known.terms != terms:
        return code_taken(terms.code)
    return CampaignSuccess(campaign=await show_state(context, known), replayed=True)


async def start_campaign(context: Context, given: CampaignInput) -> CampaignResult:
    """Let a draft run."""
    return await _change(context, given.code, campaigning.start)


async def pause_campaign(context: Context, given: CampaignInput) -> CampaignResult:
    """Let a campaign give nothing until it is resumed."""
    return await _change(context, given.code, campaigning.pause)


async def resume_campaign(context: Context, given: CampaignInput) -> CampaignResult:
    """Let a paused campaign go on."""
    return await _change(context, given.code, campaigning.resume)


async def end_campaign(context: Context, given: CampaignInput) -> CampaignResult:
    """End a campaign for good."""
    return await _change(context, given.code, campaigning.end)


async def extend_campaign(context: Context, given: ExtendCampaignInput) -> CampaignResult:
    """Move a campaign's end, or give it more points or places."""
    if given.ends_at is not None and given.ends_at.tzinfo is None:
        return invalid(Problem("endsAt", "needs a time zone, such as 2026-05-01T12:00:00Z"))
    transition = campaigning.extend(given.ends_at, given.budget_points, given.first_members)
    return await _change(context, given.code, transition)


async def _change(context: Context, code: str, transition: Transition) -> CampaignResult:
    if len(code) > MAX_CODE_CHARS:
        return unknown_campaign(code[:MAX_CODE_CHARS])
    store, now = context.game.stores.campaigns, context.game.now()
    changed = await store.change(code, transition, acting(context.principal), now)
    if isinstance(changed, CampaignState):
        return CampaignSuccess(campaign=await show_state(context, changed), replayed=False)
    if isinstance(changed, Repeated):
        return CampaignSuccess(campaign=await show_state(context, changed.state), replayed=True)
    return await _refused(context, changed)


async def _refused(context: Context, refused: CampaignRefusal | UnknownCampaign) -> CampaignResult:
    match refused:
        case UnknownCampaign(code):
            return unknown_campaign(code)
        case WrongStatus(code):
            reading = await context.reading()
            state = (await context.game.stores.campaigns.get([code]))[code]
            return wrong_status(refused, phase_at(state, reading.now, reading.program.time_zone))
        case campaigning.NotAnExtension(_, faults):
            return invalid(*(Problem(_EXTENDED[field], message) for field, message in faults))
        case campaigning.LimitFixed(_, field):
            return invalid(Problem(_EXTENDED[field], "is settled, for the campaign has begun"))
        case campaigning.BelowGiven(_, field, limit, given):
            return invalid(Problem(_EXTENDED[field], f"would be {limit}, but {given} are given already"))
