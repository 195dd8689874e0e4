"""Campaigns and a member's time: what is taken back goes back to the budget, and what arrives late takes its turn."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gamification.campaigns import Offer
from gamification.effects import Entry
from gamification.program import Program
from gamification.program.campaigns import Campaign
from gamification.requests import Recorded
from tests.gamification.clerk import Clerk
from tests.gamification.programs import Part, campaign, program, purchase, rule
from tests.gamification.strategies import definitions
from tests.gamification.test_campaign_invariants import START, catalogues
from tests.gamification.test_time_and_truth import check_journal, comparable

JOINED_AT = START - timedelta(days=30)
buys = st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 900), st.integers(0, 900)), min_size=1, max_size=9)
"""What is bought for how much, how many minutes after the one before, and how many minutes late it arrives."""


def shop_of(definition: Part) -> Program:
    """A program that gives a point for every whole unit of money, whatever else it does."""
    rules = [rule(), *definition["rules"][1:]]
    return program(**definition | {"time_zone": "Europe/Copenhagen", "rules": rules})


def clerk_of(shop: Program, catalogue: tuple[Part, ...]) -> Clerk:
    """A clerk with these campaigns on offer, all of each being there."""
    terms = [Campaign.model_validate(each) for each in catalogue]
    offers = [Offer(each, 1, each.budget.points if each.budget else None, each.first_members) for each in terms]
    return Clerk(shop, JOINED_AT, offers)


def left(clerk: Clerk) -> dict[str, tuple[int | None, int | None]]:
    """What is left of each campaign."""
    found = {code: clerk.offers.left(code) for code in ("one", "two", "three", "double")}
    return {code: (offer.room, offer.places) for code, offer in found.items() if offer is not None}


def check_budgets(clerk: Clerk, catalogue: tuple[Part, ...]) -> None:
    """What is left of every campaign is what it began with, less what the ledger shows; never less than nothing."""
    entries = [e for record in clerk.records for e in record.outcome.effects if isinstance(e, Entry)]
    for each in (Campaign.model_validate(part) for part in catalogue):
        given = sum(e.points for e in entries if (e.why.source, e.why.code) == ("campaign", each.code))
        room, places = left(clerk)[each.code]
        if each.budget is not None:
            assert room == each.budget.points - given >= 0
        if each.first_members is not None:
            assert places == each.first_members - bool(given) >= 0


@given(definition=definitions(), catalogue=catalogues, history=buys, places=st.lists(st.integers(0, 8), max_size=3))
def test_what_is_taken_back_goes_back_to_the_budget(
    definition: Part, catalogue: tuple[Part, ...], history: list[tuple[int, int, int]], places: list[int]
) -> None:
    shop = shop_of(definition)
    clerk, other = clerk_of(shop, catalogue), clerk_of(shop, catalogue)
    when, done = START, []
    for number, (amount, gap, _) in enumerate(history):
        when += timedelta(minutes=gap)
        done.append(purchase(when, amount, key=f"k{number}"))
    undone = {place % len(done) for place in places}
    end = when + timedelta(days=2)
    for number, activity in enumerate(done):
        clerk.record(activity)
        if number not in undone:
            other.record(activity)
    for number in undone:
        assert isinstance(clerk.reverse(done[number].key, end), Recorded)
        check_budgets(clerk, catalogue)
    assert comparable(clerk.read(end)) == comparable(other.read(end))
    assert left(clerk) == left(other)
    check_journal(clerk)


@given(definition=definitions(), catalogue=catalogues, history=buys)
def test_what_arrives_late_while_a_campaign_runs_takes_its_turn(
    definition: Part, catalogue: tuple[Part, ...], history: list[tuple[int, int, int]]
) -> None:
    shop = shop_of(definition)
    # Open-ended, since what arrives after the end gets nothing.
    endless = tuple({name: value for name, value in each.items() if name != "ends_at"} for each in catalogue)
    clerk, other = clerk_of(shop, endless), clerk_of(shop, endless)
    when, coming = START, []
    for number, (amount, gap, late) in enumerate(history):
        when += timedelta(minutes=gap)
        coming.append((when + timedelta(minutes=late), number, purchase(when, amount, key=f"k{number}")))
    for _, _, activity in coming:
        other.record(activity)
    for arrives_at, _, activity in sorted(coming, key=lambda each: each[:2]):
        clerk.record(activity, arrives_at)
        check_budgets(clerk, endless)
    end = max(each[0] for each in coming)
    assert comparable(clerk.read(end)) == comparable(other.read(end))
    assert left(clerk) == left(other)
    check_journal(clerk)


def test_what_a_purchase_took_of_the_budget_is_there_for_the_next_once_it_goes_back() -> None:
    terms = campaign("double", budget={"points": 30}, first_members=1)
    clerk = Clerk(program(rules=[rule()]), START, [Offer(Campaign.model_validate(terms), 1, 30, 1)])
    clerk.record(purchase(START, 3000, key="x"))
    clerk.record(purchase(START + timedelta(hours=1), 2000, key="y"))
    assert (clerk.state.balance.available, left(clerk)) == (80, {"double": (0, 0)})
    clerk.reverse("x", START + timedelta(hours=2))
    assert (clerk.state.balance.available, left(clerk)) == (40, {"double": (10, 0)})
    clerk.reverse("y", START + timedelta(hours=3))
    assert (clerk.state.balance.available, left(clerk)) == (0, {"double": (30, 1)})


def test_a_place_that_goes_back_is_there_for_a_purchase_that_did_not_ask_for_one() -> None:
    terms = campaign("double", when="member.purchases == 1", first_members=1)
    clerk = Clerk(program(rules=[rule()]), START, [Offer(Campaign.model_validate(terms), 1, None, 1)])
    clerk.record(purchase(START, 3000, key="x"))
    clerk.record(purchase(START + timedelta(hours=1), 2000, key="y"))
    assert (clerk.state.balance.available, left(clerk)) == (80, {"double": (None, 0)})
    clerk.reverse("x", START + timedelta(hours=2))
    assert (clerk.state.balance.available, left(clerk)) == (40, {"double": (None, 0)})


def test_what_one_reversal_sets_free_is_there_for_what_another_one_makes_fit() -> None:
    terms = campaign("double", when="member.purchases == 1 && activity.amount < 100.0", first_members=1)
    clerk = Clerk(program(rules=[rule()]), START, [Offer(Campaign.model_validate(terms), 1, None, 1)])
    for hour, amount in enumerate((3000, 20000, 5000)):
        clerk.record(purchase(START + timedelta(hours=hour), amount, key=f"k{hour}"))
    assert (clerk.state.balance.available, left(clerk)) == (310, {"double": (None, 0)})
    clerk.reverse("k0", START + timedelta(hours=4))  # The next one is too large for the campaign.
    assert (clerk.state.balance.available, left(clerk)) == (250, {"double": (None, 1)})
    clerk.reverse("k1", START + timedelta(hours=5))
    assert (clerk.state.balance.available, left(clerk)) == (100, {"double": (None, 0)})
    check_journal(clerk)
