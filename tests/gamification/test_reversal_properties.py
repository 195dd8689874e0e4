"""What holds of every reversal: parts add up to the whole, and what was spent meanwhile is settled by the policy."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.activity import PURCHASE, Activity, LineItem
from gamification.effects import Entry
from gamification.fold import advance, apply_standing
from gamification.program import Program
from gamification.program.definition import Reversals
from gamification.requests import InvalidInput, Recorded
from gamification.reversal import AlreadyReversed, left_of
from gamification.state import Balance, State
from tests.gamification.clerk import Clerk
from tests.gamification.programs import adjustment, at, challenge, program, purchase, rule
from tests.gamification.strategies import STARTS, Happening, eventful_programs, happenings, lives, parts, timeline
from tests.gamification.test_time_and_truth import (
    check_journal,
    comparable,
    drawn_from,
    enrolled,
    in_order,
    live,
    lived,
    named,
    reversible,
)

Policy = Literal["allow_debt", "within_balance", "only_pending"]


def as_left(activity: Activity, clerk: Clerk) -> Activity | None:
    """What is left of an activity after all that was taken back of it."""
    told = [record.activity.reversal for record in clerk.records if record.activity and record.activity.reversal]
    return left_of(activity, [each for each in told if each.key == activity.key])


@given(
    shop=eventful_programs,
    start=st.sampled_from(STARTS),
    history=lives,
    asked=st.lists(parts, max_size=4),
    data=st.data(),
)
def test_what_is_left_counts_as_if_there_had_never_been_more(
    shop: Program, start: datetime, history: list[Happening], asked: list[dict[str, Any]], data: st.DataObject
) -> None:
    done = lived(start, history)
    clerk, other, without = enrolled(shop, start), enrolled(shop, start), enrolled(shop, start)
    for activity in done:
        live(clerk, activity)
    end = clerk.now + timedelta(days=data.draw(st.integers(0, 40)))
    narrowed = drawn_from(data, [each for each in done if each.kind == PURCHASE])
    for number, activity in enumerate(narrowed):
        for again, part in enumerate(asked):
            before = clerk.state
            result = clerk.reverse(activity.key, end, f"r{number}.{again}", **{**part})
            if not isinstance(result, Recorded):
                assert isinstance(result, InvalidInput | AlreadyReversed)
                assert clerk.state is before
    for activity in done:
        left = as_left(activity, clerk)
        if left is not None:
            live(other, left)
        if activity not in narrowed:
            live(without, activity)
    assert comparable(clerk.read(end)) == comparable(other.read(end))
    for activity in narrowed:
        clerk.reverse(activity.key, end)
        assert isinstance(clerk.reverse(activity.key, end, "again"), AlreadyReversed)
    assert comparable(clerk.read(end)) == comparable(without.read(end))
    check_journal(clerk)


@given(
    quantity=st.integers(1, 9), amount=st.integers(0, 1000), sizes=st.lists(st.integers(1, 4), min_size=9, max_size=9)
)
def test_the_pieces_of_a_line_come_to_its_amount_however_they_are_returned(
    quantity: int, amount: int, sizes: list[int]
) -> None:
    clerk = Clerk(program(rules=[rule()]), at("2026-01-01"))
    clerk.record(
        purchase(at("2026-01-02"), amount + 500, LineItem("a", quantity, amount), LineItem("b", 1, 500), key="p")
    )
    returned, number = 0, 0
    while returned < quantity:
        pieces = min(sizes[number], quantity - returned)
        result = clerk.reverse("p", own=f"r{number}", returns=[{"line": 0, "quantity": pieces}])
        assert isinstance(result, Recorded)
        returned, number = returned + pieces, number + 1
    told = [record.activity.reversal for record in clerk.records if record.activity and record.activity.reversal]
    assert sum(line.amount_minor for each in told for line in each.lines) == amount
    assert (clerk.state.totals.spend_minor, clerk.state.totals.items, clerk.state.balance.available) == (500, 1, 5)


def played(shop: Program, start: datetime, activities: Sequence[Activity], end: datetime) -> State:
    """What activities come to that all stand, whatever is left."""
    state = State.new(start)
    for activity in activities:
        placed_at = max(activity.occurred_at, start)
        state, _ = advance(state, placed_at, shop)
        state = apply_standing(state, activity, shop, placed_at).state
    return advance(state, end, shop)[0]


def spent_and_taken_back(
    shop: Program, policy: Policy, start: datetime, history: list[Happening], place: int
) -> tuple[Clerk, State, State] | None:
    """A member who spent, and of whose activities one was then taken back; their state before, and as it is without."""
    shop = shop.model_copy(update={"reversals": Reversals(policy=policy)})
    clerk, stand = Clerk(shop, start), []
    for activity in in_order(named(timeline(start, history))):
        if isinstance(clerk.do(activity, max(clerk.now, activity.occurred_at)), Recorded):
            stand.append(activity)
    earned = [each for each in reversible(stand) if each.points >= 0]
    if not earned:
        return None
    undone = earned[place % len(earned)]
    end = clerk.now + timedelta(days=1)
    before = clerk.read(end)
    assert isinstance(clerk.reverse(undone.key, end), Recorded)
    check_journal(clerk)
    return clerk, before, played(shop, start, [each for each in stand if each is not undone], end)


spending = st.lists(
    st.one_of(
        happenings,
        st.builds(
            lambda each, minus: replace(each, make=lambda when: adjustment(when, -minus)),
            happenings,
            st.integers(1, 90),
        ),
    ),
    min_size=2,
    max_size=9,
)


@given(shop=eventful_programs, start=st.sampled_from(STARTS), history=spending, place=st.integers(0, 20))
def test_with_debt_allowed_what_was_spent_is_owed(
    shop: Program, start: datetime, history: list[Happening], place: int
) -> None:
    told = spent_and_taken_back(shop, "allow_debt", start, history, place)
    if told is not None:
        clerk, _, without = told
        assert comparable(clerk.read(clerk.now)) == comparable(without)
        in_lots = sum(lot.remaining for lot in without.lots if not lot.pending)
        assert without.balance.available == in_lots - without.debt


@given(shop=eventful_programs, start=st.sampled_from(STARTS), history=spending, place=st.integers(0, 20))
def test_within_the_balance_what_is_missing_is_let_off(
    shop: Program, start: datetime, history: list[Happening], place: int
) -> None:
    told = spent_and_taken_back(shop, "within_balance", start, history, place)
    if told is None:
        return
    clerk, _, without = told
    now, owed = clerk.read(clerk.now), without.debt
    assert now.balance == Balance(max(without.balance.available, 0), without.balance.pending)
    subtotals = dict(without.subtotals)
    if owed:
        subtotals["available:reversal:forgiven"] = owed
        forgiven = [
            effect.points
            for effect in clerk.records[-1].outcome.effects
            if isinstance(effect, Entry) and effect.why.code == "forgiven"
        ]
        assert forgiven == [owed]
    let_off = replace(without, balance=now.balance, debt=0, subtotals=subtotals)
    assert comparable(now) == comparable(let_off)


@given(shop=eventful_programs, start=st.sampled_from(STARTS), history=spending, place=st.integers(0, 20))
def test_where_only_pending_points_go_what_was_available_stays(
    shop: Program, start: datetime, history: list[Happening], place: int
) -> None:
    told = spent_and_taken_back(shop, "only_pending", start, history, place)
    if told is None:
        return
    clerk, before, without = told
    now = clerk.read(clerk.now)
    # Perhaps more: a badge for a high balance, and what follows from it, may be won once more.
    assert now.balance.available >= max(before.balance.available, without.balance.available)
    assert now.debt == 0
    kept = max(before.balance.available - max(without.balance.available, 0), 0)
    assert now.subtotals.get("available:reversal:kept", 0) == kept
    assert now.balance.pending >= without.balance.pending
    assert now.totals.spend_minor == without.totals.spend_minor


@pytest.mark.parametrize(
    ("policy", "available", "debt"), [("allow_debt", -60, 60), ("within_balance", 0, 0), ("only_pending", 40, 0)]
)
def test_what_is_let_off_or_kept_is_not_earned(policy: Policy, available: int, debt: int) -> None:
    """A challenge over earned points goes back to what it was before the purchase, whatever the policy."""
    earner = challenge("earner", on="points.earned", measure="sum", of="effect.points", target=1000)
    shop = program(rules=[rule()], challenges=[earner], reversals={"policy": policy}, points={"pending_days": 1})
    clerk = Clerk(shop, at("2026-01-01"))
    clerk.record(purchase(at("2026-01-02"), 10000, key="p"))
    clerk.record(adjustment(at("2026-01-03"), -60))
    clerk.reverse("p", at("2026-01-04"))
    assert (clerk.state.balance, clerk.state.debt) == (Balance(available), debt)
    assert "earner" not in clerk.state.challenges
