"""Inputs of activities and how they become the game's own: exact money, one member, and every problem at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import strawberry

from gamification.activity import (
    ADJUSTMENT,
    ATTRIBUTES,
    ENROLMENT,
    MAX_CODE_CHARS,
    PURCHASE,
    Activity,
    LineItem,
    Problem,
    minor_units,
)
from gamification.member import is_loyalty_number
from gamification.program.definition import Money
from gamification.requests import RecordRequest
from schema.context import Context
from schema.ids import local_id
from schema.permissions import check_subject
from schema.principals import MemberPrincipal, acting
from schema.scalars import Attributes, BigInt
from schema.types.member import MEMBER_ID

SIMULATED_KEY = "simulated"
"""A dry run writes nothing, so its activity needs no key of its own."""
_OWN_KINDS = {ADJUSTMENT: "adjustPoints", ENROLMENT: "enrolMember", ATTRIBUTES: "setMemberAttributes"}


@strawberry.input(description="A line of a receipt.")
class LineItemInput:
    """A line of a receipt."""

    sku: str = strawberry.field(description="The shop's code for the article, up to 64 characters.")
    category: str | None = strawberry.field(
        default=None, description="The shop's category, up to 64 characters. Earning rules may ask for it."
    )
    quantity: BigInt = strawberry.field(default=BigInt(1), description="Pieces, from 1 to 1,000,000.")
    amount: Decimal = strawberry.field(
        default=Decimal(0), description="In money, for the line as a whole, not per piece."
    )


@strawberry.input(
    description="Something that a member might do. Without `memberId` and `loyaltyNumber`, members ask for themselves."
)
class SimulateActivityInput:
    """Something that a member might do. Which member, `memberId` or `loyaltyNumber` says."""

    key: str | None = strawberry.field(default=None, description="Of no account; the same variables serve to record.")
    member_id: strawberry.ID | None = strawberry.field(
        default=None, description="The member's global id. Give this or `loyaltyNumber`, not both."
    )
    loyalty_number: str | None = strawberry.field(
        default=None, description="The 12 digits of the member's card. Give this or `memberId`, not both."
    )
    kind: str = strawberry.field(
        default=PURCHASE, description='What was done, such as "purchase" or "visit", up to 64 characters.'
    )
    occurred_at: datetime | None = strawberry.field(
        default=None, description="Now, unless told; up to 3,660 days ahead."
    )
    amount: Decimal | None = strawberry.field(
        default=None,
        description="In the program's `currency`. Left out or null, it is the sum of the lines; 0 means 0.",
    )
    items: list[LineItemInput] = strawberry.field(
        default_factory=list, description="The lines of the receipt, up to 500."
    )
    attributes: Attributes = strawberry.field(
        default_factory=lambda: Attributes({}),
        description="What else rules may ask for: up to 50 names, with texts of up to 256 characters.",
    )


@strawberry.input(description="Something that a member did. Which member, `memberId` or `loyaltyNumber` says.")
class ActivityInput(SimulateActivityInput):
    """Something that a member did."""

    key: str = strawberry.field(
        description="Made by the caller, unique per member, up to 128 characters. The same key again is a retry."
    )
    occurred_at: datetime | None = strawberry.field(
        default=None, description="Now, unless told. Not more than some minutes ahead."
    )


@dataclass(frozen=True, slots=True)
class Unusable:
    """An input that cannot become a request, and why. ``unknown_member``: it names a member that is not there."""

    problems: tuple[Problem, ...] = ()
    unknown_member: bool = False


def to_activity(given: SimulateActivityInput, key: str, money: Money, now: datetime) -> Activity | Unusable:
    """The activity that an input means."""
    problems: list[Problem] = []
    if given.kind in _OWN_KINDS:
        problems.append(Problem("kind", f"{given.kind} is recorded by {_OWN_KINDS[given.kind]}"))
    items = tuple(
        LineItem(
            item.sku, item.quantity, to_minor(f"items.{place}.amount", item.amount, money, problems), item.category
        )
        for place, item in enumerate(given.items)
    )
    # A receipt paid by voucher has an amount of 0, which is not the same as none.
    lines = sum(item.amount_minor for item in items)
    amount = lines if given.amount is None else to_minor("amount", given.amount, money, problems)
    problems += _attribute_problems(given.attributes)
    if problems:
        return Unusable(tuple(problems))
    return Activity(key, given.kind, given.occurred_at or now, amount, items, given.attributes)


def to_minor(path: str, amount: Decimal, money: Money, problems: list[Problem]) -> int:
    """An amount of money as whole minor units; where it is none, 0, and what is wrong with it among the problems."""
    minor = minor_units(path, amount, money.decimals)
    if isinstance(minor, Problem):
        problems.append(minor)
        return 0
    return minor


def _attribute_problems(attributes: Attributes) -> Iterator[Problem]:
    # The scalar lets any JSON value through; what it holds is said here, with its place.
    for name, value in attributes.items():
        if not isinstance(value, str | int | float):
            yield Problem(f"attributes.{name[:MAX_CODE_CHARS]}", "must be a text, a number, true or false")


class Named(Protocol):
    """An input that names a member."""

    member_id: strawberry.ID | None
    loyalty_number: str | None


async def member_ids_of(context: Context, given: Sequence[Named]) -> list[str | Unusable]:
    """The member that each input names, in that order; loyalty numbers are looked up together."""
    numbers = [one.loyalty_number for one in given if one.loyalty_number and not one.member_id]
    found = await context.game.stores.members.by_loyalty_numbers(numbers) if numbers else {}
    members = {number: member.member_id for number, member in found.items()}
    return [_member_id(one.member_id, one.loyalty_number, members) for one in given]


def _member_id(global_id: str | None, number: str | None, members: dict[str, str]) -> str | Unusable:
    if (global_id is None) == (number is None):
        return Unusable((Problem("memberId", "or loyaltyNumber is needed, one of the two"),))
    if global_id is not None:
        return local_id(MEMBER_ID, global_id) or Unusable(unknown_member=True)
    if number is not None and not is_loyalty_number(number):
        return Unusable((Problem("loyaltyNumber", "is not a loyalty number: its length or check digit is wrong"),))
    return members.get(number or "") or Unusable(unknown_member=True)


async def to_requests(context: Context, given: list[ActivityInput]) -> list[RecordRequest | Unusable]:
    """The requests that inputs mean, in that order."""
    program = (await context.game.stores.programs.current()).program
    now = context.game.now()
    member_ids = await member_ids_of(context, given)
    return [
        _request(member_id, one, to_activity(one, one.key, program.money, now), acting(context.principal))
        for member_id, one in zip(member_ids, given, strict=True)
    ]


def _request(
    member_id: str | Unusable, given: SimulateActivityInput, activity: Activity | Unusable, by: str = ""
) -> RecordRequest | Unusable:
    if isinstance(member_id, Unusable):
        others = activity.problems if isinstance(activity, Unusable) else ()
        return replace(member_id, problems=(*member_id.problems, *others)) if others else member_id
    if isinstance(activity, Unusable):
        return activity
    return RecordRequest(member_id, activity, timed=given.occurred_at is not None, by=by)


async def subject_of(context: Context, root_field: str, given: Named) -> str | Unusable:
    """The member whom the input of a dry run is about; where it names nobody, the member who asks.

    Raises:
        GraphQLError: FORBIDDEN; a member asks about somebody else, or about nobody that there is, which is the same.
    """
    await context.follow_merge()
    caller = context.principal
    if isinstance(caller, MemberPrincipal) and given.member_id is None and given.loyalty_number is None:
        return caller.member_id
    (member_id,) = await member_ids_of(context, [given])
    if isinstance(member_id, str):
        check_subject(root_field, caller, await context.account(member_id))
    elif member_id.unknown_member:
        check_subject(root_field, caller, "")
    return member_id


async def to_simulation(context: Context, given: SimulateActivityInput) -> RecordRequest | Unusable:
    """The request that the input of a dry run means.

    Raises:
        GraphQLError: FORBIDDEN; a member asks about somebody else.
    """
    member_id = await subject_of(context, "simulateActivity", given)
    program = (await context.game.stores.programs.current()).program
    return _request(member_id, given, to_activity(given, SIMULATED_KEY, program.money, context.game.now()))
