"""A member as of now: what is known of when something is due next saves the work, and changes nothing of the answer."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gamification.fold import advance, next_due_at
from gamification.member import Member, Profile
from gamification.program import Program
from gamification.schedule import Edition, Schedule
from gamification.state import State
from schema.context import Reading, as_of_now
from tests.gamification.programs import JOINED_AT, Player, program, purchase
from tests.gamification.strategies import STARTS, Happening, histories, programs, timeline

DAY = timedelta(days=1)


def reading(schedule: Schedule, now: datetime) -> Reading:
    edition = schedule.at(now)
    return Reading(edition.program, edition.version, "en", now, schedule)


def member(state: State, schedule: Schedule) -> Member:
    """A member whose snapshot this is, with what a commit by that schedule writes of when something is due."""
    due_at = next_due_at(state, schedule)
    return Member("m", "000000000018", JOINED_AT, Profile("A"), state, due_at=due_at, due_by=schedule.newest_version)


@given(st.tuples(programs, st.sampled_from(STARTS), histories), programs, st.integers(0, 40_000), st.integers(0, 2_000))
def test_it_is_what_letting_time_pass_comes_to(
    game: tuple[Program, datetime, list[Happening]], later: Program, hours: int, changes_after: int
) -> None:
    first, start, history = game
    player = Player(first, start)
    for activity in timeline(start, history):
        player.attempt(activity)
    schedule = Schedule.always(first)
    newer = Schedule((*schedule.editions, Edition(2, later, player.state.as_of + timedelta(hours=changes_after))))
    known = member(player.state, schedule)
    for now in (player.state.as_of + timedelta(hours=hours), known.due_at or player.state.as_of):
        for in_force in (schedule, newer):
            assert as_of_now(known, reading(in_force, now)).state == advance(player.state, now, in_force)[0]


def test_until_something_is_due_it_is_the_same_object_and_then_no_longer_known() -> None:
    schedule = Schedule.always(
        program(
            points={"name": "points", "expire_days": 10},
            rules=[{"code": "base", "name": "Base", "on": "purchase", "earn": {"points": 1, "per_amount": 1}}],
        )
    )
    player = Player(schedule.editions[0].program)
    player.do(purchase(JOINED_AT, 1000))
    known = member(player.state, schedule)
    assert known.due_at is not None
    assert as_of_now(known, reading(schedule, known.due_at - DAY)) is known
    after = as_of_now(known, reading(schedule, known.due_at))
    assert (after.state.lots, after.due_at, after.due_by) == ((), None, None)


def test_what_is_known_is_not_trusted_under_another_version_nor_where_there_is_nothing() -> None:
    schedule = Schedule.always(program())
    known = replace(member(State.new(JOINED_AT), schedule), due_at=None)
    assert known.stands_at(JOINED_AT + DAY, 1)
    assert not known.stands_at(JOINED_AT + DAY, 2)
    assert not known.with_state(known.state).stands_at(JOINED_AT + DAY, 1)
    assert not replace(known, due_at=JOINED_AT).stands_at(JOINED_AT, 1)
