"""Badges: what earns them, their levels, and how rare they are."""

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from gamification.expressions import Condition, MemberMeasure
from gamification.program.base import Code, Definition, Points, Target, misfit
from gamification.program.texts import Text

MAX_LEVELS = 20
Rarity = Literal["common", "uncommon", "rare", "epic", "legendary"]


class BadgeLevel(Definition):
    """One level: reached when the badge's measure is at least ``at``; ``points`` are given once."""

    at: Target = 1
    name: Text | None = None
    points: Points = 0


def _level(value: object) -> object:
    return {"at": value} if isinstance(value, int) and not isinstance(value, bool) else value


class Earned(Definition):
    """What earns a badge: exactly one of a measure over the member, a condition, a challenge or a tier."""

    measure: MemberMeasure | None = None
    condition: Condition | None = None
    challenge: Code | None = None
    tier: Code | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [self.measure, self.condition, self.challenge, self.tier]
        if sum(way is not None for way in ways) != 1:
            raise misfit("give exactly one of measure, condition, challenge and tier")
        return self


class Badge(Definition):
    """A badge. Without ``earned`` it is given only as the reward of a challenge or a tier.

    A ``secret`` badge is not shown to a member before they have won it.
    """

    code: Code
    name: Text
    description: Text | None = None
    icon_url: Annotated[str, StringConstraints(pattern=r"^(https://|/)[^\s<>\"]{1,500}$")] | None = None
    rarity: Rarity = "common"
    secret: bool = False
    unit: Text | None = None
    earned: Earned | None = None
    levels: Annotated[
        tuple[Annotated[BadgeLevel, BeforeValidator(_level)], ...], Field(min_length=1, max_length=MAX_LEVELS)
    ] = (BadgeLevel(),)

    @model_validator(mode="after")
    def _rising_levels(self) -> Self:
        steps = [level.at for level in self.levels]
        for number, (low, high) in enumerate(pairwise(steps), start=1):
            if low >= high:
                raise misfit("the levels must rise", "levels", number, "at")
        if len(steps) > 1 and (self.earned is None or self.earned.measure is None):
            raise misfit("levels need a measure to reach them by", "levels")
        return self
