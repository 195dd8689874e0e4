"""Campaigns over time: late purchases, what a state remembers of them, and what a record needs to be replayed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gamification.campaigns import MAX_USES
from gamification.effects import BonusWithheld, Entry
from gamification.record import Grant
from tests.gamification.market import Market, minute
from tests.gamification.programs import Part, at, campaign, program, purchase, rule

SHOP = program(rules=[rule()])

# Time


def test_what_happens_from_the_start_and_before_the_end_gets_it() -> None:
    market = Market(SHOP, campaign(starts_at="2026-05-01T12:00:00Z", ends_at="2026-05-01T13:00:00Z"))
    instant = timedelta(milliseconds=1)
    for when, given in (
        (minute(0) - instant, 0),
        (minute(0), 10),
        (minute(60) - instant, 10),
        (minute(60), 0),
    ):
        before = market.given("double")
        market.record(purchase(when, 1000, key=f"{when}"))
        assert market.given("double") - before == given


def test_a_late_purchase_gets_it_until_the_grace_after_the_end_is_over() -> None:
    terms = campaign(ends_at="2026-05-01T13:00:00Z", late_minutes=30)
    for minutes, given in ((61, 10), (89, 10), (90, 0), (5000, 0)):
        market = Market(SHOP, terms)
        market.record(purchase(minute(59), 1000), now=minute(minutes))
        assert market.given("double") == given
    late = Market(SHOP, terms)
    late.record(purchase(minute(60), 1000), now=minute(60))  # happened after the end: no grace for that
    assert late.given("double") == 0


def test_a_late_purchase_counts_towards_the_cap_of_the_day_on_which_it_happened() -> None:
    market = Market(SHOP, campaign(caps={"member_day": 10}))
    market.record(purchase(minute(1), 600))
    market.record(purchase(at("2026-05-02 10:00"), 700))
    late = market.record(purchase(minute(2), 1000), now=at("2026-05-02 11:00"))
    # May 1 had 4 left of its 10; the 7 of May 2 stand beside it.
    assert [(effect.points, effect.why.source) for effect in late.outcome.effects if isinstance(effect, Entry)] == [
        (4, "campaign"),
        (10, "rule"),
    ]
    assert market.given("double") == 6 + 7 + 4
    # One from before the first of that day takes what that one then no longer gets: nothing more in all.
    market.record(purchase(minute(0), 1000), now=at("2026-05-02 12:00"))
    assert market.given("double") == 10 + 7
    assert market.replayed() == market.member("m").state


def test_a_purchase_older_than_the_late_window_counts_towards_the_cap_of_the_day_on_which_it_arrives() -> None:
    shop = program(rules=[rule()], late={"within_days": 0})
    market = Market(shop, campaign(caps={"member_day": 10}))
    market.record(purchase(minute(1), 1000))
    market.record(purchase(at("2026-05-02 10:00"), 700))
    market.record(purchase(minute(2), 1000), now=at("2026-05-02 11:00"))
    assert market.given("double") == 10 + 7 + 3


@pytest.mark.parametrize(
    ("limits", "given"),
    [
        ({"first_members": 1}, 14),
        ({"first_members": 1, "budget": {"points": 100}}, 14),
        ({"budget": {"points": 10}}, 10),
        ({"caps": {"member": 10}}, 10),
        ({"first_members": 1, "caps": {"member": 10}}, 10),
    ],
)
def test_what_arrives_late_gets_no_less_than_in_time_of_what_only_this_member_has(limits: Part, given: int) -> None:
    """Also where a later purchase has taken the last place: that is the member's, whichever purchase took it."""
    terms = campaign(effect={"bonus": 7}, **limits)
    late, in_time = Market(SHOP, terms), Market(SHOP, terms)
    first, second = purchase(minute(1), 100), purchase(minute(5), 100)
    for activity, now in ((second, minute(5)), (first, minute(10))):
        late.record(activity, now=now)
    for activity in (first, second):
        in_time.record(activity)
    assert late.given("double") == in_time.given("double") == given
    assert (late.room, late.places) == (in_time.room, in_time.places)
    assert late.replayed() == late.member("m").state


def test_a_place_that_is_another_s_is_not_for_what_arrives_late() -> None:
    market = Market(SHOP, campaign(effect={"bonus": 7}, first_members=1))
    market.record(purchase(minute(5), 100), "ann")
    market.record(purchase(minute(6), 100), "ben")
    market.record(purchase(minute(1), 100), "ben", now=minute(10))
    assert (market.given("double", "ann"), market.given("double", "ben"), market.places["double"]) == (7, 0, 0)


def test_a_clock_that_is_ahead_gets_no_campaign_before_it_begins() -> None:
    market = Market(SHOP, campaign(starts_at="2026-05-01T12:05:00Z"))
    market.record(purchase(minute(6), 1000), now=minute(4))
    assert market.given("double") == 0


# What a state remembers


def test_a_state_remembers_a_bounded_number_of_campaigns_the_latest_used() -> None:
    capped = {"effect": {"bonus": 1}, "caps": {"member": 9}}
    market = Market(SHOP, *(campaign(f"c{number}", **capped) for number in range(MAX_USES)))
    market.record(purchase(minute(0), 100))
    assert len(market.member("m").state.campaigns) == MAX_USES
    # c0 is used again, so c1 is now the one unused for longest.
    everything, market.terms = market.terms, market.terms[:1]
    market.record(purchase(minute(1), 100))
    market.terms = [everything[0].model_copy(update={"code": "new"})]
    market.room["new"] = market.places["new"] = None
    market.record(purchase(minute(2), 100))
    used = market.member("m").state.campaigns
    assert len(used) == MAX_USES
    assert "c1" not in used
    assert list(used)[-2:] == ["c0", "new"]
    assert (used["c0"].points, used["c0"].last_at) == (2, minute(1))


def test_what_a_member_had_of_a_campaign_that_runs_is_never_forgotten() -> None:
    capped = {"effect": {"bonus": 10}, "caps": {"member": 10}}
    year = campaign("year", when="activity.amount >= 100.0", first_members=5, **capped)
    market = Market(SHOP, year, *(campaign(f"f{number}", **capped) for number in range(MAX_USES)))
    everything = market.terms
    market.record(purchase(minute(0), 10_000))
    for number, flash in enumerate(everything[1:]):
        market.terms = [everything[0], flash]
        market.record(purchase(minute(number + 1), 100))
    market.record(purchase(minute(MAX_USES + 1), 10_000))

    used = market.member("m").state.campaigns
    assert len(used) == MAX_USES
    assert "year" in used
    assert "f0" not in used
    assert (market.given("year"), market.places["year"]) == (10, 4)
    market.terms = everything
    assert market.replayed() == market.member("m").state


def test_a_bonus_that_could_not_be_remembered_is_withheld() -> None:
    capped = {"effect": {"bonus": 1}, "caps": {"member": 9}}
    market = Market(SHOP, *(campaign(f"c{number}", **capped) for number in range(MAX_USES + 2)))
    everything, market.terms = market.terms, market.terms[1 : MAX_USES + 1]
    market.record(purchase(minute(0), 100))
    market.terms = everything[1:]
    record = market.record(purchase(minute(1), 100))

    new = f"c{MAX_USES + 1}"
    [withheld] = [effect for effect in record.outcome.effects if isinstance(effect, BonusWithheld)]
    assert (withheld.campaign, withheld.wanted, withheld.granted, withheld.limit) == (new, 1, 0, "cap")
    assert market.given(new) == 0
    assert market.given("c1") == 2  # Who is remembered goes on.
    assert market.replayed() == market.member("m").state

    # Once one is over, there is room for one of the two that are new.
    market.terms = [everything[0], *everything[2:]]
    market.record(purchase(minute(2), 100))
    assert (market.given("c0"), market.given(new)) == (1, 0)
    market.terms = everything
    assert market.replayed() == market.member("m").state


def test_nothing_is_remembered_of_a_campaign_that_limits_no_member() -> None:
    market = Market(SHOP, campaign(budget={"points": 100}))
    market.record(purchase(minute(0), 1000))
    assert market.member("m").state.campaigns == {}


# Replay


def test_replay_needs_the_grants() -> None:
    """A budget that was nearly gone gives the same again only because the record says how much was left."""
    market = Market(SHOP, campaign(budget={"points": 15}), campaign("best", stacking="best", caps={"member": 3}))
    market.record(purchase(minute(0), 1000), "other")
    market.record(purchase(minute(1), 1000))
    assert market.replayed() == market.member("m").state
    record = market.records["m"][-1]
    assert record.grants[0] == Grant("double", 1, 5, None, given=5)
    for forged in (
        replace(record, grants=()),
        replace(record, grants=(replace(record.grants[0], room=6), *record.grants[1:])),
        replace(record, grants=record.grants[:1]),
    ):
        market.records["m"][-1] = forged
        assert market.replayed() != market.member("m").state


def test_replay_names_terms_that_are_missing() -> None:
    market = Market(SHOP, campaign())
    market.record(purchase(minute(0), 1000))
    market.terms = []
    with pytest.raises(KeyError, match="double"):
        market.replayed()
