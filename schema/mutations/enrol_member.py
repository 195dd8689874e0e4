"""enrolMember: a person joins the program."""

from datetime import datetime
from typing import Annotated, TypeAlias

import strawberry

from gamification import enrolment, requests
from gamification.enrolment import EnrolRequest
from gamification.member import Profile
from schema.context import Context
from schema.types.errors import AlreadyTaken, IdempotencyConflict, InvalidInput, conflict, invalid, taken
from schema.types.member import Member, show_member


@strawberry.input(description="A person who joins.")
class EnrolMemberInput:
    """A person who joins."""

    key: str = strawberry.field(
        description="Made by the caller, unique per person, up to 128 characters. The same key again is a retry."
    )
    display_name: str = strawberry.field(
        description="How the member is addressed, up to 80 characters. Others do not see it."
    )
    handle: str | None = strawberry.field(
        default=None, description="The unique public name: 3 to 30 of a-z, 0-9 and _, beginning with a letter or digit."
    )
    avatar_url: str | None = strawberry.field(
        default=None, description="An https address of a picture, up to 500 characters."
    )
    language: str | None = strawberry.field(
        default=None, description="One of the program's `languages`, for the texts that the member gets."
    )
    time_zone: str | None = strawberry.field(default=None, description="An IANA time zone such as Europe/Copenhagen.")
    birthday: str | None = strawberry.field(
        default=None, description="A full date such as 1990-05-17, from 1900 on. Other members do not see it."
    )
    external_id: str | None = strawberry.field(
        default=None, description="The shop's own number for the customer, unique, up to 64 characters."
    )
    joined_at: datetime | None = strawberry.field(default=None, description="Now, unless told.")


@strawberry.type(description="The person is a member.")
class EnrolMemberSuccess:
    """The person is a member."""

    member: Member = strawberry.field(description="The member as of now, the first record counted.")
    replayed: bool = strawberry.field(description="A retry: the member was there already.")


EnrolMemberResult: TypeAlias = Annotated[
    EnrolMemberSuccess | InvalidInput | IdempotencyConflict | AlreadyTaken,
    strawberry.union("EnrolMemberResult", description="The new member, or why there is none."),
]


async def enrol_member(context: Context, given: EnrolMemberInput) -> EnrolMemberResult:
    """Enrol a person."""
    profile = Profile(
        given.display_name,
        given.handle,
        given.avatar_url,
        given.language,
        given.time_zone,
        birthday=given.birthday,
    )
    request = EnrolRequest(given.key, profile, given.joined_at, given.external_id)
    (result,) = await context.game.enroller.enrol([request])
    match result:
        case enrolment.Enrolled(member, replayed):
            if member.state.merged_into is not None:
                member = await context.members.load(member.state.merged_into) or member
            reading = await context.reading(None, member)
            return EnrolMemberSuccess(member=show_member(member, reading), replayed=replayed)
        case requests.InvalidInput(problems):
            return invalid(*problems)
        case requests.IdempotencyConflict():
            return conflict(result)
        case enrolment.AlreadyTaken():
            return taken(result)
