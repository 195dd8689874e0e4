"""Progress bars: one shape for tiers, challenges and badges, so that an app draws one widget."""

from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache, partial
from zoneinfo import ZoneInfo

from gamification.challenges import NOT_BEGUN, Phase, phase, progress
from gamification.draft import read_member
from gamification.expressions import Values
from gamification.program import Badge, Challenge, Program, Text
from gamification.state import State
from gamification.tiers import reached, review_day, stands_by_grant
from gamification.values import value
from gamification.windows import Window, earliest, local_day, start_of_day, total, total_from

_CACHED_PERIODS = 1024


@value(frozen=True, slots=True)
class Milestone:
    """A mark on the way, at ``at`` of the bar's unit."""

    at: Decimal
    label: Text | None
    reached: bool


@value(frozen=True, slots=True)
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
    """How far a member is on the way from their tier to the next; over on the highest. None without tiers.

    What counts is what the window holds. A tier may be held by more than that, until it is reviewed.
    """
    tiers = program.tiers
    if tiers is None:
        return None
    today, window = local_day(now, program.time_zone), tiers.window_of(state.joined_at, program.time_zone)
    counted = total(state.standing.tally, window, today)
    amount = _tier_amount(program, counted)
    position = max(tiers.position(state.standing.tier), reached(program, counted))
    target = tiers.levels[min(position + 1, len(tiers.levels) - 1)].threshold
    return ProgressBar(
        current=amount,
        target=target,
        unit=_tier_unit(program),
        phase=Phase.ACTIVE if position + 1 < len(tiers.levels) else Phase.COMPLETED,
        milestones=tuple(Milestone(tier.threshold, tier.name, tier.threshold <= amount) for tier in tiers.levels),
        ends_at=_period_end(window, today, program.time_zone),
    )


def keep_progress(state: State, program: Program, now: datetime) -> ProgressBar | None:
    """How far a member is towards keeping their tier, and by when; ``state`` is that of ``now``.

    ``current`` is what the next review will find of what is there today, and ``ends_at`` is that review: the end of
    the period, or the day on which a rolling window would hold too little. While a grace is running, it is what is
    there, and the end of the grace. For a tier granted by staff, it is the grant's end. None where nothing can be lost.
    """
    tiers, standing = program.tiers, state.standing
    if tiers is None or standing.tier is None:
        return None
    position, today = tiers.position(standing.tier), local_day(now, program.time_zone)
    window, threshold = tiers.window_of(state.joined_at, program.time_zone), program.tier_thresholds[position]
    if stands_by_grant(standing, tiers):
        held, ends_at = total(standing.tally, window, today), standing.granted_until
    elif position == 0 or tiers.downgrade.to == "never":
        return None
    elif standing.grace_until is not None:
        held, ends_at = total_from(standing.tally, window.looks_back(today)), standing.grace_until
    else:
        day = review_day(standing, window, today, threshold)
        ends_at = start_of_day(day, program.time_zone) if day else None
        held = total(standing.tally, window, today if window.periodic else day or today)
    if ends_at is None:
        return None
    return ProgressBar(
        current=_tier_amount(program, held),
        target=tiers.levels[position].threshold,
        unit=_tier_unit(program),
        phase=Phase.COMPLETED if held >= threshold else Phase.ACTIVE,
        ends_at=ends_at,
    )


def _tier_amount(program: Program, counted: int) -> Decimal:
    spend = program.tiers is not None and program.tiers.metric == "spend"
    return program.money.to_major(counted) if spend else Decimal(counted)


def _tier_unit(program: Program) -> Text:
    spend = program.tiers is not None and program.tiers.metric == "spend"
    return _currency(program.money.currency) if spend else program.points.name


@cache
def _currency(code: str) -> Text:
    return Text.everywhere(code)


def challenge_progress(
    challenge: Challenge, state: State, program: Program, now: datetime, stands: Phase | None = None
) -> ProgressBar:
    """How far a member is in a challenge at this moment, where it ``stands`` then, if that is known."""
    held = state.challenges.get(challenge.code, NOT_BEGUN)
    today = local_day(now, program.time_zone)
    stands = stands or phase(challenge, state, program, now)
    done = challenge.amount
    if stands is not Phase.COMPLETED and (counted := progress(challenge, held, today)) < challenge.goal:
        done = Decimal(counted) / challenge.scale
    return ProgressBar(
        current=done,
        target=challenge.amount,
        unit=challenge.unit,
        phase=stands,
        milestones=_steps(challenge, done) if challenge.steps else (),
        ends_at=_chance_ends_at(challenge, today, program),
    )


def _steps(challenge: Challenge, done: Decimal) -> tuple[Milestone, ...]:
    return tuple(
        Milestone(Decimal(number), step.title, number <= done) for number, step in enumerate(challenge.steps, 1)
    )


def chance_ends_at(challenge: Challenge, program: Program, now: datetime) -> datetime | None:
    """When the chance to complete a challenge, or its current period, is over; None where neither ends."""
    return _chance_ends_at(challenge, local_day(now, program.time_zone), program)


def badge_progress(badge: Badge, state: State, program: Program, now: datetime) -> ProgressBar:
    """How far a member is on the way to a badge's next level; full on the highest."""
    held = state.badges.get(badge.code)
    level = held.level if held else 0
    following = badge.levels[min(level, len(badge.levels) - 1)]
    measured = Decimal(level)
    if badge.earned and badge.earned.measure:
        value = badge.earned.measure.evaluate(Values({"now": now}, partial(read_member, state, program)))
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
    if not challenge.window.periodic:
        return challenge.ends_at
    return earliest(challenge.ends_at, _period_end(challenge.window, today, program.time_zone))


@lru_cache(maxsize=_CACHED_PERIODS)
def _period_end(window: Window, today: date, zone: ZoneInfo) -> datetime | None:
    """When the period of a day is over; None for windows without periods."""
    if not window.periodic:
        return None
    leaves = window.leaves(window.bucket(today))
    return start_of_day(leaves, zone) if leaves else None
