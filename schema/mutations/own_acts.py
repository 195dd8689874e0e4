"""Acts on an account that Laurel itself records: checked first, and recorded once by their key."""

from collections.abc import Iterable

import strawberry

from gamification.absorbed import places_of
from gamification.activity import MAX_KEY_CHARS, Activity, Problem, identifier_problems, normalised
from gamification.member import Member
from gamification.requests import RecordRequest
from schema.context import Context
from schema.mutations.record_activity import RecordActivityResult, show_recorded
from schema.principals import acting
from schema.types.errors import invalid


@strawberry.input(description="An act on the account of a member, whom `memberId` or `loyaltyNumber` says.")
class OwnActInput:
    """An act on a member's account."""

    key: str = strawberry.field(
        description="Made by the caller, unique per member, up to 128 characters. The same key again is a retry."
    )
    member_id: strawberry.ID | None = strawberry.field(
        default=None, description="The member's global id. Give this or `loyaltyNumber`, not both."
    )
    loyalty_number: str | None = strawberry.field(
        default=None, description="The 12 digits of the member's card. Give this or `memberId`, not both."
    )


async def record_act(
    context: Context, member: Member, activity: Activity, problems: Iterable[Problem]
) -> RecordActivityResult:
    """Record an act on a member's account, which takes effect now; or tell what forbids it.

    ``problems`` are all but those of its key. A retry is answered with its first result, whatever forbids it by now.
    """
    key_problems, others = tuple(identifier_problems("key", activity.key, MAX_KEY_CHARS)), tuple(problems)
    if key_problems or (others and not await is_known(context, member, activity.key)):
        return invalid(*key_problems, *others)
    request = RecordRequest(member.member_id, normalised(activity), timed=False, by=acting(context.principal))
    (result,) = await context.game.recorder.record_own([request])
    return await show_recorded(context, result)


async def is_known(context: Context, member: Member, key: str) -> bool:
    """Whether the key was used with the account, or with one that was merged into it, before that or since."""
    one = member.member_id
    places = [place for account in (one, *member.state.absorbed) for place in places_of(one, account, key)]
    return bool(await context.game.stores.journal.by_keys(places))
