"""What a member's points will come to by time alone: which of them expire, and when."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gamification import lots
from gamification.lot_times import LotCalendar
from gamification.program import Program
from gamification.state import Lot, State


@dataclass(frozen=True, slots=True, order=True)
class Expiring:
    """Points that expire together: ``expires_at`` is what members are told, ``gone_at`` is after the days of grace."""

    expires_at: datetime
    gone_at: datetime
    points: int


def expiring(state: State, program: Program, within: timedelta, now: datetime) -> tuple[Expiring, ...]:
    """What expires from ``now`` on and until ``within`` from now if nothing more happens, soonest first.

    Pending points that can be spent before that are in it, less what they pay of a debt. So are points that have
    expired but can still be spent, with an ``expires_at`` before now.
    """
    calendar = LotCalendar(program.time_zone, state.active_on)
    until = now + within
    open_lots, debt = state.lots, state.debt
    found: dict[tuple[datetime, datetime], int] = {}
    while (due := lots.first_due_at(open_lots, calendar)) is not None:
        if due > until and all(_told_after(lot, until, calendar) for lot in open_lots):
            break
        open_lots = lots.unlock(open_lots, due, calendar).lots
        if debt:
            open_lots, taken = lots.spend(open_lots, debt, calendar)
            debt -= sum(points for _, points in taken)
        open_lots, gone = lots.expire(open_lots, due, calendar)
        for lot in gone:
            told_at = calendar.nominal_end(lot)
            if told_at is not None and told_at <= until and due > now:
                found[told_at, due] = found.get((told_at, due), 0) + lot.remaining
    return tuple(Expiring(told_at, gone_at, points) for (told_at, gone_at), points in sorted(found.items()))


def _told_after(lot: Lot, until: datetime, calendar: LotCalendar) -> bool:
    """Whether a lot does not expire until then: not even its nominal end has come."""
    if lot.pending:
        return lot.available_at > until
    nominal = calendar.nominal_end(lot)
    return nominal is None or nominal > until
