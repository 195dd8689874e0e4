"""Errors that a client is expected to handle: members of the result unions, all with a code and a message."""

import strawberry

from gamification import enrolment, fold, requests
from gamification.activity import Problem as Fault
from schema.scalars import BigInt


@strawberry.interface(description="Something that a client is expected to handle. Each type has a `code` of its own.")
class Error:
    """Something that a client is expected to handle."""

    code: str = strawberry.field(description="The kind of error, in capitals, for the app to go by.")
    message: str = strawberry.field(description="What was wrong, in English, for developers.")


@strawberry.type(description="One thing that is wrong with an input.")
class Problem:
    """One thing that is wrong with an input."""

    path: str = strawberry.field(description='Where in the input, such as "items.0.quantity".')
    message: str = strawberry.field(description="What is wrong there, or what is allowed, in English.")


@strawberry.type(description="The input breaks a rule; nothing was written. Its `code` is INVALID_INPUT.")
class InvalidInput(Error):
    """The input breaks a rule; nothing was written."""

    problems: list[Problem] = strawberry.field(description="Everything that was found wrong.")


@strawberry.type(description="There is no such member; nothing was written. Its `code` is MEMBER_NOT_FOUND.")
class MemberNotFound(Error):
    """There is no such member; nothing was written."""


@strawberry.type(
    description="The key was used before for something else; nothing was written. Its `code` is IDEMPOTENCY_CONFLICT."
)
class IdempotencyConflict(Error):
    """The key was used before for something else; nothing was written."""

    key: str = strawberry.field(description="The key that was used before.")


@strawberry.type(description="Not enough points are available; nothing was written. Its `code` is INSUFFICIENT_POINTS.")
class InsufficientPoints(Error):
    """More points were to be taken than are available; nothing was written."""

    needed: BigInt = strawberry.field(description="How many points were to be taken.")
    available: BigInt = strawberry.field(description="How many points there are to take.")
    step: int | None = strawberry.field(
        default=None, description="Which step of a chain would be refused, from 0; null for what is no chain."
    )


@strawberry.type(
    description="Another member, or campaign, has this already; nothing was written. Its `code` is ALREADY_TAKEN."
)
class AlreadyTaken(Error):
    """Another member, or campaign, has this already; nothing was written."""

    field: str = strawberry.field(description="What is taken: `handle`, `externalId` or a campaign's `code`.")


def invalid(*faults: Fault) -> InvalidInput:
    """The error for an input with these faults."""
    problems = [Problem(path=fault.path, message=fault.message) for fault in faults]
    message = "; ".join(f"{fault.path} {fault.message}" for fault in faults)
    return InvalidInput(code="INVALID_INPUT", message=message, problems=problems)


def not_found() -> MemberNotFound:
    """The error for a member that is not there."""
    return MemberNotFound(code="MEMBER_NOT_FOUND", message="There is no such member.")


def conflict(result: requests.IdempotencyConflict) -> IdempotencyConflict:
    """The error for a key that was used for something else."""
    message = f"The key {result.key} was used before with other input; something new needs a new key."
    return IdempotencyConflict(code="IDEMPOTENCY_CONFLICT", message=message, key=result.key)


def insufficient(result: fold.InsufficientPoints, step: int | None = None) -> InsufficientPoints:
    """The error for more points than there are, in a ``step`` of a chain where there is one."""
    message = f"{result.needed} points are needed and {result.available} are available."
    return InsufficientPoints(
        code="INSUFFICIENT_POINTS",
        message=message,
        needed=BigInt(result.needed),
        available=BigInt(result.available),
        step=step,
    )


def taken(result: enrolment.AlreadyTaken) -> AlreadyTaken:
    """The error for a handle or external id of another member."""
    field = {"external_id": "externalId"}.get(result.what, result.what)
    return AlreadyTaken(code="ALREADY_TAKEN", message=f"Another member has this {field}.", field=field)
