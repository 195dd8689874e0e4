"""mergeMembers and unmergeMembers: two accounts of one person become one, and two again."""

from dataclasses import replace
from typing import Annotated, TypeAlias

import strawberry

from gamification import merging, requests, stores
from gamification.activity import MAX_KEY_CHARS, Problem, identifier_problems, text_problems
from gamification.merging import Merged
from gamification.requests import MergeRequest
from schema.context import Context, Reading
from schema.inputs import Unusable, member_ids_of
from schema.mutations.record_activity import refusal
from schema.principals import acting
from schema.types.errors import Error, IdempotencyConflict, InvalidInput, MemberNotFound, conflict, invalid, not_found
from schema.types.member import Member, show_member
from schema.types.record import Record, show_record
from schema.types.reversal_errors import TooLongPast, too_long_past

_KEY = (
    "Made by the caller, unique with both accounts, up to 128 characters. The same key again is a retry. Without one, "
    "asking again for what is so already is a retry, as long as nothing between the two came since."
)
_REASON = "Shown to the member in the record; up to 256 characters."


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
    key: str | None = strawberry.field(default=None, description=_KEY)
    reason: str | None = strawberry.field(default=None, description=_REASON)


@strawberry.input(description="Two accounts that were merged. For `from`, `memberId` is the id that it had before.")
class UnmergeMembersInput:
    """Two accounts that were merged."""

    from_account: AccountInput = strawberry.field(name="from", description="The account that was merged.")
    into_account: AccountInput = strawberry.field(name="into", description="The account that it was merged into.")
    key: str | None = strawberry.field(default=None, description=_KEY)
    reason: str | None = strawberry.field(default=None, description=_REASON)


@strawberry.type(description="The two accounts are one: all that was done with either counts for it.")
class MergeMembersSuccess:
    """The two accounts are one."""

    member: Member = strawberry.field(
        description="The member who goes on. The ids, cards and tokens of the other account lead here from now on."
    )
    record: Record | None = strawberry.field(
        description="What was written of that member: the difference that this made. Null where `replayed` is true and "
        "that lies too far back."
    )
    replayed: bool = strawberry.field(description="A retry: this is the result of the first call.")


@strawberry.type(
    description="The accounts are two again, as if they had never been one: what was reported for either is its own."
)
class UnmergeMembersSuccess:
    """The accounts are two again."""

    member: Member = strawberry.field(description="The member who went on; after a retry, as of now.")
    other: Member = strawberry.field(
        description="The member who is there again, with what was reported for that account since the merge."
    )
    record: Record = strawberry.field(description="What was written of `member`: the difference that this made.")
    replayed: bool = strawberry.field(description="A retry: this is the result of the first call.")


@strawberry.type(
    description="These accounts cannot be merged, or taken apart; nothing was written. Its `code` is CANNOT_MERGE, and "
    "its `message` says what stands in the way."
)
class CannotMerge(Error):
    """These accounts cannot be merged, or taken apart; nothing was written."""


MergeMembersResult: TypeAlias = Annotated[
    MergeMembersSuccess | InvalidInput | MemberNotFound | CannotMerge | IdempotencyConflict | TooLongPast,
    strawberry.union("MergeMembersResult", description="The one member, or why there are still two."),
]
_Refusal: TypeAlias = InvalidInput | MemberNotFound | CannotMerge | IdempotencyConflict | TooLongPast
UnmergeMembersResult: TypeAlias = Annotated[
    UnmergeMembersSuccess | InvalidInput | MemberNotFound | CannotMerge | IdempotencyConflict | TooLongPast,
    strawberry.union("UnmergeMembersResult", description="The two members, or why nothing was taken apart."),
]


async def merge_members(context: Context, given: MergeMembersInput) -> MergeMembersResult:
    """Merge one account into another."""
    result = await _changed(context, given)
    if not isinstance(result, Merged):
        return result
    reading = await _reading(context, result)
    return MergeMembersSuccess(
        member=show_member(result.member, reading),
        record=show_record(result.record, reading) if result.record else None,
        replayed=result.repeated,
    )


async def unmerge_members(context: Context, given: UnmergeMembersInput) -> UnmergeMembersResult:
    """Take a merged account out again."""
    result = await _changed(context, given)
    if not isinstance(result, Merged):
        return result
    assert result.record is not None, "what is taken apart is written"
    reading = await _reading(context, result)
    return UnmergeMembersSuccess(
        member=show_member(result.member, reading),
        other=show_member(result.other, await context.reading(None, result.other)),
        record=show_record(result.record, reading),
        replayed=result.repeated,
    )


async def _changed(context: Context, given: MergeMembersInput | UnmergeMembersInput) -> Merged | _Refusal:
    """The accounts as they are after it, or why nothing was done."""
    accounts = await _accounts(context, given)
    problems = [*identifier_problems("key", given.key, MAX_KEY_CHARS)] if given.key is not None else []
    problems += text_problems("reason", given.reason) if given.reason is not None else []
    if isinstance(accounts, Unusable):
        return refusal(replace(accounts, problems=(*accounts.problems, *problems)))
    if problems:
        return invalid(*problems)
    undoes, by = isinstance(given, UnmergeMembersInput), acting(context.principal)
    request = MergeRequest(*accounts, undoes=undoes, key=given.key, reason=given.reason, by=by)
    try:
        result = await context.game.merger.change(request)
    except stores.TooLongPast as error:
        return too_long_past(error)
    return result if isinstance(result, Merged) else _refused(result)


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


def _refused(
    result: merging.CannotMerge | requests.MemberNotFound | requests.IdempotencyConflict,
) -> MemberNotFound | CannotMerge | IdempotencyConflict:
    match result:
        case merging.CannotMerge(reason):
            return CannotMerge(code="CANNOT_MERGE", message=f"{reason[0].upper()}{reason[1:]}.")
        case requests.IdempotencyConflict():
            return conflict(result)
        case requests.MemberNotFound():
            return not_found()
