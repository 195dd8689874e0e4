"""Scoring: what an activity is worth on the program's boards, once all that it caused is known."""

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import repeat

from gamification.activity import MAX_CODE_CHARS, Activity
from gamification.boards.listing import MAX_SCORE
from gamification.boards.periods import Period, closes_at, period_named, period_on
from gamification.draft import Draft
from gamification.effects import Scored
from gamification.expressions import Expression
from gamification.program.boards import VALUE_SCALE, Board, Measure, Operator
from gamification.progress import plain
from gamification.state import Score

MAX_SCOPES = 50
"""On how many boards of one definition and period a member is at most; what comes after these does not count."""
MAX_SCOPE_CHARS = MAX_CODE_CHARS
KEPT_CLOSED_PERIODS = 3
"""How many closed periods of a board a member's state keeps, beside all that are not closed yet."""

Amounts = tuple[int, ...]
"""What one activity is worth by each of a board's measures, the score first."""


def score(draft: Draft, activity: Activity) -> None:
    """Let an activity count on every board that looks at it; the draft is settled, so its points are known.

    An activity counts in the period in which it happened. One whose scope or value cannot be worked out from its
    attributes does not count.
    """
    day, zone = draft.happened_on, draft.program.time_zone
    for board in draft.program.boards_by_kind.get(activity.kind, ()):
        when, by = board.when, board.by
        if when is not None and not when.holds(draft.values):
            continue
        period = period_on(board, day, zone)
        scope = "" if by is None else _scope(draft, by)
        amounts = _amounts(draft, board.measures, activity)
        if period is not None and scope is not None and amounts is not None:
            changed = _count(draft, board, period.code, scope, amounts)
            if changed is not None and not draft.quiet:
                _tell(draft, board, *changed, amounts[0])


def _scope(draft: Draft, by: Expression) -> str | None:
    """Which of a board's scopes an activity counts in; None for none."""
    value = by.evaluate(draft.values)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # clients mix 1.0 and 1 up
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and 0 < len(value) <= MAX_SCOPE_CHARS else None


def _amounts(draft: Draft, measures: Iterable[Measure], activity: Activity) -> Amounts | None:
    """What the activity is worth by each of a board's measures; None where one cannot be worked out."""
    amounts: list[int] = []
    for measure in measures:
        amount = _amount(draft, measure, activity)
        if amount is None:
            return None
        amounts.append(amount)
    return tuple(amounts)


def _amount(draft: Draft, measure: Measure, activity: Activity) -> int | None:
    match measure.metric:
        case "points":
            return _bounded(draft.totals.earned - draft.state.totals.earned)
        case "amount":
            return activity.amount_minor
        case "count":
            return 1
    assert measure.of is not None
    value: int | float | None = measure.of.evaluate(draft.values)
    if value is None or not math.isfinite(value):
        return None
    if measure.of.returns == "DOUBLE":
        most = MAX_SCORE // VALUE_SCALE
        return round(max(-most, min(value, most)) * VALUE_SCALE)
    return _bounded(int(value))


def _count(draft: Draft, board: Board, period: str, scope: str, amounts: Amounts) -> tuple[Score | None, Score] | None:
    """Let an activity count; the score before and after it, None where the numbers stay what they were."""
    place = _place_of(draft.scores, board.code, period, scope)
    if place is None:
        entering = Score(board.code, period, scope, amounts[0], amounts[1:], draft.at, draft.happened_at)
        return (None, entering) if _enter(draft, board, entering) else None
    before = draft.scores[place]
    after = _counted(draft, board, before, amounts)
    draft.scores = (*draft.scores[:place], after, *draft.scores[place + 1 :])
    return None if (before.value, before.columns) == (after.value, after.columns) else (before, after)


def _tell(draft: Draft, board: Board, before: Score | None, after: Score, amount: int) -> None:
    """Say in the record how a score changed."""
    held, scale = before.value if before else None, board.scale(draft.program.money.decimals)
    why = draft.why("board", board.code, _arithmetic(board.operator, held, amount, after.value, scale))
    place = (board.code, after.period, after.scope)
    draft.note(Scored(*place, held, after.value, after.columns, scale, why, after.reached_at))


def _place_of(scores: Sequence[Score], board: str, period: str, scope: str) -> int | None:
    for place, held in enumerate(scores):
        if held.period == period and held.board == board and held.scope == scope:
            return place
    return None


def _counted(draft: Draft, board: Board, held: Score, amounts: Amounts) -> Score:
    """The score with an activity counted. It was reached when its numbers became what they are."""
    newest = draft.happened_at >= held.counted_at
    before = (held.value, *held.columns)
    # A later version of the program may have other columns than the score was begun with.
    combined = tuple(map(_combined, board.measures, before, amounts, repeat(newest)))
    numbers = combined + amounts[len(combined) :]
    reached_at = held.reached_at if numbers == before else draft.at
    counted_at = draft.happened_at if newest else held.counted_at
    return Score(held.board, held.period, held.scope, numbers[0], numbers[1:], reached_at, counted_at)


def _combined(measure: Measure, held: int, amount: int, newest: bool) -> int:
    match measure.operator:
        case "sum":
            return _bounded(held + amount)
        case "best":
            return max(held, amount)
        case "latest":
            return amount if newest else held


def _enter(draft: Draft, board: Board, entering: Score) -> bool:
    """Take in a member's first score of a period and scope, and drop what is kept no longer; False to leave it out."""
    if board.operator == "sum" and not entering.value and not any(entering.columns):
        return False  # nobody is on a board with nothing
    own = [held.period for held in draft.scores if held.board == board.code]
    if own.count(entering.period) >= MAX_SCOPES:
        return False
    scores = (*draft.scores, entering)
    periods = {*own, entering.period}
    if len(periods) > KEPT_CLOSED_PERIODS:
        kept, known = _kept(draft, board, periods), draft.program.board_by_code
        if entering.period not in kept:
            return False
        scores = tuple(s for s in scores if (s.period in kept if s.board == board.code else s.board in known))
    draft.scores = scores
    return True


def _kept(draft: Draft, board: Board, codes: Iterable[str]) -> set[str]:
    """Of a board's periods those that are not closed yet, and the last few that are."""
    kept: set[str] = set()
    closed: list[Period] = []
    for code in codes:
        period = period_named(board, code, draft.program.time_zone)
        if period is None:
            continue  # the board had other periods under an earlier version of the program
        ends_at = closes_at(board, period)
        if ends_at is not None and ends_at <= draft.at:
            closed.append(period)
        else:
            kept.add(code)
    closed.sort(key=lambda period: period.starts_at)
    return kept | {period.code for period in closed[-KEPT_CLOSED_PERIODS:]}


def _bounded(number: int) -> int:
    if -MAX_SCORE <= number <= MAX_SCORE:
        return number
    return MAX_SCORE if number > 0 else -MAX_SCORE


def _arithmetic(operator: Operator, before: int | None, amount: int, after: int, scale: int) -> str:
    """How a score came about, in its unit: ``12 + 5 = 17``."""
    if before is None:
        return _shown(after, scale)
    match operator:
        case "sum" if scale == 1:
            return f"{before} + {amount} = {after}"
        case "sum":
            return f"{_shown(before, scale)} + {_shown(amount, scale)} = {_shown(after, scale)}"
        case "best":
            return f"best of {_shown(before, scale)} and {_shown(amount, scale)}"
        case "latest":
            return f"latest: {_shown(after, scale)}"


def _shown(number: int, scale: int) -> str:
    return str(number) if scale == 1 else plain(Decimal(number) / scale)
