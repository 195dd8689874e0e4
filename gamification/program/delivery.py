"""What a program says of telling members on their devices: quiet hours, how much a day, and what goes for each kind."""

from datetime import time
from functools import cached_property
from typing import Annotated, Self

from pydantic import Field, PlainValidator, model_validator

from gamification.delivery.hours import QuietHours
from gamification.notices.notice import NoticeKind
from gamification.program.base import Definition, misfit
from gamification.program.campaigns import clock_time

MAX_PER_DAY = 100
"""The highest number of pushes a day that a program can set as its bound."""
DEFAULT_PER_DAY = 20

ClockTime = Annotated[time, PlainValidator(clock_time)]
PerDay = Annotated[int, Field(strict=True, ge=1, le=MAX_PER_DAY)]


class Quiet(Definition):
    """Hours in which no push is made, by the clock where the member is; over midnight where ``to`` is the earlier."""

    begins: ClockTime = Field(alias="from")
    ends: ClockTime = Field(alias="to")

    @model_validator(mode="after")
    def _some_hours(self) -> Self:
        if self.begins == self.ends:
            raise misfit("begins and ends at the same time; leave quiet hours out if there are none", "to")
        return self

    @cached_property
    def hours(self) -> QuietHours:
        """The hours."""
        return QuietHours(self.begins, self.ends)


class KindDelivery(Definition):
    """What goes for notices of one kind.

    ``push`` and ``inbox`` are what holds for members who chose nothing. ``at_best_time`` lets a push wait until the
    hour that the member likes best.
    """

    push: bool = True
    inbox: bool = True
    per_day: PerDay | None = None
    at_best_time: bool = False


_PLAIN = KindDelivery()


class Delivery(Definition):
    """How members are told on their devices. ``per_day`` bounds the pushes of all kinds on one of the member's days."""

    quiet: Quiet | None = None
    per_day: PerDay = DEFAULT_PER_DAY
    kinds: dict[NoticeKind, KindDelivery] = Field(default_factory=dict)

    def kind(self, kind: NoticeKind) -> KindDelivery:
        """What goes for a kind, also where the program says nothing of it."""
        return self.kinds.get(kind, _PLAIN)
