"""A streak as it stands for a member, period by period."""

from datetime import date, datetime
from enum import Enum
from typing import Annotated

import strawberry

from gamification import streak_progress
from gamification.program import streaks
from gamification.state import State
from gamification.streak_progress import StreakStanding, paused_until, streak_calendar, streak_standing
from gamification.streaks import MAX_PERIODS, NOT_BEGUN
from gamification.windows import local_day
from schema.context import Info, Reading
from schema.faults import BAD_USER_INPUT, CallerError
from schema.reasons import Reached
from schema.types.progress import ProgressBar, show_progress
from schema.types.streak import StreakFace, StreakUnit
from schema.types.texts import words
from schema.types.why import Why, why_reached

DEFAULT_PERIODS = 14


@strawberry.enum(description="How a streak stands for a member.")
class StreakState(Enum):
    """How a streak stands for a member."""

    NOT_BEGUN = strawberry.enum_value(StreakStanding.NOT_BEGUN, description="There never was one.")
    BROKEN = strawberry.enum_value(StreakStanding.BROKEN, description="The last one has ended; a new one can begin.")
    DONE = strawberry.enum_value(StreakStanding.DONE, description="Nothing is to be done in the period at hand.")
    AT_RISK = strawberry.enum_value(
        StreakStanding.AT_RISK,
        description="The period at hand is to be done by `endsAt`, or else a freeze is used, or the streak ends.",
    )
    PAUSED = strawberry.enum_value(
        StreakStanding.PAUSED, description="The period at hand may be missed: it is paused, or travel cut it short."
    )


@strawberry.enum(description="What became of a period of a streak.")
class PeriodFate(Enum):
    """What became of a period of a streak."""

    DONE = strawberry.enum_value("done", description="What it takes was done.")
    FROZEN = strawberry.enum_value("frozen", description="It was missed, and a freeze made up for it.")
    PAUSED = strawberry.enum_value("paused", description="It was missed, which a pause allowed.")
    EXCUSED = strawberry.enum_value("excused", description="It was missed, as travel left too little of it.")
    MISSED = strawberry.enum_value("missed", description="It was missed, and the streak ended.")
    OPEN = strawberry.enum_value("open", description="It is the one at hand, and not done yet.")


@strawberry.type(description="The freezes that a member holds.")
class HeldFreezes:
    """The freezes that a member holds."""

    held: int = strawberry.field(description="How many can be used.")
    max: int = strawberry.field(description="How many the program lets a member hold.")


@strawberry.type(description="A period of a member's streak, and what became of it.")
class StreakPeriod:
    """A period of a member's streak."""

    first_day: str = strawberry.field(description="A date such as 2026-05-04, on the member's own calendar.")
    last_day: str = strawberry.field(description="The same as the first one where a period is a day.")
    fate: PeriodFate = strawberry.field(description="What became of it.")


@strawberry.type(description="A pause that the member has planned.")
class PlannedPause:
    """A pause that the member has planned."""

    first_day: str = strawberry.field(description="A date such as 2026-07-01.")
    last_day: str = strawberry.field(description="The last day of the pause.")


@strawberry.type(description="A streak as it stands for a member.")
class MemberStreak(StreakFace):
    """A streak as it stands for a member."""

    state: StreakState = strawberry.field(description="How it stands.")
    length: int = strawberry.field(description="How many periods in a row; those that a freeze saved are not counted.")
    longest: int = strawberry.field(description="The longest that there ever was.")
    progress: ProgressBar = strawberry.field(
        description="The way to the next milestone; full where there is none beyond it."
    )
    ends_at: datetime = strawberry.field(
        description="When the first period that must not be missed is over, in the member's time zone; of a streak "
        "that has not begun, the one at hand."
    )
    paused_until: datetime | None = strawberry.field(
        description="When the first period begins that must not be missed again; null where it is not PAUSED."
    )
    freezes: HeldFreezes | None = strawberry.field(description="Null where the streak has none.")
    pauses: list[PlannedPause] = strawberry.field(description="Those the member planned that are not over.")
    reading: strawberry.Private[Reading]
    calendar: strawberry.Private[tuple[streak_progress.StreakPeriod, ...]]

    @strawberry.field(
        description="What became of the latest periods, oldest first: of those that are decided, those passed over "
        "since, and the one at hand."
    )
    def periods(
        self, last: Annotated[int, strawberry.argument(description="How many, from 1 to 60.")] = DEFAULT_PERIODS
    ) -> list[StreakPeriod]:
        """What became of the latest periods."""
        if not 1 <= last <= MAX_PERIODS:
            raise CallerError(BAD_USER_INPUT, f"last is {last}; from 1 to {MAX_PERIODS} are possible.")
        return [
            StreakPeriod(
                first_day=each.first_day.isoformat(), last_day=each.last_day.isoformat(), fate=PeriodFate(each.fate)
            )
            for each in self.calendar[-last:]
        ]

    @strawberry.field(
        description="Why it is so long: what moved it last. Null where nothing among the member's latest 1,000 records "
        "did."
    )
    async def why(self, info: Info) -> Why | None:
        """Why it is so long."""
        return await why_reached(info.context, self.reading, Reached("streak", self.code))


def show_member_streak(streak: streaks.Streak, state: State, reading: Reading) -> MemberStreak:
    """A streak as it stands for a member; ``state`` is that of the reading's moment."""
    program, now, limit = reading.program, reading.now, streak.freeze_limit
    held = state.streaks.get(streak.code, NOT_BEGUN)
    bar = streak_progress.streak_progress(streak, state, program, now)
    assert bar.ends_at is not None, "every period of a streak ends"
    today = local_day(now, program.zone_of(state.time_zone)).toordinal()
    return MemberStreak(
        code=streak.code,
        name=streak.name.read(reading.language),
        description=words(streak.description, reading),
        period=StreakUnit(streak.period),
        state=StreakState(streak_standing(streak, state, program, now)),
        length=held.length,
        longest=held.longest,
        progress=show_progress(bar, reading),
        ends_at=bar.ends_at,
        paused_until=paused_until(streak, state, program, now),
        freezes=HeldFreezes(held=min(held.freezes, limit), max=limit) if limit else None,
        pauses=[
            PlannedPause(first_day=_day(first), last_day=_day(last)) for first, last in held.pauses if last >= today
        ],
        reading=reading,
        calendar=streak_calendar(streak, state, program, now),
    )


def _day(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()
