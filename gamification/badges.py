"""Badges in play: who has earned which level."""

from gamification.draft import Draft
from gamification.effects import BadgeWon
from gamification.expressions import Values
from gamification.program import Badge
from gamification.state import BadgeHeld


def settle(draft: Draft) -> None:
    """Award every badge level that the member now deserves by a measure or a condition."""
    for code, badge in draft.program.judged_badges.items():
        held = draft.badges.get(code)
        level = held.level if held else 0
        if level < len(badge.levels):
            deserved = deserved_level(badge, draft.values, in_activity=draft.activity is not None)
            for number in range(level + 1, deserved + 1):
                _win(draft, badge, number)


def deserved_level(badge: Badge, values: Values, *, in_activity: bool) -> int:
    """The level that a measure or condition comes to, 0 for none."""
    assert badge.earned is not None
    if badge.earned.measure is not None:
        measured = badge.earned.measure.evaluate(values)
        return sum(level.at <= measured for level in badge.levels) if measured is not None else 0
    if badge.earned.condition is not None and in_activity:
        return int(badge.earned.condition.holds(values))
    return 0


def award(draft: Draft, code: str) -> None:
    """Give a badge as a reward, unless the member has it already."""
    if code not in draft.badges:
        _win(draft, draft.program.badge_by_code[code], 1)


def _win(draft: Draft, badge: Badge, level: int) -> None:
    held = draft.badges.get(badge.code)
    draft.badges[badge.code] = BadgeHeld((*(held.levels_at if held else ()), draft.at))
    draft.touch()
    measure = badge.earned.measure.source if badge.earned and badge.earned.measure else ""
    arithmetic = f"{measure} reached {badge.levels[level - 1].at}" if measure else ""
    draft.emit(BadgeWon(badge.code, level, draft.why("badge", badge.code, arithmetic)))
