"""Earning: what the program's rules give for an activity, with the arithmetic that explains it."""

from collections.abc import Iterator
from dataclasses import field, replace
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from gamification.activity import Activity, LineItem
from gamification.draft import Draft
from gamification.program import Rule
from gamification.program.base import MAX_POINTS
from gamification.program.rules import ROUNDINGS, Earn
from gamification.state import RuleUse
from gamification.values import value
from gamification.windows import add, total

_FORMULA_DIGITS = Decimal("1e-9")
"""A formula works in doubles; what is off beyond this is their noise, not a fraction of a point."""


Inputs = dict[str, str | int | float]


@value(frozen=True, slots=True)
class Award:
    """Points that a rule gives, and how they were worked out, if that is told."""

    points: int
    arithmetic: str = ""
    inputs: Inputs = field(default_factory=dict)


def earn(draft: Draft, activity: Activity) -> None:
    """Credit what every rule for this kind of activity gives."""
    for rule in draft.program.rules_by_kind.get(activity.kind, ()):
        code, when = rule.code, rule.when
        is_limited = rule.is_limited or code in draft.rules
        if (is_limited and _cooling_down(draft, rule)) or (when is not None and not when.holds(draft.values)):
            continue
        award = _award(draft, rule.earn, activity)
        if is_limited:
            award = _capped(draft, rule, award)
            if award.points:
                _note_use(draft, rule, award.points)
        if award.points:
            why = draft.why("rule", code, award.arithmetic, inputs=award.inputs)
            draft.credit(award.points, why, qualifying=rule.qualifying)


def _cooling_down(draft: Draft, rule: Rule) -> bool:
    minutes = rule.cooldown_minutes
    used = None if minutes is None else draft.rules.get(rule.code)
    return used is not None and draft.at < used.last_at + timedelta(minutes=minutes or 0)


def _award(draft: Draft, earn: Earn, activity: Activity) -> Award:
    if earn.formula is not None:
        return _by_formula(draft, earn)
    if (per_amount := earn.per_amount) is not None:
        lines = _lines(draft, earn, activity)
        counted = sum(line.amount_minor for line in lines) if earn.selects_lines else activity.amount_minor
        return _rounded(draft, earn, draft.program.money.to_major(counted), per_amount, "amount")
    if (per_items := earn.per_items) is not None:
        pieces = sum(line.quantity for line in _lines(draft, earn, activity))
        return _rounded(draft, earn, Decimal(pieces), Decimal(per_items), "items")
    return Award(earn.points, f"{earn.points}", {"points": earn.points})


def _lines(draft: Draft, earn: Earn, activity: Activity) -> Iterator[LineItem]:
    for line in activity.items:
        if earn.categories and line.category not in earn.categories:
            continue
        if earn.items is None or earn.items.holds(draft.values.extended(item_values(draft, line))):
            yield line


def item_values(draft: Draft, line: LineItem) -> dict[str, object]:
    """What expressions may read of one line of a receipt."""
    return {
        "item.sku": line.sku,
        "item.category": line.category or "",
        "item.quantity": line.quantity,
        "item.amount": float(draft.program.money.to_major(line.amount_minor)),
    }


def _rounded(draft: Draft, earn: Earn, measured: Decimal, per: Decimal, name: str) -> Award:
    # Points for every whole "per": 1 point per 10 dollars gives nothing for 9.99, and 5 points per 10 give 5 for 19.
    each, rounding = earn.points, earn.rounding
    points = each * int((measured / per).to_integral_value(rounding=ROUNDINGS[rounding]))
    if draft.quiet:
        return Award(min(points, MAX_POINTS))
    arithmetic = f"{rounding}({measured} / {per}) x {each} = {points}"
    inputs: Inputs = {name: str(measured), "per": str(per), "points": each}
    if points > MAX_POINTS:
        return Award(MAX_POINTS, f"{arithmetic}, at most {MAX_POINTS}", inputs)
    return Award(points, arithmetic, inputs)


def _by_formula(draft: Draft, earn: Earn) -> Award:
    assert earn.formula is not None
    result = earn.formula.evaluate(draft.values)
    exact = Decimal(str(result)) if result is not None else Decimal(0)
    if not exact.is_finite() or exact <= 0:
        return Award(0, "", {})
    formula, inputs = f"{earn.rounding}({earn.formula.source})", Inputs(result=str(exact))
    if exact > MAX_POINTS:
        return Award(MAX_POINTS, f"{formula}, at most {MAX_POINTS}", inputs)
    whole = int(exact.quantize(_FORMULA_DIGITS, ROUND_HALF_EVEN).to_integral_value(rounding=ROUNDINGS[earn.rounding]))
    return Award(whole, f"{formula} = {whole}", inputs)


def _capped(draft: Draft, rule: Rule, award: Award) -> Award:
    room, limit, caps = award.points, "", rule.caps
    if caps.activity is not None and caps.activity < room:
        room, limit = caps.activity, "activity"
    used = draft.rules.get(rule.code) if caps.windows else None
    for window, cap in caps.windows:
        given = total(used.given.get(window.unit, ()), window, draft.day) if used else 0
        if cap - given < room:
            room, limit = max(cap - given, 0), window.unit
    if not limit:
        return award
    return replace(award, points=room, arithmetic=f"{award.arithmetic}, capped per {limit}: {room}")


def _note_use(draft: Draft, rule: Rule, points: int) -> None:
    code, windows, cools_down = rule.code, rule.caps.windows, rule.cooldown_minutes is not None
    used = draft.rules.get(code)
    given = dict(used.given) if used else {}
    for window, _ in windows:
        given[window.unit] = add(given.get(window.unit, ()), window, draft.day, points)
    if given or cools_down:
        draft.rules[code] = RuleUse(draft.at, given)
