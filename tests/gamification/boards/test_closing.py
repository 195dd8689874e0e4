"""Which periods are due for closing, at the borders where calendars are odd."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gamification.boards.closing import (
    CLOSING_MARGIN_SECONDS,
    MAX_PERIODS_MISSED,
    Contender,
    FinalStandings,
    abandoned_periods,
    due_periods,
    past_periods,
)
from gamification.boards.periods import closes_at
from tests.gamification.programs import at, board, program

LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
MARGIN = timedelta(seconds=CLOSING_MARGIN_SECONDS)


def due(now: datetime, time_zone: str = "UTC", since: datetime = LONG_AGO, **parts: Any) -> list[str]:
    """The codes of the periods of one board that are due."""
    played = program(time_zone=time_zone, boards=[board(**parts)])
    return [each.period.code for each in due_periods(played, {"board": since}, now)]


@pytest.mark.parametrize(
    ("period", "zone", "ends_at", "closed"),
    [
        ("week", "UTC", "2021-01-04 00:00", ["2020-W53", "2020-W52", "2020-W51"]),
        ("week", "UTC", "2020-01-06 00:00", ["2020-W01", "2019-W52", "2019-W51"]),
        ("month", "UTC", "2024-03-01 00:00", ["2024-02", "2024-01", "2023-12"]),
        ("day", "UTC", "2024-03-01 00:00", ["2024-02-29", "2024-02-28", "2024-02-27"]),
        ("day", "Europe/Lisbon", "2026-03-29 23:00", ["2026-03-29", "2026-03-28", "2026-03-27"]),  # 23 hours long
        ("day", "Europe/Lisbon", "2026-10-26 00:00", ["2026-10-25", "2026-10-24", "2026-10-23"]),  # 25 hours long
        ("day", "America/Sao_Paulo", "2018-11-04 03:00", ["2018-11-03", "2018-11-02", "2018-11-01"]),  # no midnight
    ],
)
def test_a_period_is_due_once_what_is_late_has_had_its_time(
    period: str, zone: str, ends_at: str, closed: list[str]
) -> None:
    now = at(ends_at) + timedelta(minutes=15) + MARGIN
    assert due(now, zone, period=period) == closed
    assert due(now - timedelta(milliseconds=1), zone, period=period)[0] == closed[1]
    assert due(now + timedelta(hours=5), zone, period=period, late_minutes=315) == closed


def test_a_day_that_a_calendar_left_out_is_closed_as_one_without_scores() -> None:
    now = at("2011-12-30 10:00") + timedelta(minutes=15) + MARGIN
    assert due(now, "Pacific/Apia", period="day") == ["2011-12-30", "2011-12-29", "2011-12-28"]


SEASONS = [
    {"code": "spring", "name": "Spring", "starts_on": "2026-03-01", "ends_on": "2026-05-31"},
    {"code": "autumn", "name": "Autumn", "starts_on": "2026-09-01", "ends_on": "2026-11-30"},
    {"code": "winter", "name": "Winter", "starts_on": "2026-12-01", "ends_on": "2027-02-28"},
    {"code": "last", "name": "Last", "starts_on": "2025-12-01", "ends_on": "2026-02-28"},
]


@pytest.mark.parametrize(
    ("now", "closed"),
    [
        ("2026-06-01 00:15", ["last"]),
        ("2026-06-01 00:16", ["spring", "last"]),
        ("2026-08-01 00:00", ["spring", "last"]),
        ("2028-01-01 00:00", ["winter", "autumn", "spring"]),
        ("2025-01-01 00:00", []),
    ],
)
def test_seasons_are_due_one_by_one_and_in_between(now: str, closed: list[str]) -> None:
    assert due(at(now), period="season", seasons=SEASONS) == closed


def test_all_time_never_ends() -> None:
    assert due(at("2500-01-01"), period="all_time") == []


@pytest.mark.parametrize(
    ("since", "closed"),
    [
        ("2026-05-18 00:00", []),
        ("2026-05-17 23:59", ["2026-W20"]),
        ("2026-05-11 00:00", ["2026-W20"]),
        ("2026-05-10 23:59", ["2026-W20", "2026-W19"]),
    ],
)
def test_what_ended_before_the_board_came_into_force_is_not_due(since: str, closed: list[str]) -> None:
    assert due(at("2026-05-19"), since=at(since), period="week") == closed


def test_a_board_that_is_not_known_to_be_in_force_is_left_alone() -> None:
    played = program(boards=[board("one", period="day"), board("other", period="day")])
    found = due_periods(played, {"other": LONG_AGO}, at("2026-05-19"))
    assert {each.board.code for each in found} == {"other"}
    for each in found:
        assert each.ends_at == each.period.ends_at
        assert closes_at(each.board, each.period) == each.ends_at + timedelta(minutes=15)


def test_places_of_two_scopes_by_hand() -> None:
    contenders = [
        ("x", "ann", 9, True),
        ("x", "bob", 9, False),
        ("x", "cid", 9, True),
        ("x", "dan", 8, False),
        ("x", "eve", 7, True),
        ("y", "fay", 9, False),
        ("y", "ann", 9, True),
    ]
    standings = FinalStandings()
    placed = [
        standings.place(Contender(scope, name, value, (), LONG_AGO, listed))
        for scope, name, value, listed in contenders
    ]
    assert [(row.member_id, row.position, row.shared_rank) for row in placed] == [
        ("ann", 1, 1),
        ("bob", 2, 1),
        ("cid", 2, 1),
        ("dan", 3, 3),
        ("eve", 3, 3),
        ("fay", 1, 1),
        ("ann", 1, 1),
    ]
    assert (standings.scopes, standings.listed, standings.unlisted) == (2, 4, 3)


def test_what_is_not_closed_among_older_periods_never_will_be() -> None:
    played = program(boards=[board(period="week")])
    now = at("2026-05-18 00:16")
    past = [each.period.code for each in past_periods(played, {"board": at("2026-04-13 12:00")}, now)]
    assert past == ["2026-W17", "2026-W16"]
    assert len(past_periods(played, {"board": LONG_AGO}, now)) == MAX_PERIODS_MISSED
    assert past_periods(played, {"board": at("2026-04-28 12:00")}, now) == []


PRIZES = [{"places": 1, "points": 5}]
TWO_SEASONS = [
    {"code": "spring", "name": "Spring", "starts_on": "2026-05-01", "ends_on": "2026-05-31"},
    {"code": "summer", "name": "Summer", "starts_on": "2026-06-01", "ends_on": "2026-06-30"},
]


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        ({"period": "week"}, None, ["2026-W20"]),
        ({"period": "week"}, {"period": "day"}, ["2026-W20"]),
        ({"period": "week"}, {"period": "week", "late_minutes": 60}, []),
        ({"period": "day", "late_minutes": 2 * 24 * 60}, None, ["2026-05-13", "2026-05-12", "2026-05-11"]),
        ({"period": "season", "seasons": TWO_SEASONS}, None, ["spring"]),
        ({"period": "season", "seasons": TWO_SEASONS}, {"period": "season", "seasons": TWO_SEASONS[1:]}, ["spring"]),
        ({"period": "season", "seasons": TWO_SEASONS}, {"period": "season", "seasons": TWO_SEASONS[:1]}, []),
        ({"period": "week", "prizes": []}, None, []),
    ],
)
def test_which_periods_a_program_abandons(old: dict[str, Any], new: dict[str, Any] | None, lost: list[str]) -> None:
    before = program(boards=[board(**{"prizes": PRIZES, **old})])
    after = program(boards=[board(prizes=PRIZES, **new)] if new else [])
    assert [each.period.code for each in abandoned_periods(before, after, at("2026-05-13 12:00"))] == lost
