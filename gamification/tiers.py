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
    """Move the standing to the tier that the window now holds enough for."""
    tiers = draft.program.tiers
    if tiers is None:
        return
    amount = total(draft.standing.tally, tiers.window, draft.day)
    tier = tiers.levels[reached(draft.program, amount)]
    before = draft.standing.tier
    if tier.code == before:
        return
    draft.standing = replace(draft.standing, tier=tier.code, since=draft.at)
    draft.touch()
    up = before is None or tiers.position(tier.code) > tiers.position(before)
    counted = draft.program.money.to_major(amount) if tiers.metric == "spend" else amount
    why = draft.why(
        "tier", tier.code, f"{counted} of {tier.threshold} in {tiers.window}", inputs={tiers.metric: str(counted)}
    )
    draft.emit(TierMoved(before, tier.code, up, why))


def next_due_at(state: State, program: Program) -> datetime | None:
    """When the member falls to a lower tier if nothing more happens; None if never."""
    if program.tiers is None or state.standing.tier is None:
        return None
    threshold = program.tier_thresholds[program.tiers.position(state.standing.tier)]
    if threshold == 0:
        return None
    today = local_day(state.as_of, program.time_zone)
    day = falls_below(state.standing.tally, program.tiers.window, today, threshold)
    return start_of_day(day, program.time_zone) if day else None
