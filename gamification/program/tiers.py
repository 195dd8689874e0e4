"""Tiers: the ladder members climb by what they spend or earn within a window."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from gamification.program.base import MAX_GRACE_DAYS, Code, Definition, Reward, misfits
from gamification.program.points import Terms
from gamification.program.texts import Text
from gamification.windows import Window, local_day

_SHORTEST_DAYS = {"day": 1, "week": 7, "month": 28, "quarter": 90, "year": 365, "membership": 365}
"""How many days the shortest period of a window has."""


def _window(value: object) -> Window:
    try:
        return value if isinstance(value, Window) else Window.parse(str(value), membership=True)
    except ValueError as error:
        raise PydanticCustomError("window", "{message}", {"message": str(error)}) from None


class Tier(Definition):
    """One rung. ``threshold`` is in points, or in major units of money for ``metric: spend``."""

    code: Code
    name: Text
    threshold: Annotated[Decimal, Field(ge=0, le=10**10)]
    benefits: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    reward: Reward = Reward()
    points: Terms | None = None
    """When points earned on this tier can be spent and expire, where their rule does not say."""


class Downgrade(Definition):
    """What becomes of a tier that a review finds too little for.

    ``earned``: the member falls to what they have earned. ``one_level``: they fall one rung. ``never``: nothing is
    reviewed. The fall comes ``grace_days`` after the review, and not at all if by then there is enough again.
    """

    to: Literal["earned", "one_level", "never"] = "earned"
    grace_days: Annotated[int, Field(strict=True, ge=0, le=MAX_GRACE_DAYS)] = 0


class Tiers(Definition):
    """The ladder, lowest rung first; the lowest has threshold 0, so that every member stands somewhere.

    A tier is reached as soon as the window holds enough. It is reviewed at the end of every period, by what that
    period holds, or all the time where the window is one of rolling days.
    """

    metric: Literal["spend", "points"]
    window: Annotated[Window, PlainValidator(_window)]
    levels: Annotated[tuple[Tier, ...], Field(min_length=1, max_length=20)]
    downgrade: Downgrade = Downgrade()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        found: list[tuple[str, tuple[str | int, ...]]] = [
            (message, ("levels", number, "threshold")) for number, message in self._threshold_faults()
        ]
        found += [(message, ("downgrade", field)) for field, message in self._downgrade_faults()]
        if found:
            raise misfits(found)
        return self

    def _threshold_faults(self) -> Iterator[tuple[int, str]]:
        thresholds = [tier.threshold for tier in self.levels]
        if thresholds[0] != 0:
            yield 0, "the first tier needs threshold 0"
        for number, (low, high) in enumerate(pairwise(thresholds), start=1):
            if low >= high:
                yield number, "the thresholds must rise from tier to tier"
        for number, threshold in enumerate(thresholds):
            if self.metric == "points" and threshold % 1:
                yield number, "a threshold in points is a whole number"

    def _downgrade_faults(self) -> Iterator[tuple[str, str]]:
        to, grace_days = self.downgrade.to, self.downgrade.grace_days
        if self.window.unit == "lifetime" and to == "one_level":
            yield "to", "nothing is ever lost in a lifetime; leave it out, or choose another window"
        if grace_days and (self.window.unit == "lifetime" or to == "never"):
            yield "grace_days", "no tier is ever lost here, so that there is no grace; leave it out"
        elif grace_days >= (shortest := _SHORTEST_DAYS.get(self.window.unit, MAX_GRACE_DAYS + 1)):
            yield "grace_days", f"the grace ends before the next review; at most {shortest - 1} days"

    def window_of(self, joined_at: datetime, zone: ZoneInfo) -> Window:
        """The window for a member who joined at an instant."""
        window = self.window
        return window.anchored(local_day(joined_at, zone)) if window.unit == "membership" else window

    @cached_property
    def positions(self) -> dict[str, int]:
        """Where each tier stands on the ladder, from 0, by its code."""
        return {tier.code: number for number, tier in enumerate(self.levels)}

    def position(self, code: str | None) -> int:
        """Where a tier stands on the ladder, from 0; a tier that is no longer in the program counts as the lowest."""
        return self.positions.get(code or "", 0)
