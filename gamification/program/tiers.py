"""Tiers: the ladder members climb by what they spend or earn within a window."""

from collections.abc import Iterator
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gamification.program.base import Code, Definition, Reward, WindowField, misfits
from gamification.program.texts import Text


class Tier(Definition):
    """One rung. ``threshold`` is in points, or in major units of money for ``metric: spend``."""

    code: Code
    name: Text
    threshold: Annotated[Decimal, Field(ge=0, le=10**10)]
    benefits: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    reward: Reward = Reward()


class Tiers(Definition):
    """The ladder, lowest rung first; the lowest has threshold 0, so that every member stands somewhere."""

    metric: Literal["spend", "points"]
    window: WindowField
    levels: Annotated[tuple[Tier, ...], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        found = [(message, ("levels", number, "threshold")) for number, message in self._threshold_faults()]
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

    @cached_property
    def positions(self) -> dict[str, int]:
        """Where each tier stands on the ladder, from 0, by its code."""
        return {tier.code: number for number, tier in enumerate(self.levels)}

    def position(self, code: str | None) -> int:
        """Where a tier stands on the ladder, from 0; a tier that is no longer in the program counts as the lowest."""
        return self.positions.get(code or "", 0)
