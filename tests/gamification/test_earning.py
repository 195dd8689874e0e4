"""Earning: points, arithmetic, caps and cooldowns, worked out by hand; sums of money against exact fractions."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.activity import Activity, LineItem
from gamification.effects import Entry
from gamification.program.base import MAX_POINTS
from tests.gamification.programs import JOINED_AT, Part, Player, at, event, program, purchase, rule

NOON = at("2024-05-01 12:00")


def earned(earn: Part, activity: Activity, **more: Any) -> int:
    player = Player(program(rules=[rule(earn=earn, **more)]))
    player.do(activity)
    assert player.state.totals.earned == player.state.balance.available
    return player.state.balance.available


def arithmetic(earn: Part, activity: Activity, **more: Any) -> str:
    player = Player(program(rules=[rule(earn=earn, **more)]))
    player.do(activity)
    (entry,) = player.entries()
    return entry.why.arithmetic


@pytest.mark.parametrize(
    ("per", "rounding", "amount_minor", "points"),
    [
        ("1", "floor", 1999, 19),
        ("1", "floor", 99, 0),
        ("1", "ceil", 1999, 20),
        ("1", "ceil", 2000, 20),
        ("1", "half_up", 1949, 19),
        ("1", "half_up", 1950, 20),
        ("1", "half_up", 50, 1),
        ("1", "half_up", 250, 3),
        ("10", "floor", 999, 0),
        ("10", "floor", 1000, 1),
        ("0.1", "floor", 30, 3),  # 0.3 / 0.1 is 2.9999999999999996 in doubles
        ("0.1", "ceil", 30, 3),
        ("0.1", "floor", 70, 7),
        ("0.01", "floor", 29, 29),
        ("0.3", "floor", 90, 3),
        ("0.07", "floor", 49, 7),
        ("3", "floor", 1000, 3),
        ("1", "floor", 10**12, MAX_POINTS),
    ],
)
def test_points_per_amount(per: str, rounding: str, amount_minor: int, points: int) -> None:
    assert earned({"per_amount": per, "rounding": rounding}, purchase(NOON, amount_minor)) == points


@given(
    st.integers(0, 10**12),
    st.integers(1, 10**9),
    st.integers(0, 3),
    st.integers(0, 100),
    st.sampled_from(["floor", "ceil", "half_up"]),
)
def test_points_per_amount_are_exact(amount: int, digits: int, decimals: int, points: int, rounding: str) -> None:
    per = min(Decimal(digits).scaleb(-6), Decimal(10**6))
    steps = Fraction(amount, 10**decimals) / Fraction(per)
    whole = {"floor": math.floor(steps), "ceil": math.ceil(steps), "half_up": math.floor(steps + Fraction(1, 2))}
    earn = {"points": points, "per_amount": str(per), "rounding": rounding}
    player = Player(program(decimals=decimals, rules=[rule(earn=earn)]))
    player.do(purchase(NOON, amount))
    assert player.state.balance.available == min(whole[rounding] * points, MAX_POINTS)


def test_money_without_minor_units() -> None:
    player = Player(program(currency="JPY", decimals=0, rules=[rule(earn={"per_amount": "100"})]))
    player.do(purchase(NOON, 1999))
    assert player.state.balance.available == 19


def test_points_are_for_every_whole_step() -> None:
    assert earned({"points": 5, "per_amount": "10"}, purchase(NOON, 1999)) == 5
    assert arithmetic({"points": 5, "per_amount": "10"}, purchase(NOON, 2000)) == "floor(20.00 / 10) x 5 = 10"


def test_points_per_activity() -> None:
    assert earned({"points": 7}, purchase(NOON)) == 7
    assert arithmetic({"points": 7}, purchase(NOON)) == "7"


def test_no_entry_for_no_points() -> None:
    player = Player(program(rules=[rule(earn={"points": 0}), rule("other", on="visit")]))
    assert player.do(purchase(NOON, 100)) == []
    assert player.state.lots == ()
    assert player.state.rules == {}


CART = (
    LineItem("cd", 3, 3000, "music"),
    LineItem("lp", 1, 2550, "music"),
    LineItem("bun", 4, 399, "food"),
    LineItem("bag", 1, 100),
)


@pytest.mark.parametrize(
    ("earn", "points"),
    [
        ({"points": 2, "per_items": 1}, 18),
        ({"per_items": 2}, 4),
        ({"per_items": 2, "rounding": "ceil"}, 5),
        ({"per_items": 1, "categories": ["music"]}, 4),
        ({"per_items": 1, "categories": ["music", "food"]}, 8),
        ({"per_items": 1, "categories": ["toys"]}, 0),
        ({"per_amount": "1", "categories": ["music"]}, 55),
        ({"per_amount": "1", "items": "item.quantity > 1"}, 33),
        ({"per_amount": "1", "items": 'item.sku == "lp"'}, 25),
        ({"per_amount": "1", "items": 'item.category == ""'}, 1),
        ({"per_items": 1, "items": "item.amount >= 25.5", "categories": ["music"]}, 4),
        ({"per_items": 1, "items": 'item.sku == activity.attributes["missing"]'}, 0),
        ({"per_amount": "1"}, 60),  # without a choice of lines it is the amount that counts, not their sum
    ],
)
def test_lines(earn: Part, points: int) -> None:
    assert earned(earn, purchase(NOON, 6000, *CART)) == points


@pytest.mark.parametrize(
    ("formula", "rounding", "points"),
    [
        ("activity.quantity * 3", "floor", 27),
        ("activity.amount * 100.0", "floor", 29),  # 0.29 * 100 is 28.999999999999996 in doubles
        ("activity.amount * 100.0", "ceil", 29),
        ("0.07 * 100.0", "ceil", 7),  # 7.000000000000001
        ("2.5", "half_up", 3),
        ("2.5", "floor", 2),
        ("2.4999", "half_up", 2),
        ("2.000001", "ceil", 3),
        ("-5.0", "floor", 0),
        ("-5", "ceil", 0),
        ("1e300", "floor", MAX_POINTS),
        ("9223372036854775807", "floor", MAX_POINTS),
        ("1.0 / 0.0", "floor", 0),
        ("0.0 / 0.0", "floor", 0),
        ("1 / (activity.lines - 4)", "floor", 0),
        ('activity.attributes["missing"] * 2', "floor", 0),
        ("size(activity.categories) * 10 + size(activity.skus)", "floor", 24),
        ('activity.weekday == "wednesday" ? activity.hour : 0', "floor", 12),
    ],
)
def test_formula(formula: str, rounding: str, points: int) -> None:
    assert earned({"formula": formula, "rounding": rounding}, purchase(NOON, 29, *CART)) == points


def test_a_formula_reads_attributes_of_any_type() -> None:
    earn = {"formula": 'double(activity.attributes["score"]) * 2.0'}
    assert earned(earn, event("quiz", NOON, {"score": 7}), on="quiz") == 14
    assert earned(earn, event("quiz", NOON, {"score": 3.5}), on="quiz") == 7
    assert earned(earn, event("quiz", NOON, {"score": "12"}), on="quiz") == 24
    assert earned(earn, event("quiz", NOON, {"score": "many"}), on="quiz") == 0
    assert earned(earn, event("quiz", NOON), on="quiz") == 0


def test_the_hour_and_the_weekday_are_those_of_the_programs_time_zone() -> None:
    night = rule(earn={"points": 1}, when='activity.hour == 1 && activity.weekday == "thursday"')
    for zone, points in (("Pacific/Kiritimati", 1), ("UTC", 0)):
        player = Player(program(time_zone=zone, rules=[night]))
        player.do(purchase(at("2024-05-01 11:30")))
        assert player.state.balance.available == points


@pytest.mark.parametrize(
    ("when", "met"),
    [
        ('activity.attributes["vip"] == true', False),
        ('activity.attributes["vip"] != true', False),  # a condition that cannot be judged is not met
        ('"vip" in activity.attributes && activity.attributes["vip"] == true', False),
        ('!("vip" in activity.attributes)', True),
        ('activity.attributes["vip"] == true || activity.amount > 1.0', True),
        ('activity.attributes["store"] == "CPH"', True),
        ('activity.attributes["store"] == 7', False),
        ("member.purchases == 1", True),  # the purchase at hand is counted
        ("member.spend == 19.99", True),
        ('member.tier == ""', True),
        ("now == activity.occurred_at", True),
    ],
)
def test_conditions(when: str, met: bool) -> None:
    activity = purchase(NOON, 1999, attributes={"store": "CPH"})
    assert earned({"points": 1}, activity, when=when) == int(met)


def test_a_cap_per_activity() -> None:
    player = Player(program(rules=[rule(caps={"activity": 30})]))
    assert player.do(purchase(NOON, 10000)) == ["available +30 by rule base"]
    assert player.entries()[0].why.arithmetic == "floor(100.00 / 1) x 1 = 100, capped per activity: 30"
    assert player.do(purchase(NOON, 3000)) == ["available +30 by rule base"]
    assert player.do(purchase(NOON, 2900)) == ["available +29 by rule base"]


@pytest.mark.parametrize(
    ("unit", "last", "first_after"),
    [
        ("day", "2024-02-29 22:59:59", "2024-02-29 23:00"),
        ("week", "2024-03-03 22:59:59", "2024-03-03 23:00"),
        ("month", "2024-02-29 22:59:59", "2024-02-29 23:00"),
        ("year", "2024-12-31 22:59:59", "2024-12-31 23:00"),
    ],
)
def test_a_cap_per_period_of_the_programs_time_zone(unit: str, last: str, first_after: str) -> None:
    player = Player(program(time_zone="Europe/Copenhagen", rules=[rule(caps={unit: 100})]))
    assert player.do(purchase(at("2024-02-29 10:00"), 7000)) == ["available +70 by rule base"]
    assert player.do(purchase(at(last), 7000)) == ["available +30 by rule base"]
    assert player.entries()[-1].why.arithmetic == f"floor(70.00 / 1) x 1 = 70, capped per {unit}: 30"
    assert player.do(purchase(at(last), 7001)) == []
    assert player.do(purchase(at(first_after), 7000)) == ["available +70 by rule base"]


def test_a_cap_per_lifetime() -> None:
    player = Player(program(rules=[rule(caps={"lifetime": 100})]))
    player.do(purchase(at("2024-01-01"), 9900), purchase(at("2034-01-01"), 500))
    assert [entry.points for entry in player.entries()] == [99, 1]
    assert player.do(purchase(at("2044-01-01"), 500)) == []


def test_the_tightest_cap_holds() -> None:
    player = Player(program(rules=[rule(caps={"activity": 50, "day": 80, "month": 100})]))
    for day, expected in (("01", [50, 30]), ("02", [20])):
        given_points = []
        for hour in (8, 9, 10):
            player.do(purchase(at(f"2024-05-{day} {hour:02}:00"), 9000))
            effects = player.records[-1].outcome.effects
            given_points += [effect.points for effect in effects if isinstance(effect, Entry)]
        assert given_points == expected
    assert player.entries()[-1].why.arithmetic.endswith("capped per month: 20")


def test_each_rule_has_its_own_cap() -> None:
    capped = {"day": 10}
    player = Player(program(rules=[rule("a", caps=capped), rule("b", caps=capped)]))
    assert player.do(purchase(NOON, 5000)) == ["available +10 by rule a", "available +10 by rule b"]


def test_a_cap_of_nothing_gives_nothing() -> None:
    assert earned({"points": 5}, purchase(NOON), caps={"day": 0}) == 0


def test_a_cooldown_ends_exactly_at_its_border() -> None:
    player = Player(program(rules=[rule(on="visit", earn={"points": 5}, cooldown_minutes=60)]))
    assert player.do(event("visit", at("2024-05-01 12:00:00"))) == ["available +5 by rule base"]
    assert player.do(event("visit", at("2024-05-01 12:59:59"))) == []
    assert player.do(event("visit", at("2024-05-01 13:00:00"))) == ["available +5 by rule base"]
    assert player.do(event("visit", at("2024-05-01 13:59:59"))) == []  # it runs from the last time that gave points


def test_a_cooldown_counts_minutes_that_passed_and_not_the_clock() -> None:
    zone = "Europe/Copenhagen"  # goes from 3:00 back to 2:00 at 1:00 UTC
    player = Player(program(time_zone=zone, rules=[rule(on="visit", earn={"points": 5}, cooldown_minutes=60)]))
    assert player.do(event("visit", at("2024-10-27 00:30"))) == ["available +5 by rule base"]
    assert player.do(event("visit", at("2024-10-27 01:30"))) == ["available +5 by rule base"]


def test_what_gave_no_points_starts_no_cooldown() -> None:
    player = Player(program(rules=[rule(cooldown_minutes=60)]))
    assert player.do(purchase(at("2024-05-01 12:00"), 50)) == []
    assert player.do(purchase(at("2024-05-01 12:01"), 100)) == ["available +1 by rule base"]


def test_a_newcomer_is_not_cooling_down() -> None:
    player = Player(program(rules=[rule(on="visit", cooldown_minutes=60, earn={"points": 1})]))
    assert player.do(event("visit", JOINED_AT)) == ["available +1 by rule base"]
