"""Streaks as a program defines them: what counts, how often, what forgives a miss, and what long ones give."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gamification.expressions import Condition
from gamification.program.base import Code, Definition, Kinds, Reward, misfit, misfits
from gamification.program.boards import Day
from gamification.program.texts import Text

MAX_STREAK_CONDITIONS = 10
MAX_TIMES = 1000
MAX_FREEZES = 100
MAX_PAUSES = 50
MAX_PAUSE_DAYS = 366
MAX_PAUSES_PER_YEAR = 12
MAX_MILESTONES = 50
MAX_LENGTH = 36_600
"""The longest streak that a milestone may ask for, in periods: a hundred years of days."""

Fault = tuple[str, tuple[str | int, ...]]
Spans = tuple[tuple[int, int], ...]
"""First and last days, as ordinals, in order and apart from each other."""


class StreakCondition(Definition):
    """Something to do in every period: activities of the kinds ``on`` that meet ``when``, so many ``times``."""

    on: Kinds
    when: Condition | None = None
    times: Annotated[int, Field(strict=True, ge=1, le=MAX_TIMES)] = 1


class Freezes(Definition):
    """Freezes each make up for one missed period, by themselves.

    A member has ``start`` of them when their first streak begins, and gets one more for ``every`` so many periods of a
    streak, while they hold fewer than ``limit``.
    """

    start: Annotated[int, Field(strict=True, ge=0, le=MAX_FREEZES)] = 0
    every: Annotated[int, Field(strict=True, ge=1, le=MAX_LENGTH)] | None = None
    limit: Annotated[int, Field(strict=True, ge=1, le=MAX_FREEZES)]

    @model_validator(mode="after")
    def _gives_some(self) -> Self:
        if self.start > self.limit:
            raise misfit("a member starts with more freezes than the limit lets them hold", "start")
        if not self.start and self.every is None:
            raise misfit("gives no freezes; say 'start' or 'every'")
        return self


class Pause(Definition):
    """Days on which nobody's streak can break. ``ends_on`` is the last of them."""

    starts_on: Day
    ends_on: Day

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_on < self.starts_on:
            raise misfit("ends_on is the pause's last day, and comes before its first", "ends_on")
        if (self.ends_on - self.starts_on).days >= MAX_PAUSE_DAYS:
            raise misfit(f"a pause has at most {MAX_PAUSE_DAYS} days", "ends_on")
        return self


class MemberPauses(Definition):
    """The pauses that a member may plan: of at most ``max_days`` each, and ``per_year`` beginning in a year."""

    max_days: Annotated[int, Field(strict=True, ge=1, le=MAX_PAUSE_DAYS)]
    per_year: Annotated[int, Field(strict=True, ge=1, le=MAX_PAUSES_PER_YEAR)] = 1


class StreakMilestone(Definition):
    """What a streak of ``length`` periods gives, once in each; or one of ``every`` so many periods."""

    length: Annotated[int, Field(strict=True, ge=1, le=MAX_LENGTH)] | None = None
    every: Annotated[int, Field(strict=True, ge=1, le=MAX_LENGTH)] | None = None
    name: Text | None = None
    reward: Reward = Reward()

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.length is None) == (self.every is None):
            raise misfit("give either length, for one place, or every, for all its multiples")
        return self

    def following(self, length: int) -> int | None:
        """The next length beyond ``length`` at which this stands; None if there is none."""
        if self.every is not None:
            return (length // self.every + 1) * self.every
        return self.length if self.length is not None and self.length > length else None


class Streak(Definition):
    """Periods in a row, on the member's own calendar, in which they met ``all`` or ``any`` of the conditions.

    A period that is missed while half or more of its days are paused is passed over, and so is one whose last day was
    too short to act on, as the member crossed time zones. A pause is to stay here until the period after it is over.
    """

    code: Code
    name: Text
    description: Text | None = None
    unit: Text | None = None
    period: Literal["day", "week", "month"] = "day"
    mode: Literal["all", "any"] = "all"
    conditions: Annotated[tuple[StreakCondition, ...], Field(min_length=1, max_length=MAX_STREAK_CONDITIONS)]
    freezes: Freezes | None = None
    pauses: Annotated[tuple[Pause, ...], Field(max_length=MAX_PAUSES)] = ()
    member_pauses: MemberPauses | None = None
    milestones: Annotated[tuple[StreakMilestone, ...], Field(max_length=MAX_MILESTONES)] = ()

    @model_validator(mode="after")
    def _milestones_apart(self) -> Self:
        found = list(self._doubled_milestones())
        if found:
            raise misfits(found)
        return self

    def _doubled_milestones(self) -> Iterator[Fault]:
        seen: set[tuple[str, int]] = set()
        for number, milestone in enumerate(self.milestones):
            field = "length" if milestone.length is not None else "every"
            place = (field, getattr(milestone, field))
            if place in seen:
                yield "another milestone stands at the same place", ("milestones", number, field)
            seen.add(place)

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds of activities that can count."""
        return frozenset(kind for condition in self.conditions for kind in condition.on)

    @cached_property
    def paused_days(self) -> Spans:
        """The program's own pauses of this streak."""
        return joined((pause.starts_on.toordinal(), pause.ends_on.toordinal()) for pause in self.pauses)

    @property
    def freeze_limit(self) -> int:
        """How many freezes a member may use or hold; 0 where there are none."""
        return self.freezes.limit if self.freezes else 0

    def milestone_at(self, length: int) -> StreakMilestone | None:
        """The milestone at a length: the one for just this length, else the rarest of those that recur."""
        recurring = None
        for milestone in self.milestones:
            if milestone.length == length:
                return milestone
            if milestone.every and length % milestone.every == 0:
                recurring = milestone if recurring is None else max(recurring, milestone, key=_rarity)
        return recurring

    def next_milestone(self, length: int) -> int | None:
        """The length of the first milestone beyond ``length``; None if there is none."""
        return min((at for each in self.milestones if (at := each.following(length)) is not None), default=None)


def _rarity(milestone: StreakMilestone) -> int:
    return milestone.every or 0


def joined(spans: Iterable[tuple[int, int]]) -> Spans:
    """Spans of days in order, those that touch as one."""
    apart: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if apart and first <= apart[-1][1] + 1:
            apart[-1] = (apart[-1][0], max(apart[-1][1], last))
        else:
            apart.append((first, last))
    return tuple(apart)
