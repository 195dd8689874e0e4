"""Lots: how points are put in, taken out, unlocked and expired. Pure functions over a member's open lots."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from gamification.state import Balance, Lot

Lots = tuple[Lot, ...]


def balance_of(lots: Iterable[Lot]) -> Balance:
    """What the open lots come to."""
    available = pending = 0
    for lot in lots:
        if lot.pending:
            pending += lot.remaining
        else:
            available += lot.remaining
    return Balance(available, pending)


def _soonest_expiring(lot: Lot) -> tuple[bool, datetime, datetime]:
    return (lot.expires_at is None, lot.expires_at or lot.earned_at, lot.earned_at)


def spend(lots: Lots, points: int) -> tuple[Lots, tuple[tuple[str, int], ...]]:
    """Take ``points`` from the available lots, soonest-expiring first, then oldest.

    Returns the lots that are left open and what was taken as (lot_id, points) pairs. The caller has made sure that
    enough is available.
    """
    left = points
    taken: dict[str, int] = {}
    for lot in sorted((lot for lot in lots if not lot.pending), key=_soonest_expiring):
        if left == 0:
            break
        taken[lot.lot_id] = min(lot.remaining, left)
        left -= taken[lot.lot_id]
    after = (replace(lot, remaining=lot.remaining - taken.get(lot.lot_id, 0)) for lot in lots)
    return tuple(lot for lot in after if lot.remaining), tuple(taken.items())


def unlock(lots: Lots, at: datetime) -> tuple[Lots, Lots]:
    """Make pending lots due by ``at`` available. Returns all lots, and those unlocked."""
    due = tuple(lot for lot in lots if lot.pending and lot.available_at <= at)
    return tuple(replace(lot, pending=False) if lot in due else lot for lot in lots), due


def expire(lots: Lots, at: datetime) -> tuple[Lots, Lots]:
    """Drop available lots whose end has come by ``at``. Returns the lots left, and those that expired."""
    due = tuple(lot for lot in lots if not lot.pending and lot.expires_at is not None and lot.expires_at <= at)
    return tuple(lot for lot in lots if lot not in due), due


def next_due_at(lots: Lots) -> datetime | None:
    """When the next lot unlocks or expires."""
    dues = [due for lot in lots if (due := lot.available_at if lot.pending else lot.expires_at) is not None]
    return min(dues, default=None)


def coalesced(lots: Lots, most: int) -> Lots:
    """The lots, with those that become available and expire together made one where there are more than ``most``.

    The oldest gives its name to the whole; what is spent and when it expires stays the same.
    """
    if len(lots) <= most:
        return lots
    merged: dict[tuple[datetime | None, datetime | None], Lot] = {}
    for lot in lots:
        key = (lot.expires_at, lot.available_at if lot.pending else None)
        first = merged.get(key)
        merged[key] = lot if first is None else _joined(first, lot)
    return tuple(merged.values())


def _joined(first: Lot, second: Lot) -> Lot:
    return replace(first, points=first.points + second.points, remaining=first.remaining + second.remaining)
