"""extendPoints: staff puts off the day on which points expire."""

from collections.abc import Iterator

import strawberry

from gamification.activity import EXTENSION, Activity, Problem
from gamification.extensions import extension_problems
from gamification.lots import named
from gamification.member import Member
from schema.context import Context, as_of_now
from schema.inputs import Unusable, member_ids_of
from schema.mutations.own_acts import OwnActInput, record_act
from schema.mutations.record_activity import RecordActivityResult, refusal
from schema.types.errors import not_found


@strawberry.input(description="For how much longer points can be spent: by `days`, or to the end of the day `until`.")
class ExtendPointsInput(OwnActInput):
    """For how much longer points can be spent."""

    reason: str = strawberry.field(description="For the record, up to 256 characters.")
    days: int | None = strawberry.field(
        default=None, description="So many days longer than now, from 1 to 36,600. Give this or `until`, not both."
    )
    until: str | None = strawberry.field(
        default=None,
        description="A date such as 2026-12-31, from today on: the last day, in the program's time zone. What expires "
        "later stays as it is.",
    )
    lot: str | None = strawberry.field(
        default=None, description="The code of one lot, as `points.lots` has it; all that are left without it."
    )


async def extend_points(context: Context, given: ExtendPointsInput) -> RecordActivityResult:
    """Put off when points expire."""
    context.renew()
    (member_id,) = await member_ids_of(context, [given])
    if isinstance(member_id, Unusable):
        return refusal(member_id)
    member = await context.member(member_id)
    if member is None:
        return not_found()
    reading = await context.reading(None, member)
    told = {"lot": given.lot, "days": given.days, "until": given.until}
    attributes = {name: value for name, value in told.items() if value is not None}
    activity = Activity(given.key, EXTENSION, reading.now, attributes=attributes, reason=given.reason)
    problems = (*extension_problems(activity), *_lot_problems(as_of_now(member, reading), given.lot))
    return await record_act(context, member, activity, problems)


def _lot_problems(member: Member, lot: str | None) -> Iterator[Problem]:
    if lot is not None and not named(member.state.lots, lot):
        yield Problem("lot", "is none of the lots that the member has left")
