"""How far a streak is: the bar up to its next milestone, and the calendar of its periods."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Literal

from gamification.challenges import Phase
from gamification.program import Program
from gamification.program.streaks import Streak
from gamification.progress import Milestone, ProgressBar
from gamification.state import PeriodFate, State
from gamification.streak_periods import bridged, ends_at, first_judged, following, period_of
from gamification.streaks import MAX_PERIODS, NOT_BEGUN
from gamification.windows import local_day, start_of_day


@dataclass(frozen=True, slots=True)
class StreakPeriod:
    """A period of a streak, by its first and last day, and what became of it; ``open`` while it can still be done."""

    first_day: date
    last_day: date
    fate: PeriodFate | Literal["open"]


class StreakStanding(Enum):
    """How a streak stands at a moment."""

    NOT_BEGUN = "not_begun"
    BROKEN = "broken"
    DONE = "done"
    """The period at hand is decided, and nothing is to be done in it."""
    AT_RISK = "at_risk"
    """The period at hand has to be done yet."""
    PAUSED = "paused"
    """The period at hand may be missed: it is paused, or travel leaves too little of it."""


def streak_standing(streak: Streak, state: State, program: Program, now: datetime) -> StreakStanding:
    """How a streak stands; ``state`` is the member's at ``now``."""
    held, zone = state.streaks.get(streak.code, NOT_BEGUN), program.zone_of(state.time_zone)
    if not held.length:
        return StreakStanding.NOT_BEGUN if held.last is None else StreakStanding.BROKEN
    today = period_of(streak.period, local_day(now, zone).toordinal())
    if held.last is not None and held.last >= today:
        return StreakStanding.DONE
    return StreakStanding.PAUSED if first_judged(streak, held, zone) > today else StreakStanding.AT_RISK


def paused_until(streak: Streak, state: State, program: Program, now: datetime) -> datetime | None:
    """When the first period begins that must not be missed again; None where the one at hand is not paused."""
    if streak_standing(streak, state, program, now) is not StreakStanding.PAUSED:
        return None
    zone = program.zone_of(state.time_zone)
    return start_of_day(date.fromordinal(first_judged(streak, state.streaks[streak.code], zone)), zone)


def streak_progress(streak: Streak, state: State, program: Program, now: datetime) -> ProgressBar:
    """How long the streak is on the way to its next milestone; full when there is none beyond it.

    ``state`` is the member's at ``now``. ``ends_at`` is when the streak is lost, or a freeze used, if nothing is done.
    """
    held, zone = state.streaks.get(streak.code, NOT_BEGUN), program.zone_of(state.time_zone)
    ahead = streak.next_milestone(held.length)
    marks = {each.length for each in streak.milestones} | {ahead}
    today = period_of(streak.period, local_day(now, zone).toordinal())
    return ProgressBar(
        current=Decimal(held.length),
        target=Decimal(ahead or max(held.length, 1)),
        unit=streak.unit,
        phase=Phase.ACTIVE if ahead or not streak.milestones else Phase.COMPLETED,
        milestones=tuple(
            Milestone(Decimal(mark), milestone.name, mark <= held.length)
            for mark in sorted(mark for mark in marks if mark is not None)
            if (milestone := streak.milestone_at(mark))
        ),
        ends_at=ends_at(streak, first_judged(streak, held, zone) if held.length else today, zone),
    )


def streak_calendar(streak: Streak, state: State, program: Program, now: datetime) -> tuple[StreakPeriod, ...]:
    """The latest periods that are decided, those passed over since, and the one that is open; oldest first.

    ``state`` is the member's at ``now``.
    """
    held, zone = state.streaks.get(streak.code, NOT_BEGUN), program.zone_of(state.time_zone)
    today = period_of(streak.period, local_day(now, zone).toordinal())
    fates: list[tuple[int, PeriodFate | Literal["open"]]] = list(held.periods)
    if held.length:
        fates.extend(bridged(streak, held, min(today, first_judged(streak, held, zone))))
    if held.last is None or today > held.last:
        fates.append((today, "open"))
    return tuple(_period(streak, first, fate) for first, fate in fates[-MAX_PERIODS:])


def _period(streak: Streak, first: int, fate: PeriodFate | Literal["open"]) -> StreakPeriod:
    last = following(streak.period, first) - 1
    return StreakPeriod(date.fromordinal(first), date.fromordinal(last), fate)
