"""Windows of time and the tallies kept over them: lifetime, calendar periods and rolling days.

A window counts whole days in the program's time zone, so that a tally holds at most one bucket a day however many
activities there are, and a rolling window of N days means today and the N - 1 days before it.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MAX_ROLLING_DAYS = 3660
_CALENDAR_UNITS = ("day", "week", "month", "quarter", "year")
_MONTHS_IN_QUARTER = 3
_CACHED_DAYS = 8192
_FORM = re.compile(r"lifetime|calendar (?P<unit>\w+)|rolling (?P<days>[0-9]{1,6}) days")

Tally = tuple[tuple[int, int], ...]
"""Pairs of (bucket, total), oldest first. A bucket is the ordinal of its first day; 0 is the lifetime's."""


def local_day(at: datetime, zone: ZoneInfo) -> date:
    """The calendar day on which an instant falls in a time zone. Later instants never fall on earlier days.

    Where clocks go back over midnight, the day that has begun goes on.
    """
    local = at.astimezone(zone)
    day = local.date()
    if local.fold and start_of_day(tomorrow := day + timedelta(days=1), zone) <= at:
        return tomorrow
    return day


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which a day begins in a time zone."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """Which days count together. ``unit`` is lifetime, day, week, month, quarter, year or rolling."""

    unit: str
    days: int = 0

    @classmethod
    def parse(cls, text: str) -> "Window":
        """Read ``lifetime``, ``calendar month`` or ``rolling 60 days``.

        Raises:
            ValueError: the text is none of these; the message lists the forms.
        """
        form = _FORM.fullmatch(text.strip())
        if form and form["days"] and 1 <= int(form["days"]) <= MAX_ROLLING_DAYS:
            return cls("rolling", int(form["days"]))
        if form and form["unit"] in _CALENDAR_UNITS:
            return cls(form["unit"])
        if form and not form["unit"] and not form["days"]:
            return cls("lifetime")
        units = "|".join(_CALENDAR_UNITS)
        raise ValueError(f"a window is 'lifetime', 'calendar {units}' or 'rolling N days' (1 to {MAX_ROLLING_DAYS})")

    def __str__(self) -> str:
        if self.unit == "rolling":
            return f"rolling {self.days} days"
        return self.unit if self.unit == "lifetime" else f"calendar {self.unit}"

    def bucket(self, day: date) -> int:
        """The bucket that a day's activity is counted in."""
        return _bucket(self.unit, day)

    def opens(self, day: date) -> int:
        """The oldest bucket that still counts on a day."""
        return day.toordinal() - self.days + 1 if self.unit == "rolling" else _bucket(self.unit, day)

    def leaves(self, bucket: int) -> date | None:
        """The first day on which a bucket no longer counts; None if it always will."""
        if self.unit == "lifetime":
            return None
        if self.unit == "rolling":
            return date.fromordinal(bucket + self.days)
        return _next_period(self.unit, date.fromordinal(bucket))


@lru_cache(maxsize=_CACHED_DAYS)
def _bucket(unit: str, day: date) -> int:
    match unit:
        case "lifetime":
            return 0
        case "week":
            return day.toordinal() - day.weekday()
        case "month":
            return day.replace(day=1).toordinal()
        case "quarter":
            first = (day.month - 1) // _MONTHS_IN_QUARTER * _MONTHS_IN_QUARTER + 1
            return date(day.year, first, 1).toordinal()
        case "year":
            return date(day.year, 1, 1).toordinal()
    return day.toordinal()


def _next_period(unit: str, first_day: date) -> date:
    """The first day of the period after the one that begins on ``first_day``."""
    longest = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}[unit]
    after = first_day + timedelta(days=longest)
    return date.fromordinal(_bucket(unit, after))


def add(tally: Tally, window: Window, day: date, amount: int, today: date | None = None) -> Tally:
    """The tally with ``amount`` counted on ``day``, without the buckets that have left the window by ``today``.

    What happened on a day that has left the window itself counts for nothing.
    """
    opens, bucket = window.opens(today or day), window.bucket(day)
    kept = [pair for pair in tally if pair[0] >= opens]
    if bucket < opens:
        return tuple(kept)
    place = bisect_left(kept, (bucket,))
    if place < len(kept) and kept[place][0] == bucket:
        kept[place] = (bucket, kept[place][1] + amount)
    else:
        kept.insert(place, (bucket, amount))
    return tuple(kept)


def total(tally: Tally, window: Window, day: date) -> int:
    """What the window holds on a day."""
    opens = window.opens(day)
    return sum(amount for bucket, amount in tally if bucket >= opens)


def falls_below(tally: Tally, window: Window, day: date, threshold: int) -> date | None:
    """The first day after ``day`` on which the window holds less than ``threshold`` if nothing more happens."""
    opens = window.opens(day)
    left = total(tally, window, day)
    for bucket, amount in tally:
        if bucket < opens:
            continue
        left -= amount
        if left < threshold:
            return window.leaves(bucket)
    return None
