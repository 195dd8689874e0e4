"""Progress bars: one shape for tiers, challenges and badges, so that an app draws one widget."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from gamification.challenges import NOT_BEGUN, Phase, phase, progress
from gamification.draft import member_values
from gamification.expressions import Values
from gamification.program import Badge, Challenge, Program, Text
from gamification.state import State
from gamification.tiers import reached
from gamification.windows import Window, local_day, start_of_day, total


@dataclass(frozen=True, slots=True)
class Milestone:
    """A mark on the way, at ``at`` of the bar's unit."""

    at: Decimal
    label: Text | None
    reached: bool


@dataclass(frozen=True, slots=True)
class ProgressBar:
    """How far a member is: ``current`` of ``target``, in ``unit``. ``ends_at`` is when the chance is over."""

    current: Decimal
    target: Decimal
    unit: Text | None
    phase: Phase
    milestones: tuple[Milestone, ...] = ()
    ends_at: datetime | None = None

    @property
    def remaining(self) -> Decimal:
        """What is missing, never below zero."""
        return max(self.target - self.current, Decimal(0))

    @property
    def ratio(self) -> float:
        """From 0 to 1."""
        return min(float(self.current / self.target), 1.0) if self.target else 1.0

    @property
    def percent(self) -> int:
        """Whole percent, rounded down, so that 100 means done."""
        return min(int(self.current * 100 / self.target), 100) if self.target else 100

    def label(self, language: str) -> str:
        """The numbers and the unit, such as ``2 / 3 purchases``."""
        numbers = f"{plain(self.current)} / {plain(self.target)}"
        return f"{numbers} {self.unit.read(language)}" if self.unit else numbers


def plain(number: Decimal) -> str:
    """A number as people write it: 3, not 3.00; 29.90, not 29.9; 0.125 as it is."""
    if number == number.to_integral_value():
        return f"{number:.0f}"
    return f"{number:.2f}" if number == round(number, 2) else f"{number.normalize():f}"


def tier_progress(state: State, program: Program, now: datetime) -> ProgressBar | None:
    """How far a member is on the way to the next tier; full on the highest. None without tiers."""
    tiers = program.tiers
    if tiers is None:
        return None
    today = local_day(now, program.time_zone)
    counted = total(state.standing.tally, tiers.window, today)
    spend = tiers.metric == "spend"
    amount = program.money.to_major(counted) if spend else Decimal(counted)
    position = reached(program, counted)
    target = tiers.levels[min(position + 1, len(tiers.levels) - 1)].threshold
    return ProgressBar(
        current=amount,
        target=target,
        unit=Text.everywhere(program.money.currency) if spend else program.points.name,
        phase=Phase.ACTIVE if position + 1 < len(tiers.levels) else Phase.COMPLETED,
        milestones=tuple(Milestone(tier.threshold, tier.name, tier.threshold <= amount) for tier in tiers.levels),
        ends_at=_period_end(tiers.window, today, program),
    )


def challenge_progress(challenge: Challenge, state: State, program: Program, now: datetime) -> ProgressBar:
    """How far a member is in a challenge at this moment."""
    held = state.challenges.get(challenge.code, NOT_BEGUN)
    today = local_day(now, program.time_zone)
    stands = phase(challenge, state, program, now)
    current = challenge.goal if stands is Phase.COMPLETED else min(progress(challenge, held, today), challenge.goal)
    done = Decimal(current) / challenge.scale
    return ProgressBar(
        current=done,
        target=Decimal(challenge.goal) / challenge.scale,
        unit=challenge.unit,
        phase=stands,
        milestones=tuple(
            Milestone(Decimal(number), step.title, number <= done) for number, step in enumerate(challenge.steps, 1)
        ),
        ends_at=_chance_ends_at(challenge, today, program),
    )


def badge_progress(badge: Badge, state: State, program: Program, now: datetime) -> ProgressBar:
    """How far a member is on the way to a badge's next level; full on the highest."""
    held = state.badges.get(badge.code)
    level = held.level if held else 0
    following = badge.levels[min(level, len(badge.levels) - 1)]
    measured = Decimal(level)
    if badge.earned and badge.earned.measure:
        value = badge.earned.measure.evaluate(Values({**member_values(state, program), "now": now}))
        measured = Decimal(str(value)) if value is not None else Decimal(0)
    full = level == len(badge.levels)
    return ProgressBar(
        current=Decimal(following.at) if full else min(measured, Decimal(following.at)),
        target=Decimal(following.at),
        unit=badge.unit,
        phase=Phase.COMPLETED if full else Phase.ACTIVE,
        milestones=tuple(
            Milestone(Decimal(each.at), each.name, number <= level) for number, each in enumerate(badge.levels, 1)
        ),
    )


def _chance_ends_at(challenge: Challenge, today: date, program: Program) -> datetime | None:
    ends = (challenge.ends_at, _period_end(challenge.window, today, program))
    return min((end for end in ends if end is not None), default=None)


def _period_end(window: Window, today: date, program: Program) -> datetime | None:
    """When the calendar period of a day is over; None for other windows."""
    if window.unit in ("lifetime", "rolling"):
        return None
    leaves = window.leaves(window.bucket(today))
    return start_of_day(leaves, program.time_zone) if leaves else None
