"""Windows of time and the tallies kept over them: lifetime, calendar periods, membership years and rolling days.

A window counts whole days in the program's time zone, so that a tally holds at most one bucket a day however many
activities there are, and a rolling window of N days means today and the N - 1 days before it.
"""

import re
from bisect import bisect_left
from calendar import isleap
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from operator import itemgetter
from zoneinfo import ZoneInfo

MAX_ROLLING_DAYS = 3660
_CALENDAR_UNITS = ("day", "week", "month", "quarter", "year")
_MONTHS_IN_QUARTER = 3
_LEAP_DAY = (2, 29)
_CACHED_DAYS = 8192
_AMOUNT = itemgetter(1)
_FORM = re.compile(r"lifetime|calendar (?P<unit>\w+)|rolling (?P<days>[0-9]{1,6}) days")
_MEMBERSHIP = "membership year"

Tally = tuple[tuple[int, int], ...]
"""Pairs of (bucket, total), oldest first. A bucket is the ordinal of its first day; 0 is the lifetime's."""


@lru_cache(maxsize=_CACHED_DAYS)
def local_day(at: datetime, zone: ZoneInfo) -> date:
    """The calendar day on which an instant falls in a time zone. Later instants never fall on earlier days.

    Where clocks go back over midnight, the day that has begun goes on.
    """
    local = at.astimezone(zone)
    day = local.date()
    if local.fold and start_of_day(tomorrow := day + timedelta(days=1), zone) <= at:
        return tomorrow
    return day


@lru_cache(maxsize=_CACHED_DAYS)
def read_day(text: object) -> date | None:
    """The day that a text such as 2026-05-01 names; None for anything else, and for other ways to write a day."""
    if not isinstance(text, str):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if text == day.isoformat() else None


@lru_cache(maxsize=_CACHED_DAYS)
def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which a day begins in a time zone."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def earliest(*instants: datetime | None) -> datetime | None:
    """The first of several instants, of which None is never."""
    first: datetime | None = None
    for each in instants:
        if each is not None and (first is None or each < first):
            first = each
    return first


def day_of_year(month: int, day: int, year: int) -> date:
    """The day with this date in a year; where it has no 29 February, the 28th."""
    return date(year, month, day - 1 if (month, day) == _LEAP_DAY and not isleap(year) else day)


@dataclass(frozen=True, slots=True)
class Window:
    """Which days count together. ``unit`` is lifetime, day, week, month, quarter, year, rolling or membership.

    The years of a membership are counted from ``anchor``, the ordinal of the day on which the member joined. Without
    it, as a program has it, such a window can only be named and anchored.
    """

    unit: str
    days: int = 0
    anchor: int = 0

    @classmethod
    def parse(cls, text: str, *, membership: bool = False) -> "Window":
        """Read ``lifetime``, ``calendar month`` or ``rolling 60 days``, and ``membership year`` where that is allowed.

        Raises:
            ValueError: the text is none of these; the message lists the forms.
        """
        if membership and text.strip() == _MEMBERSHIP:
            return cls("membership")
        form = _FORM.fullmatch(text.strip())
        if form and form["days"] and 1 <= int(form["days"]) <= MAX_ROLLING_DAYS:
            return cls("rolling", int(form["days"]))
        if form and form["unit"] in _CALENDAR_UNITS:
            return cls(form["unit"])
        if form and not form["unit"] and not form["days"]:
            return cls("lifetime")
        calendar = f"'calendar {'|'.join(_CALENDAR_UNITS)}'" + (f", '{_MEMBERSHIP}'" if membership else "")
        raise ValueError(f"a window is 'lifetime', {calendar} or 'rolling N days' (1 to {MAX_ROLLING_DAYS})")

    def __str__(self) -> str:
        if self.unit == "rolling":
            return f"rolling {self.days} days"
        if self.unit == "membership":
            return _MEMBERSHIP
        return self.unit if self.unit == "lifetime" else f"calendar {self.unit}"

    @property
    def periodic(self) -> bool:
        """Whether one period follows the other, so that a window ends for all of its days at once."""
        return self.unit not in ("lifetime", "rolling")

    def anchored(self, joined_on: date) -> "Window":
        """This window for a member who joined on a day."""
        return _membership(joined_on) if self.unit == "membership" else self

    def bucket(self, day: date) -> int:
        """The bucket that a day's activity is counted in."""
        return _bucket(self.unit, day) if self.unit != "membership" else _membership_year(self.anchor, day)

    def opens(self, day: date) -> int:
        """The oldest bucket that still counts on a day."""
        return day.toordinal() - self.days + 1 if self.unit == "rolling" else self.bucket(day)

    def looks_back(self, day: date) -> int:
        """The oldest bucket that a review on a day looks at: that of the period before, or as ``opens`` says."""
        opens = self.opens(day)
        return self.bucket(date.fromordinal(opens - 1)) if self.periodic else opens

    def leaves(self, bucket: int) -> date | None:
        """The first day on which a bucket no longer counts; None if it always will."""
        if self.unit == "lifetime":
            return None
        if self.unit == "rolling":
            return date.fromordinal(bucket + self.days)
        if self.unit == "membership":
            return _anniversary(self.anchor, date.fromordinal(bucket).year + 1)
        return _next_period(self.unit, date.fromordinal(bucket))


@lru_cache(maxsize=_CACHED_DAYS)
def _membership(joined_on: date) -> Window:
    return Window("membership", anchor=joined_on.toordinal())


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


def _anniversary(anchor: int, year: int) -> date:
    """The day of a year on which a member who joined on the day ``anchor`` has been one for whole years."""
    joined_on = date.fromordinal(anchor)
    return day_of_year(joined_on.month, joined_on.day, year)


@lru_cache(maxsize=_CACHED_DAYS)
def _membership_year(anchor: int, day: date) -> int:
    begins = _anniversary(anchor, day.year)
    return (begins if begins <= day else _anniversary(anchor, day.year - 1)).toordinal()


def _next_period(unit: str, first_day: date) -> date:
    """The first day of the period after the one that begins on ``first_day``."""
    longest = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}[unit]
    after = first_day + timedelta(days=longest)
    return date.fromordinal(_bucket(unit, after))


def add(
    tally: Tally, window: Window, day: date, amount: int, today: date | None = None, *, kept_from: int | None = None
) -> Tally:
    """The tally with ``amount`` counted on ``day``, without the buckets that have left the window by ``today``.

    What happened on a day that has left the window itself counts for nothing. Buckets from ``kept_from`` on are kept
    where it is given.
    """
    opens = window.opens(today or day) if kept_from is None else kept_from
    bucket = window.bucket(day)
    start = bisect_left(tally, (opens,))
    if bucket < opens:
        return tally[start:]
    place = after = bisect_left(tally, (bucket,), start)
    if place < len(tally) and tally[place][0] == bucket:
        amount += tally[place][1]
        after += 1
    return (*tally[start:place], (bucket, amount), *tally[after:])


def total(tally: Tally, window: Window, day: date) -> int:
    """What the window holds on a day."""
    return total_from(tally, window.opens(day))


def total_from(tally: Tally, bucket: int) -> int:
    """What was counted in a bucket and those after it."""
    kept = tally if not tally or tally[0][0] >= bucket else tally[bisect_left(tally, (bucket,)) :]
    return sum(map(_AMOUNT, kept))


def total_up_to(tally: Tally, bucket: int, enough: int) -> int:
    """The same, but no more than shows that it comes to ``enough``: the newest buckets often do."""
    held = 0
    for counted_in, amount in reversed(tally):
        if counted_in < bucket or held >= enough:
            break
        held += amount
    return held


def falls_below(tally: Tally, window: Window, day: date, threshold: int) -> date | None:
    """The first day after ``day`` on which the window holds less than ``threshold`` if nothing more happens.

    None if it always holds as much, and where it holds less already.
    """
    if threshold <= 0:
        return None
    opens, held = window.opens(day), 0
    for bucket, amount in reversed(tally):
        if bucket < opens:
            return None
        held += amount
        if held >= threshold:
            return window.leaves(bucket)
    return None
