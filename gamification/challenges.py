"""Challenges in play: what counts, how far a member is, and when they are done."""

import math
from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum

from gamification.draft import Draft
from gamification.effects import Completed, Progressed
from gamification.expressions import Expression, Values
from gamification.program import Challenge, Program
from gamification.program.base import MAX_TARGET
from gamification.state import ChallengeState, State
from gamification.values import value
from gamification.windows import add, local_day, total

NOT_BEGUN = ChallengeState()


class Phase(StrEnum):
    """Where a challenge stands for a member."""

    LOCKED = "locked"
    UPCOMING = "upcoming"
    ACTIVE = "active"
    COMPLETED = "completed"
    ENDED = "ended"


@value(frozen=True, slots=True)
class Fact:
    """Something that may count: an activity, or an effect within the record (its code, points, and how many times)."""

    kind: str
    code: str = ""
    points: int = 0
    times: int = 1


def count(draft: Draft, fact: Fact) -> None:
    """Let a fact count towards every challenge that listens to it, and complete those that reach their goal."""
    for challenge in draft.program.challenges_by_kind.get(fact.kind, ()):
        held = draft.challenges.get(challenge.code, NOT_BEGUN)
        if _phase(challenge, held, draft, draft.program, draft.happened_at) is not Phase.ACTIVE:
            continue
        values = (
            draft.values.extended({"effect.code": fact.code, "effect.points": fact.points})
            if fact.code
            else draft.values
        )
        counted = _count(challenge, held, fact, values, draft)
        if counted != held:
            _progress(draft, challenge, held, counted)


def phase(challenge: Challenge, member: Draft | State, program: Program, at: datetime) -> Phase:
    """Where a challenge stands for a member at an instant."""
    return _phase(challenge, member.challenges.get(challenge.code, NOT_BEGUN), member, program, at)


def _phase(challenge: Challenge, held: ChallengeState, member: Draft | State, program: Program, at: datetime) -> Phase:
    if held.completed_at is not None and _done(challenge, held.completed_at, at, program):
        return Phase.COMPLETED
    if (starts_at := challenge.starts_at) is not None and at < starts_at:
        return Phase.UPCOMING
    if (ends_at := challenge.ends_at) is not None and at >= ends_at:
        return Phase.ENDED
    return Phase.ACTIVE if _requirements_met(challenge, member, program) else Phase.LOCKED


def progress(challenge: Challenge, held: ChallengeState, day: date) -> int:
    """How far the member is on a day, in the challenge's scale; may exceed its goal."""
    if challenge.measure == "distinct":
        opens = challenge.window.opens(day)
        return sum(bucket >= opens for _, bucket in held.seen)
    return total(held.tally, challenge.window, day)


def _done(challenge: Challenge, completed_at: datetime, at: datetime, program: Program) -> bool:
    """Whether a challenge that was completed at an instant is not to be completed again at another."""
    if (repeat := challenge.repeat) != "each_window":
        return repeat == "never"
    zone, window = program.time_zone, challenge.window
    return window.bucket(local_day(completed_at, zone)) == window.bucket(local_day(at, zone))


def _requirements_met(challenge: Challenge, member: Draft | State, program: Program) -> bool:
    requires = challenge.requires
    if not (requires.tier or requires.challenges or requires.badges):
        return True  # which is how it nearly always is
    if requires.tier and program.tiers:
        needed, has = program.tiers.position(requires.tier), program.tiers.position(member.standing.tier)
        if has < needed:
            return False
    completed = all(member.challenges.get(code, NOT_BEGUN).completed for code in requires.challenges)
    return completed and all(code in member.badges for code in requires.badges)


def _count(challenge: Challenge, held: ChallengeState, fact: Fact, values: Values, draft: Draft) -> ChallengeState:
    if challenge.measure == "steps":
        return _follow(challenge, held, fact, values, draft.day)
    if challenge.when and not challenge.when.holds(values):
        return held
    match challenge.measure:
        case "distinct":
            return _collect(challenge, held, values, draft)
        case "sum":
            amount = _measured(challenge.of, values, challenge.scale)
        case _:
            amount = fact.times
    if amount <= 0:
        return held
    tally = add(held.tally, challenge.window, draft.happened_on, amount, draft.day)
    return ChallengeState(tally, held.seen, held.completed, held.completed_at)


def _measured(of: Expression | None, values: Values, scale: int) -> int:
    value: int | float | None = of.evaluate(values) if of else None
    if value is None or not math.isfinite(value):
        return 0
    return round(min(value, MAX_TARGET) * scale)  # more than any target is as good as the largest


def _collect(challenge: Challenge, held: ChallengeState, values: Values, draft: Draft) -> ChallengeState:
    value = challenge.of.evaluate(values) if challenge.of else None
    opens, bucket = challenge.window.opens(draft.day), challenge.window.bucket(draft.happened_on)
    if value is None or value == "" or bucket < opens:
        return held
    seen = {known: last for known, last in held.seen if last >= opens}
    seen[str(value)] = max(bucket, seen.get(str(value), bucket))
    return ChallengeState(held.tally, tuple(seen.items()), held.completed, held.completed_at)


def _follow(challenge: Challenge, held: ChallengeState, fact: Fact, values: Values, day: date) -> ChallengeState:
    done = total(held.tally, challenge.window, day)
    # A later version of the program may have fewer steps than a member has behind them; the last is then to be taken.
    step = challenge.steps[min(done, len(challenge.steps) - 1)]
    if fact.kind not in step.on or (step.when and not step.when.holds(values)):
        return held
    # The whole sequence belongs to the bucket of its first step: when that leaves the window, it begins anew.
    begun = held.tally[0][0] if done else challenge.window.bucket(day)
    return replace(held, tally=((begun, done + 1),))


def _progress(draft: Draft, challenge: Challenge, held: ChallengeState, counted: ChallengeState) -> None:
    before, after = progress(challenge, held, draft.day), progress(challenge, counted, draft.day)
    draft.challenges[challenge.code] = counted
    if after == before:
        return
    goal, scale = challenge.goal, challenge.scale
    arithmetic = f"{_plain(before, scale)} + {_plain(after - before, scale)} of {_plain(goal, scale)}"
    why = draft.why("challenge", challenge.code, arithmetic)
    draft.emit(Progressed(challenge.code, before, after, goal, scale, why))
    if after >= goal:
        _complete(draft, challenge, counted, after)


def _complete(draft: Draft, challenge: Challenge, held: ChallengeState, reached: int) -> None:
    times, left = divmod(reached, challenge.goal) if challenge.repeat == "always" else (1, 0)
    tally = add((), challenge.window, draft.day, left) if left and challenge.measure in ("count", "sum") else ()
    draft.challenges[challenge.code] = ChallengeState(tally, (), held.completed + times, draft.at)
    draft.touch()
    scale = challenge.scale
    arithmetic = f"{_plain(reached, scale)} of {_plain(challenge.goal, scale)}"
    why = draft.why("challenge", challenge.code, arithmetic)
    draft.emit(Completed(challenge.code, times, why))


def _plain(amount: int, scale: int) -> str:
    """A progress in its own unit, exactly: 1500 thousandths are 1.5."""
    whole, fraction = divmod(amount, scale)
    return f"{whole}.{fraction:0{len(str(scale)) - 1}}".rstrip("0") if fraction else str(whole)
