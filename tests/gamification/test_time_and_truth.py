"""What holds of every member's time: what is taken back never happened, and what arrives late was there all along."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gamification.activity import ENROLMENT, OWN_KINDS, PARTICULARS, Activity
from gamification.program import Program
from gamification.replaying import Replay
from gamification.requests import Recorded
from gamification.reversal import AlreadyReversed
from gamification.state import State
from tests.gamification.clerk import Clerk
from tests.gamification.programs import at, event, program, rule
from tests.gamification.strategies import (
    STARTS,
    Happening,
    eventful_programs,
    events,
    gaps,
    happenings,
    lives,
    purchases,
    timeline,
)

earning = st.lists(st.builds(Happening, gaps, st.one_of(purchases, purchases, events)), min_size=1, max_size=10)
"""Histories in which nothing is spent."""
delays = st.lists(st.integers(0, 30 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes)), min_size=1)


def named(activities: Sequence[Activity]) -> list[Activity]:
    """The activities with keys of their own, whose order is not that of time. What is Laurel's own has its instants."""
    return [
        replace(
            each,
            key=f"k{number * 7 % 10}{number}",
            occurred_at=each.occurred_at + timedelta(milliseconds=7 * (number + 1) if each.kind in OWN_KINDS else 0),
        )
        for number, each in enumerate(activities)
    ]


def comparable(state: State) -> State:
    """A state without what tells how it came about: the number of records, and what was last looked at."""
    return replace(state, seq=0, as_of=state.joined_at, newest=None)


def live(clerk: Clerk, activity: Activity, arrived_at: datetime | None = None) -> None:
    """Record what happens, or let the game learn what a member's profile says now."""
    if activity.kind != PARTICULARS:
        clerk.record(activity, arrived_at)
        return
    told: dict[str, Any] = {name: str(value) or None for name, value in activity.attributes.items()}
    clerk.member = replace(clerk.member, profile=replace(clerk.member.profile, **told))
    clerk.wait(max(arrived_at or activity.occurred_at, clerk.now))


def enrolled(shop: Program, joined_at: datetime) -> Clerk:
    """A clerk of a member whose enrolment is record 1."""
    clerk = Clerk(shop, joined_at)
    clerk.record(Activity("#enrolment", ENROLMENT, joined_at))
    return clerk


def lived(start: datetime, history: list[Happening]) -> list[Activity]:
    """What happened, in the order of time. What is Laurel's own never comes before the member."""
    activities = in_order(named(timeline(start, history)))
    return [each for each in activities if each.kind not in OWN_KINDS or each.occurred_at > start]


def reversible(activities: Sequence[Activity]) -> list[Activity]:
    """Those of them that can be taken back."""
    return [each for each in activities if each.kind not in OWN_KINDS]


def drawn_from(data: st.DataObject, activities: Sequence[Activity]) -> list[Activity]:
    """Some of them, in any order."""
    places = data.draw(st.lists(st.integers(0, 20), max_size=3))
    return list({(each := activities[place % len(activities)]).key: each for place in places if activities}.values())


def check_journal(clerk: Clerk) -> None:
    """The journal comes to the snapshot, outcome by outcome, and its entries to the balance."""
    replaying = Replay(clerk.member.enrolled_at, clerk.schedule)
    for record in clerk.records:
        assert replaying.take(record, clerk.terms) == record.outcome
        assert replaying.state.balance == record.outcome.balance
    assert replaying.state == clerk.state


def in_order(activities: Sequence[Activity]) -> list[Activity]:
    """The activities in the order of time."""
    return sorted(activities, key=lambda each: (each.occurred_at, each.key))


@given(shop=eventful_programs, start=st.sampled_from(STARTS), history=lives, data=st.data())
def test_what_is_taken_back_never_happened(
    shop: Program, start: datetime, history: list[Happening], data: st.DataObject
) -> None:
    done = lived(start, history)
    undone = drawn_from(data, reversible(done))
    end = max([start, *(each.occurred_at for each in done)]) + data.draw(
        st.integers(0, 400).map(lambda days: timedelta(days=days))
    )
    clerk, other = enrolled(shop, start), enrolled(shop, start)
    for activity in done:
        live(clerk, activity)
    for activity in undone:
        assert isinstance(clerk.reverse(activity.key, end), Recorded)
        before = clerk.state
        assert clerk.reverse(activity.key, end) == AlreadyReversed(activity.key)
        assert clerk.state is before
    for activity in done:
        if activity not in undone:
            live(other, activity)
    assert comparable(clerk.read(end)) == comparable(other.read(end))
    check_journal(clerk)


@given(shop=eventful_programs, start=st.sampled_from(STARTS), history=lives, late=delays)
def test_the_order_of_arrival_changes_nothing(
    shop: Program, start: datetime, history: list[Happening], late: list[timedelta]
) -> None:
    done = lived(start, history)
    arrivals = sorted(
        (
            # What is Laurel's own takes effect when it comes in.
            (each.occurred_at + (timedelta() if each.kind in OWN_KINDS else late[number % len(late)]), number, each)
            for number, each in enumerate(done)
        ),
        key=lambda each: each[:2],
    )
    clerk, other = enrolled(shop, start), enrolled(shop, start)
    for activity in done:
        live(other, activity)
    for arrived_at, _, activity in arrivals:
        live(clerk, activity, arrived_at)
    end = max([start, *(each[0] for each in arrivals)])
    assert comparable(clerk.read(end)) == comparable(other.read(end))
    check_journal(clerk)


@given(
    shop=eventful_programs,
    start=st.sampled_from(STARTS),
    history=st.lists(st.one_of(happenings, lives.map(lambda life: life[0])), max_size=10),
    pauses=st.lists(gaps),
)
def test_it_does_not_matter_when_the_clock_runs(
    shop: Program, start: datetime, history: list[Happening], pauses: list[timedelta]
) -> None:
    """The journals are equal, but for when each record was written."""
    clerk, other = enrolled(shop, start), enrolled(shop, start)
    for number, activity in enumerate(named(timeline(start, history))):
        for each in (clerk, other):
            if activity.kind == PARTICULARS:
                live(each, activity)
            else:
                each.do(activity)
        if pauses:
            clerk.wait(clerk.now + abs(pauses[number % len(pauses)]))
            other.now = clerk.now
    end = clerk.now + timedelta(days=500)
    clerk.wait(end)
    other.wait(end)
    assert clerk.state == other.state
    assert [replace(each, recorded_at=start) for each in clerk.records] == [
        replace(each, recorded_at=start) for each in other.records
    ]
    check_journal(clerk)


def test_what_a_move_brings_about_does_not_tell_how_many_records_there_were_before() -> None:
    """A birthday that begins with a flight over the date line gives points, whose lot has the same name either way."""
    shop = program(rules=[rule("cake", on="birthday", earn={"points": 10}), rule("v", on="visit", earn={"points": 1})])
    clerk, other = enrolled(shop, at("2026-01-01")), enrolled(shop, at("2026-01-01"))
    visit = event("visit", at("2026-04-20"))
    for each in (clerk, other):
        each.member = replace(
            each.member, profile=replace(each.member.profile, time_zone="Pacific/Honolulu", birthday="1990-05-02")
        )
        each.wait(at("2026-04-01"))
    clerk.record(visit)
    for each in (clerk, other):
        each.member = replace(each.member, profile=replace(each.member.profile, time_zone="Pacific/Kiritimati"))
        each.wait(at("2026-05-01T12:00"))
    clerk.reverse(visit.key, at("2026-05-02"))
    assert other.state.balance.available == 10
    assert comparable(clerk.state) == comparable(other.read(at("2026-05-02")))
