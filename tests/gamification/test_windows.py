"""Windows of time: their borders by hand, and against a slow model that counts day by day."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gamification.windows import (
    MAX_ROLLING_DAYS,
    Tally,
    Window,
    add,
    day_of_year,
    falls_below,
    local_day,
    start_of_day,
    total,
    total_from,
)
from tests.gamification.programs import at
from tests.gamification.strategies import ZONES, windows

LIFETIME = Window("lifetime")


@pytest.mark.parametrize(
    ("unit", "day", "opens", "leaves"),
    [
        ("day", "2024-02-29", "2024-02-29", "2024-03-01"),
        ("day", "2023-12-31", "2023-12-31", "2024-01-01"),
        ("week", "2024-01-01", "2024-01-01", "2024-01-08"),
        ("week", "2024-12-31", "2024-12-30", "2025-01-06"),
        ("week", "2020-12-31", "2020-12-28", "2021-01-04"),  # ISO week 53
        ("week", "2021-01-03", "2020-12-28", "2021-01-04"),  # the Sunday of week 53, already in the next year
        ("week", "2021-01-04", "2021-01-04", "2021-01-11"),
        ("month", "2024-02-29", "2024-02-01", "2024-03-01"),
        ("month", "2023-02-28", "2023-02-01", "2023-03-01"),
        ("month", "2023-12-31", "2023-12-01", "2024-01-01"),
        ("quarter", "2023-03-31", "2023-01-01", "2023-04-01"),
        ("quarter", "2024-04-01", "2024-04-01", "2024-07-01"),
        ("quarter", "2024-09-30", "2024-07-01", "2024-10-01"),
        ("quarter", "2024-12-31", "2024-10-01", "2025-01-01"),
        ("year", "2024-12-31", "2024-01-01", "2025-01-01"),
        ("year", "2023-06-30", "2023-01-01", "2024-01-01"),
    ],
)
def test_calendar_borders(unit: str, day: str, opens: str, leaves: str) -> None:
    window, today = Window(unit), date.fromisoformat(day)
    assert date.fromordinal(window.bucket(today)) == date.fromisoformat(opens)
    assert window.opens(today) == window.bucket(today)
    assert window.leaves(window.bucket(today)) == date.fromisoformat(leaves)


@pytest.mark.parametrize(
    ("joined", "day", "opens", "leaves"),
    [
        ("2023-05-10", "2023-05-10", "2023-05-10", "2024-05-10"),
        ("2023-05-10", "2026-05-09", "2025-05-10", "2026-05-10"),
        ("2023-05-10", "2026-05-10", "2026-05-10", "2027-05-10"),
        ("2023-05-10", "2023-05-09", "2022-05-10", "2023-05-10"),  # before joining, as an old purchase may be
        ("2024-02-29", "2025-02-27", "2024-02-29", "2025-02-28"),
        ("2024-02-29", "2025-02-28", "2025-02-28", "2026-02-28"),
        ("2024-02-29", "2028-02-28", "2027-02-28", "2028-02-29"),
        ("2024-02-29", "2028-02-29", "2028-02-29", "2029-02-28"),
        ("2023-02-28", "2024-02-29", "2024-02-28", "2025-02-28"),
        ("2023-12-31", "2024-01-01", "2023-12-31", "2024-12-31"),
    ],
)
def test_membership_borders(joined: str, day: str, opens: str, leaves: str) -> None:
    window, today = Window("membership").anchored(date.fromisoformat(joined)), date.fromisoformat(day)
    assert date.fromordinal(window.bucket(today)) == date.fromisoformat(opens)
    assert window.opens(today) == window.bucket(today)
    assert window.leaves(window.bucket(today)) == date.fromisoformat(leaves)
    assert window.periodic


@pytest.mark.parametrize(
    ("window", "looks_back"),
    [
        (Window("day"), "2024-02-28"),
        (Window("week"), "2024-02-19"),
        (Window("month"), "2024-01-01"),
        (Window("quarter"), "2023-10-01"),
        (Window("year"), "2023-01-01"),
        (Window("membership").anchored(date(2020, 2, 29)), "2023-02-28"),
        (Window("rolling", 29), "2024-02-01"),
    ],
)
def test_a_review_looks_back_over_the_period_before(window: Window, looks_back: str) -> None:
    assert date.fromordinal(window.looks_back(date(2024, 2, 29))) == date.fromisoformat(looks_back)


def test_a_lifetime_looks_back_over_itself() -> None:
    assert LIFETIME.looks_back(date(2024, 2, 29)) == 0
    assert not LIFETIME.periodic


def test_what_is_kept_beyond_the_window_counts_no_more_within_it() -> None:
    month, january, march = Window("month"), date(2024, 1, 31), date(2024, 3, 1)
    kept_from = date(2024, 1, 1).toordinal()
    tally = add(add((), month, january, 5), month, march, 7, kept_from=kept_from)
    assert tally == ((kept_from, 5), (march.toordinal(), 7))
    assert (total(tally, month, march), total_from(tally, kept_from)) == (7, 12)
    assert total_from(tally, kept_from + 1) == 7
    assert total_from(tally, march.toordinal() + 1) == 0


def test_a_rolling_window_is_today_and_the_days_before() -> None:
    window = Window("rolling", 60)
    tally = add((), window, date(2024, 1, 1), 7)
    assert total(tally, window, date(2024, 1, 1)) == 7
    assert total(tally, window, date(2024, 2, 29)) == 7  # the 60th day, the first counted
    assert total(tally, window, date(2024, 3, 1)) == 0
    assert window.leaves(tally[0][0]) == date(2024, 3, 1)


def test_a_window_of_one_rolling_day_is_today() -> None:
    window = Window("rolling", 1)
    tally = add((), window, date(2024, 2, 29), 5)
    assert total(tally, window, date(2024, 2, 29)) == 5
    assert total(tally, window, date(2024, 3, 1)) == 0


def test_a_lifetime_never_ends() -> None:
    tally = add(add((), LIFETIME, date(1997, 1, 1), 3), LIFETIME, date(2097, 1, 1), 4)
    assert tally == ((0, 7),)
    assert total(tally, LIFETIME, date(2999, 1, 1)) == 7
    assert LIFETIME.leaves(0) is None
    assert falls_below(tally, LIFETIME, date(2097, 1, 1), 1) is None


def test_add_joins_a_bucket_and_drops_what_has_left() -> None:
    window = Window("rolling", 3)
    first, second, fourth = date(2024, 5, 1), date(2024, 5, 2), date(2024, 5, 4)
    tally = add(add(add((), window, first, 1), window, first, 2), window, second, 4)
    assert tally == ((first.toordinal(), 3), (second.toordinal(), 4))
    assert add(tally, window, fourth, 8) == ((second.toordinal(), 4), (fourth.toordinal(), 8))


def test_add_starts_a_new_calendar_period() -> None:
    month = Window("month")
    january = add((), month, date(2024, 1, 31), 5)
    assert add(january, month, date(2024, 2, 1), 6) == ((date(2024, 2, 1).toordinal(), 6),)


def test_falls_below_names_the_day_of_the_bucket_that_makes_the_difference() -> None:
    window = Window("rolling", 30)
    tally: Tally = ()
    for day, amount in ((1, 100), (5, 100), (9, 50)):
        tally = add(tally, window, date(2024, 1, day), amount)
    today = date(2024, 1, 9)
    assert falls_below(tally, window, today, 250) == date(2024, 1, 31)
    assert falls_below(tally, window, today, 151) == date(2024, 1, 31)
    assert falls_below(tally, window, today, 150) == date(2024, 2, 4)  # exactly the threshold is not below it
    assert falls_below(tally, window, today, 50) == date(2024, 2, 8)
    assert falls_below(tally, window, today, 1) == date(2024, 2, 8)
    assert falls_below(tally, window, today, 0) is None
    assert falls_below((), window, today, 1) is None


def test_falls_below_at_the_turn_of_a_calendar_period() -> None:
    tally = add((), Window("quarter"), date(2024, 2, 29), 10)
    assert falls_below(tally, Window("quarter"), date(2024, 3, 1), 10) == date(2024, 4, 1)


@pytest.mark.parametrize(
    "text", ["lifetime", "calendar day", "calendar quarter", "rolling 1 days", "rolling 3660 days"]
)
def test_parse_reads_what_it_writes(text: str) -> None:
    assert str(Window.parse(text)) == text


def test_membership_years_are_read_where_they_are_allowed() -> None:
    assert Window.parse("membership year", membership=True) == Window("membership")
    assert str(Window("membership")) == "membership year"
    with pytest.raises(ValueError, match="'membership year' or 'rolling"):
        Window.parse("membership month", membership=True)


@pytest.mark.parametrize(
    "text",
    ["membership year", "",
     "rolling 0 days", f"rolling {MAX_ROLLING_DAYS + 1} days", "rolling -1 days", "calendar decade", "calendar",
     "calendar rolling", "lifetime lifetime", "rolling 1.5 days", "rolling " + "9" * 5000 + " days"],
)  # fmt: skip
def test_parse_refuses_the_rest(text: str) -> None:
    with pytest.raises(ValueError, match=r"window is 'lifetime'|Exceeds the limit"):
        Window.parse(text)


@pytest.mark.parametrize(
    ("zone", "day", "start"),
    [
        ("Pacific/Kiritimati", "2024-01-02", "2024-01-01 10:00"),  # UTC+14
        ("Pacific/Pago_Pago", "2024-01-02", "2024-01-02 11:00"),  # UTC-11
        ("America/St_Johns", "2024-01-15", "2024-01-15 03:30"),
        ("America/St_Johns", "2024-07-15", "2024-07-15 02:30"),
        ("Asia/Kathmandu", "2024-01-15", "2024-01-14 18:15"),
        ("Europe/Copenhagen", "2024-03-31", "2024-03-30 23:00"),
        ("Europe/Copenhagen", "2024-04-01", "2024-03-31 22:00"),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04 03:00"),  # no midnight: the clock goes from 23:59 to 1:00
        ("Asia/Beirut", "2022-03-27", "2022-03-26 22:00"),  # no midnight either
        ("America/Havana", "2024-11-03", "2024-11-03 04:00"),  # midnight twice: the first begins the day
        ("Pacific/Apia", "2011-12-30", "2011-12-30 10:00"),  # a day that was left out altogether
    ],
)
def test_start_of_day(zone: str, day: str, start: str) -> None:
    assert start_of_day(date.fromisoformat(day), ZoneInfo(zone)) == at(start)


@pytest.mark.parametrize(
    ("month", "day", "year", "expected"),
    [
        (2, 29, 2024, "2024-02-29"),
        (2, 29, 2023, "2023-02-28"),
        (2, 29, 2100, "2100-02-28"),
        (2, 29, 2000, "2000-02-29"),
        (2, 28, 2023, "2023-02-28"),
        (3, 29, 2023, "2023-03-29"),
    ],
)
def test_the_29th_of_february_is_the_28th_where_there_is_none(month: int, day: int, year: int, expected: str) -> None:
    assert day_of_year(month, day, year) == date.fromisoformat(expected)


def test_a_day_that_was_left_out_has_no_instant_of_its_own() -> None:
    apia = ZoneInfo("Pacific/Apia")
    assert local_day(at("2011-12-30 09:59:59"), apia) == date(2011, 12, 29)
    assert local_day(at("2011-12-30 10:00:00"), apia) == date(2011, 12, 31)


@pytest.mark.parametrize(
    ("zone", "instant", "day"),
    [
        # 0:01 went back to 23:01; the day that had begun for a minute goes on.
        ("America/St_Johns", "2010-11-07 02:29:59", "2010-11-06"),
        ("America/St_Johns", "2010-11-07 02:30:00", "2010-11-07"),
        ("America/St_Johns", "2010-11-07 03:00:00", "2010-11-07"),
        ("America/St_Johns", "2010-11-07 03:30:00", "2010-11-07"),
        # 2:00 went back three hours, to 23:00.
        ("Antarctica/Casey", "2010-03-04 15:30:00", "2010-03-05"),
        # 1:00 went back to 0:00, and 0:00 to 23:00: no day is entered twice.
        ("America/Havana", "2024-11-03 05:30:00", "2024-11-03"),
        ("America/Sao_Paulo", "2018-02-18 02:30:00", "2018-02-17"),
        ("America/Sao_Paulo", "2018-02-18 03:00:00", "2018-02-18"),
    ],
)
def test_a_day_begins_once(zone: str, instant: str, day: str) -> None:
    assert local_day(at(instant), ZoneInfo(zone)) == date.fromisoformat(day)


@given(
    st.sampled_from(ZONES),
    st.integers(0, 70 * 365 * 24 * 60).map(lambda minutes: at("1970-01-02") + timedelta(minutes=minutes)),
    st.integers(0, 48 * 60),
)
@example("America/St_Johns", at("2010-11-07 02:30"), 30)
@example("Antarctica/Casey", at("2010-03-04 14:00"), 90)
def test_days_follow_each_other_and_begin_where_they_start(zone_name: str, instant: datetime, minutes: int) -> None:
    zone = ZoneInfo(zone_name)
    day, later = local_day(instant, zone), local_day(instant + timedelta(minutes=minutes), zone)
    assert day <= later
    assert start_of_day(day, zone) <= instant < start_of_day(day + timedelta(days=1), zone)


Happened = list[tuple[int, int]]
happened = st.lists(st.tuples(st.integers(0, 90), st.integers(0, 20)), max_size=12)
"""Days since the one before, and an amount."""


def _model(counted: list[tuple[date, int]], window: Window, today: date) -> int:
    def period(day: date) -> object:
        return {
            "lifetime": 0,
            "day": day,
            "week": day.isocalendar()[:2],
            "month": (day.year, day.month),
            "quarter": (day.year, (day.month + 2) // 3),
            "year": day.year,
        }[window.unit]

    if window.unit == "rolling":
        return sum(amount for day, amount in counted if (today - day).days < window.days)
    return sum(amount for day, amount in counted if period(day) == period(today))


@given(windows, st.dates(date(2019, 11, 1), date(2021, 3, 1)), happened, st.integers(0, 400), st.integers(1, 60))
def test_a_tally_is_what_counting_day_by_day_gives(
    window: Window, first: date, amounts: Happened, later: int, threshold: int
) -> None:
    today = first
    tally: Tally = ()
    counted: list[tuple[date, int]] = []
    for gap, amount in amounts:
        today += timedelta(days=gap)
        tally = add(tally, window, today, amount)
        counted.append((today, amount))
        assert total(tally, window, today) == _model(counted, window, today)
        assert list(tally) == sorted(tally)
        assert len(tally) <= (window.days if window.unit == "rolling" else 1)
    today += timedelta(days=later)
    assert total(tally, window, today) == _model(counted, window, today)
    held = total(tally, window, today)
    coming = [today + timedelta(days=n) for n in range(1, 450)]
    holds = [_model(counted, window, day) for day in coming]
    for least in {threshold, held, *holds} - {0}:
        if held >= least:
            expected = next((day for day, left in zip(coming, holds, strict=True) if left < least), None)
            assert falls_below(tally, window, today, least) == expected
