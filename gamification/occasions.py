"""Birthdays and anniversaries: what comes round once a year by itself, at the beginning of a local day.

A birthday is celebrated by the member's own time zone, an anniversary of joining by the program's. Where there is no
29 February, the day is the 28th.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from gamification import challenges
from gamification.activity import BIRTHDAY, Activity, Occasion
from gamification.challenges import Fact
from gamification.draft import Draft
from gamification.earning import earn
from gamification.effects import Celebrated
from gamification.program import Program
from gamification.state import State
from gamification.windows import day_of_year, local_day, start_of_day

MIN_DAYS_BETWEEN = 364
"""At least so many days lie between two celebrations: whoever travels over their birthday celebrates a day later."""
_YEARS_AHEAD = 3
"""The next celebration is in one of so many years: 1 January may have begun last year by UTC, and so may the next."""
_LAST_YEAR = 9998
_CACHED_DAYS = 8192


def celebrate(draft: Draft) -> None:
    """Let the occasions that come round at this very instant take effect."""
    for occasion in draft.program.occasions:
        found = _next(draft.state, draft.program, occasion, draft.at)
        if found is not None and found[1] == draft.at:
            _celebrate(draft, occasion, found[0])


def next_due_at(state: State, program: Program, begins: datetime | None = None) -> datetime | None:
    """When the next occasion comes round; None if the program gives nothing for any.

    ``begins`` is when the program comes into force, where that is after ``state.as_of``: what came round before then,
    did so without it.
    """
    if not program.occasions:
        return None
    found = [_next(state, program, occasion, begins or state.as_of) for occasion in program.occasions]
    return min((starts_at for _, starts_at in filter(None, found)), default=None)


def set_birthday(draft: Draft, birthday: str) -> None:
    """Take in a birthday, or that there is none. It counts from tomorrow on: the day must be known before it begins."""
    if birthday == draft.birthday:
        return
    draft.birthday = birthday
    tomorrow = local_day(draft.at, draft.member_zone) + timedelta(days=1)
    earliest = max(draft.occasions_from.get(BIRTHDAY, ""), tomorrow.isoformat())
    draft.occasions_from = {**draft.occasions_from, BIRTHDAY: earliest}


def zone_changed(draft: Draft, after: ZoneInfo) -> None:
    """Celebrate a birthday whose day had not begun where the member was, and has where they are now."""
    found = _next(draft.state, draft.program, "birthday", draft.at)
    if found is not None and start_of_day(found[0], after) <= draft.at:
        _celebrate(draft, "birthday", found[0])


def _celebrate(draft: Draft, occasion: Occasion, day: date) -> None:
    """Let an occasion count for rules and challenges as if it were an activity without an amount.

    What follows from that reads no such activity, as with all that time brings about.
    """
    years = day.year - _origin(draft.state, draft.program, occasion).year
    today = local_day(draft.at, draft.member_zone if occasion == BIRTHDAY else draft.program.time_zone)
    earliest = (today + timedelta(days=MIN_DAYS_BETWEEN)).isoformat()
    draft.occasions_from = {**draft.occasions_from, occasion: earliest}
    leading = draft.cause
    draft.cause = draft.emit(Celebrated(occasion, years, draft.why("clock", occasion, inputs={"years": years})))
    activity = Activity(f"#{occasion}", occasion, draft.at, attributes={"years": years})
    with draft.reading(activity):
        earn(draft, activity)
        challenges.count(draft, Fact(occasion))
    draft.cause = leading


def _next(state: State, program: Program, occasion: Occasion, begins: datetime) -> tuple[date, datetime] | None:
    """The day of the next celebration, and its beginning, which is not before ``begins``."""
    if occasion not in program.occasions:
        return None
    if occasion == BIRTHDAY and not state.birthday:
        return None
    zone = _zone(state, program, occasion)
    earliest = state.occasions_from.get(occasion, "")
    for day, written, starts_at in _days(_origin(state, program, occasion), zone, earliest, begins):
        if written >= earliest and starts_at >= begins:
            return day, starts_at
    return None


def _zone(state: State, program: Program, occasion: Occasion) -> ZoneInfo:
    return program.zone_of(state.time_zone) if occasion == BIRTHDAY else program.time_zone


def _origin(state: State, program: Program, occasion: Occasion) -> date:
    """The day that is celebrated: that of birth, or of joining."""
    return _birth(state.birthday) if occasion == BIRTHDAY else _joined(state.joined_at, program.time_zone)


def _days(origin: date, zone: ZoneInfo, earliest: str, begins: datetime) -> Iterator[tuple[date, str, datetime]]:
    # A day may begin in the year before its own by UTC, but never in the one after.
    first = max(begins.year, origin.year + 1, int(earliest[:4] or 0))
    for year in range(first, min(first + _YEARS_AHEAD, _LAST_YEAR)):
        yield _day(origin, zone, year)


@lru_cache(maxsize=_CACHED_DAYS)
def _day(origin: date, zone: ZoneInfo, year: int) -> tuple[date, str, datetime]:
    """The day that is celebrated in a year, also as it is written, and its beginning."""
    day = day_of_year(origin.month, origin.day, year)
    return day, day.isoformat(), start_of_day(day, zone)


@lru_cache(maxsize=_CACHED_DAYS)
def _birth(birthday: str) -> date:
    return date.fromisoformat(birthday)


@lru_cache(maxsize=_CACHED_DAYS)
def _joined(joined_at: datetime, zone: ZoneInfo) -> date:
    return local_day(joined_at, zone)
