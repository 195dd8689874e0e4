"""Earning rules: which activities give points, how many, and up to what cap."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gamification.expressions import Condition, Formula, ItemCondition
from gamification.program.base import Code, Definition, Kinds, Points, misfit
from gamification.program.points import Terms
from gamification.program.texts import Text
from gamification.windows import Window

MAX_COOLDOWN_MINUTES = 60 * 24 * 366
ROUNDINGS = {"floor": ROUND_FLOOR, "ceil": ROUND_CEILING, "half_up": ROUND_HALF_UP}


class Earn(Definition):
    """How many points: per activity, per amount of money, per number of items, or by a formula.

    ``points`` may be left out, for 1, where they are per amount or per items. ``categories`` and ``items`` narrow the
    lines that count; ``rounding`` turns the result into whole points.
    """

    points: Points = 1
    per_amount: Annotated[Decimal, Field(gt=0, le=10**6, max_digits=9)] | None = None
    per_items: Annotated[int, Field(strict=True, ge=1, le=10**6)] | None = None
    formula: Formula | None = None
    categories: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    items: ItemCondition | None = None
    rounding: Literal["floor", "ceil", "half_up"] = "floor"

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        measures = [self.per_amount, self.per_items, self.formula]
        if sum(measure is not None for measure in measures) > 1:
            raise misfit("give one of per_amount, per_items and formula, or none for points per activity")
        if self.formula is not None and "points" in self.model_fields_set:
            raise misfit("a formula gives the points itself; leave points out", "points")
        if self.selects_lines and self.per_amount is None and self.per_items is None:
            narrowing = "categories" if self.categories else "items"
            message = "narrows per_amount or per_items, and neither is given; use a condition in 'when' instead"
            raise misfit(message, narrowing)
        if not any(measure is not None for measure in measures) and "points" not in self.model_fields_set:
            raise misfit("says nothing; give points, and per_amount or per_items if they are for each of those")
        return self

    @cached_property
    def selects_lines(self) -> bool:
        """Whether only some lines of a receipt count."""
        return bool(self.categories) or self.items is not None


class Caps(Definition):
    """The most points a rule gives, per activity and per calendar period in the program's time zone."""

    activity: Points | None = None
    day: Points | None = None
    week: Points | None = None
    month: Points | None = None
    year: Points | None = None
    lifetime: Points | None = None

    @cached_property
    def windows(self) -> list[tuple[Window, int]]:
        """Every capped window with its most points."""
        units = ("day", "week", "month", "year", "lifetime")
        return [(Window(unit), cap) for unit in units if (cap := getattr(self, unit)) is not None]


class Rule(Definition):
    """An earning rule: for activities of the kinds ``on`` that meet ``when``, what they ``earn``."""

    code: Code
    name: Text
    on: Kinds
    when: Condition | None = None
    earn: Earn
    caps: Caps = Caps()
    cooldown_minutes: Annotated[int, Field(strict=True, ge=1, le=MAX_COOLDOWN_MINUTES)] | None = None
    qualifying: bool = True
    """Whether the points count towards tiers that are measured in points."""
    points: Terms | None = None
    """When the points can be spent and expire; what it does not say, the member's tier or the program does."""

    @cached_property
    def is_limited(self) -> bool:
        """Whether it gives less than it could, by its caps or for a while."""
        return bool(self.caps.windows) or self.caps.activity is not None or self.cooldown_minutes is not None
