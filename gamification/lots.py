"""Lots: how points are put in, taken out, unlocked and expired. Pure functions over a member's open lots.

When a lot is gone can depend on when the member was last active; the `LotCalendar` knows.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from gamification.activity import own_key
from gamification.lot_times import LotCalendar
from gamification.program import Program
from gamification.state import Balance, Lot, State
from gamification.values import value

MAX_WAITING_LOTS = 500
"""How many lots may wait for an event at a time. What comes in beyond that waits for its last day only."""
MARK_CHARS = 8
"""How many hexadecimal digits of a hash tell the lots of one merged account from those of another."""

Lots = tuple[Lot, ...]


def balance_of(lots: Iterable[Lot]) -> Balance:
    """What the open lots come to, before anything that the member owes."""
    available = pending = 0
    for lot in lots:
        if lot.pending:
            pending += lot.remaining
        else:
            available += lot.remaining
    return Balance(available, pending)


def may_wait(lots: Lots) -> bool:
    """Whether one more lot may wait for an event."""
    return len(lots) < MAX_WAITING_LOTS or sum(_waits(lot) for lot in lots) < MAX_WAITING_LOTS


def spend(lots: Lots, points: int, calendar: LotCalendar) -> tuple[Lots, tuple[tuple[str, int], ...]]:
    """Take ``points`` from the available lots, soonest-expiring first, then oldest.

    Returns the lots that are left open and what was taken as (lot_id, points) pairs, which is less where there is less.
    """

    def soonest_expiring(lot: Lot) -> tuple[bool, datetime, datetime]:
        end = calendar.end(lot)
        return (end is None, end or lot.earned_at, lot.earned_at)

    left = points
    taken: dict[str, int] = {}
    for lot in sorted((lot for lot in lots if not lot.pending), key=soonest_expiring):
        if left == 0:
            break
        taken[lot.lot_id] = min(lot.remaining, left)
        left -= taken[lot.lot_id]
    after = (replace(lot, remaining=lot.remaining - taken.get(lot.lot_id, 0)) for lot in lots)
    return tuple(lot for lot in after if lot.remaining), tuple(taken.items())


@value(frozen=True, slots=True)
class Unlocked:
    """What became of pending lots: all ``lots`` afterwards, those ``released``, and those ``cancelled``."""

    lots: Lots
    released: Lots
    cancelled: Lots = ()


def unlock(lots: Lots, at: datetime, calendar: LotCalendar) -> Unlocked:
    """Make pending lots due by ``at`` available. One whose event has not come by then may come to nothing."""
    due = {lot.lot_id for lot in lots if lot.pending and lot.available_at <= at}
    cancelled = tuple(lot for lot in lots if lot.lot_id in due and lot.waiting and lot.waiting.cancels)
    lost = {lot.lot_id for lot in cancelled}
    after = (
        calendar.released(lot, lot.available_at) if lot.lot_id in due else lot for lot in lots if lot.lot_id not in lost
    )
    return Unlocked(tuple(after), tuple(lot for lot in lots if lot.lot_id in due - lost), cancelled)


def release(
    lots: Lots, kind: str, key: str | None, at: datetime, calendar: LotCalendar, *, own: str | None = None
) -> Unlocked:
    """Make the lots available that wait for an activity of this kind: those of the activity ``key``, or all of them.

    ``own`` is the key as the account has it that names the activity; where a lot is of that one, no other is meant.
    Where none that waits is of an activity with the key itself, it means those that merged accounts had under it.
    """
    waiting = [lot for lot in lots if lot.waiting is not None and lot.waiting.kind == kind]
    if own is not None and any(activity_key(lot) == own for lot in lots):
        due = {lot.lot_id for lot in waiting if activity_key(lot) == own}
    else:
        due = {lot.lot_id for lot in (waiting if key is None else _called(waiting, key, activity_key))}
    if not due:
        return Unlocked(lots, ())
    after = tuple(calendar.released(lot, at) if lot.lot_id in due else lot for lot in lots)
    return Unlocked(after, tuple(lot for lot in lots if lot.lot_id in due))


def activity_key(lot: Lot) -> str:
    """The key of the activity that made a lot; ``@`` and an instant for one that time made."""
    return lot.lot_id.rpartition(".")[0]


def named(lots: Lots, lot_id: str) -> Lots:
    """The lot with this name or code, or else those that had it in merged accounts."""
    return tuple(lot for lot in lots if _marked(lot.lot_id) == lot_id) or _called(lots, lot_id, lambda lot: lot.lot_id)


def codes(lots: Lots) -> Mapping[str, str]:
    """What each lot, by its id, is called by: as its account has it, unless accounts that were merged both have such.

    Then that of a merged account has a mark of the account behind it. `named` finds one lot by each.
    """
    alike = Counter(own_key(lot.lot_id) for lot in lots)
    return {lot.lot_id: own if alike[own := own_key(lot.lot_id)] == 1 else _marked(lot.lot_id) for lot in lots}


def _marked(lot_id: str) -> str:
    """A lot's name as its account has it; for a merged account, with a mark that tells it and does not give its id."""
    own = own_key(lot_id)
    account = lot_id.removesuffix(own)
    return f"{own}|{sha256(account.encode()).hexdigest()[:MARK_CHARS]}" if account else own


def _called(lots: Iterable[Lot], name: str, name_of: Callable[[Lot], str]) -> Lots:
    by_name = [(name_of(lot), lot) for lot in lots]
    exactly = tuple(lot for each, lot in by_name if each == name)
    return exactly or tuple(lot for each, lot in by_name if own_key(each) == name)


def _waits(lot: Lot) -> bool:
    """Whether an activity can still release the lot."""
    return lot.waiting is not None and lot.waiting.kind is not None


def expire(lots: Lots, at: datetime, calendar: LotCalendar) -> tuple[Lots, Lots]:
    """Drop available lots whose end has come by ``at``. Returns the lots left, and those that expired."""
    due = tuple(lot for lot in lots if not lot.pending and (end := calendar.end(lot)) is not None and end <= at)
    gone = {lot.lot_id for lot in due}
    return (tuple(lot for lot in lots if lot.lot_id not in gone), due) if due else (lots, ())


def next_due_at(state: State, program: Program) -> datetime | None:
    """When the next lot unlocks or expires."""
    return first_due_at(state.lots, LotCalendar(program.time_zone, state.active_on))


def first_due_at(lots: Lots, calendar: LotCalendar) -> datetime | None:
    """When the first of these lots unlocks or expires if nothing more happens."""
    dues = [  # asked before every activity, so without a call for each plain lot
        lot.available_at if lot.pending else lot.expires_at if lot.idle_days is None else calendar.end(lot)
        for lot in lots
    ]
    return min(filter(None, dues), default=None)


def coalesced(lots: Lots, most: int, calendar: LotCalendar) -> Lots:
    """The lots, with those that become available and expire together made one where there are more than ``most``.

    The oldest gives its name to the whole; what is spent and when it expires stays the same. Of those that wait for an
    event, only what one activity made is joined.
    """
    if len(lots) <= most:
        return lots
    merged: dict[object, Lot] = {}
    for lot in lots:
        key = _kept_apart_by(lot, calendar)
        first = merged.get(key)
        merged[key] = lot if first is None else _joined(first, lot)
    return tuple(merged.values())


def _kept_apart_by(lot: Lot, calendar: LotCalendar) -> object:
    """What two lots must have in common to be joined."""
    if lot.pending:
        waits = lot.waiting and (lot.waiting, activity_key(lot) if _waits(lot) else None)
        return (lot.available_at, lot.expires_at, lot.idle_days, lot.grace_days, waits)
    if lot.idle_days is None and not lot.grace_days:
        return lot.expires_at
    # Two that idleness ends may have different promised ends. Behind an end that is later than both, they are one.
    return (calendar.end(lot), lot.idle_days, lot.grace_days)


def _joined(first: Lot, second: Lot) -> Lot:
    end = first.expires_at
    if end is None or (second.expires_at is not None and second.expires_at > end):
        end = second.expires_at
    # Spelt out, since in a history that is played again every lot is joined to another before long.
    return Lot(
        first.lot_id,
        first.points + second.points,
        first.remaining + second.remaining,
        first.earned_at,
        first.available_at,
        end,
        first.pending,
        first.idle_days,
        first.grace_days,
        first.waiting,
        first.origin if first.origin == second.origin else "",
    )
