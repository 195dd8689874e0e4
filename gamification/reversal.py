"""Reversals: what of an activity is taken back, what is left of it, and what becomes of points that were spent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gamification.activity import (
    ATTRIBUTES,
    ENROLMENT,
    OWN_KINDS,
    Activity,
    LineItem,
    Problem,
    Reversal,
    ReversedLine,
)
from gamification.draft import Draft
from gamification.program.definition import Money

_STAYING = OWN_KINDS | {ENROLMENT, ATTRIBUTES}
"""Kinds that cannot be taken back: Laurel's own, and what the shop says of a member, which is set anew instead."""


@dataclass(frozen=True, slots=True)
class Return:
    """What is asked to be taken back of one line of a receipt: the ``line`` at a place from 0, or the one of a ``sku``.

    All that is left of it, or so many pieces, for so much money (minor units) or else for their share of the line.
    """

    line: int | None = None
    sku: str | None = None
    quantity: int | None = None
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class AlreadyReversed:
    """Nothing is left of the activity to take back; nothing was written."""

    key: str


@dataclass(frozen=True, slots=True)
class NotReversible:
    """Activities of this kind stay as they are; nothing was written."""

    key: str
    kind: str


@dataclass(slots=True)
class _Left:
    """What is left of one line while reversals are taken off."""

    quantity: int
    amount_minor: int


def settle(draft: Draft, activity: Activity) -> None:
    """Let a reversal itself take effect, once what it takes back is gone: by the program's policy for what was spent.

    Under ``allow_debt`` the member goes on owing what is missing.
    """
    assert activity.reversal is not None, "a reversal says what it takes back"
    if draft.program.reversals.policy != "allow_debt":
        draft.forgive(draft.why("reversal", "forgiven"))
    if activity.reversal.kept:
        draft.keep(activity.reversal.kept, draft.why("reversal", "kept"))


def left_of(activity: Activity, taken: Iterable[Reversal]) -> Activity | None:
    """The activity as it counts once these have been taken off; None if nothing is left of it.

    Nothing is left of a purchase whose whole amount has been taken back. One whose every line has been stays with what
    is left of its amount, such as shipping, but for one that cost nothing.
    """
    taken = tuple(taken)
    if not taken:
        return activity
    lines = [_Left(item.quantity, item.amount_minor) for item in activity.items]
    amount = activity.amount_minor
    for reversal in taken:
        if reversal.whole:
            return None
        for each in reversal.lines:
            lines[each.line].quantity -= each.quantity
            lines[each.line].amount_minor -= each.amount_minor
            amount -= each.amount_minor
        amount -= reversal.amount_minor
    amount = max(amount, 0)  # What was paid may be less than the sum of the lines.
    items = tuple(
        replace(item, quantity=left.quantity, amount_minor=max(left.amount_minor, 0))
        for item, left in zip(activity.items, lines, strict=True)
        if left.quantity > 0
    )
    if amount == 0 and (activity.amount_minor > 0 or not items):
        return None
    return replace(activity, items=items, amount_minor=amount)


def judged(
    activity: Activity, taken: Sequence[Reversal], returns: Sequence[Return], amount_minor: int | None, money: Money
) -> Reversal | AlreadyReversed | NotReversible | tuple[Problem, ...]:
    """What is to be taken back of an activity from which ``taken`` has been already, or why that cannot be.

    ``returns`` narrow it to lines, ``amount_minor`` to an amount; without either it is all that is left. Problems tell
    amounts in the program's ``money``.
    """
    if activity.kind in _STAYING:
        return NotReversible(activity.key, activity.kind)
    left = left_of(activity, taken)
    if left is None:
        return AlreadyReversed(activity.key)
    if returns and amount_minor is not None:
        return (Problem("amount", "and lines exclude each other; each line may have an amount of its own"),)
    if amount_minor is not None:
        if not 0 < amount_minor <= left.amount_minor:
            most = _written(left.amount_minor, money)
            return (Problem("amount", f"must be more than 0 and at most the {most} that are left"),)
        return Reversal(activity.key, amount_minor=amount_minor)
    if not returns:
        return Reversal(activity.key)
    return _judged_lines(activity, taken, returns, money)


def _judged_lines(
    activity: Activity, taken: Sequence[Reversal], returns: Sequence[Return], money: Money
) -> Reversal | tuple[Problem, ...]:
    left = [_Left(item.quantity, item.amount_minor) for item in activity.items]
    for each in (line for reversal in taken for line in reversal.lines):
        left[each.line].quantity -= each.quantity
        left[each.line].amount_minor -= each.amount_minor
    found: list[ReversedLine] = []
    problems: list[Problem] = []
    for number, asked in enumerate(returns):
        line = _line(activity.items, asked)
        if line is None:
            problems.append(Problem(f"lines.{number}", "names no single line of the activity"))
            continue
        reversed_line = _taken_back(asked, line, activity.items[line], left[line], money)
        if isinstance(reversed_line, str):
            problems.append(Problem(f"lines.{number}", reversed_line))
            continue
        left[line].quantity -= reversed_line.quantity
        left[line].amount_minor -= reversed_line.amount_minor
        found.append(reversed_line)
    reversal = Reversal(activity.key, tuple(found))
    # Lines may come to more than was paid, where a voucher paid for a part; together they never come to more than that.
    most = max(activity.amount_minor, sum(item.amount_minor for item in activity.items))
    if not problems and (over := sum(map(_amount_of, (*taken, reversal))) - most) > 0:
        problems.append(Problem("lines", f"take back {_written(over, money)} more than is left of the activity"))
    return tuple(problems) or reversal


def _amount_of(reversal: Reversal) -> int:
    return reversal.amount_minor + sum(line.amount_minor for line in reversal.lines)


def _line(items: Sequence[LineItem], asked: Return) -> int | None:
    """Which line is meant; None if that cannot be told."""
    if asked.line is not None:
        fits = 0 <= asked.line < len(items) and asked.sku in (None, items[asked.line].sku)
        return asked.line if fits else None
    named = [number for number, item in enumerate(items) if item.sku == asked.sku]
    return named[0] if len(named) == 1 else None


def _taken_back(asked: Return, line: int, item: LineItem, left: _Left, money: Money) -> ReversedLine | str:
    """What is taken back of a line, or what is wrong with that."""
    if asked.quantity is None and asked.amount_minor is not None:
        if not 0 < asked.amount_minor <= left.amount_minor:
            return f"has {_written(left.amount_minor, money)} left to take back"
        return ReversedLine(line, 0, asked.amount_minor)
    quantity = left.quantity if asked.quantity is None else asked.quantity
    if not 0 < quantity <= left.quantity:
        return f"has {left.quantity} pieces left to take back"
    share = _share(item, left, quantity)
    amount = share if asked.amount_minor is None else asked.amount_minor
    if not 0 <= amount <= left.amount_minor:
        return f"has {_written(left.amount_minor, money)} left to take back"
    return ReversedLine(line, quantity, amount)


def _written(amount_minor: int, money: Money) -> str:
    return f"{money.to_major(amount_minor):f} {money.currency}"


def _share(item: LineItem, left: _Left, quantity: int) -> int:
    """What these pieces cost. The shares of all pieces together are the line's amount, however they are returned."""
    if quantity == left.quantity:
        return left.amount_minor
    returned = item.quantity - left.quantity
    paid_back = item.amount_minor - left.amount_minor
    return min(max(item.amount_minor * (returned + quantity) // item.quantity - paid_back, 0), left.amount_minor)
