"""simulateActivity: everything that recording an activity would change, without writing it."""

from typing import Annotated, TypeAlias

import strawberry

from gamification import fold, recording
from schema.context import Context
from schema.inputs import ActivityInput, Unusable, self_or_named
from schema.scalars import BigInt
from schema.types.errors import InsufficientPoints, InvalidInput, MemberNotFound, insufficient, invalid, not_found
from schema.types.member import Member, show_member
from schema.types.record import Record, show_record


@strawberry.type(description="What would happen.")
class SimulateActivitySuccess:
    """What would happen: the records that would be written, and the member before and after them."""

    points: BigInt = strawberry.field(description="What it would change in points, over both accounts.")
    records: list[Record]
    before: Member
    after: Member


SimulateActivityResult: TypeAlias = Annotated[
    SimulateActivitySuccess | InvalidInput | MemberNotFound | InsufficientPoints,
    strawberry.union("SimulateActivityResult"),
]


async def simulate(context: Context, given: ActivityInput) -> SimulateActivityResult:
    """A dry run for the member that the input names, or for the member who asks."""
    request = await self_or_named(context, "simulateActivity", given)
    if isinstance(request, Unusable):
        return not_found() if request.unknown_member else invalid(*request.problems)
    result = await context.game.recorder.simulate(request)
    match result:
        case recording.InvalidInput(problems):
            return invalid(*problems)
        case recording.MemberNotFound():
            return not_found()
        case fold.InsufficientPoints():
            return insufficient(result)
        case recording.Simulated(before, after, records):
            reading = await context.reading(None, before)
            shown = [show_record(record, reading) for record in records]
            return SimulateActivitySuccess(
                points=BigInt(sum(record.points for record in shown)),
                records=shown,
                before=show_member(before, reading),
                after=show_member(after, reading),
            )
