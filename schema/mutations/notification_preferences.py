"""setNotificationPreferences: how the member who asks wants to be told."""

import re
from collections.abc import Iterator
from datetime import time
from typing import Annotated, Any, Literal, TypeAlias

import strawberry
from strawberry import UNSET

from gamification.activity import Problem, to_milliseconds
from gamification.delivery.hours import QuietHours
from gamification.delivery.preferences import Changes, Choice
from schema.context import Context
from schema.mutations.devices import caller_of
from schema.types.device import NotificationChannel, NotificationPreferences, show_preferences
from schema.types.errors import InvalidInput, MemberNotFound, invalid, not_found
from schema.types.notice import NoticeKind

MAX_CHOICES = 2 * (len(NoticeKind) + 1)
"""Every kind on every channel, and the main switches."""
_CLOCK_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_MISTIMED = "must be a time of day such as 22:00"


@strawberry.input(description="Whether notices of a kind are to reach the member on a channel.")
class NotificationChoiceInput:
    """Whether notices of a kind are to reach the member on a channel."""

    channel: NotificationChannel = strawberry.field(description="On which channel.")
    kind: NoticeKind | None = strawberry.field(
        default=None, description="Of which kind; without one, the main switch of the channel."
    )
    on: bool = strawberry.field(description="Whether they are wanted.")


@strawberry.input(description="Hours in which no push is made, by the clock where the member is.")
class QuietHoursInput:
    """Hours in which no push is made."""

    begins: str = strawberry.field(name="from", description="The first minute, such as 22:00.")
    ends: str = strawberry.field(name="to", description="The minute in which they are over; over midnight if earlier.")


@strawberry.input(description="What to change; what is left out stays as it is, whatever the program says later.")
class SetNotificationPreferencesInput:
    """What to change of how one is told."""

    choices: list[NotificationChoiceInput] = strawberry.field(
        default_factory=list, description="Up to 38 choices. What was switched off stays so until it is switched on."
    )
    quiet_hours: QuietHoursInput | None = strawberry.field(
        default=UNSET, description="Hours in which no push is made; null for none."
    )
    program_quiet_hours: bool = strawberry.field(
        default=False, description="Let the program's quiet hours hold again. Then give no `quietHours`."
    )
    best_time: str | None = strawberry.field(
        default=UNSET, description="The time of day that suits best, such as 18:30, for what can wait; null for none."
    )


@strawberry.type(description="The member is told as they want.")
class NotificationPreferencesSuccess:
    """The member is told as they want."""

    preferences: NotificationPreferences = strawberry.field(description="How they are told now.")


SetNotificationPreferencesResult: TypeAlias = Annotated[
    NotificationPreferencesSuccess | InvalidInput | MemberNotFound,
    strawberry.union("SetNotificationPreferencesResult", description="How the member is told, or why nothing changed."),
]


async def set_notification_preferences(
    context: Context, given: SetNotificationPreferencesInput
) -> SetNotificationPreferencesResult:
    """Change how the caller is told, which counts for what waits for them, too."""
    member_id = await caller_of(context, "setNotificationPreferences")
    member = await context.members.load(member_id)
    if member is None:
        return not_found()
    if problems := tuple(_problems(given)):
        return invalid(*problems)
    changes = Changes(
        tuple(map(_choice, given.choices)),
        _quiet(given),
        "same" if given.best_time is UNSET else _clock_time(given.best_time),
    )
    if problems := tuple(changes.problems()):
        return invalid(*problems)
    telling = context.game.telling
    preferences = await telling.preferences.change(member_id, changes, member.state.absorbed)
    await telling.deliveries.reconsider(member_id, to_milliseconds(context.game.now()))
    program = (await context.reading(None, member)).program
    return NotificationPreferencesSuccess(preferences=show_preferences(preferences, program.delivery))


def _choice(given: NotificationChoiceInput) -> Choice:
    channel: Any = given.channel.value
    kind: Any = given.kind.value if given.kind else None
    return Choice(channel, kind, given.on)


def _problems(given: SetNotificationPreferencesInput) -> Iterator[Problem]:
    if len(given.choices) > MAX_CHOICES:
        yield Problem("choices", f"are {len(given.choices)}; at most {MAX_CHOICES} are possible")
    if given.program_quiet_hours and given.quiet_hours is not UNSET:
        yield Problem("quietHours", "cannot be given where the program's are to hold")
    if given.quiet_hours:
        for name, told in (("from", given.quiet_hours.begins), ("to", given.quiet_hours.ends)):
            if not _CLOCK_TIME.fullmatch(told):
                yield Problem(f"quietHours.{name}", _MISTIMED)
    if given.best_time and not _CLOCK_TIME.fullmatch(given.best_time):
        yield Problem("bestTime", _MISTIMED)


def _quiet(given: SetNotificationPreferencesInput) -> QuietHours | Literal["same", "program"] | None:
    if given.program_quiet_hours:
        return "program"
    if given.quiet_hours is UNSET:
        return "same"
    hours = given.quiet_hours
    return QuietHours(time.fromisoformat(hours.begins), time.fromisoformat(hours.ends)) if hours else None


def _clock_time(told: str | None) -> time | None:
    return time.fromisoformat(told) if told else None
