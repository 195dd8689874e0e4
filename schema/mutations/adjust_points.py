"""adjustPoints: points given or taken by staff, with a reason."""

import strawberry

from gamification.activity import ADJUSTMENT, Activity
from gamification.requests import RecordRequest
from schema.context import Context
from schema.inputs import Unusable, member_ids_of
from schema.mutations.record_activity import RecordActivityResult, refusal, show_recorded
from schema.principals import acting
from schema.scalars import BigInt


@strawberry.input(description="Points to give, or to take when negative.")
class AdjustPointsInput:
    """Points to give, or to take when negative."""

    key: str = strawberry.field(
        description="Made by the caller, unique per member, up to 128 characters. The same key again is a retry."
    )
    points: BigInt = strawberry.field(description="How many: more than 0 to give, less than 0 to take. Not 0.")
    reason: str = strawberry.field(description="Shown to the member in the statement.")
    member_id: strawberry.ID | None = strawberry.field(
        default=None, description="The member's global id. Give this or `loyaltyNumber`, not both."
    )
    loyalty_number: str | None = strawberry.field(
        default=None, description="The 12 digits of the member's card. Give this or `memberId`, not both."
    )


async def adjust_points(context: Context, given: AdjustPointsInput) -> RecordActivityResult:
    """Record an adjustment, which takes effect now."""
    (member_id,) = await member_ids_of(context, [given])
    if isinstance(member_id, Unusable):
        return refusal(member_id)
    activity = Activity(given.key, ADJUSTMENT, context.game.now(), points=given.points, reason=given.reason)
    request = RecordRequest(member_id, activity, timed=False, by=acting(context.principal))
    (result,) = await context.game.recorder.record([request])
    return await show_recorded(context, result)
