"""Badges in play: levels, conditions and rewards, each won once."""

from typing import Any

import pytest

from gamification.activity import LineItem
from gamification.effects import BadgeWon, Entry, Why
from gamification.state import BadgeHeld
from tests.gamification.programs import (
    Part,
    Player,
    adjustment,
    at,
    badge,
    challenge,
    event,
    ladder,
    program,
    purchase,
    rule,
)

NOON = at("2024-05-01 12:00")
LATER = at("2024-06-01 12:00")


def player(*badges: Part, **parts: Any) -> Player:
    return Player(program(badges=list(badges), **parts))


def test_levels_come_one_by_one() -> None:
    shopper = player(badge("b", earned={"measure": "member.items"}, levels=[5, 10]))
    assert shopper.do(purchase(NOON, 0, LineItem("cd", 4))) == []
    assert shopper.do(purchase(LATER, 0, LineItem("cd", 1))) == ["badge b 1"]
    assert shopper.records[-1].outcome.effects == (BadgeWon("b", 1, Why("badge", "b", "member.items reached 5")),)
    assert shopper.state.badges == {"b": BadgeHeld((LATER,))}


def test_several_levels_at_once_are_each_won_and_paid() -> None:
    levels = [{"at": 5, "points": 10}, {"at": 10}, {"at": 25, "points": 30}, {"at": 26, "points": 40}]
    shopper = player(badge("b", earned={"measure": "member.items"}, levels=levels))
    assert shopper.do(purchase(NOON, 0, LineItem("cd", 25))) == [
        "badge b 1",
        "badge b 2",
        "badge b 3",
        "available +10 by badge b <0",
        "available +30 by badge b <2",
    ]
    held = shopper.state.badges["b"]
    assert (held.level, held.earned_at, held.levels_at) == (3, NOON, (NOON,) * 3)
    assert shopper.do(purchase(LATER, 0, LineItem("cd", 1))) == ["badge b 4", "available +40 by badge b <0"]
    assert shopper.state.badges["b"].levels_at == (NOON, NOON, NOON, LATER)
    assert shopper.do(purchase(LATER, 0, LineItem("cd", 1000))) == []


def test_a_level_stays_although_the_measure_falls() -> None:
    shopper = player(badge("b", earned={"measure": "member.points"}, levels=[100, 200]), rules=[rule()])
    assert shopper.do(purchase(NOON, 10000)) == ["available +100 by rule base", "badge b 1"]
    shopper.do(adjustment(LATER, -100))
    assert shopper.state.badges["b"].level == 1
    assert shopper.do(adjustment(LATER, 100)) == ["available +100 by staff adjustment"]
    assert shopper.do(adjustment(LATER, 101)) == ["available +101 by staff adjustment", "badge b 2"]


@pytest.mark.parametrize(("amount_minor", "level"), [(9999, 0), (10000, 1), (49999, 1), (50000, 2), (10**12, 3)])
def test_a_measure_of_money(amount_minor: int, level: int) -> None:
    shopper = player(badge("b", earned={"measure": "member.spend"}, levels=[100, 500, 1000]))
    shopper.do(purchase(NOON, amount_minor))
    assert shopper.state.badges == ({"b": BadgeHeld((NOON,) * level)} if level else {})


@pytest.mark.parametrize("measure", ["member.items / (member.purchases - 1)", "0.0 / 0.0", "-1.0 / 0.0", "-5"])
def test_a_measure_that_comes_to_nothing(measure: str) -> None:
    shopper = player(badge("b", earned={"measure": measure}))
    assert shopper.do(purchase(NOON)) == []


def test_a_condition() -> None:
    shopper = player(badge("b", earned={"condition": 'activity.weekday == "sunday" && activity.hour < 6'}))
    assert shopper.do(purchase(NOON)) == []
    assert shopper.do(purchase(at("2024-05-05 06:00"))) == []
    assert shopper.do(purchase(at("2024-05-12 05:59:59"))) == ["badge b 1"]
    assert shopper.do(purchase(at("2024-05-19 05:00"))) == []


def test_a_condition_on_a_missing_attribute_is_not_met() -> None:
    shopper = player(badge("b", earned={"condition": '!(activity.attributes["bot"] == true)'}))
    assert shopper.do(event("visit", NOON)) == []
    assert shopper.do(event("visit", LATER, {"bot": False})) == ["badge b 1"]


def test_a_condition_is_about_what_is_done_and_not_about_time_passing() -> None:
    shopper = player(
        badge("done", earned={"condition": "member.points >= 50"}),
        badge("has", earned={"measure": "member.points"}, levels=[50]),
        rules=[rule()],
        points={"pending_days": 1},
    )
    shopper.do(purchase(NOON, 5000))
    ((_, told),) = shopper.wait(LATER)
    assert told == ["pending -50 by clock unlock", "available +50 by clock unlock", "badge has 1"]
    assert shopper.do(event("visit", LATER)) == ["badge done 1"]


def test_a_badge_for_a_tier_and_one_for_a_challenge() -> None:
    shopper = player(
        badge("gilded", earned={"tier": "gold"}, levels=[{"points": 5}]),
        badge("doer", earned={"challenge": "c"}, levels=[{"points": 6}]),
        tiers=ladder("spend", "rolling 1 days", bronze=0, gold=100),
        challenges=[challenge("c", target=1, repeat="always")],
    )
    first = shopper.do(purchase(NOON, 10000))
    assert first == [
        "c 0 to 1 of 1",
        "c completed x1",
        "tier None up to gold",
        "badge doer 1 <1",
        "badge gilded 1 <2",
        "available +6 by badge doer <3",
        "available +5 by badge gilded <4",
    ]
    # Gold was lost overnight and is reached again; the badges are won once.
    assert shopper.do(purchase(LATER, 10000)) == ["c 0 to 1 of 1", "c completed x1", "tier bronze up to gold"]


def test_a_reward_badge_is_won_once_whoever_gives_it() -> None:
    shopper = player(
        badge("gift", levels=[{"points": 10}]),
        challenges=[
            challenge("a", target=1, repeat="always", reward={"badge": "gift"}),
            challenge("b", target=1, repeat="always", reward={"badge": "gift", "points": 3}),
        ],
    )
    assert shopper.do(purchase(NOON)) == [
        "a 0 to 1 of 1",
        "a completed x1",
        "b 0 to 1 of 1",
        "b completed x1",
        "badge gift 1 <1",
        "available +3 by challenge b <3",
        "available +10 by badge gift <4",
    ]
    assert shopper.do(purchase(LATER))[-1] == "available +3 by challenge b <3"
    assert shopper.state.badges == {"gift": BadgeHeld((NOON,))}
    assert shopper.state.totals.earned == 16


def test_a_badge_with_levels_that_is_also_a_reward_goes_on_from_there() -> None:
    shopper = player(
        badge("b", earned={"measure": "member.items"}, levels=[5, 10]),
        challenges=[challenge("c", target=1, reward={"badge": "b"})],
    )
    assert shopper.do(purchase(NOON, 0, LineItem("cd")))[-1] == "badge b 1 <1"
    assert shopper.do(purchase(LATER, 0, LineItem("cd", 8))) == []
    assert shopper.do(purchase(LATER, 0, LineItem("cd"))) == ["badge b 2"]


def test_badge_points_wait_like_all_points() -> None:
    shopper = player(
        badge("b", earned={"measure": "member.purchases"}, levels=[{"points": 9}]), points={"pending_days": 3}
    )
    shopper.do(purchase(NOON, key="a"))
    won = shopper.records[0].outcome.effects[1]
    assert won == Entry("pending", 9, Why("badge", "b", "9", 0, lots=("a.1",)))
