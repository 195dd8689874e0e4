"""Campaigns at play: what each effect gives, to whom, how they stack, and what the limits keep."""

from typing import Any

import pytest

from gamification.activity import ATTRIBUTES, Activity, LineItem
from gamification.effects import BonusWithheld, Entry
from gamification.program.base import MAX_POINTS
from gamification.record import Grant, Settlement
from tests.gamification.market import Market, minute
from tests.gamification.programs import (
    Part,
    at,
    campaign,
    challenge,
    event,
    ladder,
    program,
    purchase,
    rule,
)

SHOP = program(rules=[rule()])
TIERED = program(rules=[rule()], tiers=ladder("spend", "lifetime", bronze=0, silver=100))
TIERED_BY_POINTS = program(rules=[rule()], tiers=ladder("points", "lifetime", bronze=0, silver=100))
BONUS: Part = {"bonus": 30}


def bought(market: Market, amount_minor: int, *items: LineItem, number: int = 0, who: str = "m", **more: Any) -> int:
    """What a campaign called "double" gives for a purchase at noon, or so many minutes after."""
    before = market.given("double", who)
    market.record(purchase(minute(number), amount_minor, *items, **more), who)
    return market.given("double", who) - before


def withheld(market: Market, who: str = "m") -> list[tuple[str, int, int, str]]:
    """What limits withheld in a member's last record."""
    effects = market.records[who][-1].outcome.effects
    return [(e.campaign, e.wanted, e.granted, e.limit) for e in effects if isinstance(e, BonusWithheld)]


# Effects


def test_a_multiplier_adds_to_what_the_rules_give_and_says_how() -> None:
    market = Market(SHOP, campaign(effect={"multiplier": "2.5"}))
    record = market.record(purchase(minute(0), 1399))
    rules, bonus = [effect for effect in record.outcome.effects if isinstance(effect, Entry)]
    assert (rules.points, rules.why.source) == (13, "rule")
    assert (bonus.points, bonus.account, bonus.why.source, bonus.why.code) == (19, "available", "campaign", "double")
    assert bonus.why.arithmetic == "floor(13 x 1.5) = 19"
    assert bonus.why.inputs == {"points": 13, "multiplier": "2.5"}
    assert bonus.why.because is None


@pytest.mark.parametrize(
    ("rounding", "points", "given"),
    [("floor", 13, 6), ("ceil", 13, 7), ("half_up", 13, 7), ("half_up", 10, 5), ("ceil", 10, 5), ("floor", 1, 0)],
)
def test_what_a_multiplier_gives_is_rounded_as_it_says(rounding: str, points: int, given: int) -> None:
    market = Market(SHOP, campaign(effect={"multiplier": "1.5", "rounding": rounding}))
    assert bought(market, points * 100) == given


def test_half_up_rounds_a_quarter_down_and_a_half_up() -> None:
    market = Market(SHOP, campaign(effect={"multiplier": "1.25", "rounding": "half_up"}))
    assert [bought(market, dollars * 100, number=dollars) for dollars in (1, 2, 3, 5, 6)] == [0, 1, 1, 1, 2]


def test_a_multiplier_counts_what_rules_give_and_not_rewards_of_challenges() -> None:
    rules = [rule(), rule("extra", earn={"points": 7})]
    shop = program(rules=rules, challenges=[challenge("c", target=1, reward={"points": 500})])
    market = Market(shop, campaign(effect={"multiplier": 3}))
    assert bought(market, 1000) == 2 * (10 + 7)
    assert market.member("m").state.balance.available == 10 + 7 + 34 + 500


def test_a_multiplier_of_nothing_gives_nothing() -> None:
    market = Market(SHOP, campaign(budget={"points": 100}, caps={"member": 5}))
    record = market.record(purchase(minute(0), 99))
    assert (record.outcome.effects, market.settlements) == ((), [])
    assert record.grants == (Grant("double", 1, 100, None),)  # That it was on offer is kept.
    assert market.member("m").state.campaigns == {}


def test_a_flat_bonus() -> None:
    market = Market(SHOP, campaign(effect=BONUS))
    assert market.do(purchase(minute(0), 0)) == ["available +30 by campaign double"]
    assert market.records["m"][0].outcome.effects[0].why.arithmetic == "30"


@pytest.mark.parametrize(
    ("per_item", "given"),
    [
        ({"points": 5}, 5 * 10),
        ({"points": 5, "categories": ["music"]}, 5 * 5),
        ({"points": 5, "categories": ["music", "toys"]}, 5 * 6),
        ({"points": 5, "items": "item.sku == 'lp'"}, 5 * 3),
        ({"points": 5, "categories": ["music"], "items": "item.quantity > 2 && item.amount < 31.0"}, 5 * 3),
        ({"points": 5, "categories": ["garden"]}, 0),
        ({"points": 5, "items": "activity.attributes.gone == 1"}, 0),
    ],
)
def test_points_for_every_piece_of_the_lines_it_selects(per_item: Part, given: int) -> None:
    receipt = (
        LineItem("lp", 3, 3000, "music"),
        LineItem("cd", 2, 2000, "music"),
        LineItem("car", 1, 500, "toys"),
        LineItem("bag", 4, 100),
    )
    market = Market(SHOP, campaign(effect={"per_item": per_item}))
    assert bought(market, 5600, *receipt) == given


def test_no_campaign_gives_more_than_a_record_may_hold() -> None:
    huge = program(rules=[rule(earn={"points": MAX_POINTS})])
    assert bought(Market(huge, campaign(effect={"multiplier": 100})), 100) == MAX_POINTS
    pieces = Market(SHOP, campaign(effect={"per_item": {"points": MAX_POINTS}}))
    assert bought(pieces, 100, LineItem("cd", 3, 100)) == MAX_POINTS


def test_pending_points_come_later_from_a_campaign_too() -> None:
    market = Market(program(rules=[rule()], points={"pending_days": 2}), campaign())
    assert market.do(purchase(minute(0), 1000)) == ["pending +10 by rule base", "pending +10 by campaign double"]
    state = market.member("m").state
    assert (state.balance.available, state.balance.pending) == (0, 20)


# Audience


@pytest.mark.parametrize(
    ("when", "applies"),
    [
        ("activity.amount >= 20.0", True),
        ("activity.amount >= 20.01", False),
        ("'music' in activity.categories", True),
        ("'toys' in activity.categories", False),
        ("activity.attributes.store == 'north'", True),
        ("activity.attributes.store == 'south'", False),
        ("activity.attributes.till == 1", False),  # it has no such attribute
        ("member.purchases == 1", True),
        ("member.purchases > 1", False),
        ("activity.weekday == 'friday' && activity.hour == 12", True),
        ("now >= timestamp('2026-05-01T00:00:00Z')", True),
    ],
)
def test_the_condition_says_what_gets_it(when: str, applies: bool) -> None:
    market = Market(SHOP, campaign(when=when))
    given = bought(market, 2000, LineItem("lp", 1, 2000, "music"), attributes={"store": "north"})
    assert given == (20 if applies else 0)


def test_only_the_first_purchase_gets_a_welcome() -> None:
    market = Market(SHOP, campaign(when="member.purchases == 1", effect=BONUS))
    assert [bought(market, 100, number=number) for number in range(3)] == [30, 0, 0]
    assert bought(market, 100, who="other") == 30


def test_a_campaign_for_a_tier() -> None:
    market = Market(TIERED, campaign(when="member.tier == 'silver'", effect=BONUS))
    # The purchase that reaches the tier is still made from the tier below.
    assert [bought(market, 10_000, number=number) for number in range(3)] == [0, 30, 30]


def test_a_campaign_for_a_segment() -> None:
    market = Market(SHOP, campaign(when="member.attributes.segment == 'student'", effect=BONUS))
    assert bought(market, 100) == 0
    market.record(Activity("a", ATTRIBUTES, minute(1), attributes={"segment": "student"}))
    assert bought(market, 100, number=2) == 30
    assert bought(market, 100, who="other") == 0


def test_only_the_kinds_that_it_names() -> None:
    market = Market(SHOP, campaign(on=["visit", "review"], effect=BONUS))
    assert bought(market, 1000) == 0
    market.record(event("visit", minute(1)))
    assert market.given("double") == 30


def test_the_points_count_towards_tiers_only_where_it_says_so() -> None:
    for qualifying, tier in ((False, "bronze"), (True, "silver")):
        market = Market(TIERED_BY_POINTS, campaign(qualifying=qualifying))
        market.record(purchase(minute(0), 6000))
        assert market.member("m").state.standing.tier == tier
        assert market.member("m").state.balance.available == 120


# Stacking


def stacked(*terms: Part, amount_minor: int = 1000) -> dict[str, int]:
    """What each of several campaigns gives for one purchase, where that is anything."""
    market = Market(SHOP, *terms)
    market.record(purchase(minute(0), amount_minor))
    return {each["code"]: given for each in terms if (given := market.given(each["code"]))}


def test_stacking_campaigns_all_count_and_none_multiplies_another() -> None:
    assert stacked(campaign("a"), campaign("b", effect={"multiplier": 3}), campaign("c", effect=BONUS)) == {
        "a": 10,
        "b": 20,
        "c": 30,
    }


def test_of_the_best_ones_only_the_one_that_gives_most_counts() -> None:
    best = {"stacking": "best"}
    terms = (campaign("a", **best), campaign("b", **best, effect=BONUS), campaign("c", effect={"bonus": 1}))
    assert stacked(*terms) == {"b": 30, "c": 1}
    assert stacked(*terms, amount_minor=3100) == {"a": 31, "c": 1}


def test_an_exclusive_one_counts_alone() -> None:
    terms = (campaign("a"), campaign("b", stacking="best"), campaign("c", stacking="exclusive", effect={"bonus": 1}))
    assert stacked(*terms) == {"c": 1}


def test_priority_decides_between_exclusive_ones_and_then_the_points() -> None:
    small, large = (
        campaign("small", stacking="exclusive", priority=2, effect={"bonus": 1}),
        campaign("large", stacking="exclusive", priority=1, effect=BONUS),
    )
    assert stacked(small, large) == stacked(large, small) == {"small": 1}
    assert stacked(small | {"priority": 1}, large) == {"large": 30}


def test_equals_are_told_apart_by_code_in_whatever_order_they_come() -> None:
    for stacking in ("exclusive", "best"):
        one, other = campaign("one", stacking=stacking), campaign("two", stacking=stacking)
        assert stacked(one, other) == stacked(other, one) == {"two": 10}


def test_an_exclusive_one_that_gives_nothing_stands_in_nobody_s_way() -> None:
    nothing = campaign("gone", stacking="exclusive", effect=BONUS, budget={"points": 1, "too_little": "none"})
    assert stacked(nothing, campaign("a")) == {"a": 10}
    unmet = campaign("unmet", stacking="exclusive", when="activity.amount > 1000.0")
    assert stacked(unmet, campaign("a")) == {"a": 10}


def test_a_best_one_that_its_limit_cuts_short_is_beaten_by_another() -> None:
    capped = campaign("capped", stacking="best", effect=BONUS, caps={"member": 5})
    assert stacked(capped, campaign("a", stacking="best")) == {"a": 10}
    market = Market(SHOP, capped, campaign("a", stacking="best"))
    market.record(purchase(minute(0), 1000))
    assert withheld(market) == []  # what was not taken was not withheld


# Caps


def test_a_cap_per_member() -> None:
    market = Market(SHOP, campaign(caps={"member": 25}))
    assert [bought(market, 1000, number=number) for number in range(4)] == [10, 10, 5, 0]
    assert withheld(market) == [("double", 10, 0, "cap")]
    assert bought(market, 1000, who="other") == 10


def test_a_cap_per_day_of_the_program_s_time_zone() -> None:
    shop = program(rules=[rule()], time_zone="Pacific/Kiritimati")  # UTC+14: the day begins at 10:00 UTC
    market = Market(shop, campaign(caps={"member_day": 15, "member": 40}))
    times = [at(f"2026-05-02 {clock}") for clock in ("08:00", "09:59", "10:00", "10:01")] + [at("2026-05-03 10:00")]
    given = []
    for when in times:
        before = market.given("double")
        market.record(purchase(when, 1000))
        given.append(market.given("double") - before)
    assert given == [10, 5, 10, 5, 10]


def test_a_withheld_bonus_says_how_much_and_by_what() -> None:
    market = Market(SHOP, campaign(caps={"member": 4}))
    assert market.do(purchase(minute(0), 1000)) == [
        "available +10 by rule base",
        "available +4 by campaign double",
        "campaign double gave 4 of 10, by cap",
    ]
    (noted,) = [e for e in market.records["m"][0].outcome.effects if isinstance(e, BonusWithheld)]
    assert noted.why.arithmetic == "floor(10 x 1) = 10, capped for the member: 4"
    assert (noted.why.source, noted.why.code) == ("campaign", "double")


def test_a_cap_of_nothing() -> None:
    market = Market(SHOP, campaign(caps={"member_day": 0}))
    assert bought(market, 1000) == 0
    assert withheld(market) == [("double", 10, 0, "cap")]


# Budget


def test_a_partial_bonus_takes_what_is_left() -> None:
    market = Market(SHOP, campaign(budget={"points": 25}))
    assert [bought(market, 1000, number=number, who=f"m{number}") for number in range(4)] == [10, 10, 5, 0]
    assert withheld(market, "m2") == [("double", 10, 5, "budget")]
    assert withheld(market, "m3") == [("double", 10, 0, "budget")]
    assert market.room == {"double": 0}


def test_where_too_little_gives_none_a_smaller_bonus_may_still_fit() -> None:
    market = Market(SHOP, campaign(budget={"points": 25, "too_little": "none"}))
    assert [bought(market, 1000, number=number) for number in range(3)] == [10, 10, 0]
    assert withheld(market) == [("double", 10, 0, "budget")]
    assert bought(market, 500, number=4) == 5
    assert market.room == {"double": 0}


def test_the_tightest_limit_is_the_one_that_is_told() -> None:
    for cap, room, expected in ((4, 6, ("double", 10, 4, "cap")), (6, 4, ("double", 10, 4, "budget"))):
        market = Market(SHOP, campaign(caps={"member": cap}, budget={"points": room}))
        market.record(purchase(minute(0), 1000))
        assert withheld(market) == [expected]


def test_a_cap_that_brings_the_bonus_within_the_budget_saves_it() -> None:
    market = Market(SHOP, campaign(caps={"member": 4}, budget={"points": 4, "too_little": "none"}))
    assert bought(market, 1000) == 4


def test_the_record_keeps_what_was_left_and_what_it_took() -> None:
    market = Market(SHOP, campaign(budget={"points": 25}, first_members=3), campaign("free"))
    first = market.record(purchase(minute(0), 1000))
    again = market.record(purchase(minute(1), 1000))
    free = Grant("free", 1, None, None, given=10)
    assert first.grants == (Grant("double", 1, 25, 3, given=10, placed=True), free)
    assert again.grants == (Grant("double", 1, 15, 2, given=10), free)
    assert market.settlements == [Settlement("double", 10, 1), Settlement("double", 10, 0)]


# The first members


def test_the_first_members_only_and_those_again_and_again() -> None:
    market = Market(SHOP, campaign(effect=BONUS, first_members=2))
    assert [bought(market, 100, who=who) for who in ("a", "b", "c")] == [30, 30, 0]
    assert withheld(market, "c") == []  # there was no place to be had
    assert bought(market, 100, number=1, who="a") == 30
    assert bought(market, 100, number=1, who="c") == 0
    assert market.places == {"double": 0}


def test_a_bonus_that_comes_to_nothing_takes_no_place() -> None:
    market = Market(SHOP, campaign(first_members=1))
    assert bought(market, 50, who="a") == 0
    assert bought(market, 1000, who="b") == 10
    assert market.settlements == [Settlement("double", 0, 1)]


# Several at once


def test_members_who_are_recorded_together_share_one_budget_and_one_lot_of_places() -> None:
    market = Market(SHOP, campaign(budget={"points": 25}), campaign("first", effect={"bonus": 1}, first_members=2))
    buyers = [(f"m{number}", purchase(minute(0), 1000)) for number in range(4)]
    market.together(buyers, minute(0))
    assert [market.given("double", who) for who, _ in buyers] == [10, 10, 5, 0]
    assert [market.given("first", who) for who, _ in buyers] == [1, 1, 0, 0]
    assert (market.room["double"], market.places["first"]) == (0, 0)
    assert [records[0].grants for records in market.records.values()] == [
        (Grant("double", 1, 25, None, given=10), Grant("first", 1, None, 2, given=1, placed=True)),
        (Grant("double", 1, 15, None, given=10), Grant("first", 1, None, 1, given=1, placed=True)),
        (Grant("double", 1, 5, None, given=5), Grant("first", 1, None, 0)),
        (Grant("double", 1, 0, None), Grant("first", 1, None, 0)),
    ]


def test_a_member_s_activities_in_one_commit_see_each_other() -> None:
    market = Market(SHOP, campaign(caps={"member": 15}, first_members=1, budget={"points": 100}))
    market.together([("m", purchase(minute(number), 1000)) for number in range(3)], minute(3))
    assert [settled.points for settled in market.settlements] == [10, 5]
    assert [settled.places for settled in market.settlements] == [1, 0]
