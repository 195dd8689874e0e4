"""A program that changes while a member lives with it: from when a version counts, and what is judged again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gamification.activity import ENROLMENT, OWN_KINDS, Activity
from gamification.fold import advance
from gamification.program import Program
from gamification.schedule import Edition, Schedule
from gamification.state import State
from tests.gamification.clerk import Clerk
from tests.gamification.programs import Part, at, ladder, program, purchase, rule
from tests.gamification.strategies import STARTS, Happening, eventful_programs, lives
from tests.gamification.test_time_and_truth import check_journal, comparable, delays, live, lived

START_OF_TIME = datetime.min.replace(tzinfo=UTC)
changes = st.lists(st.tuples(eventful_programs, st.integers(0, 11)), min_size=1, max_size=2)
"""Further versions, each with the place in the history from which it counts."""


def editions(first: Program, later: list[tuple[Program, int]], done: list[Activity], start: datetime) -> list[Edition]:
    """Versions in force one after the other, each from just before one of the activities."""
    instants = sorted(done[place % len(done)].occurred_at for _, place in later)
    assume(len(set(instants)) == len(instants) and instants[0] > start)
    found = [Edition(1, first, START_OF_TIME)]
    for number, ((shop, _), instant) in enumerate(zip(later, instants, strict=True), start=2):
        found.append(Edition(number, shop, instant))
    return found


class Shop:
    """A member's clerk who learns of each version when it is applied, which is when it comes into force."""

    def __init__(self, known: list[Edition], start: datetime) -> None:
        self.known = known
        self.clerk = Clerk(Schedule(tuple(known[:1])), start)
        self.clerk.record(Activity("#enrolment", ENROLMENT, start))

    def at(self, now: datetime) -> Clerk:
        """The clerk, who knows what has been applied by now."""
        applied = [each for each in self.known[1:] if each.from_at <= now]
        self.clerk.schedule = Schedule((self.known[0], *applied))
        return self.clerk


@given(first=eventful_programs, later=changes, start=st.sampled_from(STARTS), history=lives, late=delays)
def test_the_order_of_arrival_and_the_clock_change_nothing_where_only_the_future_is_judged_anew(
    first: Program,
    later: list[tuple[Program, int]],
    start: datetime,
    history: list[Happening],
    late: list[timedelta],
) -> None:
    done = lived(start, history)
    assume(done)
    known = editions(first, later, done, start)
    in_time, anyhow, ticking = (Shop(known, start) for _ in range(3))
    arrivals = sorted(
        (
            (each.occurred_at + (timedelta() if each.kind in OWN_KINDS else late[number % len(late)]), number, each)
            for number, each in enumerate(done)
        ),
        key=lambda each: each[:2],
    )
    for activity in done:
        live(in_time.at(max(activity.occurred_at, start)), activity)
        ticking.at(max(activity.occurred_at, start)).wait(max(activity.occurred_at, start))
        live(ticking.clerk, activity)
    for arrived_at, _, activity in arrivals:
        live(anyhow.at(max(arrived_at, start)), activity, max(arrived_at, start))
    end = max(start, arrivals[-1][0], known[-1].from_at) + timedelta(days=30)
    expected = comparable(in_time.at(end).read(end))
    assert comparable(anyhow.at(end).read(end)) == expected
    ticking.at(end).wait(end)
    assert comparable(ticking.clerk.state) == expected
    for each in (in_time, anyhow, ticking):
        check_journal(each.clerk)


@given(
    first=eventful_programs,
    second=eventful_programs,
    start=st.sampled_from(STARTS),
    history=lives,
    places=st.tuples(st.integers(-1, 11), st.integers(0, 11)),
)
def test_what_is_judged_again_is_as_if_the_version_had_been_there_all_along(
    first: Program, second: Program, start: datetime, history: list[Happening], places: tuple[int, int]
) -> None:
    done = lived(start, history)
    assume(done)
    applied_after = places[1] % len(done)
    from_at = start if places[0] < 0 else max(done[min(places[0], applied_after)].occurred_at, start)
    edition = Edition(2, second, from_at)
    clerk, other = Clerk(first, start), Clerk(Schedule((Edition(1, first, START_OF_TIME), edition)), start)
    for each in (clerk, other):
        each.record(Activity("#enrolment", ENROLMENT, start))
    for number, activity in enumerate(done):
        live(clerk, activity)
        live(other, activity)
        if number == applied_after:
            clerk.now = max(clerk.now, from_at)
            clerk.schedule = Schedule((Edition(1, first, START_OF_TIME), replace(edition, backfills=True)))
            clerk.wait(clerk.now)
            assert clerk.state.judged_by == 2
    end = max(clerk.now, other.now) + timedelta(days=30)
    assert unmarked(clerk.read(end)) == unmarked(other.read(end))
    check_journal(clerk)


def laddered(silver: int, window: str, *, downgrade: Part | None = None) -> Program:
    """A program of two tiers, the upper one at so many points."""
    rungs = ladder("points", window, bronze=0, silver=silver)
    return program(rules=[rule(qualifying=True)], tiers={**rungs, "downgrade": downgrade or {}})


@pytest.mark.parametrize("window", ["calendar year", "calendar quarter", "rolling 60 days", "membership year"])
def test_a_lower_threshold_that_comes_into_force_when_the_period_is_over_lifts_nobody(window: str) -> None:
    changed = Edition(2, laddered(500, window), at("2026-02-01"))
    clerk = Clerk(Schedule((Edition(1, laddered(1000, window), START_OF_TIME), changed)), at("2025-01-10"))
    clerk.record(purchase(at("2025-11-20"), 60_000))
    standing = clerk.state.standing
    assert standing.tier == "bronze"
    assert clerk.read(at("2026-03-01")).standing == standing
    clerk.record(purchase(at("2026-03-01"), 100))
    assert clerk.state.standing.tier == "bronze"


@pytest.mark.parametrize("window", ["calendar year", "rolling 100 days", "membership year"])
def test_a_lower_threshold_lifts_whoever_has_enough_when_it_comes_into_force(window: str) -> None:
    changed = Edition(2, laddered(500, window), at("2026-02-01"))
    clerk = Clerk(Schedule((Edition(1, laddered(1000, window), START_OF_TIME), changed)), at("2026-01-05"))
    clerk.record(purchase(at("2026-01-10"), 60_000))
    assert clerk.read(at("2026-02-01") - timedelta(milliseconds=1)).standing.tier == "bronze"
    lifted = clerk.read(at("2026-02-01")).standing
    assert (lifted.tier, lifted.since) == ("silver", at("2026-02-01"))


PERIODS = ("calendar month", "calendar quarter", "calendar year", "membership year")
LADDERS = st.builds(
    laddered,
    st.sampled_from([100, 500, 1000]),
    st.sampled_from([*PERIODS, "rolling 20 days", "rolling 60 days"]),
    downgrade=st.sampled_from([{}, {"to": "one_level"}, {"to": "never"}, {"grace_days": 10}]),
) | st.builds(laddered, st.sampled_from([100, 1000]), st.just("lifetime"))


@given(
    ladders=st.tuples(LADDERS, LADDERS, LADDERS),
    changes_after=st.tuples(st.integers(0, 500), st.integers(0, 500)),
    bought=st.lists(st.tuples(st.integers(0, 300), st.sampled_from([9_000, 30_000, 60_000, 100_000])), max_size=3),
    looks=st.lists(st.integers(0, 1200), max_size=6),
)
def test_whoever_is_idle_while_ladders_change_can_be_read_at_all_times_whenever_they_were_looked_at(
    ladders: tuple[Program, Program, Program],
    changes_after: tuple[int, int],
    bought: list[tuple[int, int]],
    looks: list[int],
) -> None:
    start = at("2025-01-10 12:00")
    instants = sorted(start + timedelta(days=days) for days in changes_after)
    clerk = Clerk(Schedule(tuple(map(Edition, (1, 2, 3), ladders, (START_OF_TIME, *instants)))), start)
    clerk.record(Activity("#enrolment", ENROLMENT, start))
    for days, amount_minor in sorted(bought):
        clerk.record(purchase(start + timedelta(days=days), amount_minor, key=f"{days} {amount_minor} {clerk.now}"))
    looked_at = clerk.state
    for days in sorted(looks):
        looked_at, _ = advance(looked_at, max(looked_at.as_of, start + timedelta(days=days)), clerk.schedule)
    end = start + timedelta(days=1201)
    assert advance(looked_at, end, clerk.schedule)[0] == clerk.read(end)


def unmarked(state: State) -> State:
    """What is comparable, without the mark of who judged it."""
    return replace(comparable(state), judged_by=0)
