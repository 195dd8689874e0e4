"""The periods of boards: days, ISO weeks, months, seasons and all time, in the program's time zone."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from gamification.program.boards import Board
from gamification.windows import local_day, start_of_day

ALL_TIME = "all"
FIRST_YEAR, LAST_YEAR = 1900, 2999
KEPT_AFTER_CLOSING = timedelta(days=2)
"""How long after its closing a period's live ranks are kept, if its final standings are not there by then. It must not
be longer than members' states keep closed periods, which for a board by the day is three days."""
_CACHED_PERIODS = 8192
_DAY = timedelta(days=1)
_FORMS = {
    "day": re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})"),
    "week": re.compile(r"([0-9]{4})-W([0-9]{2})"),
    "month": re.compile(r"([0-9]{4})-([0-9]{2})"),
}


@dataclass(frozen=True, slots=True)
class Period:
    """A period of a board, from ``starts_at`` up to but not including ``ends_at``; None for one without an end.

    ``code`` is its name: ``2026-05-01``, ``2026-W53``, ``2026-05``, a season's code, or ``all``.
    """

    code: str
    starts_at: datetime
    ends_at: datetime | None

    def ended(self, now: datetime) -> bool:
        """Whether it is over."""
        return self.ends_at is not None and self.ends_at <= now


_ALWAYS = Period(ALL_TIME, datetime.fromisoformat("1900-01-01T00:00:00+00:00"), None)


def period_on(board: Board, day: date, zone: ZoneInfo) -> Period | None:
    """The period that holds a day of the program's calendar; None between seasons."""
    unit = board.period
    if unit == "all_time":
        return _ALWAYS
    if unit == "season":
        found = (season for season in board.seasons if season.starts_on <= day <= season.ends_on)
        return next((_from(season.code, season.starts_on, season.ends_on, zone) for season in found), None)
    return _calendar_period(unit, day, zone)


def period_at(board: Board, at: datetime, zone: ZoneInfo) -> Period | None:
    """The period that runs at an instant; None between seasons."""
    return period_on(board, local_day(at, zone), zone)


def period_named(board: Board, code: str, zone: ZoneInfo) -> Period | None:
    """The period with a code, written exactly as Laurel writes it; None where the board has no such period."""
    if board.period == "all_time":
        return _ALWAYS if code == ALL_TIME else None
    if board.period == "season":
        season = board.season_by_code.get(code)
        return _from(code, season.starts_on, season.ends_on, zone) if season else None
    return _calendar_period_named(board.period, code, zone)


def previous(board: Board, period: Period, zone: ZoneInfo) -> Period | None:
    """The period before one of the board's; None before the first season and for all time."""
    if board.period == "all_time":
        return None
    if board.period == "season":
        own = board.season_by_code.get(period.code)
        earlier = [season for season in board.seasons if own and season.starts_on < own.starts_on]
        last = max(earlier, key=lambda season: season.starts_on, default=None)
        return _from(last.code, last.starts_on, last.ends_on, zone) if last else None
    first = _first_day(board.period, period.code)
    return _calendar_period(board.period, first - _DAY, zone) if first else None


def closes_at(board: Board, period: Period) -> datetime | None:
    """When its final standings are drawn up: once what arrives late has had its time. None for one without an end."""
    return period.ends_at + timedelta(minutes=board.late_minutes) if period.ends_at else None


def forgotten_at(board: Board, period: Period) -> datetime | None:
    """When its live ranks are kept no longer. None for one without an end."""
    closed_at = closes_at(board, period)
    return closed_at + KEPT_AFTER_CLOSING if closed_at else None


@lru_cache(maxsize=_CACHED_PERIODS)
def _calendar_period(unit: str, day: date, zone: ZoneInfo) -> Period:
    if unit == "day":
        return _from(day.isoformat(), day, day, zone)
    if unit == "week":
        year, week, weekday = day.isocalendar()
        monday = day - (weekday - 1) * _DAY
        return _from(f"{year:04}-W{week:02}", monday, monday + 6 * _DAY, zone)
    first = day.replace(day=1)
    next_month = (first + 31 * _DAY).replace(day=1)
    return _from(f"{first:%Y-%m}", first, next_month - _DAY, zone)


@lru_cache(maxsize=_CACHED_PERIODS)
def _calendar_period_named(unit: str, code: str, zone: ZoneInfo) -> Period | None:
    first = _first_day(unit, code)
    return _calendar_period(unit, first, zone) if first else None


def _from(code: str, first: date, last: date, zone: ZoneInfo) -> Period:
    return Period(code, start_of_day(first, zone), start_of_day(last + _DAY, zone))


def _first_day(unit: str, code: str) -> date | None:
    """The first day of the calendar period with a code; None where there is no such one."""
    found = _FORMS[unit].fullmatch(code)
    if not found or not FIRST_YEAR <= int(found[1]) <= LAST_YEAR:
        return None
    try:
        if unit == "week":
            return date.fromisocalendar(int(found[1]), int(found[2]), 1)
        return date.fromisoformat(code if unit == "day" else f"{code}-01")
    except ValueError:
        return None
