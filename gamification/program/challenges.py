"""Challenges: count, sum, collect or follow steps within a window, for a reward."""

from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gamification.expressions import EffectCondition, EffectMeasure
from gamification.program.base import Code, Definition, Instant, Kinds, Reward, Target, WindowField, misfit
from gamification.program.texts import Text
from gamification.windows import Window

MAX_DISTINCT = 1000
MAX_STEPS = 50
SUM_SCALE = 1000
"""Sums of amounts and other fractions are kept in thousandths, so that they add up exactly."""


class Step(Definition):
    """One step of a sequence: an activity of the kinds ``on`` that meets ``when``."""

    title: Text
    on: Kinds
    when: EffectCondition | None = None


class Requirements(Definition):
    """What a member must have before a challenge counts for them."""

    tier: Code | None = None
    challenges: Annotated[tuple[Code, ...], Field(max_length=20)] = ()
    badges: Annotated[tuple[Code, ...], Field(max_length=20)] = ()


class Challenge(Definition):
    """A goal: ``measure`` over activities (or effects) of the kinds ``on`` reaches ``target`` within ``window``.

    ``count`` counts them, ``sum`` adds ``of``, ``distinct`` counts the different values of ``of``; ``steps`` follows
    a sequence. ``repeat``: never, ``each_window`` (once in every calendar period), or ``always`` (what is over the
    target counts towards the next time).
    """

    code: Code
    title: Text
    description: Text | None = None
    unit: Text | None = None
    on: Kinds | None = None
    when: EffectCondition | None = None
    measure: Literal["count", "sum", "distinct", "steps"] = "count"
    of: EffectMeasure | None = None
    target: Target | None = None
    steps: Annotated[tuple[Step, ...], Field(max_length=MAX_STEPS)] = ()
    window: WindowField = Window("lifetime")
    repeat: Literal["never", "each_window", "always"] = "never"
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    requires: Requirements = Requirements()
    reward: Reward = Reward()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for fault in (self._measure_fault(), self._repeat_fault(), self._period_fault()):
            if fault:
                raise fault
        return self

    def _measure_fault(self) -> PydanticCustomError | None:
        if (self.measure == "steps") != bool(self.steps):
            return misfit("steps and 'measure: steps' belong together", "steps" if self.steps else "measure")
        if self.measure == "steps":
            given = [name for name in ("on", "when", "of", "target") if getattr(self, name) is not None]
            return misfit(f"leave out {', '.join(given)}: each step says what counts", given[0]) if given else None
        if self.on is None or self.target is None:
            return misfit("needs 'on' (what counts) and 'target' (how much of it)")
        if (self.of is None) != (self.measure == "count"):
            message = "'of' says what to sum or collect; give it for sum and distinct, not for count"
            return misfit(message, "measure" if self.of is None else "of")
        if self.of is not None and self.measure == "sum" and self.of.returns not in ("INT", "DOUBLE"):
            return misfit(f"'of' gives {self.of.returns}; a sum needs a number", "of")
        if self.of is not None and self.measure == "distinct" and self.of.returns not in ("INT", "STRING"):
            return misfit(f"'of' gives {self.of.returns}; distinct values are texts or whole numbers", "of")
        if self.measure == "distinct" and self.target > MAX_DISTINCT:
            return misfit(f"at most {MAX_DISTINCT} distinct values can be collected", "target")
        return None

    def _repeat_fault(self) -> PydanticCustomError | None:
        if self.repeat == "each_window" and self.window.unit in ("lifetime", "rolling"):
            return misfit("'repeat: each_window' needs a calendar window", "repeat")
        return None

    def _period_fault(self) -> PydanticCustomError | None:
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            return misfit("ends_at must come after starts_at", "ends_at")
        return None

    @cached_property
    def scale(self) -> int:
        """By what a progress is multiplied to be kept as a whole number."""
        return SUM_SCALE if self.measure == "sum" and self.of and self.of.returns == "DOUBLE" else 1

    @cached_property
    def goal(self) -> int:
        """The target as progress is kept: scaled, or the number of steps."""
        return len(self.steps) if self.target is None else self.target * self.scale

    @cached_property
    def amount(self) -> Decimal:
        """The goal in its own unit."""
        return Decimal(self.goal) / self.scale

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds of activities and effects that can count."""
        return frozenset([*(self.on or ()), *(kind for step in self.steps for kind in step.on)])
