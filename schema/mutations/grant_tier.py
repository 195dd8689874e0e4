"""grantTier: staff puts a member on a tier, or takes back what was granted."""

from datetime import datetime

import strawberry
from strawberry import UNSET

from gamification.activity import Problem
from gamification.tier_grants import tier_grant, tier_grant_problems
from schema.context import Context
from schema.inputs import Unusable, member_ids_of
from schema.mutations.own_acts import OwnActInput, record_act
from schema.mutations.record_activity import RecordActivityResult, refusal
from schema.types.errors import invalid, not_found


@strawberry.input(description="A tier that the member stands on at least, whatever they earn.")
class GrantTierInput(OwnActInput):
    """A tier that the member stands on at least."""

    reason: str = strawberry.field(description="Shown to the member in `why`, up to 256 characters.")
    tier: str | None = strawberry.field(
        default=UNSET,
        description="The tier's code; it takes the place of what was granted before. Null withdraws that. It has to be "
        "given, one or the other.",
    )
    until: datetime | None = strawberry.field(
        default=None, description="When it ends by itself; without one, it lasts until it is withdrawn."
    )


async def grant_tier(context: Context, given: GrantTierInput) -> RecordActivityResult:
    """Grant a tier, or withdraw it."""
    context.renew()
    if given.tier is UNSET or given.tier == "":
        return invalid(Problem("tier", "must be given; null withdraws what was granted"))
    (member_id,) = await member_ids_of(context, [given])
    if isinstance(member_id, Unusable):
        return refusal(member_id)
    member = await context.member(member_id)
    if member is None:
        return not_found()
    reading = await context.reading(None, member)
    activity = tier_grant(given.key, reading.now, given.reason, tier=given.tier, until=given.until)
    return await record_act(context, member, activity, tier_grant_problems(activity, reading.program))
