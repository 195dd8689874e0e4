"""Quiet hours and best times by the clock on the wall, over midnight and over changes of the clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.delivery.hours import QuietHours, next_at, quiet_until
from tests.gamification.strategies import STARTS, ZONES

NIGHT = QuietHours(time(22), time(8))
COPENHAGEN = ZoneInfo("Europe/Copenhagen")

clock_times = st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30, 59)))
quiet_hours = st.builds(QuietHours, clock_times, clock_times).filter(lambda quiet: quiet.begins != quiet.ends)
zones = st.sampled_from(ZONES).map(ZoneInfo)
instants = st.builds(
    lambda start, minutes: start + timedelta(minutes=minutes), st.sampled_from(STARTS), st.integers(0, 4320)
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-05-01T19:59:59+00:00", "2026-05-01T19:59:59+00:00"),  # 21:59:59 in Copenhagen
        ("2026-05-01T20:00+00:00", "2026-05-02T06:00+00:00"),
        ("2026-05-01T23:30+00:00", "2026-05-02T06:00+00:00"),
        ("2026-05-02T05:59:59.999+00:00", "2026-05-02T06:00+00:00"),
        ("2026-05-02T06:00+00:00", "2026-05-02T06:00+00:00"),
        ("2026-03-28T22:00+00:00", "2026-03-29T06:00+00:00"),  # the night in which summer time begins
        ("2026-10-24T21:00+00:00", "2026-10-25T07:00+00:00"),  # and ends
    ],
)
def test_a_night_is_quiet_until_morning(now: str, until: str) -> None:
    assert quiet_until(at(now), NIGHT, COPENHAGEN) == at(until)


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        # Clocks go from 2:00 to 3:00 at 1:00 UTC: the end is jumped over.
        (QuietHours(time(22), time(2, 30)), "2026-03-28T23:00+00:00", "2026-03-29T01:00+00:00"),
        # Clocks go from 3:00 back to 2:00 at 1:00 UTC: what ends at 2:30 ends twice, what ends at 3:00 the second time.
        (QuietHours(time(22), time(2, 30)), "2026-10-24T22:00+00:00", "2026-10-25T00:30+00:00"),
        (QuietHours(time(22), time(2, 30)), "2026-10-25T01:10+00:00", "2026-10-25T01:30+00:00"),
        (QuietHours(time(22), time(3)), "2026-10-24T22:00+00:00", "2026-10-25T02:00+00:00"),
    ],
)
def test_where_clocks_change_the_clock_on_the_wall_counts(quiet: QuietHours, now: str, until: str) -> None:
    assert quiet_until(at(now), quiet, COPENHAGEN) == at(until)


@given(now=instants, quiet=quiet_hours, zone=zones)
def test_the_end_of_quiet_hours_is_the_first_instant_that_is_not_quiet(
    now: datetime, quiet: QuietHours, zone: ZoneInfo
) -> None:
    end = quiet_until(now, quiet, zone)
    assert end >= now
    assert not quiet.cover(end.astimezone(zone).time())
    minute = now
    while minute < end:
        assert quiet.cover(minute.astimezone(zone).time()), minute
        minute += timedelta(minutes=1)


@given(since=instants, wanted=clock_times, zone=zones)
def test_the_next_time_of_day_is_at_most_a_day_and_a_jump_away(since: datetime, wanted: time, zone: ZoneInfo) -> None:
    found = next_at(since, wanted, zone)
    local = found.astimezone(zone)
    assert since <= found <= since + timedelta(hours=49), "Apia left a day out"
    if local.time() != wanted:
        gap = datetime.combine(local.date(), wanted, tzinfo=zone)
        assert gap.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != gap.replace(tzinfo=None)


def test_the_next_time_of_day_may_be_now() -> None:
    assert next_at(at("2026-05-01T07:00+00:00"), time(9), COPENHAGEN) == at("2026-05-01T07:00+00:00")
    assert next_at(at("2026-05-01T07:00:01+00:00"), time(9), COPENHAGEN) == at("2026-05-02T07:00+00:00")
