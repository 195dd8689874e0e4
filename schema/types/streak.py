"""Streaks as the program defines them."""

from enum import Enum

import strawberry

from gamification.program import streaks
from schema.context import Reading
from schema.scalars import BigInt
from schema.types.texts import words


@strawberry.enum(description="How long a period of a streak is, on the member's own calendar.")
class StreakUnit(Enum):
    """How long a period of a streak is."""

    DAY = strawberry.enum_value("day", description="A day.")
    WEEK = strawberry.enum_value("week", description="A week, from Monday to Sunday.")
    MONTH = strawberry.enum_value("month", description="A calendar month.")


@strawberry.enum(description="How many of a streak's conditions a period asks for.")
class StreakMode(Enum):
    """How many of a streak's conditions a period asks for."""

    ALL = strawberry.enum_value("all", description="All of them.")
    ANY = strawberry.enum_value("any", description="One of them.")


@strawberry.type(description="What a streak looks like, whoever looks at it.")
class StreakFace:
    """What a streak looks like, whoever looks at it."""

    code: str = strawberry.field(description="Its name within the program, the same in every language.")
    name: str = strawberry.field(description="In the reader's language.")
    description: str | None = strawberry.field(
        description="In the reader's language; null where the program gives none."
    )
    period: StreakUnit = strawberry.field(description="How long a period is.")


@strawberry.type(description="Something to do in every period of a streak.")
class StreakCondition:
    """Something to do in every period of a streak."""

    kinds: list[str] = strawberry.field(description="The kinds of activities that can count.")
    times: int = strawberry.field(description="How often it is to be done in a period.")


@strawberry.type(description="How members come to freezes, each of which makes up for a missed period by itself.")
class FreezePolicy:
    """How members come to freezes."""

    start: int = strawberry.field(description="How many a member begins with.")
    every: int | None = strawberry.field(
        description="One more for so many periods of a streak; null where none are gained."
    )
    max: int = strawberry.field(description="How many a member holds at most.")


@strawberry.type(description="The pauses that members may plan.")
class PausePolicy:
    """The pauses that members may plan."""

    max_days: int = strawberry.field(description="How many days each has at most.")
    per_year: int = strawberry.field(description="How many may begin in a calendar year.")


@strawberry.type(description="What long streaks give.")
class StreakMilestone:
    """What long streaks give."""

    length: int | None = strawberry.field(
        description="At how many periods in a row; null where it recurs, as `every` says."
    )
    every: int | None = strawberry.field(
        description="Again and again after so many periods; null for one place, as `length` says."
    )
    name: str | None = strawberry.field(description="In the reader's language; null without a name.")
    reward_points: BigInt = strawberry.field(description="Points for reaching it; 0 for none.")
    reward_badge: str | None = strawberry.field(description="The code of the badge that is won with it; null for none.")


@strawberry.type(description="A streak as the program defines it: periods in a row in which something is done.")
class Streak(StreakFace):
    """A streak as the program defines it."""

    unit: str | None = strawberry.field(
        description="What its length is counted in, in the reader's language; null where the program gives no word."
    )
    mode: StreakMode = strawberry.field(description="How many of the conditions a period asks for.")
    conditions: list[StreakCondition] = strawberry.field(description="What is to be done in a period.")
    freezes: FreezePolicy | None = strawberry.field(description="Null where there are none.")
    member_pauses: PausePolicy | None = strawberry.field(description="Null where members can plan none.")
    milestones: list[StreakMilestone] = strawberry.field(description="In the program's order.")


def show_streak(streak: streaks.Streak, reading: Reading) -> Streak:
    """A streak as the program defines it, in the reader's language."""
    freezes, pauses = streak.freezes, streak.member_pauses
    return Streak(
        code=streak.code,
        name=streak.name.read(reading.language),
        description=words(streak.description, reading),
        period=StreakUnit(streak.period),
        unit=words(streak.unit, reading),
        mode=StreakMode(streak.mode),
        conditions=[StreakCondition(kinds=list(each.on), times=each.times) for each in streak.conditions],
        freezes=FreezePolicy(start=freezes.start, every=freezes.every, max=freezes.limit) if freezes else None,
        member_pauses=PausePolicy(max_days=pauses.max_days, per_year=pauses.per_year) if pauses else None,
        milestones=[
            StreakMilestone(
                length=each.length,
                every=each.every,
                name=words(each.name, reading),
                reward_points=BigInt(each.reward.points),
                reward_badge=each.reward.badge,
            )
            for each in streak.milestones
        ],
    )
