"""What holds of all that time gives cause to tell: it does not matter when it is asked, nor how often."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from gamification.challenges import Phase
from gamification.fold import advance
from gamification.lot_times import LotCalendar
from gamification.member import Member
from gamification.notices.notice import Notice
from gamification.notices.of_time import due_notices, next_notice_at
from gamification.progress import keep_progress
from gamification.schedule import Edition
from gamification.state import State
from gamification.streak_periods import first_judged, following
from gamification.streak_progress import StreakStanding, streak_standing
from gamification.windows import day_of_year, local_day
from tests.gamification.notices.declared import notices
from tests.gamification.programs import program
from tests.gamification.strategies import STARTS, eventful_definitions, lives
from tests.gamification.test_time_and_truth import enrolled, live, lived

INSTANT = timedelta(milliseconds=1)
hours = st.integers(0, 23)
leads = st.lists(st.integers(1, 40), min_size=1, max_size=3, unique=True)


@dataclass(frozen=True)
class Asked:
    """A member as their journal leaves them, and a time to ask about."""

    member: Member
    edition: Edition
    after: datetime
    until: datetime

    def told(self, after: datetime, until: datetime, member: Member | None = None) -> tuple[Notice, ...]:
        return due_notices(member or self.member, self.edition, after, until)


@st.composite
def asked(draw: DrawFn, earliest: int = 0) -> Asked:
    parts: dict[str, Any] = draw(eventful_definitions)
    parts["notices"] = notices(
        points_expiring={"lead_days": draw(leads), "hour": draw(hours)},
        tier_at_risk={"lead_days": draw(leads), "hour": draw(hours)},
        streak_at_risk={"hour": draw(hours)},
        birthday={"hour": draw(hours)},
    )
    played, start = program(**parts), draw(st.sampled_from(STARTS))
    clerk = enrolled(played, start)
    for activity in lived(start, draw(lives)):
        live(clerk, activity)
    after = clerk.state.as_of + timedelta(hours=draw(st.integers(earliest, 24 * 3)))
    until = after + timedelta(hours=draw(st.one_of(st.integers(0, 24 * 3), st.integers(0, 24 * 400))))
    return Asked(clerk.member, Edition(1, played, start), after, until)


@given(asked(earliest=-24 * 5), st.lists(st.floats(0, 1), max_size=4))
def test_the_parts_of_a_time_are_together_the_whole(case: Asked, cuts: list[float]) -> None:
    whole = case.told(case.after, case.until)
    ends = [*(case.after + (case.until - case.after) * cut for cut in sorted(cuts)), case.until]
    begins = [case.after, *ends[:-1]]
    parts = [each for after, until in zip(begins, ends, strict=True) for each in case.told(after, until)]
    assert parts == list(whole)
    assert len({each.notice_id for each in whole}) == len(whole)
    assert all(case.after < each.at <= case.until for each in whole)
    assert all(each.expires_at and each.at < each.expires_at for each in whole)


@given(asked(), st.floats(0, 1))
def test_it_does_not_matter_when_the_clock_runs(case: Asked, cut: float) -> None:
    middle = case.after + (case.until - case.after) * cut
    state, _ = advance(case.member.state, middle, case.edition.program)
    later = case.told(middle, case.until, replace(case.member, state=state))
    assert (*case.told(case.after, middle), *later) == case.told(case.after, case.until)


@given(asked(earliest=-24 * 5))
def test_nothing_is_told_before_the_instant_to_ask_next(case: Asked) -> None:
    found, asked_at = list[Notice](), case.after
    while (following_at := next_notice_at(case.member, case.edition, asked_at)) is not None:
        assert following_at > asked_at
        if following_at > case.until:
            break
        assert case.told(asked_at, following_at - timedelta(microseconds=1)) == ()
        found += case.told(asked_at, following_at)
        asked_at = following_at
    assert found == list(case.told(case.after, case.until))


@given(asked())
def test_what_is_told_is_what_stands_in_the_account_at_that_hour(case: Asked) -> None:
    played, state = case.edition.program, case.member.state
    expected = set[tuple[str, str, int]]()
    for at, kind, day in _hours(case):
        state, _ = advance(state, at, played)  # going there, and looking
        expected |= {(kind, f"m:{kind}:{name}", figure) for name, figure in _LOOK[kind](case, state, at, day).items()}
    found = case.told(case.after, case.until)
    assert {(each.kind, each.notice_id, _figure(each)) for each in found} == expected


def _figure(notice: Notice) -> int:
    names = {"points_expiring": "points", "tier_at_risk": "missing", "streak_at_risk": "length", "birthday": "years"}
    return int(notice.values[names[notice.kind]])


def _hours(case: Asked) -> list[tuple[datetime, str, date]]:
    """The hour of each kind on each day of the member's, in the order of time."""
    told, zone = case.edition.program.notices, case.edition.program.zone_of(case.member.state.time_zone)
    first, last = case.after.date() - timedelta(days=2), case.until.date() + timedelta(days=2)
    days = [first + timedelta(days=number) for number in range((last - first).days)]
    hours_of_kinds = {kind: getattr(told, kind).hour for kind in _LOOK}
    each = [
        (datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC), kind, day)
        for day in days
        for kind, hour in hours_of_kinds.items()
    ]
    return sorted(found for found in each if case.after < found[0] <= case.until)


def _points(case: Asked, state: State, at: datetime, day: date) -> dict[str, int]:
    played = case.edition.program
    assert played.notices.points_expiring is not None
    calendar, found = LotCalendar(played.time_zone, state.active_on), dict[str, int]()
    for lead in played.notices.points_expiring.lead_days:
        for lot in state.lots:
            end = calendar.nominal_end(lot) if lot.waiting is None else None
            if end and at < end and local_day(end - INSTANT, played.time_zone) == day + timedelta(days=lead):
                name = f"{day + timedelta(days=lead)}:{lead}"
                found[name] = found.get(name, 0) + lot.remaining
    return found


def _tier(case: Asked, state: State, at: datetime, day: date) -> dict[str, int]:
    played, kept = case.edition.program, keep_progress(state, case.edition.program, at)
    assert played.notices.tier_at_risk is not None
    if kept is None or kept.ends_at is None or kept.phase is Phase.COMPLETED or kept.ends_at <= at:
        return {}
    last = local_day(kept.ends_at - INSTANT, played.time_zone)
    scale = 100 if played.tier_metric == "spend" else 1
    return {
        f"{state.standing.tier}:{last}:{lead}": int(kept.remaining * scale)
        for lead in played.notices.tier_at_risk.lead_days
        if last == day + timedelta(days=lead)
    }


def _streaks(case: Asked, state: State, at: datetime, day: date) -> dict[str, int]:
    played = case.edition.program
    found = {}
    for streak in played.streaks:
        if streak_standing(streak, state, played, at) is StreakStanding.AT_RISK:
            held = state.streaks[streak.code]
            period = first_judged(streak, held, played.zone_of(state.time_zone))
            if date.fromordinal(following(streak.period, period) - 1) == day:
                found[f"{streak.code}:{date.fromordinal(period)}"] = held.length
    return found


def _birthday(case: Asked, state: State, _: datetime, day: date) -> dict[str, int]:
    if not state.birthday:
        return {}
    born = date.fromisoformat(state.birthday)
    years = day.year - born.year
    return {f"{day.year}": years} if day == day_of_year(born.month, born.day, day.year) else {}


_LOOK = {"points_expiring": _points, "tier_at_risk": _tier, "streak_at_risk": _streaks, "birthday": _birthday}
