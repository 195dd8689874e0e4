"""Campaign terms: what a bonus-point campaign gives, to whom, when, and up to which limits."""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr
from pydantic import AfterValidator, Field, PlainValidator, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from gamification.expressions import Condition, ItemCondition
from gamification.program.base import MAX_POINTS, Code, Definition, Instant, Kinds, Points, misfit
from gamification.program.texts import Text
from gamification.windows import local_day

MAX_MULTIPLIER = 100
MAX_OPENING_MINUTES = 24 * 60
MAX_LATE_MINUTES = 31 * 24 * 60
MAX_FIRST_MEMBERS = 10**9
MAX_BUDGET = 10**12
MAX_BOUNDARY_DAYS = 366
"""How far ahead the next opening of a recurring campaign is looked for."""
MAX_RECURRENCE_YEARS = 20
"""For how long a campaign recurs: bounds the search for days that a rule never meets."""

_RULE_PARTS = {
    "FREQ": r"DAILY|WEEKLY|MONTHLY",
    "INTERVAL": r"[1-9][0-9]?",
    "BYDAY": r"(?:[+-]?[1-5])?(?:MO|TU|WE|TH|FR|SA|SU)",
    "BYMONTHDAY": r"-?(?:[1-9]|1[0-9]|2[0-8])",
    "BYMONTH": r"[1-9]|1[0-2]",
}
_LISTS = ("BYDAY", "BYMONTHDAY", "BYMONTH")
_CACHED_DAYS = 4096
_DAY = timedelta(days=1)


def _sound_rule(text: str) -> str:
    """Keep what names days; what names hours, ends or other calendars is said with the campaign's own fields."""
    parts = [part.partition("=") for part in text.split(";")]
    names = {name for name, _, _ in parts}
    if len(names) < len(parts) or "FREQ" not in names or not all(_is_sound(name, value) for name, _, value in parts):
        raise _misruled("with INTERVAL, BYDAY, BYMONTHDAY (1 to 28, or -1 for the last day) or BYMONTH")
    if "FREQ=MONTHLY" not in text and re.search("[0-9](?:MO|TU|WE|TH|FR|SA|SU)", text):
        raise _misruled("where only MONTHLY can number its weekdays")
    if "FREQ=DAILY" in text and "INTERVAL" in names and names & {*_LISTS}:
        raise _misruled("where a DAILY one with an INTERVAL names no days, for it might never meet them")
    return text


def _misruled(more: str) -> PydanticCustomError:
    message = f"must be a recurrence rule (RFC 5545) such as FREQ=WEEKLY;BYDAY=FR,SA: DAILY, WEEKLY or MONTHLY, {more}"
    return PydanticCustomError("recurrence", "{message}", {"message": message})


def _is_sound(name: str, value: str) -> bool:
    values = value.split(",") if name in _LISTS else [value]
    return name in _RULE_PARTS and all(re.fullmatch(_RULE_PARTS[name], each) for each in values)


def clock_time(value: object) -> time:
    """A time of day as a program writes it.

    Raises:
        PydanticCustomError: it is none.
    """
    if isinstance(value, time):
        return value
    if isinstance(value, str) and re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        return time.fromisoformat(value)
    raise PydanticCustomError("clock_time", "must be a time of day in quotes, such as '17:30'")


class Recurrence(Definition):
    """The hours in which a campaign is open: on the days of an RRULE (RFC 5545), ``at`` a time, for ``minutes``.

    Days and times are those of the program's time zone; the rule's first day is the one the campaign starts on. Without
    both, it is open for the whole day.
    """

    rule: Annotated[str, StringConstraints(max_length=200), AfterValidator(_sound_rule)]
    at: Annotated[time, PlainValidator(clock_time)] = time(0)
    minutes: Annotated[int, Field(strict=True, ge=1, le=MAX_OPENING_MINUTES)] = MAX_OPENING_MINUTES

    @model_validator(mode="after")
    def _closes_when_told(self) -> Self:
        if "at" in self.model_fields_set and "minutes" not in self.model_fields_set:
            raise misfit("opens at this time, so give minutes too: for how long", "at")
        return self


class PerItem(Definition):
    """Points for every piece on the lines that ``categories`` and ``items`` select; all lines without them."""

    points: Annotated[int, Field(strict=True, ge=1, le=MAX_POINTS)]
    categories: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)] = ()
    items: ItemCondition | None = None


class CampaignEffect(Definition):
    """What a campaign adds: the rules' points ``multiplier`` times over, a flat ``bonus``, or points ``per_item``."""

    multiplier: Annotated[Decimal, Field(gt=1, le=MAX_MULTIPLIER, max_digits=6)] | None = None
    rounding: Literal["floor", "ceil", "half_up"] = "floor"
    bonus: Annotated[int, Field(strict=True, ge=1, le=MAX_POINTS)] | None = None
    per_item: PerItem | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(given is not None for given in (self.multiplier, self.bonus, self.per_item)) != 1:
            raise misfit("give one of multiplier, bonus and per_item")
        if "rounding" in self.model_fields_set and self.multiplier is None:
            raise misfit("rounds what a multiplier gives, and there is none", "rounding")
        return self


class Budget(Definition):
    """The most ``points`` a campaign gives out. A bonus that finds less left gets that (partial) or nothing (none).

    When ``low_percent`` of it or less is left, the campaign is said to run low.
    """

    points: Annotated[int, Field(strict=True, ge=1, le=MAX_BUDGET)]
    too_little: Literal["partial", "none"] = "partial"
    low_percent: Annotated[int, Field(strict=True, ge=0, le=99)] = 10


class CampaignCaps(Definition):
    """The most points a campaign gives a member: altogether, and on one day of the program's time zone."""

    member: Points | None = None
    member_day: Points | None = None


class Campaign(Definition):
    """The terms of a campaign. Activities of the kinds ``on`` that meet ``when`` and happen while it is open get it.

    ``stacking``: ``stack`` adds to others, of several ``best`` only the one that gives a member most counts, and an
    ``exclusive`` one counts alone, that of the highest ``priority`` where there are several.
    """

    code: Code
    name: Text
    headline: Text
    description: Text | None = None
    on: Kinds = ("purchase",)
    when: Condition | None = None
    starts_at: Instant
    ends_at: Instant | None = None
    recurs: Recurrence | None = None
    effect: CampaignEffect
    qualifying: bool = False
    stacking: Literal["stack", "exclusive", "best"] = "stack"
    priority: Annotated[int, Field(strict=True, ge=-1000, le=1000)] = 0
    budget: Budget | None = None
    caps: CampaignCaps = CampaignCaps()
    first_members: Annotated[int, Field(strict=True, ge=1, le=MAX_FIRST_MEMBERS)] | None = None
    late_minutes: Annotated[int, Field(strict=True, ge=0, le=MAX_LATE_MINUTES)] = 60
    """How long after it happened, past the end, an activity may still arrive and get the bonus."""

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise misfit("ends_at must come after starts_at", "ends_at")
        return self

    @model_validator(mode="after")
    def _recurs_on_some_day(self) -> Self:
        # In the program's time zone the first day may be the one before or after.
        first_day = self.starts_at.date()
        if self.recurs is not None and not any(
            next(iter(_days(self.recurs.rule, first_day + days * _DAY)), None) for days in (0, -1, 1)
        ):
            raise misfit(
                "never meets a day; check what BYDAY, BYMONTHDAY, BYMONTH and INTERVAL leave", "recurs", "rule"
            )
        return self

    @property
    def is_limited(self) -> bool:
        """Whether what is left of it is counted across members."""
        return self.budget is not None or self.first_members is not None

    def is_open(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether what happens at this instant may get the bonus, as far as time decides."""
        return self.closes_at(at, zone) is not None or (self._within(at) and self._is_endless)

    def closes_at(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        """When the opening that holds ``at`` is over; None where it is not open then, or has no end."""
        if not self._within(at):
            return None
        if self.recurs is None:
            return self.ends_at
        ends = [end for start, end in self._openings(at, zone) if start <= at < end]
        return min(max(ends), self.ends_at or max(ends)) if ends else None

    def accepts(self, happened_at: datetime, now: datetime, zone: ZoneInfo) -> bool:
        """Whether an activity that happened then and arrives ``now`` may get the bonus, as far as time decides."""
        if not self.is_open(happened_at, zone):
            return False
        return self.ends_at is None or now < self.ends_at + timedelta(minutes=self.late_minutes)

    def next_boundary(self, after: datetime, zone: ZoneInfo) -> datetime | None:
        """The first instant after ``after`` at which it opens or closes by time; None where there is none ahead.

        The next opening of a recurring campaign is looked for up to `MAX_BOUNDARY_DAYS` ahead.
        """
        if after < self.starts_at:
            edges = [self.starts_at]
        elif self.recurs is None:
            edges = []
        else:
            edges = [edge for edge in self._recurring_edges(after, zone) if self.starts_at < edge]
        if self.ends_at is not None:
            edges = [*(edge for edge in edges if edge < self.ends_at), self.ends_at]
        return min((edge for edge in edges if edge > after), default=None)

    @property
    def _is_endless(self) -> bool:
        return self.recurs is None and self.ends_at is None

    def _within(self, at: datetime) -> bool:
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)

    def _openings(self, at: datetime, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
        """The openings that begin on the day of ``at`` or the day before it, which are all that can hold it."""
        today = local_day(at, zone)
        return [self._opening(day, zone) for day in (today - _DAY, today) if self._opens_on(day, zone)]

    def _recurring_edges(self, after: datetime, zone: ZoneInfo) -> list[datetime]:
        today = local_day(after, zone)
        days = [today - _DAY, *self._days_from(today, zone)]
        return [edge for day in days if self._opens_on(day, zone) for edge in self._opening(day, zone)]

    def _opening(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        assert self.recurs is not None
        # By the clock on the wall, so that an opening of 24 hours is the whole day, also one of 23 or 25 hours.
        opens = datetime.combine(day, self.recurs.at, tzinfo=zone)
        lasts = timedelta(minutes=self.recurs.minutes)
        start, end = opens.astimezone(UTC), (opens + lasts).astimezone(UTC)
        return start, end if end > start else start + lasts  # one within the hour that the clocks skip comes after it

    def _opens_on(self, day: date, zone: ZoneInfo) -> bool:
        assert self.recurs is not None
        return _recurs_on(self.recurs.rule, local_day(self.starts_at, zone), day)

    def _days_from(self, day: date, zone: ZoneInfo) -> list[date]:
        """The next two days on which it opens, from ``day`` on."""
        assert self.recurs is not None
        days = _days(self.recurs.rule, local_day(self.starts_at, zone))
        found = days.xafter(_midnight(day), count=2, inc=True)
        return [each.date() for each in found if each.date() - day <= MAX_BOUNDARY_DAYS * _DAY]

    @property
    def is_given_once(self) -> bool:
        """Whether there is one bonus for each member: a flat one that alone reaches what a member may have."""
        bonus, member, day = self.effect.bonus, self.caps.member, self.caps.member_day
        return bonus is not None and member is not None and member <= bonus and (day is None or member <= day)

    @cached_property
    def given_per_member(self) -> bool:
        """Whether what a member has had of it must be remembered."""
        return self.first_members is not None or self.caps != CampaignCaps()


@lru_cache(maxsize=_CACHED_DAYS)
def _recurs_on(rule: str, first_day: date, day: date) -> bool:
    return day >= first_day and _midnight(day) in _days(rule, first_day)


@lru_cache(maxsize=_CACHED_DAYS)
def _days(rule: str, first_day: date) -> rrule:
    last_day = date(min(first_day.year + MAX_RECURRENCE_YEARS, date.max.year), 1, 1)
    days = rrulestr(rule, dtstart=_midnight(first_day), cache=True)
    assert isinstance(days, rrule)
    return days.replace(until=_midnight(last_day))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - days of the program's calendar have no zone
