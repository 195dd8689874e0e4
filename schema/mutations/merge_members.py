"""mergeMembers and unmergeMembers: two accounts of one person become one, and two again."""

from typing import Annotated, TypeAlias

import strawberry

from gamification import merging, requests, stores
from gamification.activity import Problem
from gamification.merging import Merged, MergeResult
from schema.context import Context, Reading
from schema.inputs import Unusable, member_ids_of
from schema.mutations.record_activity import refusal
from schema.types.errors import Error, InvalidInput, MemberNotFound, not_found
from schema.types.member import Member, show_member
from schema.types.record import Record, show_record
from schema.types.reversal_errors import TooLongPast, too_long_past


@strawberry.input(description="One account, by its id or by its card.")
class AccountInput:
    """One account."""

    member_id: strawberry.ID | None = strawberry.field(
        default=None, description="The member's global id. Give this or `loyaltyNumber`, not both."
    )
    loyalty_number: str | None = strawberry.field(
        default=None, description="The 12 digits of the member's card. Give this or `memberId`, not both."
    )


@strawberry.input(description="Two accounts of one person.")
class MergeMembersInput:
    """Two accounts of one person."""

    from_account: AccountInput = strawberry.field(name="from", description="The account that is merged into the other.")
    into_account: AccountInput = strawberry.field(name="into", description="The account that goes on.")


@strawberry.input(description="Two accounts that were merged. For `from`, `memberId` is the id that it had before.")
class UnmergeMembersInput:
    """Two accounts that were merged."""

    from_account: AccountInput = strawberry.field(name="from", description="The account that was merged.")
    into_account: AccountInput = strawberry.field(name="into", description="The account that it was merged into.")


@strawberry.type(description="The two accounts are one: all that was done with either counts for it.")
class MergeMembersSuccess:
    """The two accounts are one."""

    member: Member = strawberry.field(
        description="The member who goes on. The ids, cards and tokens of the other account lead here from now on."
    )
    record: Record | None = strawberry.field(
        description="What was written of that member: the difference that this made. Null where `replayed` is true."
    )
    replayed: bool = strawberry.field(description="They were merged already, and nothing was written.")


@strawberry.type(description="The accounts are two again, as if they had never been one.")
class UnmergeMembersSuccess:
    """The accounts are two again."""

    member: Member = strawberry.field(
        description="The member who went on. What was done since the merge stays with them, whichever card was used."
    )
    other: Member = strawberry.field(description="The member who is there again.")
    record: Record = strawberry.field(description="What was written of `member`: the difference that this made.")


@strawberry.type(
    description="These accounts cannot be merged, or taken apart; nothing was written. Its `code` is CANNOT_MERGE, and "
    "its `message` says what stands in the way."
)
class CannotMerge(Error):
    """These accounts cannot be merged, or taken apart; nothing was written."""


MergeMembersResult: TypeAlias = Annotated[
    MergeMembersSuccess | InvalidInput | MemberNotFound | CannotMerge | TooLongPast,
    strawberry.union("MergeMembersResult", description="The one member, or why there are still two."),
]
UnmergeMembersResult: TypeAlias = Annotated[
    UnmergeMembersSuccess | InvalidInput | MemberNotFound | CannotMerge | TooLongPast,
    strawberry.union("UnmergeMembersResult", description="The two members, or why nothing was taken apart."),
]


async def merge_members(context: Context, given: MergeMembersInput) -> MergeMembersResult:
    """Merge one account into another."""
    accounts = await _accounts(context, given)
    if isinstance(accounts, Unusable):
        return refusal(accounts)
    try:
        result = await context.game.merger.merge(*accounts)
    except stores.TooLongPast as error:
        return too_long_past(error)
    if not isinstance(result, Merged):
        return _refused(result)
    reading = await _reading(context, result)
    return MergeMembersSuccess(
        member=show_member(result.member, reading),
        record=show_record(result.record, reading) if result.record else None,
        replayed=result.repeated,
    )


async def unmerge_members(context: Context, given: UnmergeMembersInput) -> UnmergeMembersResult:
    """Take a merged account out again."""
    accounts = await _accounts(context, given)
    if isinstance(accounts, Unusable):
        return refusal(accounts)
    try:
        result = await context.game.merger.undo(*accounts)
    except stores.TooLongPast as error:
        return too_long_past(error)
    if not isinstance(result, Merged):
        return _refused(result)
    assert result.record is not None, "what is taken apart is written"
    reading = await _reading(context, result)
    return UnmergeMembersSuccess(
        member=show_member(result.member, reading),
        other=show_member(result.other, await context.reading(None, result.other)),
        record=show_record(result.record, reading),
    )


async def _accounts(context: Context, given: MergeMembersInput | UnmergeMembersInput) -> tuple[str, str] | Unusable:
    """The ids of the two accounts themselves, wherever they lead by now."""
    named = {"from": given.from_account, "into": given.into_account}
    found = dict(zip(named, await member_ids_of(context, list(named.values())), strict=True))
    usable = [member_id for member_id in found.values() if isinstance(member_id, str)]
    if len(usable) == len(named):
        return usable[0], usable[1]
    problems = [
        Problem(f"{path}.{problem.path}", problem.message)
        for path, one in found.items()
        if isinstance(one, Unusable)
        for problem in one.problems
    ]
    return Unusable(tuple(problems), unknown_member=not problems)


async def _reading(context: Context, result: Merged) -> Reading:
    context.renew()
    return await context.reading(None, result.member)


def _refused(result: MergeResult) -> MemberNotFound | CannotMerge:
    if isinstance(result, merging.CannotMerge):
        return CannotMerge(code="CANNOT_MERGE", message=f"{result.reason[0].upper()}{result.reason[1:]}.")
    assert isinstance(result, requests.MemberNotFound)
    return not_found()
