"""enrolMember: a person joins the program."""

from datetime import datetime
from typing import Annotated, TypeAlias

import strawberry

from gamification import enrolment, recording
from gamification.enrolment import EnrolRequest
from gamification.member import Profile
from schema.context import Context
from schema.types.errors import AlreadyTaken, IdempotencyConflict, InvalidInput, conflict, invalid, taken
from schema.types.member import Member, show_member


@strawberry.input(description="A person who joins.")
class EnrolMemberInput:
    """A person who joins."""

    key: str = strawberry.field(description="Made by the caller, unique per person. The same key again is a retry.")
    display_name: str
    handle: str | None = None
    avatar_url: str | None = None
    language: str | None = None
    time_zone: str | None = None
    external_id: str | None = strawberry.field(default=None, description="The shop's own number for the customer.")
    joined_at: datetime | None = strawberry.field(default=None, description="Now, unless told.")


@strawberry.type(description="The person is a member.")
class EnrolMemberSuccess:
    """The person is a member."""

    member: Member
    replayed: bool = strawberry.field(description="A retry: the member was there already.")


EnrolMemberResult: TypeAlias = Annotated[
    EnrolMemberSuccess | InvalidInput | IdempotencyConflict | AlreadyTaken, strawberry.union("EnrolMemberResult")
]


async def enrol_member(context: Context, given: EnrolMemberInput) -> EnrolMemberResult:
    """Enrol a person."""
    profile = Profile(given.display_name, given.handle, given.avatar_url, given.language, given.time_zone)
    request = EnrolRequest(given.key, profile, given.joined_at, given.external_id)
    (result,) = await context.game.enroller.enrol([request])
    match result:
        case enrolment.Enrolled(member, replayed):
            reading = await context.reading(None, member)
            return EnrolMemberSuccess(member=show_member(member, reading), replayed=replayed)
        case recording.InvalidInput(problems):
            return invalid(*problems)
        case recording.IdempotencyConflict():
            return conflict(result)
        case enrolment.AlreadyTaken():
            return taken(result)
