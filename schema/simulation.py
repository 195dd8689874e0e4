"""simulateActivity and simulateActivities: everything that activities and time would change, without writing it."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, TypeAlias

import strawberry

from gamification import fold, requests, stores
from gamification.activity import Problem
from gamification.member import Member
from gamification.record import Record as Told
from schema.context import Context, Reading, as_of_now
from schema.inputs import SimulateActivityInput, Unusable, to_simulation
from schema.scalars import BigInt
from schema.simulation_steps import SimulateActivitiesInput, is_wait, to_steps
from schema.types.errors import InsufficientPoints, InvalidInput, MemberNotFound, insufficient, invalid, not_found
from schema.types.member import MemberStanding
from schema.types.record import Record, show_record
from schema.types.reversal_errors import TooLongPast, too_long_past

SIMULATED_ID = "simulated-"
SIMULATION_BYTES = 8


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
    SimulateActivitySuccess | InvalidInput | MemberNotFound | InsufficientPoints | TooLongPast,
    strawberry.union("SimulateActivityResult", description="What would happen, or why the activity would be refused."),
]


@strawberry.type(description="What one step would do.")
class SimulationStep:
    """What one step would do."""

    at: datetime = strawberry.field(description="When it would be done: now, or a later moment that was waited for.")
    points: BigInt = strawberry.field(description="What it would change in points, over both accounts.")
    records: list[Record] = strawberry.field(
        description="What would be written by it: what time brings about until then, and then the activity."
    )
    after: MemberStanding = strawberry.field(description="What the member would have reached then.")


@strawberry.type(description="What would happen, step by step.")
class SimulateActivitiesSuccess:
    """What would happen, step by step."""

    points: BigInt = strawberry.field(description="What all would change in points, over both accounts.")
    records: list[Record] = strawberry.field(
        description="All that would be written, in order. Ids in it lead nowhere, and keys are not yours."
    )
    steps: list[SimulationStep] = strawberry.field(description="What each step would do, in their order.")
    before: MemberStanding = strawberry.field(description="What the member has reached now.")
    after: MemberStanding = strawberry.field(description="What the member would have reached after the last step.")


SimulateActivitiesResult: TypeAlias = Annotated[
    SimulateActivitiesSuccess | InvalidInput | MemberNotFound | InsufficientPoints | TooLongPast,
    strawberry.union("SimulateActivitiesResult", description="What would happen, or which step would be refused."),
]


async def simulate(context: Context, given: SimulateActivityInput) -> SimulateActivityResult:
    """A dry run for the member that the input names, or for the member who asks."""
    request = await to_simulation(context, given)
    if isinstance(request, Unusable):
        return not_found() if request.unknown_member else invalid(*request.problems)
    try:
        result = await context.game.recorder.simulate(request.member_id, [request])
    except stores.TooLongPast as error:
        return too_long_past(error)
    match result:
        case requests.Simulated():
            whole = await _show(context, result)
            return SimulateActivitySuccess(
                points=whole.points, records=whole.records, before=whole.before, after=whole.after
            )
        case requests.StepRefused(_, requests.InvalidInput(problems)):
            return invalid(*problems)
        case requests.StepRefused(_, fold.InsufficientPoints() as refusal):
            return insufficient(refusal)
        case _:
            return not_found()


async def simulate_chain(context: Context, given: SimulateActivitiesInput) -> SimulateActivitiesResult:
    """A dry run of steps one after the other."""
    chain = await to_steps(context, given)
    if isinstance(chain, Unusable):
        return not_found() if chain.unknown_member else invalid(*chain.problems)
    try:
        result = await context.game.recorder.simulate(chain.member_id, chain.steps)
    except stores.TooLongPast as error:
        return too_long_past(error)
    match result:
        case requests.Simulated():
            return await _show(context, result)
        case requests.StepRefused(step, requests.InvalidInput(problems)):
            return invalid(*_in_step(step, problems, waits=is_wait(given.steps[step])))
        case requests.StepRefused(step, fold.InsufficientPoints() as refusal):
            return insufficient(refusal, step)
        case _:
            return not_found()


def _in_step(step: int, problems: Sequence[Problem], *, waits: bool) -> list[Problem]:
    """Problems with their places in the chain."""
    if waits:
        return [Problem(f"steps.{step}.at", problem.message) for problem in problems]
    return [Problem(f"steps.{step}.activity.{problem.path}", problem.message) for problem in problems]


async def _show(context: Context, simulated: requests.Simulated) -> SimulateActivitiesSuccess:
    """A dry run as clients see it, each step by the program that would be in force then."""
    now = await context.reading(None, simulated.before)
    schedule = await context.game.stores.programs.schedule()
    foretold: tuple[Told, ...] = ()
    steps: list[SimulationStep] = []
    for step in simulated.steps:
        made = tuple(_unwritten(record) for record in step.records)
        foretold += made
        at = max(step.at, now.now)
        edition = schedule.at(at)
        then = replace(now, program=edition.program, version=edition.version, now=at, foretold=foretold)
        records = [show_record(record, now) for record in made]
        steps.append(SimulationStep(at=at, points=_points(records), records=records, after=_standing(step.after, then)))
    told = [record for step in steps for record in step.records]
    before = _standing(simulated.before, now)
    return SimulateActivitiesSuccess(
        points=_points(told), records=told, steps=steps, before=before, after=steps[-1].after if steps else before
    )


def _standing(member: Member, reading: Reading) -> MemberStanding:
    return MemberStanding(subject=as_of_now(member, reading), reading=reading)


def _points(records: Sequence[Record]) -> BigInt:
    return BigInt(sum(record.points for record in records))


def _unwritten(record: Told) -> Told:
    """A record that is only foretold. Its ids lead nowhere, so that no client takes it for one that is written."""
    return replace(record, member_id=f"{SIMULATED_ID}{secrets.token_hex(SIMULATION_BYTES)}")
