"""recordActivity and recordActivities: the way in for tills and booking systems."""

from typing import Annotated, TypeAlias

import strawberry

from gamification import fold, requests
from gamification.activity import Problem
from gamification.recording import MAX_ITEMS_PER_CALL
from gamification.requests import RecordRequest, RecordResult
from schema.context import Context
from schema.inputs import ActivityInput, Unusable, to_requests
from schema.types.errors import (
    IdempotencyConflict,
    InsufficientPoints,
    InvalidInput,
    MemberNotFound,
    conflict,
    insufficient,
    invalid,
    not_found,
)
from schema.types.member import Member, show_member
from schema.types.record import Record, show_record


@strawberry.type(description="The activity stands in the journal.")
class RecordActivitySuccess:
    """The activity stands in the journal."""

    record: Record = strawberry.field(description="What was written: the activity and all that it changed.")
    member: Member = strawberry.field(description="The member after the activity; after a retry, as of now.")
    replayed: bool = strawberry.field(description="A retry: this is the result of the first call.")


RecordActivityResult: TypeAlias = Annotated[
    RecordActivitySuccess | InvalidInput | MemberNotFound | IdempotencyConflict | InsufficientPoints,
    strawberry.union("RecordActivityResult", description="What was recorded, or why nothing was."),
]


@strawberry.input(description="Several activities, those of one member in the order they happened.")
class RecordActivitiesInput:
    """Several activities."""

    activities: list[ActivityInput] = strawberry.field(
        description="Up to 500 activities. One that fails does not hinder the others."
    )


@strawberry.type(description="A result for each activity, in the order of the input.")
class RecordActivitiesSuccess:
    """A result for each activity, in the order of the input."""

    results: list[RecordActivityResult] = strawberry.field(
        description="As many as there are activities, in their order."
    )


RecordActivitiesResult: TypeAlias = Annotated[
    RecordActivitiesSuccess | InvalidInput,
    strawberry.union("RecordActivitiesResult", description="A result for each activity, or why there is none."),
]


async def record_activity(context: Context, given: ActivityInput) -> RecordActivityResult:
    """Record one activity."""
    return (await _record(context, [given]))[0]


async def record_activities(context: Context, given: RecordActivitiesInput) -> RecordActivitiesResult:
    """Record up to 500 activities; each has its own result, and one that fails does not hinder the others."""
    if len(given.activities) > MAX_ITEMS_PER_CALL:
        found = f"has {len(given.activities)} entries; at most {MAX_ITEMS_PER_CALL} are allowed"
        return invalid(Problem("activities", found))
    return RecordActivitiesSuccess(results=await _record(context, given.activities))


async def _record(context: Context, given: list[ActivityInput]) -> list[RecordActivityResult]:
    requests = await to_requests(context, given)
    usable = [request for request in requests if isinstance(request, RecordRequest)]
    recorded = iter(await context.game.recorder.record(usable))
    return [
        await show_recorded(context, next(recorded)) if isinstance(request, RecordRequest) else refusal(request)
        for request in requests
    ]


def refusal(request: Unusable) -> InvalidInput | MemberNotFound:
    """The error for an input that did not become a request."""
    return invalid(*request.problems) if request.problems else not_found()


async def show_recorded(context: Context, result: RecordResult) -> RecordActivityResult:
    """A result as clients see it."""
    match result:
        case requests.Recorded(record, member, replayed):
            reading = await context.reading(None, member)
            return RecordActivitySuccess(
                record=show_record(record, reading), member=show_member(member, reading), replayed=replayed
            )
        case requests.InvalidInput(problems):
            return invalid(*problems)
        case requests.MemberNotFound():
            return not_found()
        case requests.IdempotencyConflict():
            return conflict(result)
        case fold.InsufficientPoints():
            return insufficient(result)
