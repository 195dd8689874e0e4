"""When a campaign is open: recurring hours and days, borders, midnights, daylight saving, leap days and week 53."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.program.campaigns import Campaign
from gamification.windows import local_day, start_of_day
from tests.gamification.programs import at, campaign
from tests.gamification.strategies import STARTS, ZONES

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
UTC_ZONE = ZoneInfo("UTC")
MINUTE = timedelta(minutes=1)
INSTANT = timedelta(milliseconds=1)


def recurring(rule: str, opens: str = "00:00", minutes: int = 1440, **parts: Any) -> Campaign:
    """A campaign that recurs, from January 1, 2026 in Copenhagen unless it says otherwise."""
    parts.setdefault("starts_at", "2026-01-01T00:00:00+01:00")
    return Campaign.model_validate(campaign(recurs={"rule": rule, "at": opens, "minutes": minutes}, **parts))


def local(text: str, zone: ZoneInfo = COPENHAGEN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def openings(terms: Campaign, after: datetime, count: int, zone: ZoneInfo = COPENHAGEN) -> list[str]:
    """The next borders by the clock on the wall: ``+`` where it opens or goes on, and ``-`` where it closes."""
    found: list[str] = []
    while len(found) < count and (after_next := terms.next_boundary(after, zone)) is not None:
        after = after_next
        found.append(f"{'+' if terms.is_open(after, zone) else '-'}{after.astimezone(zone):%Y-%m-%d %H:%M}")
    return found


def test_one_without_hours_is_open_from_its_start_until_its_end() -> None:
    starts_at, ends_at = at("2026-05-01 12:00"), at("2026-05-02 12:00")
    terms = Campaign.model_validate(campaign(starts_at=starts_at, ends_at=ends_at))
    assert [terms.is_open(when, UTC_ZONE) for when in (starts_at - INSTANT, starts_at, ends_at - INSTANT, ends_at)] == [
        False,
        True,
        True,
        False,
    ]
    assert terms.closes_at(starts_at, UTC_ZONE) == ends_at
    assert terms.closes_at(ends_at, UTC_ZONE) is None
    assert [terms.next_boundary(when, UTC_ZONE) for when in (starts_at - MINUTE, starts_at, ends_at)] == [
        starts_at,
        ends_at,
        None,
    ]


def test_one_without_an_end_stays_open() -> None:
    terms = Campaign.model_validate(campaign())
    assert terms.is_open(at("2099-01-01"), UTC_ZONE)
    assert terms.closes_at(at("2099-01-01"), UTC_ZONE) is None
    assert terms.next_boundary(at("2026-05-01"), UTC_ZONE) is None


def test_hours_on_some_weekdays() -> None:
    terms = recurring("FREQ=WEEKLY;BYDAY=FR,SA", "17:00", 120)
    assert openings(terms, local("2026-05-01T12:00"), 5) == [
        "+2026-05-01 17:00",
        "-2026-05-01 19:00",
        "+2026-05-02 17:00",
        "-2026-05-02 19:00",
        "+2026-05-08 17:00",
    ]
    assert terms.closes_at(local("2026-05-01T18:59"), COPENHAGEN) == local("2026-05-01T19:00")
    assert terms.closes_at(local("2026-05-01T19:00"), COPENHAGEN) is None


def test_an_opening_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    terms = recurring("FREQ=WEEKLY;BYDAY=SA", "22:00", 240)
    assert terms.is_open(local("2026-05-03T01:59"), COPENHAGEN)  # Sunday, two hours into it
    assert not terms.is_open(local("2026-05-03T02:00"), COPENHAGEN)
    assert not terms.is_open(local("2026-05-02T01:00"), COPENHAGEN)  # Friday's night
    assert terms.closes_at(local("2026-05-02T23:00"), COPENHAGEN) == local("2026-05-03T02:00")


def test_start_and_end_cut_an_opening_short() -> None:
    terms = recurring(
        "FREQ=DAILY", "10:00", 240, starts_at="2026-05-01T12:00:00+02:00", ends_at="2026-05-03T11:00:00+02:00"
    )
    assert openings(terms, local("2026-04-01T00:00"), 10) == [
        "+2026-05-01 12:00",
        "-2026-05-01 14:00",
        "+2026-05-02 10:00",
        "-2026-05-02 14:00",
        "+2026-05-03 10:00",
        "-2026-05-03 11:00",
    ]
    assert terms.closes_at(local("2026-05-03T10:30"), COPENHAGEN) == local("2026-05-03T11:00")


def test_openings_that_meet_or_overlap_close_with_the_last() -> None:
    terms = recurring("FREQ=DAILY", "20:00", 1440)
    assert terms.is_open(local("2026-05-02T20:00"), COPENHAGEN)
    assert terms.closes_at(local("2026-05-02T20:00"), COPENHAGEN) == local("2026-05-03T20:00")


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-05-03", 24)], ids=["spring", "autumn", "summer"]
)
def test_whole_sundays_are_whole_whatever_the_clocks_do(day: str, hours: int) -> None:
    terms = recurring("FREQ=WEEKLY;BYDAY=SU")
    begins, ends = local(f"{day}T00:00"), local(f"{day}T00:00") + timedelta(days=1)
    assert (start_of_day(ends.date(), COPENHAGEN) - start_of_day(begins.date(), COPENHAGEN)) == timedelta(hours=hours)
    assert not terms.is_open(begins - INSTANT, COPENHAGEN)
    assert terms.is_open(begins, COPENHAGEN)
    assert terms.is_open(start_of_day(ends.date(), COPENHAGEN) - INSTANT, COPENHAGEN)
    assert not terms.is_open(ends, COPENHAGEN)


def test_hours_go_by_the_clock_on_the_wall() -> None:
    terms = recurring("FREQ=DAILY", "17:00", 60)
    for day in ("2026-03-28", "2026-03-29", "2026-10-24", "2026-10-25"):
        assert terms.is_open(local(f"{day}T17:30"), COPENHAGEN)
        assert not terms.is_open(local(f"{day}T16:30"), COPENHAGEN)
        assert not terms.is_open(local(f"{day}T18:00"), COPENHAGEN)


def test_an_opening_through_the_night_ends_by_the_clock_on_the_wall() -> None:
    terms = recurring("FREQ=DAILY", "22:00", 600)
    for day in ("2026-03-29", "2026-10-25", "2026-05-03"):
        assert terms.is_open(local(f"{day}T07:59"), COPENHAGEN)
        assert not terms.is_open(local(f"{day}T08:00"), COPENHAGEN)


def test_an_hour_that_the_clocks_skip_comes_after_it() -> None:
    terms = recurring("FREQ=DAILY", "02:30", 30)
    assert terms.closes_at(at("2026-03-29 01:30"), COPENHAGEN) == at("2026-03-29 02:00")
    assert not terms.is_open(at("2026-03-29 01:29"), COPENHAGEN)
    assert openings(terms, local("2026-03-28T12:00"), 4) == [
        "+2026-03-29 03:30",
        "-2026-03-29 04:00",
        "+2026-03-30 02:30",
        "-2026-03-30 03:00",
    ]


def test_an_hour_that_comes_twice_is_open_until_the_first_end() -> None:
    terms = recurring("FREQ=DAILY", "02:00", 30)
    assert terms.is_open(local("2026-10-25T02:15"), COPENHAGEN)
    assert not terms.is_open(local("2026-10-25T02:15", fold=1), COPENHAGEN)


def test_a_leap_day() -> None:
    last = recurring("FREQ=MONTHLY;BYMONTHDAY=-1", starts_at="2028-01-01T00:00:00+01:00")
    assert openings(last, local("2028-02-01T00:00"), 2) == ["+2028-02-29 00:00", "-2028-03-01 00:00"]
    weekly = recurring("FREQ=WEEKLY;BYDAY=TU", starts_at="2028-01-01T00:00:00+01:00")
    assert weekly.is_open(local("2028-02-29T12:00"), COPENHAGEN)


def test_weeks_are_counted_through_week_53_and_the_turn_of_the_year() -> None:
    fortnightly = recurring("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", starts_at="2026-12-14T00:00:00+01:00")
    assert date(2026, 12, 28).isocalendar().week == 53
    assert [each for each in openings(fortnightly, local("2026-12-13T00:00"), 6) if each[0] == "+"] == [
        "+2026-12-14 00:00",
        "+2026-12-28 00:00",
        "+2027-01-11 00:00",
    ]


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=DAILY;INTERVAL=10", ["01-01", "01-11", "01-21"]),
        ("FREQ=DAILY;BYMONTHDAY=13", ["01-13", "02-13", "03-13"]),
        ("FREQ=WEEKLY", ["01-01", "01-08", "01-15"]),
        ("FREQ=WEEKLY;BYDAY=FR;BYMONTHDAY=13", ["02-13", "03-13", "11-13"]),
        ("FREQ=MONTHLY;BYDAY=-1FR", ["01-30", "02-27", "03-27"]),
        ("FREQ=MONTHLY;BYDAY=1MO;BYMONTH=6,7", ["06-01", "07-06"]),
        ("FREQ=MONTHLY;BYMONTHDAY=15,-1", ["01-15", "01-31", "02-15"]),
    ],
)
def test_days_that_rules_name(rule: str, days: list[str]) -> None:
    terms = recurring(rule)
    year = [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]
    found = [f"{day:%m-%d}" for day in year if terms.is_open(local(f"{day}T12:00"), COPENHAGEN)]
    assert found[: len(days)] == days


def test_a_rule_s_first_day_is_that_of_the_start_in_the_program_s_time_zone() -> None:
    terms = recurring("FREQ=DAILY;INTERVAL=2", starts_at="2025-12-31T23:30:00Z")
    assert terms.is_open(local("2026-01-01T12:00"), COPENHAGEN)
    assert not terms.is_open(local("2026-01-02T12:00"), COPENHAGEN)
    assert terms.is_open(local("2026-01-02T12:00", UTC_ZONE), UTC_ZONE)


def test_the_next_opening_is_looked_for_a_year_ahead() -> None:
    terms = recurring("FREQ=MONTHLY;INTERVAL=24")
    assert openings(terms, local("2026-01-01T00:00"), 5) == ["-2026-01-02 00:00"]
    assert openings(terms, local("2027-06-01T00:00"), 1) == ["+2028-01-01 00:00"]


rules = st.one_of(
    st.sets(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1).map(
        lambda days: f"FREQ=WEEKLY;BYDAY={','.join(sorted(days))}"
    ),
    st.integers(1, 9).map(lambda days: f"FREQ=DAILY;INTERVAL={days}"),
    st.integers(1, 28).map(lambda day: f"FREQ=MONTHLY;BYMONTHDAY={day},-1"),
)


@given(rules, st.sampled_from(ZONES), st.sampled_from(STARTS), st.lists(st.integers(0, 5 * 1440), max_size=20))
def test_a_whole_day_is_the_day_that_everything_else_counts(
    rule: str, zone_name: str, start: datetime, minutes: list[int]
) -> None:
    zone = ZoneInfo(zone_name)
    terms = recurring(rule, starts_at=start - timedelta(days=30))
    named = {
        day
        for number in range(8)
        if terms.is_open(start_of_day(day := local_day(start, zone) + timedelta(days=number), zone), zone)
    }
    for minute in minutes:
        when = start + minute * MINUTE
        assert terms.is_open(when, zone) == (local_day(when, zone) in named)


@given(
    rules,
    st.sampled_from(ZONES),
    st.sampled_from(STARTS),
    st.tuples(st.times().map(lambda time: f"{time:%H:%M}"), st.integers(1, 1440)),
    st.one_of(st.none(), st.integers(1, 90 * 24 * 60)),
)
def test_it_changes_at_borders_and_nowhere_else(
    rule: str, zone_name: str, start: datetime, opening: tuple[str, int], lasts: int | None
) -> None:
    opens, minutes = opening
    zone = ZoneInfo(zone_name)
    ends_at = start + lasts * MINUTE if lasts else None
    terms = recurring(rule, opens, minutes, starts_at=start, ends_at=ends_at)
    borders = [start - timedelta(days=2)]
    while len(borders) < 12 and (border := terms.next_boundary(borders[-1], zone)) is not None:
        assert border > borders[-1]
        borders.append(border)
    for one, next_one in pairwise(borders):
        inner = [one, one + (next_one - one) / 3, next_one - INSTANT]
        assert len({terms.is_open(when, zone) for when in inner}) == 1
        closes_at = terms.closes_at(one, zone)
        assert (closes_at is not None) == terms.is_open(one, zone)
        if closes_at is not None:
            assert closes_at >= next_one
