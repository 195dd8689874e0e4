"""Streaks against an independent computation, step by step through time."""

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gamification.activity import PARTICULARS, Activity
from gamification.effects import StreakMoved
from gamification.program import Program
from gamification.program.streaks import Streak
from gamification.state import StreakState
from tests.gamification.programs import Part, Player, at, program, streak
from tests.gamification.streak_guest import DAY

STEP = timedelta(minutes=30)
ZONES = (
    "UTC",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Pacific/Apia",
    "Europe/Copenhagen",
    "America/New_York",
    "America/St_Johns",
    "Asia/Tokyo",
    "Pacific/Honolulu",
)
STARTS = tuple(at(text) for text in ("2011-12-26", "2024-02-26", "2024-03-08", "2024-10-24", "1994-12-28"))
Step = tuple[int, str]
"""How many half hours after the last, and a zone to go to or a visit."""


class Naive:
    """A streak by brute force: half hour by half hour, counting how long each of the member's days lasted."""

    def __init__(self, played: Streak, zone: str) -> None:
        self.streak, self.zone = played, ZoneInfo(zone)
        self.lasted: Counter[date] = Counter()
        self.length, self.freezes, self.last = 0, played.freezes.start if played.freezes else 0, date.min

    def period(self, day: date) -> date:
        match self.streak.period:
            case "week":
                return day - timedelta(days=day.weekday())
            case "month":
                return day.replace(day=1)
        return day

    def today(self, now: datetime) -> date:
        return now.astimezone(self.zone).date()

    def judge(self, now: datetime) -> None:
        days = [self.last]
        while self.length:
            period = days[-1] + DAY
            while self.period(period) == self.period(days[-1]):
                period += DAY
            days = [period]
            while self.period(days[-1] + DAY) == period:
                days.append(days[-1] + DAY)
            if days[-1] >= self.today(now):
                return
            paused = sum(any(p.starts_on <= day <= p.ends_on for p in self.streak.pauses) for day in days)
            if 2 * paused >= len(days) or self.lasted[days[-1]] * STEP < timedelta(hours=20):
                continue
            self.last = period
            if self.freezes:
                self.freezes -= 1
            else:
                self.length = 0

    def visit(self, now: datetime) -> None:
        period = self.period(self.today(now))
        if period > self.last:
            self.last, self.length = period, self.length + 1
            freezes = self.streak.freezes
            if freezes and freezes.every and self.length % freezes.every == 0:
                self.freezes = min(self.freezes + 1, freezes.limit)


def played_naively(played: Program, history: list[Activity], start: datetime, end: datetime) -> Naive:
    naive = Naive(played.streaks[0], played.time_zone.key)
    due, now = list(history), start - 3 * DAY
    while now <= end:
        naive.judge(now)
        while due and due[0].occurred_at == now:
            activity = due.pop(0)
            if activity.kind == PARTICULARS:
                naive.zone = ZoneInfo(str(activity.attributes["time_zone"]))
                naive.judge(now)
            else:
                naive.visit(now)
        naive.lasted[naive.today(now)] += 1
        now += STEP
    return naive


steps = st.lists(
    st.tuples(
        st.one_of(st.integers(1, 30), st.integers(30, 60), st.sampled_from([1, 2, 48, 96, 400])),
        st.one_of(st.just("visit"), st.just("visit"), st.sampled_from(ZONES)),
    ),
    min_size=3,
    max_size=30,
)
PAUSES = (
    [{"starts_on": "2011-12-28", "ends_on": "2012-01-01"}],
    [
        {"starts_on": "2024-02-28", "ends_on": "2024-03-12"},
        {"starts_on": "2024-10-27", "ends_on": "2024-10-27"},
    ],
)
definitions = st.fixed_dictionaries(
    {"period": st.sampled_from(["day", "day", "day", "week", "month"])},
    optional={
        "freezes": st.fixed_dictionaries(
            {"start": st.integers(0, 1), "every": st.integers(2, 4), "limit": st.integers(1, 3)}
        ),
        "pauses": st.sampled_from(PAUSES),
    },
)


def history_of(start: datetime, walked: list[Step]) -> list[Activity]:
    made, now = [], start
    for number, (gap, what) in enumerate(walked):
        now += gap * STEP
        kind, attributes = ("visit", {}) if what == "visit" else (PARTICULARS, {"time_zone": what})
        made.append(Activity(f"{number:03}", kind, now, attributes=attributes))
    return made


@given(definitions, st.sampled_from(ZONES), st.sampled_from(STARTS), steps, st.integers(0, 400))
def test_a_streak_is_what_counting_half_hours_says(
    definition: Part, zone: str, start: datetime, walked: list[Step], more: int
) -> None:
    played = program(streaks=[streak(**definition)], time_zone=zone)
    history = history_of(start, walked)
    end = history[-1].occurred_at + more * STEP
    guest = Player(played, at("1990-01-01"))
    guest.do(*history)
    guest.wait(end)
    naive = played_naively(played, history, start, end)
    held = guest.state.streaks.get("daily", StreakState())
    assert held.length == naive.length
    if held.last is not None:
        assert (date.fromordinal(held.last), held.freezes) == (naive.last, naive.freezes)
    moved = [e for record in guest.records for e in record.outcome.effects if isinstance(e, StreakMoved)]
    assert all(now.before == was.after for was, now in pairwise(moved))
    assert (moved[-1].after if moved else 0) == held.length
    firsts = [first for first, _ in held.periods]
    assert firsts == sorted(set(firsts))


@given(definitions, st.sampled_from(ZONES), st.sampled_from(STARTS), steps, st.lists(st.integers(0, 2000), max_size=8))
def test_when_the_clock_runs_does_not_matter(
    definition: Part, zone: str, start: datetime, walked: list[Step], looks: list[int]
) -> None:
    played = program(streaks=[streak(**definition)], time_zone=zone)
    history = history_of(start, walked)
    end = history[-1].occurred_at + 200 * STEP
    busy, idle = Player(played, at("1990-01-01")), Player(played, at("1990-01-01"))
    moments = sorted(start + look * STEP / 3 for look in looks)
    for activity in history:
        idle.do(activity)
        while moments and moments[0] <= activity.occurred_at:
            busy.wait(moments.pop(0))
        busy.do(activity)
    for moment in (*moments, end):
        busy.wait(min(moment, end))
    idle.wait(end)
    assert busy.state == idle.state
    assert [r.outcome for r in busy.records] == [r.outcome for r in idle.records]
