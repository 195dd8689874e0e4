"""pauseStreak: days on which a member's streak cannot break, planned ahead."""

from collections.abc import Iterator

import strawberry

from gamification.activity import Problem, text_problems
from gamification.streak_pauses import planned_pause, problems_of
from schema.context import Context, as_of_now
from schema.inputs import Unusable, subject_of
from schema.mutations.own_acts import OwnActInput, record_act
from schema.mutations.record_activity import RecordActivityResult, refusal
from schema.principals import MemberPrincipal
from schema.types.errors import not_found


@strawberry.input(
    description="A pause, within what the program lets members plan (`memberPauses`). Without `memberId` and "
    "`loyaltyNumber`, members ask for themselves."
)
class PauseStreakInput(OwnActInput):
    """A pause of a streak."""

    first_day: str = strawberry.field(
        name="from",
        description="The first day, such as 2026-07-01, on the member's own calendar. What lies before today counts as "
        "today.",
    )
    last_day: str = strawberry.field(name="until", description="The last day of the pause.")
    streak: str | None = strawberry.field(
        default=None, description="The streak's code; without it, all that can be paused in this way."
    )
    reason: str | None = strawberry.field(
        default=None, description="For the record, up to 256 characters. Members need none, all others do."
    )


async def pause_streak(context: Context, given: PauseStreakInput) -> RecordActivityResult:
    """Plan a pause."""
    context.renew()
    member_id = await subject_of(context, "pauseStreak", given)
    if isinstance(member_id, Unusable):
        return refusal(member_id)
    member = await context.member(member_id)
    if member is None:
        return not_found()
    reading = await context.reading(None, member)
    activity = planned_pause(
        given.key, reading.now, given.first_day, given.last_day, streak=given.streak, reason=given.reason
    )
    state = as_of_now(member, reading).state
    problems = problems_of(state, reading.program, activity.attributes, reading.now)
    return await record_act(context, member, activity, (*problems, *_reason_problems(context, given.reason)))


def _reason_problems(context: Context, reason: str | None) -> Iterator[Problem]:
    if not isinstance(context.principal, MemberPrincipal) and not (reason or "").strip():
        yield Problem("reason", "must say why the streak is paused")
    yield from text_problems("reason", reason or "")
