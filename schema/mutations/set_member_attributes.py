"""setMemberAttributes: what the shop knows of a member that campaigns and boards may ask for."""

from collections.abc import Mapping

import strawberry

from gamification.activity import ATTRIBUTES, Activity, Problem
from gamification.fold import MAX_MEMBER_ATTRIBUTES
from gamification.requests import RecordRequest
from schema.context import Context
from schema.inputs import Unusable, member_ids_of
from schema.mutations.own_acts import is_known
from schema.mutations.record_activity import RecordActivityResult, refusal, show_recorded
from schema.principals import acting
from schema.types.errors import invalid


@strawberry.input(description="An attribute and its value.")
class MemberAttributeInput:
    """An attribute and its value."""

    name: str = strawberry.field(description='Such as "city": letters, digits, _ and -, up to 64 characters.')
    value: str = strawberry.field(description="Up to 256 characters. An empty text takes the attribute away.")


@strawberry.input(description="Attributes to set; those that are not named stay as they are.")
class SetMemberAttributesInput:
    """Attributes to set."""

    key: str = strawberry.field(
        description="Made by the caller, unique per member, up to 128 characters. The same key again is a retry."
    )
    attributes: list[MemberAttributeInput] = strawberry.field(
        description="From 1 to 50, no name twice. A member has at most 50."
    )
    member_id: strawberry.ID | None = strawberry.field(
        default=None, description="The member's global id. Give this or `loyaltyNumber`, not both."
    )
    loyalty_number: str | None = strawberry.field(
        default=None, description="The 12 digits of the member's card. Give this or `memberId`, not both."
    )


async def set_member_attributes(context: Context, given: SetMemberAttributesInput) -> RecordActivityResult:
    """Record the attributes, which count from now on."""
    (member_id,) = await member_ids_of(context, [given])
    if isinstance(member_id, Unusable):
        return refusal(member_id)
    attributes = {one.name: one.value for one in given.attributes}
    if len(attributes) < len(given.attributes):
        return invalid(Problem("attributes", "names one of them twice"))
    if not attributes:
        return invalid(Problem("attributes", "must name one at least"))
    if problem := await _too_many(context, member_id, given.key, attributes):
        return invalid(problem)
    activity = Activity(given.key, ATTRIBUTES, context.game.now(), attributes=attributes)
    request = RecordRequest(member_id, activity, timed=False, by=acting(context.principal))
    (result,) = await context.game.recorder.record([request])
    return await show_recorded(context, result)


async def _too_many(context: Context, member_id: str, key: str, given: Mapping[str, str]) -> Problem | None:
    member = await context.member(member_id)
    held = member.state.attributes if member else {}
    # Two calls at once may both pass here; the fold then keeps the latest, and never more than there may be.
    after = len([name for name, value in {**held, **given}.items() if value])
    if after <= max(MAX_MEMBER_ATTRIBUTES, len(held)):
        return None
    if member is not None and await is_known(context, member, key):
        return None  # A retry, which is answered with its first result.
    return Problem("attributes", f"would be {after} of the member's; at most {MAX_MEMBER_ATTRIBUTES} are kept")
