"""Days where they are hard to tell: at the edges of the earth, where zones left a day out, and when clocks change.

Every instant is worked out by hand. A millisecond before it nothing has happened yet.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gamification.activity import ENROLMENT, Activity
from gamification.boards.periods import Period, period_at, period_on
from gamification.program.boards import Board
from gamification.state import State
from gamification.windows import local_day, start_of_day
from tests.gamification.clerk import Clerk
from tests.gamification.programs import at, board, event, ladder, program, purchase, rule, streak

TICK = timedelta(milliseconds=1)
KIRITIMATI, ST_JOHNS, APIA = "Pacific/Kiritimati", "America/St_Johns", "Pacific/Apia"
COPENHAGEN, HAVANA, HONOLULU = "Europe/Copenhagen", "America/Havana", "Pacific/Honolulu"


def turns(clerk: Clerk, instant: str, told: Callable[[State], Any]) -> tuple[Any, Any]:
    """What is read just before an instant, and at it."""
    return told(clerk.read(at(instant) - TICK)), told(clerk.read(at(instant)))


def points(state: State) -> tuple[int, int]:
    return state.balance.available, state.balance.pending


def tier(state: State) -> str | None:
    return state.standing.tier


def length(state: State) -> int:
    return state.streaks["daily"].length


def born(zone: str, joined_at: str, birthday: str | None, shop_zone: str = "UTC", **parts: Any) -> Clerk:
    """The clerk of a member who joins with a profile that tells their time zone and birthday."""
    clerk = Clerk(program(time_zone=shop_zone, **parts), at(joined_at))
    clerk.member = replace(clerk.member, profile=replace(clerk.member.profile, time_zone=zone, birthday=birthday))
    told = {"time_zone": zone} | ({"birthday": birthday} if birthday else {})
    clerk.record(Activity("#enrolment", ENROLMENT, at(joined_at), attributes=told))
    return clerk


def moves(clerk: Clerk, zone: str, when: str) -> None:
    clerk.member = replace(clerk.member, profile=replace(clerk.member.profile, time_zone=zone))
    clerk.wait(at(when))


@pytest.mark.parametrize(
    ("zone", "bought", "unlocks", "expires"),
    [
        # The last half hour of May 1, and the first instant of May 2, at UTC+14.
        (KIRITIMATI, "2026-05-01T09:30", "2026-05-01T10:00", "2026-05-02T10:00"),
        (KIRITIMATI, "2026-05-01T10:00", "2026-05-02T10:00", "2026-05-03T10:00"),
        # Clocks go forward at 2 on March 8: half past eleven at UTC-3:30, and midnight after at UTC-2:30.
        (ST_JOHNS, "2026-03-08T03:00", "2026-03-08T03:30", "2026-03-09T02:30"),
        # They go back at 2 on November 1.
        (ST_JOHNS, "2026-10-31T12:00", "2026-11-01T02:30", "2026-11-02T03:30"),
        (COPENHAGEN, "2026-03-28T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
        (COPENHAGEN, "2026-10-24T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        # In 2010 they went back at one past midnight. The day that had begun went on: what is bought in the hour that
        # came twice is bought on November 7.
        (ST_JOHNS, "2010-11-07T03:00", "2010-11-08T03:30", "2010-11-09T03:30"),
        # December 30, 2011 was left out: after the 29th, at UTC-10, came the 31st, at UTC+14.
        (APIA, "2011-12-29T09:00", "2011-12-29T10:00", "2011-12-30T10:00"),
        (APIA, "2011-12-30T12:00", "2011-12-31T10:00", "2012-01-01T10:00"),
        # December 31, 1994 was left out.
        (KIRITIMATI, "1994-12-29T12:00", "1994-12-30T10:00", "1994-12-31T10:00"),
        # In Havana, November 1, 2026 begins, goes back to midnight after its first hour, and has 25.
        (HAVANA, "2026-10-31T12:00", "2026-11-01T04:00", "2026-11-02T05:00"),
    ],
)
def test_points_unlock_and_expire_as_a_local_day_begins(zone: str, bought: str, unlocks: str, expires: str) -> None:
    clerk = Clerk(
        program(time_zone=zone, rules=[rule()], points={"pending_days": 1, "expire_days": 1}), at("1990-01-01")
    )
    clerk.record(purchase(at(bought), 1000))
    assert turns(clerk, unlocks, points) == ((0, 10), (10, 0))
    assert turns(clerk, expires, points) == ((10, 0), (0, 0))


def test_points_of_one_day_and_of_two_end_together_where_a_day_was_left_out() -> None:
    for days in (1, 2):
        clerk = Clerk(program(time_zone=APIA, rules=[rule()], points={"expire_days": days}), at("2011-01-01"))
        clerk.record(purchase(at("2011-12-29T22:00"), 1000))
        assert turns(clerk, "2011-12-30T10:00", points) == ((10, 0), (0, 0))


@pytest.mark.parametrize(
    ("zone", "window", "bought", "reviewed"),
    [
        (KIRITIMATI, "calendar year", "2026-06-01", "2027-12-31T10:00"),
        (ST_JOHNS, "calendar year", "2026-06-01", "2028-01-01T03:30"),
        # The last instant of 2026 in St. John's, hours into 2027 by UTC.
        (ST_JOHNS, "calendar year", "2027-01-01T03:29", "2028-01-01T03:30"),
        (ST_JOHNS, "calendar year", "2027-01-01T03:30", "2029-01-01T03:30"),
        # The year after the one of the purchase ends with the day that was left out, or with the one before.
        (APIA, "calendar year", "2010-06-01", "2011-12-31T10:00"),
        (KIRITIMATI, "calendar year", "1993-06-01", "1994-12-31T10:00"),
        # Rolling days: that of the purchase counts as long as the days after it.
        (KIRITIMATI, "rolling 2 days", "1994-12-30T12:00", "1994-12-31T10:00"),
        (APIA, "rolling 2 days", "2011-12-29T12:00", "2011-12-30T10:00"),
        (ST_JOHNS, "rolling 2 days", "2026-10-31T12:00", "2026-11-02T03:30"),
        (ST_JOHNS, "rolling 2 days", "2026-03-07T12:00", "2026-03-09T02:30"),
    ],
)
def test_tiers_are_reviewed_as_a_local_day_begins(zone: str, window: str, bought: str, reviewed: str) -> None:
    tiers = ladder("spend", window, low=0, high=50)
    clerk = Clerk(program(time_zone=zone, tiers=tiers), at("1990-01-01"))
    clerk.record(purchase(at(bought), 6000))
    assert turns(clerk, reviewed, tier) == ("high", "low")


@pytest.mark.parametrize(
    ("zone", "visits", "breaks"),
    [
        # A visit late on one day and early on the next are two days, and the third ends 24 hours later.
        (KIRITIMATI, ["2026-05-01T09:59", "2026-05-01T10:00"], "2026-05-03T10:00"),
        (ST_JOHNS, ["2026-03-08T03:29", "2026-03-08T03:30"], "2026-03-10T02:30"),
        # The day of 25 hours is one day, however late.
        (ST_JOHNS, ["2026-11-01T02:30", "2026-11-02T03:29", "2026-11-02T03:30"], "2026-11-04T03:30"),
        (COPENHAGEN, ["2026-03-28T22:59", "2026-03-29T21:59"], "2026-03-30T22:00"),
        # The hour that comes twice in the night to November 7, 2010 is no second November 6.
        (ST_JOHNS, ["2010-11-06T12:00", "2010-11-07T02:30", "2010-11-07T03:00"], "2010-11-09T03:30"),
        # The day that was left out is nobody's to miss: the 29th, the 31st, and January 1.
        (APIA, ["2011-12-29T22:00", "2011-12-30T22:00", "2011-12-31T22:00"], "2012-01-02T10:00"),
        (KIRITIMATI, ["1994-12-30T22:00", "1994-12-31T22:00"], "1995-01-02T10:00"),
    ],
)
def test_streaks_go_by_the_days_that_there_were(zone: str, visits: list[str], breaks: str) -> None:
    clerk = born(zone, "1990-01-01", None, streaks=[streak()])
    for visit in visits:
        clerk.record(event("visit", at(visit)))
    days = len({local_day(at(visit), ZoneInfo(zone)) for visit in visits})
    assert turns(clerk, breaks, length) == (days, 0)


def test_whoever_lives_a_day_twice_has_done_it_once() -> None:
    clerk = born(KIRITIMATI, "2026-04-01", None, streaks=[streak()])
    clerk.record(event("visit", at("2026-04-30T20:00")))  # May 1
    clerk.record(event("visit", at("2026-05-01T20:00")))  # May 2, ten in the morning
    moves(clerk, HONOLULU, "2026-05-01T22:00")  # May 1, noon
    clerk.record(event("visit", at("2026-05-01T23:00")))  # May 1 once more
    clerk.record(event("visit", at("2026-05-02T23:00")))  # and May 2
    assert length(clerk.state) == 2
    clerk.record(event("visit", at("2026-05-04T09:59")))  # the last minute of May 3
    assert length(clerk.state) == 3
    assert turns(clerk, "2026-05-05T10:00", length) == (3, 0)


def test_whoever_loses_a_day_over_the_date_line_may_miss_it() -> None:
    clerk = born(HONOLULU, "2026-04-01", None, streaks=[streak()])
    clerk.record(event("visit", at("2026-05-01T22:00")))  # May 1, noon
    moves(clerk, KIRITIMATI, "2026-05-01T23:00")  # May 2, one in the afternoon
    clerk.record(event("visit", at("2026-05-02T11:00")))  # May 3
    assert length(clerk.state) == 2
    assert turns(clerk, "2026-05-04T10:00", length) == (2, 0)


@pytest.mark.parametrize(
    ("zone", "birthday", "begins"),
    [
        (KIRITIMATI, "1992-02-29", ["2027-02-27T10:00", "2028-02-28T10:00"]),
        (ST_JOHNS, "1992-02-29", ["2027-02-28T03:30", "2028-02-29T03:30"]),
        # On the days on which clocks change, which begin by the old one.
        (ST_JOHNS, "1992-03-08", ["2026-03-08T03:30", "2027-03-08T03:30"]),
        (ST_JOHNS, "1992-11-01", ["2026-11-01T02:30", "2027-11-01T02:30"]),
        # One that was left out is celebrated as it would have begun.
        (APIA, "1992-12-30", ["2010-12-30T10:00", "2011-12-30T10:00", "2012-12-29T10:00"]),
        (KIRITIMATI, "1992-12-31", ["1993-12-31T10:00", "1994-12-31T10:00", "1995-12-30T10:00"]),
    ],
)
def test_a_birthday_begins_with_its_local_day(zone: str, birthday: str, begins: list[str]) -> None:
    first = at(begins[0]) - timedelta(days=100)
    clerk = born(zone, first.isoformat()[:10], birthday, rules=[rule("cake", on="birthday", earn={"points": 10})])
    for number, instant in enumerate(begins):
        assert turns(clerk, instant, points) == ((10 * number, 0), (10 * number + 10, 0))


def test_an_anniversary_is_the_shop_s_day_and_a_birthday_the_member_s() -> None:
    rules = [rule("cake", on="birthday", earn={"points": 1}), rule("jubilee", on="anniversary", earn={"points": 10})]
    # June 2 at UTC+14, where the shop is; June 1 where the member lives.
    clerk = born(ST_JOHNS, "2025-06-01T12:00", "1990-06-02", KIRITIMATI, rules=rules)
    assert turns(clerk, "2025-06-02T02:30", points) == ((0, 0), (1, 0))
    assert turns(clerk, "2026-06-01T10:00", points) == ((1, 0), (11, 0))
    assert turns(clerk, "2026-06-02T02:30", points) == ((11, 0), (12, 0))


@pytest.mark.parametrize(
    ("zone", "unit", "day", "code", "starts", "ends"),
    [
        (KIRITIMATI, "day", "2026-05-01", "2026-05-01", "2026-04-30T10:00", "2026-05-01T10:00"),
        (KIRITIMATI, "month", "1994-12-30", "1994-12", "1994-12-01T10:00", "1994-12-31T10:00"),
        (KIRITIMATI, "week", "1995-01-01", "1994-W52", "1994-12-26T10:00", "1995-01-01T10:00"),
        (ST_JOHNS, "day", "2026-03-08", "2026-03-08", "2026-03-08T03:30", "2026-03-09T02:30"),
        (ST_JOHNS, "day", "2026-11-01", "2026-11-01", "2026-11-01T02:30", "2026-11-02T03:30"),
        (ST_JOHNS, "week", "2026-11-01", "2026-W44", "2026-10-26T02:30", "2026-11-02T03:30"),
        (ST_JOHNS, "day", "2010-11-06", "2010-11-06", "2010-11-06T02:30", "2010-11-07T02:30"),
        (ST_JOHNS, "day", "2010-11-07", "2010-11-07", "2010-11-07T02:30", "2010-11-08T03:30"),
        (COPENHAGEN, "day", "2026-03-29", "2026-03-29", "2026-03-28T23:00", "2026-03-29T22:00"),
        (COPENHAGEN, "month", "2026-10-25", "2026-10", "2026-09-30T22:00", "2026-10-31T23:00"),
        (APIA, "week", "2011-12-31", "2011-W52", "2011-12-26T10:00", "2012-01-01T10:00"),
        (APIA, "day", "2011-12-31", "2011-12-31", "2011-12-30T10:00", "2011-12-31T10:00"),
    ],
)
def test_the_periods_of_boards_are_local_days(
    *, zone: str, unit: str, day: str, code: str, starts: str, ends: str
) -> None:
    found, there = Board.model_validate(board(period=unit)), ZoneInfo(zone)
    expected = Period(code, at(starts), at(ends))
    assert period_on(found, date.fromisoformat(day), there) == expected
    assert period_at(found, at(starts), there) == period_at(found, at(ends) - TICK, there) == expected
    assert period_at(found, at(starts) - TICK, there) != expected != period_at(found, at(ends), there)


def test_what_is_bought_in_the_hour_that_comes_twice_counts_on_the_board_of_the_day_that_has_begun() -> None:
    clerk = Clerk(program(time_zone=ST_JOHNS, rules=[rule()], boards=[board(period="day")]), at("2010-01-01"))
    for minute, amount in (("02:29", 100), ("02:30", 200), ("03:29", 400), ("03:30", 800)):
        clerk.record(purchase(at(f"2010-11-07T{minute}"), amount))
    assert {score.period: score.value for score in clerk.state.scores} == {"2010-11-06": 1, "2010-11-07": 14}


@pytest.mark.parametrize("zone", [KIRITIMATI, ST_JOHNS, APIA, COPENHAGEN, HAVANA, "Asia/Beirut", "America/Sao_Paulo"])
def test_days_begin_in_order_and_an_instant_lies_on_the_day_that_began_last(zone: str) -> None:
    there = ZoneInfo(zone)
    for first in (date(1994, 12, 25), date(2010, 11, 1), date(2011, 12, 25), date(2018, 11, 1), date(2026, 3, 1)):
        starts = [start_of_day(first + timedelta(days=number), there) for number in range(40)]
        assert starts == sorted(starts)
        for number, (begins, ends) in enumerate(pairwise(starts)):
            if begins < ends:
                assert local_day(begins, there) == local_day(ends - TICK, there) == first + timedelta(days=number)
        assert all(begins.tzinfo is UTC for begins in starts)
    assert datetime(1994, 12, 31, 9, 59, tzinfo=UTC).astimezone(ZoneInfo(KIRITIMATI)).date() == date(1994, 12, 30)


def test_a_member_lives_in_the_zone_they_told_or_else_in_the_program_s() -> None:
    shop = program(time_zone="Asia/Tokyo")
    assert [shop.zone_of(told).key for told in (KIRITIMATI, "")] == [KIRITIMATI, "Asia/Tokyo"]
