"""What time alone will give cause to tell a member, as long as their state stays as it is."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from gamification.challenges import Phase
from gamification.expiring import expiring
from gamification.lot_times import LotCalendar
from gamification.notices.notice import NoticeKind
from gamification.program import Program
from gamification.program.notices import Ahead, OnDay, StreakAtRisk
from gamification.program.points import MAX_LOT_DAYS
from gamification.progress import keep_progress
from gamification.state import State
from gamification.streak_periods import ends_at, first_judged, following
from gamification.values import value
from gamification.windows import day_of_year, local_day

_INSTANT = timedelta(milliseconds=1)
_EVER = timedelta(days=2 * MAX_LOT_DAYS)
"""Beyond the end of any lot."""
_LAST_YEAR = 9998
_DAY_HOURS = 24
_CACHED_DAYS = 8192

_Ending = tuple[datetime, tuple[tuple[datetime, int], ...]]
"""When points expire together, and since when how many of them are there."""


@value(frozen=True, slots=True)
class Foretold:
    """Something to tell ``at`` an instant if it still stands then, and of no use from ``ends_at`` on.

    ``name`` tells it from all others of its kind that one member is ever told.
    """

    at: datetime
    kind: NoticeKind
    subject: str
    name: str
    values: Mapping[str, str | int]
    ends_at: datetime


def foretold(state: State, program: Program, begins: datetime, until: datetime) -> Iterator[Foretold]:
    """What is to be told after ``begins`` and up to ``until``, in no order, if the state stays what it is."""
    told, found = program.notices, list[Iterable[Foretold]]()
    if told.points_expiring is not None:
        found.append(_points_expiring(told.points_expiring, state, program))
    if told.tier_at_risk is not None:
        found.append(_tier_at_risk(told.tier_at_risk, state, program, begins))
    if told.streak_at_risk is not None:
        found.append(_streaks_at_risk(told.streak_at_risk, state, program))
    if told.birthday is not None and state.birthday:
        found.append(_birthdays(told.birthday, state, program, begins, until))
    return (each for kind in found for each in kind if begins < each.at <= until)


def foretells(program: Program) -> bool:
    """Whether a program declares any kind that time alone gives cause to tell."""
    return follows_state(program) or program.notices.birthday is not None


def follows_state(program: Program) -> bool:
    """Whether anything that is foretold depends on what has become of the member, and not on the calendar alone."""
    told = program.notices
    return any(each is not None for each in (told.points_expiring, told.tier_at_risk, told.streak_at_risk))


def _points_expiring(told: Ahead, state: State, program: Program) -> Iterator[Foretold]:
    """Each day on which points expire, so many days ahead. Points that came later than that are not among them."""
    for end, points in _ending(state, program).values():
        for at, until, lead, on in _leads(told, end, state, program):
            there = sum(remaining for since, remaining in points if since <= at)
            if there > 0:
                values: dict[str, str | int] = {"points": there, "days": lead, "on": on}
                yield Foretold(at, "points_expiring", "", f"{on}:{lead}", values, until)


def _ending(state: State, program: Program) -> Mapping[date, _Ending]:
    """What expires on which last day if nothing more happens. What waits for an event has no end yet."""
    lots = tuple(lot for lot in state.lots if lot.waiting is None)
    if state.debt:
        # What is owed takes from whatever becomes available first.
        left = expiring(replace(state, lots=lots), program, _EVER, state.as_of)
        ends = [(each.expires_at, state.as_of, each.points) for each in left]
    else:
        calendar = LotCalendar(program.time_zone, state.active_on)
        ends = [(end, lot.earned_at, lot.remaining) for lot in lots if (end := calendar.nominal_end(lot)) is not None]
    found: dict[date, _Ending] = {}
    for end, since, points in ends:
        # A program that has changed its time zone has points that end at other hours of the same day.
        day = _last_day(end, program)
        first, others = found.get(day, (end, ()))
        found[day] = (min(first, end), (*others, (since, points)))
    return found


def _tier_at_risk(told: Ahead, state: State, program: Program, begins: datetime) -> Iterator[Foretold]:
    """The tier that the next review will find too little for, or that ends with what staff granted."""
    kept = keep_progress(state, program, max(begins, state.as_of))
    if kept is None or kept.ends_at is None:
        return
    tier = state.standing.tier
    assert tier is not None, "what can be lost is there"
    for at, until, lead, on in _leads(told, kept.ends_at, state, program):
        then = keep_progress(state, program, max(at, state.as_of))
        if then is None or then.ends_at != kept.ends_at or then.phase is Phase.COMPLETED:
            continue
        spend = program.tier_metric == "spend"
        missing = program.money.to_minor(then.remaining) if spend else int(then.remaining)
        values: dict[str, str | int] = {"tier": tier, "missing": missing, "days": lead, "on": on}
        yield Foretold(at, "tier_at_risk", tier, f"{tier}:{on}:{lead}", values, until)


def _streaks_at_risk(told: StreakAtRisk, state: State, program: Program) -> Iterator[Foretold]:
    """Each streak whose period has to be done yet, on the evening of its last day where the member is."""
    zone = program.zone_of(state.time_zone)
    for streak in program.streaks:
        held = state.streaks.get(streak.code)
        if held is None or not held.length:
            continue
        period = first_judged(streak, held, zone)
        over, last = ends_at(streak, period, zone), date.fromordinal(following(streak.period, period) - 1)
        at, freezes = _at_hour(last, told.hour, zone), min(held.freezes, streak.freeze_limit)
        if at < over:
            values: dict[str, str | int] = {"streak": streak.code, "length": held.length, "freezes": freezes}
            name = f"{streak.code}:{date.fromordinal(period)}"
            yield Foretold(at, "streak_at_risk", streak.code, name, values, over)


def _birthdays(told: OnDay, state: State, program: Program, begins: datetime, until: datetime) -> Iterator[Foretold]:
    """The member's birthdays where they are, one a year."""
    born, zone = date.fromisoformat(state.birthday), program.zone_of(state.time_zone)
    # It may be another year there than by UTC.
    for year in range(max(begins.year - 1, born.year + 1), min(until.year + 1, _LAST_YEAR) + 1):
        at = _at_hour(day_of_year(born.month, born.day, year), told.hour, zone)
        if at > state.joined_at:
            over = at + timedelta(hours=_DAY_HOURS - told.hour)
            yield Foretold(at, "birthday", "", f"{year}", {"years": year - born.year}, over)


def _leads(told: Ahead, end: datetime, state: State, program: Program) -> Iterator[tuple[datetime, datetime, int, str]]:
    """When something that ends is told: at which instant, until when that is of use, how many days ahead of which day.

    The day is the last one before the end. The next of several leads takes the place of the one before.
    """
    zone, last = program.zone_of(state.time_zone), _last_day(end, program)
    leads = sorted(told.lead_days, reverse=True)
    instants = [_at_hour(last - timedelta(days=lead), told.hour, zone) for lead in leads]
    for lead, (at, until) in zip(leads, pairwise((*instants, end)), strict=True):
        if at < end:
            yield at, until, lead, last.isoformat()


def _last_day(end: datetime, program: Program) -> date:
    """The last day before an end, on the program's calendar."""
    return local_day(end - _INSTANT, program.time_zone)


@lru_cache(maxsize=_CACHED_DAYS)
def _at_hour(day: date, hour: int, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which a clock in a zone shows an hour on a day; where it skips that, right after."""
    return datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC)
