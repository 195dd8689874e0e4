"""reverseActivity: take an activity back, or a part of it, with all that followed from it."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, TypeAlias

import strawberry

from gamification import requests, reversal, stores
from gamification.activity import Problem
from gamification.program.definition import Money
from gamification.requests import ReverseRequest, ReverseResult
from gamification.reversal import Return
from schema.context import Context
from schema.inputs import Unusable, member_ids_of, to_minor
from schema.mutations.record_activity import refusal
from schema.principals import acting
from schema.scalars import BigInt
from schema.types.errors import IdempotencyConflict, InvalidInput, MemberNotFound, conflict, invalid, not_found
from schema.types.member import Member, show_member
from schema.types.record import Record, show_record
from schema.types.reversal_errors import (
    AlreadyReversed,
    NotReversible,
    TooLongPast,
    UnknownActivity,
    already_reversed,
    not_reversible,
    too_long_past,
    unknown_activity,
)


@strawberry.input(
    description="What comes back of one line of the receipt. With neither `quantity` nor `amount`, all that is left."
)
class ReturnedLineInput:
    """What comes back of one line of the receipt."""

    line: int | None = strawberry.field(
        default=None, description="The place of the line in the activity's `items`, from 0. Give this or `sku`."
    )
    sku: str | None = strawberry.field(
        default=None, description="The line's code of the article, where only one line has it."
    )
    quantity: BigInt | None = strawberry.field(
        default=None,
        description="Pieces, at most those that are left; the line's money is shared out among its pieces.",
    )
    amount: Decimal | None = strawberry.field(
        default=None, description="In money, at most what is left of the line; instead of the share, where it differs."
    )


@strawberry.input(
    description="What to take back: the whole activity, some of its lines, or an amount. What was taken back before "
    "stays so, and the parts come to the whole at most. Which member, `memberId` or `loyaltyNumber` says."
)
class ReverseActivityInput:
    """What to take back of an activity."""

    key: str = strawberry.field(description="The key of the activity to take back.")
    member_id: strawberry.ID | None = strawberry.field(
        default=None, description="The member's global id. Give this or `loyaltyNumber`, not both."
    )
    loyalty_number: str | None = strawberry.field(
        default=None, description="The 12 digits of the member's card. Give this or `memberId`, not both."
    )
    lines: list[ReturnedLineInput] | None = strawberry.field(
        default=None, description="What comes back line by line, from 1 to 500 lines; the whole activity without them."
    )
    amount: Decimal | None = strawberry.field(
        default=None, description="In the program's `currency`: so much of the amount, and no lines."
    )
    reversal_key: str | None = strawberry.field(
        default=None,
        description="The reversal's own key, made by the caller, up to 128 characters; needed for a part. "
        "The same key again is a retry.",
    )
    reason: str | None = strawberry.field(
        default=None, description="Shown to the member in the record; up to 256 characters."
    )
    occurred_at: datetime | None = strawberry.field(
        default=None, description="When it was brought back; now, unless told. It takes effect when it comes in."
    )


@strawberry.type(description="It is taken back.")
class ReverseActivitySuccess:
    """It is taken back."""

    record: Record = strawberry.field(description="What was written: the difference that this made, each with its why.")
    member: Member = strawberry.field(description="The member afterwards; after a retry, as of now.")
    replayed: bool = strawberry.field(description="A retry: this is the result of the first call.")


ReverseActivityResult: TypeAlias = Annotated[
    ReverseActivitySuccess
    | InvalidInput
    | MemberNotFound
    | UnknownActivity
    | AlreadyReversed
    | NotReversible
    | IdempotencyConflict
    | TooLongPast,
    strawberry.union("ReverseActivityResult", description="What was taken back, or why nothing was."),
]


async def reverse_activity(context: Context, given: ReverseActivityInput) -> ReverseActivityResult:
    """Take an activity back, or a part of it."""
    (member_id,) = await member_ids_of(context, [given])
    money = (await context.game.stores.programs.current()).program.money
    problems: list[Problem] = []
    if given.lines is not None and not given.lines:  # A basket that is empty by mistake must not take all back.
        problems.append(Problem("lines", "must name the lines, or be left out for the whole"))
    returns = tuple(_return(f"lines.{place}", line, money, problems) for place, line in enumerate(given.lines or ()))
    amount_minor = None if given.amount is None else to_minor("amount", given.amount, money, problems)
    if isinstance(member_id, Unusable):
        return refusal(member_id) if not problems else invalid(*member_id.problems, *problems)
    if problems:
        return invalid(*problems)
    request = ReverseRequest(
        member_id,
        given.key,
        given.reversal_key,
        returns,
        amount_minor,
        given.reason,
        given.occurred_at,
        by=acting(context.principal),
    )
    try:
        result = await context.game.recorder.reverse(request)
    except stores.TooLongPast as error:
        return too_long_past(error)
    return await _show(context, member_id, result)


def _return(path: str, line: ReturnedLineInput, money: Money, problems: list[Problem]) -> Return:
    amount = None if line.amount is None else to_minor(f"{path}.amount", line.amount, money, problems)
    return Return(line.line, line.sku, line.quantity, amount)


async def _show(context: Context, member_id: str, result: ReverseResult) -> ReverseActivityResult:
    match result:
        case requests.Recorded(record, member, replayed):
            reading = await context.reading(None, member)
            return ReverseActivitySuccess(
                record=show_record(record, reading), member=show_member(member, reading), replayed=replayed
            )
        case requests.InvalidInput(problems):
            return invalid(*problems)
        case requests.MemberNotFound():
            return not_found()
        case requests.IdempotencyConflict():
            return conflict(result)
        case requests.UnknownActivity():
            return unknown_activity(result)
        case reversal.AlreadyReversed():
            reading = await context.reading(None, await context.member(member_id))
            return already_reversed(result, await context.account(member_id), reading)
        case reversal.NotReversible():
            return not_reversible(result)
