"""When points can be spent and when they expire, as a program, a rule or a tier says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, PlainValidator, field_validator, model_validator
from pydantic_core import PydanticCustomError

from gamification.activity import OWN_KINDS, RESERVED_KINDS
from gamification.program.base import MAX_GRACE_DAYS, Definition, Kind, misfit
from gamification.program.boards import Day
from gamification.state import Expiry

MAX_LOT_DAYS = 36_600
MAX_YEARS_AFTER = 50

_MONTH_DAY = re.compile(r"[0-9]{2}-[0-9]{2}")
_LEAP_YEAR = "2024-"
_PENDING = ("pending_days", "pending_until", "pending_event")
_EXPIRY = ("expire_days", "expire_on", "expire_idle_days", "never_expire")

LotDays = Annotated[int, Field(strict=True, ge=1, le=MAX_LOT_DAYS)]


def _month_day(value: object) -> str:
    try:
        if isinstance(value, str) and _MONTH_DAY.fullmatch(value):
            date.fromisoformat(_LEAP_YEAR + value)
            return value
    except ValueError:
        pass  # such as 02-30
    message = "must be a day of the year as month and day, such as 03-31"
    raise PydanticCustomError("day", "{message}", {"message": message})


class PendingEvent(Definition):
    """Points wait until something happens: an activity of the kind ``on``, such as a delivery.

    Its attribute ``activity`` names the key of the activity whose points it releases; without one it releases all that
    wait for its kind. After ``at_most_days`` they are released anyway, or cancelled, as ``then`` says.
    """

    on: Kind
    at_most_days: LotDays
    then: Literal["release", "cancel"] = "release"

    @field_validator("on")
    @classmethod
    def _reported_from_outside(cls, kind: str) -> str:
        if kind in OWN_KINDS or kind in RESERVED_KINDS:
            raise misfit(f"{kind} is what Laurel itself records; name a kind of activity that is reported")
        return kind


class Terms(Definition):
    """When points can be spent, and until when.

    They can be spent at once, after ``pending_days``, from the day ``pending_until`` on, or after ``pending_event``.
    They expire ``expire_days`` after that; at the end of the day ``expire_on`` (month-day), ``years_after`` the year in
    which they can first be spent; or after ``expire_idle_days`` without an activity that counts. With ``grace_days``
    they can still be spent for so long after that. Days are whole days in the program's time zone.
    """

    pending_days: Annotated[int, Field(strict=True, ge=0, le=MAX_LOT_DAYS)] = 0
    pending_until: Day | None = None
    pending_event: PendingEvent | None = None
    expire_days: LotDays | None = None
    expire_on: Annotated[str, PlainValidator(_month_day)] | None = None
    years_after: Annotated[int, Field(strict=True, ge=0, le=MAX_YEARS_AFTER)] = 1
    expire_idle_days: LotDays | None = None
    never_expire: bool = False
    grace_days: Annotated[int, Field(strict=True, ge=0, le=MAX_GRACE_DAYS)] = 0

    @model_validator(mode="after")
    def _one_way_each(self) -> Self:
        for ways in (_PENDING, _EXPIRY):
            told = [name for name in ways if name in self.model_fields_set]
            if len(told) > 1:
                raise misfit(f"give one of {', '.join(ways[:-1])} and {ways[-1]}", told[1])
        if "years_after" in self.model_fields_set and self.expire_on is None:
            raise misfit("goes with expire_on, which is not given", "years_after")
        if self.never_expire and self.grace_days:
            raise misfit("comes after points have expired, and these never do", "grace_days")
        return self

    @cached_property
    def says_pending(self) -> bool:
        """Whether it says when points can be spent."""
        return not self.model_fields_set.isdisjoint(_PENDING)

    @cached_property
    def says_expiry(self) -> bool:
        """Whether it says when points expire, if ever."""
        return not self.model_fields_set.isdisjoint(_EXPIRY)

    @cached_property
    def says_grace(self) -> bool:
        """Whether it says for how long points that have expired can still be spent."""
        return "grace_days" in self.model_fields_set


@dataclass(frozen=True, slots=True)
class LotTerms:
    """The terms that count for a lot: those by which it becomes available, and when it expires after that."""

    pending_days: int
    pending_until: date | None
    pending_event: PendingEvent | None
    expiry: Expiry

    @classmethod
    def of(cls, levels: Sequence[Terms]) -> "LotTerms":
        """Of several terms, the most telling first and the program's last, what the first that says so says."""
        pending = next((terms for terms in levels if terms.says_pending), levels[-1])
        return cls(pending.pending_days, pending.pending_until, pending.pending_event, _expiry(levels))


def _expiry(levels: Sequence[Terms]) -> Expiry:
    terms = next((terms for terms in levels if terms.says_expiry), None)
    if terms is None or terms.never_expire:
        return Expiry()
    grace_days = next((terms.grace_days for terms in levels if terms.says_grace), 0)
    if terms.expire_on is not None:
        return Expiry(None, terms.expire_on, terms.years_after, None, grace_days)
    if terms.expire_days is None and terms.expire_idle_days is None:
        return Expiry()
    return Expiry(terms.expire_days, "", 0, terms.expire_idle_days, grace_days)
