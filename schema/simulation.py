"""simulateActivity: everything that recording an activity would change, without writing it."""

from typing import Annotated, TypeAlias

import strawberry

from gamification import fold, recording
from schema.context import Context, as_of_now
from schema.inputs import SimulateActivityInput, Unusable, to_simulation
from schema.scalars import BigInt
from schema.types.errors import InsufficientPoints, InvalidInput, MemberNotFound, insufficient, invalid, not_found
from schema.types.member import MemberStanding
from schema.types.record import Record, show_simulated


@strawberry.type(description="What would happen.")
class SimulateActivitySuccess:
    """What would happen: the records that would be written, and the member before and after them."""

    points: BigInt = strawberry.field(description="What it would change in points, over both accounts.")
    records: list[Record] = strawberry.field(
        description="What would be written, the activity last. Ids in it lead nowhere, and keys are not yours."
    )
    before: MemberStanding = strawberry.field(description="What the member has reached now.")
    after: MemberStanding = strawberry.field(description="What the member would have reached.")


SimulateActivityResult: TypeAlias = Annotated[
    SimulateActivitySuccess | InvalidInput | MemberNotFound | InsufficientPoints,
    strawberry.union("SimulateActivityResult", description="What would happen, or why the activity would be refused."),
]


async def simulate(context: Context, given: SimulateActivityInput) -> SimulateActivityResult:
    """A dry run for the member that the input names, or for the member who asks."""
    request = await to_simulation(context, given)
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
            shown = [show_simulated(record, reading) for record in records]
            return SimulateActivitySuccess(
                points=BigInt(sum(record.points for record in shown)),
                records=shown,
                before=MemberStanding(subject=as_of_now(before, reading), reading=reading),
                after=MemberStanding(subject=as_of_now(after, reading), reading=reading),
            )
