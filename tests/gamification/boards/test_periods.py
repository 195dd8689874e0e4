"""The periods of boards: their exact instants at the borders that calendars and clocks have."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.boards.periods import Period, closes_at, period_at, period_named, period_on, previous
from gamification.program.boards import Board
from tests.gamification.programs import Part, at, board
from tests.gamification.strategies import ZONES

SEASONS: list[Part] = [
    {"code": "autumn", "name": "Autumn", "starts_on": "2026-09-01", "ends_on": "2026-11-30"},
    {"code": "leap", "name": "Leap", "starts_on": "2024-02-29", "ends_on": "2024-02-29"},
    {"code": "spring", "name": "Spring", "starts_on": "2026-03-01", "ends_on": "2026-05-31"},
]


def of(period: str, **more: Any) -> Board:
    seasons: Part = {"seasons": SEASONS} if period == "season" else {}
    return Board.model_validate(board(period=period, **seasons, **more))


@pytest.mark.parametrize(
    ("zone", "period", "day", "code", "instants"),
    [
        # Copenhagen: days of 23 and 25 hours, and the week, month that hold them.
        ("Europe/Copenhagen", "day", "2026-03-29", "2026-03-29", ("2026-03-28 23:00", "2026-03-29 22:00")),
        ("Europe/Copenhagen", "day", "2026-10-25", "2026-10-25", ("2026-10-24 22:00", "2026-10-25 23:00")),
        ("Europe/Copenhagen", "week", "2026-03-29", "2026-W13", ("2026-03-22 23:00", "2026-03-29 22:00")),
        ("Europe/Copenhagen", "month", "2026-10-31", "2026-10", ("2026-09-30 22:00", "2026-10-31 23:00")),
        ("America/New_York", "day", "2026-03-08", "2026-03-08", ("2026-03-08 05:00", "2026-03-09 04:00")),
        ("America/New_York", "day", "2026-11-01", "2026-11-01", ("2026-11-01 04:00", "2026-11-02 05:00")),
        ("America/New_York", "week", "2026-11-01", "2026-W44", ("2026-10-26 04:00", "2026-11-02 05:00")),
        # Santiago: the clock goes from 23:59:59 to 1:00, so the day has no midnight; and at 24:00 back to 23:00.
        ("America/Santiago", "day", "2024-09-08", "2024-09-08", ("2024-09-08 04:00", "2024-09-09 03:00")),
        ("America/Santiago", "day", "2024-04-06", "2024-04-06", ("2024-04-06 03:00", "2024-04-07 04:00")),
        # Cairo: the same on a Friday in spring, and on a Thursday's midnight in autumn.
        ("Africa/Cairo", "day", "2024-04-26", "2024-04-26", ("2024-04-25 22:00", "2024-04-26 21:00")),
        ("Africa/Cairo", "day", "2024-10-31", "2024-10-31", ("2024-10-30 21:00", "2024-10-31 22:00")),
        # Leap days.
        ("UTC", "day", "2024-02-29", "2024-02-29", ("2024-02-29", "2024-03-01")),
        ("UTC", "month", "2024-02-29", "2024-02", ("2024-02-01", "2024-03-01")),
        ("UTC", "month", "2100-02-28", "2100-02", ("2100-02-01", "2100-03-01")),
        ("UTC", "week", "2024-02-29", "2024-W09", ("2024-02-26", "2024-03-04")),
        # Years begin within weeks: the 53rd holds the Friday to Sunday of the next year.
        ("UTC", "week", "2026-12-31", "2026-W53", ("2026-12-28", "2027-01-04")),
        ("UTC", "week", "2027-01-03", "2026-W53", ("2026-12-28", "2027-01-04")),
        ("UTC", "week", "2027-01-04", "2027-W01", ("2027-01-04", "2027-01-11")),
        ("UTC", "week", "2024-12-30", "2025-W01", ("2024-12-30", "2025-01-06")),
        ("UTC", "week", "2023-01-01", "2022-W52", ("2022-12-26", "2023-01-02")),
        ("America/New_York", "week", "2026-12-31", "2026-W53", ("2026-12-28 05:00", "2027-01-04 05:00")),
        ("UTC", "month", "2026-12-31", "2026-12", ("2026-12-01", "2027-01-01")),
        ("America/New_York", "day", "1969-12-31", "1969-12-31", ("1969-12-31 05:00", "1970-01-01 05:00")),
        # Seasons: their last day counts.
        ("UTC", "season", "2024-02-29", "leap", ("2024-02-29", "2024-03-01")),
        ("Europe/Copenhagen", "season", "2026-05-31", "spring", ("2026-02-28 23:00", "2026-05-31 22:00")),
        ("Europe/Copenhagen", "season", "2026-11-30", "autumn", ("2026-08-31 22:00", "2026-11-30 23:00")),
    ],
)
def test_a_period_s_instants(zone: str, period: str, day: str, code: str, instants: tuple[str, str]) -> None:
    starts, ends = instants
    of_board, in_zone = of(period), ZoneInfo(zone)
    expected = Period(code, at(starts), at(ends))
    assert period_on(of_board, date.fromisoformat(day), in_zone) == expected
    assert period_named(of_board, code, in_zone) == expected
    assert period_at(of_board, at(starts), in_zone) == expected
    assert period_at(of_board, at(ends) - timedelta(microseconds=1), in_zone) == expected
    assert period_at(of_board, at(ends), in_zone) != expected
    assert not expected.ended(at(ends) - timedelta(microseconds=1))
    assert expected.ended(at(ends))
    assert closes_at(of(period, late_minutes=90), expected) == at(ends) + timedelta(minutes=90)


def test_all_time_has_no_end() -> None:
    always = period_on(of("all_time"), date(2026, 5, 1), ZoneInfo("UTC"))
    assert always is not None
    assert (always.code, always.ends_at) == ("all", None)
    assert period_named(of("all_time"), "all", ZoneInfo("UTC")) == always
    assert period_named(of("all_time"), "2026-05", ZoneInfo("UTC")) is None
    assert not always.ended(at("2999-12-31"))
    assert closes_at(of("all_time"), always) is None
    assert previous(of("all_time"), always, ZoneInfo("UTC")) is None


@pytest.mark.parametrize("day", ["2026-02-28", "2026-06-01", "2026-08-31", "2026-12-01", "2024-03-01"])
def test_between_seasons_there_is_none(day: str) -> None:
    assert period_on(of("season"), date.fromisoformat(day), ZoneInfo("UTC")) is None


@pytest.mark.parametrize(
    ("period", "code"),
    [
        ("day", "2026-02-29"),
        ("day", "20260501"),
        ("day", "2026-5-1"),
        ("day", "2026-05-01 "),
        ("day", "٢٠٢٦-05-01"),
        ("day", "9999-12-31"),
        ("day", "0000-01-01"),
        ("day", "all"),
        ("week", "2026-W54"),
        ("week", "2026-W00"),
        ("week", "2025-W53"),
        ("week", "2026-w20"),
        ("week", "2026W20"),
        ("week", "2026-W20-1"),
        ("month", "2026-13"),
        ("month", "2026-00"),
        ("month", "2026-5"),
        ("month", "2026-05-01"),
        ("season", "winter"),
        ("season", ""),
    ],
)
def test_what_names_no_period(period: str, code: str) -> None:
    assert period_named(of(period), code, ZoneInfo("UTC")) is None


@pytest.mark.parametrize(
    ("period", "code", "before"),
    [
        ("day", "2024-03-01", "2024-02-29"),
        ("day", "2026-01-01", "2025-12-31"),
        ("week", "2027-W01", "2026-W53"),
        ("week", "2026-W01", "2025-W52"),
        ("month", "2026-01", "2025-12"),
        ("season", "autumn", "spring"),
        ("season", "spring", "leap"),
        ("season", "leap", None),
    ],
)
def test_the_period_before(period: str, code: str, before: str | None) -> None:
    zone = ZoneInfo("Europe/Copenhagen")
    this = period_named(of(period), code, zone)
    assert this is not None
    earlier = previous(of(period), this, zone)
    assert (earlier.code if earlier else None) == before


@given(
    st.sampled_from(["day", "week", "month"]),
    st.sampled_from([*ZONES, "America/Santiago", "Africa/Cairo", "America/New_York"]),
    st.integers(0, 60 * 365 * 24 * 60).map(lambda minutes: at("1971-01-01") + timedelta(minutes=minutes)),
)
def test_periods_follow_each_other_without_a_gap(period: str, zone_name: str, instant: datetime) -> None:
    of_board, zone = of(period), ZoneInfo(zone_name)
    this = period_at(of_board, instant, zone)
    assert this is not None
    assert this.ends_at is not None
    assert this.starts_at <= instant < this.ends_at
    assert period_named(of_board, this.code, zone) == this
    before = previous(of_board, this, zone)
    assert before is not None
    assert before.ends_at == this.starts_at
    assert before.code < this.code
