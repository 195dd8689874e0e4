"""The times of lots: which terms they go by, when they can be spent, and when they are gone. Pure functions."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from gamification.activity import OWN_KINDS, PURCHASE
from gamification.program import Program
from gamification.program.points import MAX_LOT_DAYS, LotTerms
from gamification.state import Expiry, Lot, OpenLot, Waiting
from gamification.values import value
from gamification.windows import day_of_year, local_day, start_of_day

_CACHED_DAYS = 8192
_INSTANT = timedelta(milliseconds=1)


@value(frozen=True, slots=True)
class LotCalendar:
    """What the ends of lots depend on: the zone in which days begin, and the day (ordinal) of the last activity."""

    zone: ZoneInfo
    active_on: int | None = None

    def end(self, lot: Lot) -> datetime | None:
        """When a lot is gone if nothing more happens; None if never."""
        end = lot.expires_at
        if end is None or lot.idle_days is None or self.active_on is None:
            return end
        idle_until = date.fromordinal(self.active_on + lot.idle_days + lot.grace_days)
        return max(end, start_of_day(idle_until, self.zone))

    def nominal_end(self, lot: Lot) -> datetime | None:
        """The end that members are told of, before the days of grace."""
        end = self.end(lot)
        if end is None or not lot.grace_days:
            return end
        return start_of_day(local_day(end, self.zone) - timedelta(days=lot.grace_days), self.zone)

    def seen(self, lot: Lot) -> OpenLot:
        """The lot as its member sees it."""
        waits, gone_at = lot.waiting is not None, self.end(lot)
        return OpenLot(
            points=lot.points,
            remaining=lot.remaining,
            earned_at=lot.earned_at,
            available_at=lot.available_at,
            pending=lot.pending,
            waits_for=lot.waiting.kind if lot.waiting else None,
            expires_at=gone_at if waits else self.nominal_end(lot),
            gone_at=gone_at,
        )

    def told(self, lot: OpenLot | None) -> str:
        """What there is of a lot and its last day: ``40 to 2027-04-30``; ``0`` where there is none of it."""
        if lot is None:
            return "0"
        begins = f" from {local_day(lot.available_at, self.zone)}" if lot.pending else ""
        ends = f" to {local_day(lot.expires_at - _INSTANT, self.zone)}" if lot.expires_at else ""
        return f"{lot.remaining}{begins}{ends}"

    def released(self, lot: Lot, at: datetime) -> Lot:
        """The lot as it can be spent from ``at`` on. Its days begin to count, but no end that was promised moves up."""
        if lot.waiting is None:
            return replace(lot, pending=False)
        expiry = lot.waiting.expiry
        end = _end_of(expiry, local_day(at, self.zone), self.zone)
        if end is not None and lot.expires_at is not None:
            end = max(end, lot.expires_at)
        freed = replace(lot, pending=False, available_at=at, waiting=None, expires_at=end)
        return replace(freed, idle_days=expiry.idle_days, grace_days=expiry.grace_days)

    def prolonged(self, lot: Lot, today: date, days: int, until: date | None) -> Lot:
        """The lot with its end put off by ``days``, or to the end of the day ``until``; never to an earlier one.

        At most ``MAX_LOT_DAYS`` from today. One that never expires goes on so.
        """
        ahead = self.released(lot, lot.available_at) if lot.waiting else lot
        end = self.end(ahead)
        if end is None:
            return lot
        day = until + timedelta(days=1 + ahead.grace_days) if until else local_day(end, self.zone) + timedelta(days)
        furthest = today + timedelta(days=MAX_LOT_DAYS)
        later = start_of_day(min(day, furthest), self.zone)
        # The end of a lot that waits is only the latest that it may have, and may move up; what is promised may not.
        promised = lot.expires_at if lot.waiting else end
        return lot if promised is not None and later <= promised else replace(lot, expires_at=later)


def keeps_alive(kind: str, program: Program) -> bool:
    """Whether an activity of this kind puts off expiry by inactivity: purchases, and what a rule gives points for."""
    return kind == PURCHASE or (kind in program.rules_by_kind and kind not in OWN_KINDS)


def opened(
    lot_id: str, points: int, at: datetime, terms: LotTerms, origin: str, *, today: date, zone: ZoneInfo, may_wait: bool
) -> Lot:
    """A new lot, earned ``at`` an instant of the day ``today``, with its times by the terms that count for it.

    A later change of the tier or the program moves no lot's times. Where it may not wait for an event, it waits for the
    last day that this may come on, and comes to then what it would have come to without one: released or cancelled.
    """
    expiry, day = terms.expiry, today
    if terms.pending_days:
        day = today + timedelta(days=terms.pending_days)
    if terms.pending_until is not None:
        day = max(today, terms.pending_until)
    if (event := terms.pending_event) is not None:
        day = today + timedelta(days=event.at_most_days)
        if may_wait or event.then == "cancel":
            waiting = Waiting(event.on if may_wait else None, expiry, event.then == "cancel")
            begins = start_of_day(day, zone)
            return Lot(lot_id, points, points, at, begins, pending=True, waiting=waiting, origin=origin)
    is_pending, idle_days, grace_days = day > today, expiry.idle_days, expiry.grace_days
    available_at, expires_at = start_of_day(day, zone) if is_pending else at, _end_of(expiry, day, zone)
    return Lot(lot_id, points, points, at, available_at, expires_at, is_pending, idle_days, grace_days, None, origin)


def _end_of(expiry: Expiry, available_on: date, zone: ZoneInfo) -> datetime | None:
    """When points are gone that can be spent from this day on, grace included; None if never."""
    if expiry.month_day:
        month, number = int(expiry.month_day[:2]), int(expiry.month_day[3:])
        last = day_of_year(month, number, available_on.year + expiry.years_after)
        if last < available_on:
            last = day_of_year(month, number, last.year + 1)
        day = last + timedelta(days=1)
    else:
        days = expiry.days if expiry.days is not None else expiry.idle_days
        if days is None:
            return None
        day = available_on + timedelta(days=days)
    return start_of_day(day + timedelta(days=expiry.grace_days), zone)
