"""Tiers in play: where a member stands, and when that changes by itself."""

from dataclasses import replace
from datetime import datetime

from gamification.draft import Draft
from gamification.program import Program
from gamification.record import TierMoved
from gamification.state import State
from gamification.windows import falls_below, local_day, start_of_day, total


def reached(program: Program, amount: int) -> int:
    """The position of the highest tier whose threshold ``amount`` meets."""
    return sum(threshold <= amount for threshold in program.tier_thresholds) - 1


def settle(draft: Draft) -> None:
    """Move the standing to the tier that the window now holds enough for; upwards rung by rung."""
    tiers = draft.program.tiers
    if tiers is None:
        return
    amount = total(draft.standing.tally, tiers.window, draft.day)
    target = reached(draft.program, amount)
    position = tiers.positions.get(draft.standing.tier or "")
    if position is None or target < position:
        _move(draft, target, amount)
    else:
        for rung in range(position + 1, target + 1):
            _move(draft, rung, amount)


def next_due_at(state: State, program: Program) -> datetime | None:
    """When the member's tier changes if nothing more happens; None if never.

    Where a new version of the program puts them elsewhere, that is at once.
    """
    tiers = program.tiers
    if tiers is None or state.standing.tier is None:
        return None
    today = local_day(state.as_of, program.time_zone)
    position = reached(program, total(state.standing.tally, tiers.window, today))
    if tiers.levels[position].code != state.standing.tier:
        return state.as_of
    if position == 0:
        return None
    day = falls_below(state.standing.tally, tiers.window, today, program.tier_thresholds[position])
    return start_of_day(day, program.time_zone) if day else None


def _move(draft: Draft, position: int, amount: int) -> None:
    tiers = draft.program.tiers
    assert tiers is not None
    tier, before = tiers.levels[position], draft.standing.tier
    draft.standing = replace(draft.standing, tier=tier.code, since=draft.at)
    draft.touch()
    spend = tiers.metric == "spend"
    counted = draft.program.money.to_major(amount) if spend else amount
    inputs: dict[str, str | int | float] = {tiers.metric: str(counted)}
    why = draft.why("tier", tier.code, f"{counted} of {tier.threshold} in {tiers.window}", inputs=inputs)
    up = before is None or position > tiers.position(before)
    draft.emit(TierMoved(before, tier.code, up, why))
