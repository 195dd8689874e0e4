"""The steps of a dry run as input, and how they become the game's own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import strawberry

from gamification.activity import Problem
from gamification.program.definition import Money
from gamification.requests import RecordRequest
from schema.context import Context
from schema.inputs import SIMULATED_KEY, SimulateActivityInput, Unusable, member_ids_of, subject_of, to_activity
from schema.measure import MAX_STEPS

ROOT_FIELD = "simulateActivities"


@strawberry.input(description="A step: either an `activity`, or a moment to wait for, `at`.")
class SimulationStepInput:
    """A step: either an activity, or a moment to wait for."""

    activity: SimulateActivityInput | None = strawberry.field(
        default=None,
        description="What the member might do. Without `occurredAt`, at the moment at which the step before it was. It "
        "need not name the member again.",
    )
    at: datetime | None = strawberry.field(
        default=None, description="Let time pass until then, and see what that brings: up to 3,660 days ahead."
    )


@strawberry.input(
    description="What if one thing were done, and then another? Without `memberId` and `loyaltyNumber`, members ask "
    "for themselves."
)
class SimulateActivitiesInput:
    """A chain of steps. Which member, ``memberId`` or ``loyaltyNumber`` says."""

    steps: list[SimulationStepInput] = strawberry.field(description="From 1 to 50 steps, in the order of time.")
    member_id: strawberry.ID | None = strawberry.field(
        default=None, description="The member's global id. Give this or `loyaltyNumber`, not both."
    )
    loyalty_number: str | None = strawberry.field(
        default=None, description="The 12 digits of the member's card. Give this or `memberId`, not both."
    )


@dataclass(frozen=True, slots=True)
class Chain:
    """Steps of one member, as the recorder takes them."""

    member_id: str
    steps: tuple[RecordRequest | datetime, ...]


async def to_steps(context: Context, given: SimulateActivitiesInput) -> Chain | Unusable:
    """The chain that an input means.

    Raises:
        GraphQLError: FORBIDDEN; a member asks about somebody else.
    """
    subject = await subject_of(context, ROOT_FIELD, given)
    if not 1 <= len(given.steps) <= MAX_STEPS:
        problem = Problem("steps", f"has {len(given.steps)} entries; from 1 to {MAX_STEPS} are allowed")
        return Unusable((problem,))
    if isinstance(subject, Unusable):
        return subject
    money = (await context.game.stores.programs.current()).program.money
    making = _Making(subject, money, context.game.now())
    for step in given.steps:
        making.add(step)
    problems = [*making.problems, *await _strangers(context, subject, given.steps)]
    return Unusable(tuple(problems)) if problems else Chain(subject, tuple(making.steps))


def is_wait(step: SimulationStepInput) -> bool:
    """Whether a step is a moment to wait for."""
    return step.at is not None


class _Making:
    """A chain in the making: what it comes to so far, what is wrong with it, and how late it is by then."""

    def __init__(self, member_id: str, money: Money, now: datetime) -> None:
        self.steps: list[RecordRequest | datetime] = []
        self.problems: list[Problem] = []
        self._member_id, self._money, self._latest = member_id, money, now
        self._before: datetime | None = None
        self._count = 0

    def add(self, step: SimulationStepInput) -> None:
        """Take in one more step."""
        path, number = f"steps.{self._count}", self._count
        self._count += 1
        if step.activity is not None and step.at is not None:
            self._object(path, "is either an activity or a moment to wait for, not both")
        elif step.activity is not None:
            self._pass(f"{path}.activity.occurredAt", step.activity.occurred_at)
            self._add_activity(f"{path}.activity", step.activity, number)
        elif step.at is not None:
            self._pass(f"{path}.at", step.at)
            self.steps.append(step.at)
        else:
            self._object(path, "needs an activity, or a moment to wait for")

    def _pass(self, path: str, at: datetime | None) -> None:
        """Hold the steps to the order of time."""
        if at is not None and at.tzinfo is None:
            self._object(path, "needs a time zone, such as 2026-05-01T12:00:00Z")
            return
        if at is not None and self._before is not None and at < self._before:
            self._object(path, "lies before the step that comes before it")
            return
        self._before = at if at is not None else max(self._latest, self._before or self._latest)
        self._latest = max(self._latest, self._before)

    def _add_activity(self, path: str, given: SimulateActivityInput, number: int) -> None:
        # Numbered, so that what happens at the same instant keeps its order.
        activity = to_activity(given, f"{SIMULATED_KEY}-{number + 1:02}", self._money, self._latest)
        if isinstance(activity, Unusable):
            self.problems += [Problem(f"{path}.{each.path}", each.message) for each in activity.problems]
        else:
            self.steps.append(RecordRequest(self._member_id, activity, timed=given.occurred_at is not None))

    def _object(self, path: str, message: str) -> None:
        self.problems.append(Problem(path, message))


async def _strangers(context: Context, subject: str, steps: Sequence[SimulationStepInput]) -> list[Problem]:
    """Steps that name somebody else than the chain does."""
    naming = [
        (number, step.activity)
        for number, step in enumerate(steps)
        if step.activity and (step.activity.member_id is not None or step.activity.loyalty_number is not None)
    ]
    named = await member_ids_of(context, [activity for _, activity in naming])
    problems: list[Problem] = []
    for (number, activity), member in zip(naming, named, strict=True):
        path = f"steps.{number}.activity"
        if isinstance(member, Unusable) and member.problems:
            problems += [replace(problem, path=f"{path}.{problem.path}") for problem in member.problems]
        elif member != subject:
            field = "memberId" if activity.member_id is not None else "loyaltyNumber"
            problems.append(Problem(f"{path}.{field}", "names another member; a chain is about one"))
    return problems
