"""The periods of a streak on a member's calendar: when each is over, and which may be missed without harm.

A member's days are those of the time zone that they have at each instant. So a day that begins in one zone may end in
another; what counts is how long it lasted altogether.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from gamification.program.streaks import Spans, Streak, joined
from gamification.state import StreakState
from gamification.windows import Window, local_day, start_of_day

MIN_DAY_SECONDS = 20 * 3600
"""A day that travel left shorter than this may be missed; clocks that change for the summer leave more."""
_CALENDARS_APART_DAYS = 3
"""How many days lie between the earliest and the latest date on earth at one instant, with a day to spare."""
_CACHED_DAYS = 8192
_SECOND = timedelta(seconds=1)

Bridge = Literal["paused", "excused"]


@lru_cache(maxsize=_CACHED_DAYS)
def period_of(unit: str, day: int) -> int:
    """The first day of the period that a day belongs to."""
    return Window(unit).bucket(date.fromordinal(day))


@lru_cache(maxsize=_CACHED_DAYS)
def following(unit: str, period: int) -> int:
    """The first day of the period after the one that a day belongs to."""
    window = Window(unit)
    leaves = window.leaves(window.bucket(date.fromordinal(period)))
    assert leaves is not None
    return leaves.toordinal()


@lru_cache(maxsize=_CACHED_DAYS)
def _span(day: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a day begins and ends in a zone; at the same instant where the zone left it out."""
    return start_of_day(date.fromordinal(day), zone), start_of_day(date.fromordinal(day + 1), zone)


def ends_at(streak: Streak, period: int, zone: ZoneInfo) -> datetime:
    """The instant from which a period is over in a zone."""
    return _span(following(streak.period, period) - 1, zone)[1]


def first_judged(streak: Streak, held: StreakState, zone: ZoneInfo) -> int:
    """The first period after the last decided one that a member must not miss, as things stand."""
    assert held.last is not None
    unit = streak.period
    period = following(unit, held.last)
    while True:
        paused_through = _paused_through(streak, held, period)
        if paused_through is not None:
            period = period_of(unit, paused_through + 1)
        elif _is_short(held, following(unit, period) - 1, zone):
            period = following(unit, period)
        else:
            return period


def bridged(streak: Streak, held: StreakState, until: int) -> Iterator[tuple[int, Bridge]]:
    """The periods between the last decided one and ``until``, all of which may be missed, and why each may."""
    assert held.last is not None
    period = following(streak.period, held.last)
    while period < until:
        yield period, "excused" if _paused_through(streak, held, period) is None else "paused"
        period = following(streak.period, period)


def lived(held: StreakState, at: datetime, zone: ZoneInfo) -> tuple[tuple[int, int], ...]:
    """How many seconds of each recent day are over ``at`` the instant at which the member leaves ``zone``."""
    today = local_day(at, zone).toordinal()
    oldest = today - _CALENDARS_APART_DAYS
    seconds = {day: lasted for day, lasted in held.lived if day >= oldest}
    for day in range(oldest, today + 1):
        begins, ends = _span(day, zone)
        lasted = (min(ends, at) - _latest(begins, held.zone_since)) // _SECOND
        if lasted > 0:
            seconds[day] = seconds.get(day, 0) + lasted
    return tuple(sorted(seconds.items()))


def _is_short(held: StreakState, day: int, zone: ZoneInfo) -> bool:
    """Whether a day leaves too little time to act, if the member stays in ``zone``."""
    begins, ends = _span(day, zone)
    left = max((ends - _latest(begins, held.zone_since)) // _SECOND, 0)
    return left < MIN_DAY_SECONDS and left + dict(held.lived).get(day, 0) < MIN_DAY_SECONDS


def _latest(begins: datetime, zone_since: datetime | None) -> datetime:
    return begins if zone_since is None else max(begins, zone_since)


def _paused_through(streak: Streak, held: StreakState, period: int) -> int | None:
    """The last day of the pause that a period lies in, itself at least to its end; None if it is not paused.

    It is if pauses take half of its days or more.
    """
    spans = _pauses(streak, held)
    if not spans:
        return None
    end = following(streak.period, period)
    days, through = 0, end - 1
    for first, last in spans:
        days += max(min(last + 1, end) - max(first, period), 0)
        if first < end <= last:
            through = last
    return through if 2 * days >= end - period else None


def _pauses(streak: Streak, held: StreakState) -> Spans:
    """The days that the program or the member paused."""
    if not held.pauses:
        return streak.paused_days
    return joined((*streak.paused_days, *held.pauses))
