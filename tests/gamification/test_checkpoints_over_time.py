"""Checkpoints change what a revision costs, never what it comes to: late ones, reversals of them, and late again."""

from contextlib import ExitStack
from datetime import datetime, timedelta
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from gamification.program import Program
from gamification.requests import Recorded
from tests.gamification.programs import at, program, purchase, rule
from tests.gamification.strategies import STARTS, Happening, eventful_programs
from tests.gamification.test_time_and_truth import (
    check_journal,
    comparable,
    delays,
    earning,
    enrolled,
    in_order,
    lived,
    named,
)

EVERY = 2
"""Activities between two checkpoints here, so that short histories have several."""
_CONSTANTS = ("member_fold", "playing", "replaying")


def close_checkpoints() -> ExitStack:
    """Let checkpoints lie close to each other."""
    stack = ExitStack()
    for module in _CONSTANTS:
        stack.enter_context(patch(f"gamification.{module}.CHECKPOINT_ACTIVITIES", EVERY))
    return stack


@given(
    shop=eventful_programs,
    start=st.sampled_from(STARTS),
    history=earning,
    late=delays,
    back=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 40)), max_size=6),
)
def test_checkpoints_change_nothing(
    shop: Program, start: datetime, history: list[Happening], late: list[timedelta], back: list[tuple[int, int]]
) -> None:
    done = [each for each in in_order(named(lived(start, history))) if each.occurred_at >= start]
    steps = [(each.occurred_at + late[number % len(late)], 0, each.key) for number, each in enumerate(done)]
    for place, days in back:
        if steps and done:
            arrived_at, _, key = steps[place % len(done)]
            steps.append((arrived_at + timedelta(days=days), 1, key))
    steps.sort()
    by_key = {each.key: each for each in done}
    undone = {key for _, is_reversal, key in steps if is_reversal}
    with close_checkpoints():
        clerk = enrolled(shop, start)
        for arrived_at, is_reversal, key in steps:
            if is_reversal:
                clerk.reverse(key, arrived_at)
            else:
                clerk.record(by_key[key], arrived_at)
        check_journal(clerk)
    other = enrolled(shop, start)
    for activity in done:
        if activity.key not in undone:
            other.record(activity)
    end = max([start, *(arrived_at for arrived_at, *_ in steps)]) + timedelta(days=100)
    assert comparable(clerk.read(end)) == comparable(other.read(end))


def test_a_late_one_after_a_reversal_and_a_reversal_of_a_late_one() -> None:
    shop = program(rules=[rule()])
    with close_checkpoints():
        clerk = enrolled(shop, at("2026-01-01"))
        for day in range(2, 9):
            clerk.record(purchase(at(f"2026-01-0{day}"), day * 100, key=f"p{day}"))
        assert isinstance(clerk.reverse("p3", at("2026-01-10")), Recorded)
        clerk.record(purchase(at("2026-01-03 12:00"), 5000, key="late"), at("2026-01-11"))
        assert clerk.state.balance.available == 2 + 4 + 5 + 6 + 7 + 8 + 50
        assert isinstance(clerk.reverse("late", at("2026-01-12")), Recorded)
        clerk.record(purchase(at("2026-01-02 12:00"), 900, key="later"), at("2026-01-13"))
        assert clerk.state.balance.available == 2 + 4 + 5 + 6 + 7 + 8 + 9
        assert len(clerk.checkpoints) >= 3
        check_journal(clerk)
