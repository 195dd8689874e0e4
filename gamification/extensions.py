"""Extensions: staff puts off the expiry of a member's points. An activity of Laurel's own kind records it."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from gamification.activity import EXTENSION, Activity, Problem, Scalar, text_problems
from gamification.lot_times import LotCalendar
from gamification.lots import named
from gamification.program.points import MAX_LOT_DAYS
from gamification.state import Lot
from gamification.windows import read_day


def extension(
    key: str, at: datetime, reason: str, *, days: int | None = None, until: date | None = None, lot: str | None = None
) -> Activity:
    """What a member's journal records: points can be spent ``days`` longer, or to the end of the day ``until``.

    It goes for one ``lot``, or for all that are open.
    """
    told: dict[str, Scalar | None] = {"lot": lot, "days": days, "until": until.isoformat() if until else None}
    attributes = {name: value for name, value in told.items() if value is not None}
    return Activity(key, EXTENSION, at, attributes=attributes, reason=reason)


def extension_problems(activity: Activity) -> Iterator[Problem]:
    """Everything that forbids recording this extension, besides what is wrong with any activity."""
    days, until = activity.attributes.get("days"), activity.attributes.get("until")
    if (days is None) == (until is None):
        yield Problem("days", "or until must be given, and not both")
    if days is not None and not (type(days) is int and 1 <= days <= MAX_LOT_DAYS):
        yield Problem("days", f"must be a whole number from 1 to {MAX_LOT_DAYS}")
    last = read_day(until)
    if until is not None and last is None:
        yield Problem("until", "must be a day such as 2026-12-31")
    elif last and not 0 <= (last - activity.occurred_at.date()).days <= MAX_LOT_DAYS:
        yield Problem("until", f"must be from today to {MAX_LOT_DAYS} days from now")
    if not (activity.reason or "").strip():
        yield Problem("reason", "must say why the points are extended")
    yield from text_problems("reason", activity.reason or "")


def prolonged(lots: tuple[Lot, ...], activity: Activity, today: date, calendar: LotCalendar) -> tuple[Lot, ...]:
    """The lots after an extension, which moves no end to an earlier day."""
    lot_id, days, until = (activity.attributes.get(name) for name in ("lot", "days", "until"))
    meant = lots if lot_id is None else named(lots, str(lot_id))
    meant_ids = {lot.lot_id for lot in meant}
    last = min(date.fromisoformat(str(until)), today + timedelta(days=MAX_LOT_DAYS)) if until else None
    return tuple(
        calendar.prolonged(lot, today, int(days or 0), last) if lot.lot_id in meant_ids else lot for lot in lots
    )
