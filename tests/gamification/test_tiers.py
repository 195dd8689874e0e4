"""Tiers in play: up by what is spent or earned, down by time alone, each at its exact instant."""

from typing import Any

from gamification.effects import TierMoved, Why
from gamification.fold import next_due_at
from gamification.state import Standing, TierStep
from gamification.tiers import reached
from tests.gamification.programs import Player, adjustment, at, badge, challenge, ladder, program, purchase, rule

METALS = ladder("spend", "lifetime", bronze=0, silver=100, gold=250, platinum=500)


def player(metric: str = "spend", window: str = "rolling 365 days", time_zone: str = "UTC", **parts: Any) -> Player:
    return Player(program(time_zone=time_zone, tiers=METALS | {"metric": metric, "window": window}, **parts))


def test_thresholds_are_met_exactly() -> None:
    tiered = player().program
    assert [reached(tiered, amount) for amount in (0, 9999, 10000, 24999, 25000, 50000, 10**15)] == [
        0,
        0,
        1,
        1,
        2,
        3,
        3,
    ]


def test_the_first_thing_done_gives_the_lowest_tier() -> None:
    shopper = player()
    assert shopper.do(purchase(at("2024-05-01 12:00"), 9999)) == ["tier None up to bronze"]
    assert shopper.state.standing.tier == "bronze"
    assert shopper.state.standing.since == at("2024-05-01 12:00")
    assert next_due_at(shopper.state, shopper.program) is None


def test_several_rungs_at_once_are_climbed_one_by_one() -> None:
    shopper = player()
    shopper.do(purchase(at("2024-05-01 12:00"), 1000))
    assert shopper.do(purchase(at("2024-05-02 12:00"), 49000)) == [
        "tier bronze up to silver",
        "tier silver up to gold",
        "tier gold up to platinum",
    ]
    why = Why("tier", "platinum", "500.00 of 500 in rolling 365 days", inputs={"spend": "500.00"})
    assert shopper.records[-1].outcome.effects[-1] == TierMoved("gold", "platinum", True, why)


def test_a_tier_s_reward_is_given_once_however_often_it_is_regained() -> None:
    bronze, silver, *_ = METALS["levels"]
    levels = [bronze, {**silver, "reward": {"points": 80}}]
    shopper = Player(program(tiers={**METALS, "window": "rolling 1 days", "levels": levels}))
    shopper.do(purchase(at("2024-04-30 12:00"), 100))
    first = shopper.do(purchase(at("2024-05-01 12:00"), 10000))
    again = shopper.do(purchase(at("2024-05-03 12:00"), 10000))
    assert first == ["tier bronze up to silver", "available +80 by tier silver <0"]
    assert again == ["tier bronze up to silver"]
    assert shopper.state.standing.rewarded == ("silver",)
    assert shopper.state.balance.available == 80


def test_down_step_by_step_as_purchases_leave_the_window() -> None:
    shopper = player()
    for day, amount in (("2023-03-01", 10000), ("2023-03-10", 15000), ("2023-03-20", 5000)):
        shopper.do(purchase(at(f"{day} 12:00"), amount))
    assert shopper.state.standing.tier == "gold"
    # 300 until the 365 days of March 1 are over (2024 has a leap day), then 200, then 50.
    assert next_due_at(shopper.state, shopper.program) == at("2024-02-29")
    assert shopper.wait(at("2024-02-28 23:59:59")) == []
    assert shopper.wait(at("2025-01-01")) == [
        (at("2024-02-29"), ["tier gold down to silver"]),
        (at("2024-03-09"), ["tier silver down to bronze"]),
    ]
    assert shopper.state.standing.tier == "bronze"
    assert shopper.state.standing.since == at("2024-03-09")
    assert next_due_at(shopper.state, shopper.program) is None


def test_down_several_rungs_at_once() -> None:
    shopper = player()
    shopper.do(purchase(at("2023-03-01 12:00"), 60000))
    assert shopper.wait(at("2025-01-01")) == [(at("2024-02-29"), ["tier platinum down to bronze"])]


def test_down_comes_at_midnight_in_the_programs_time_zone() -> None:
    shopper = player(time_zone="Europe/Copenhagen", window="rolling 30 days")
    shopper.do(purchase(at("2024-03-15 22:59:59"), 10000))  # the 15th there, too
    assert shopper.wait(at("2024-06-01")) == [(at("2024-04-13 22:00"), ["tier silver down to bronze"])]
    late = player(time_zone="Europe/Copenhagen", window="rolling 30 days")
    late.do(purchase(at("2024-03-15 23:00"), 10000))  # the 16th there
    assert late.wait(at("2024-06-01")) == [(at("2024-04-14 22:00"), ["tier silver down to bronze"])]


def test_down_on_a_day_without_midnight() -> None:
    shopper = player(time_zone="America/Sao_Paulo", window="rolling 1 days")
    shopper.do(purchase(at("2018-11-03 15:00"), 10000))
    assert shopper.wait(at("2018-12-01")) == [(at("2018-11-04 03:00"), ["tier silver down to bronze"])]


def test_down_when_the_clock_goes_back_over_midnight() -> None:
    # 0:01 on November 7 became 23:01 on the 6th. What is bought in that hour belongs to the 7th, which had begun.
    shopper = player(time_zone="America/St_Johns", window="rolling 1 days")
    shopper.do(purchase(at("2010-11-07 03:00"), 10000))
    assert next_due_at(shopper.state, shopper.program) == at("2010-11-08 03:30")
    assert shopper.wait(at("2010-12-01")) == [(at("2010-11-08 03:30"), ["tier silver down to bronze"])]


def test_a_calendar_year_ends_in_the_program_s_time_zone() -> None:
    shopper = player(window="calendar year", time_zone="Pacific/Kiritimati")
    shopper.do(purchase(at("2024-02-01"), 20000), purchase(at("2024-12-31 09:59:59"), 5000))
    assert shopper.state.standing.tier == "gold"
    assert next_due_at(shopper.state, shopper.program) == at("2024-12-31 10:00")
    assert shopper.wait(at("2024-12-31 10:00")) == [(at("2024-12-31 10:00"), ["tier gold kept"])]
    assert shopper.do(purchase(at("2024-12-31 10:00:01"), 10000)) == []
    assert shopper.wait(at("2026-06-01")) == [(at("2025-12-31 10:00"), ["tier gold down to silver"])]


def test_a_lifetime_is_for_good() -> None:
    shopper = player(window="lifetime")
    shopper.do(purchase(at("2023-05-01"), 60000))
    assert next_due_at(shopper.state, shopper.program) is None
    assert shopper.wait(at("2999-01-01")) == []


def test_a_purchase_at_the_instant_of_the_loss_comes_after_it() -> None:
    shopper = player(window="rolling 30 days")
    shopper.do(purchase(at("2024-03-01 12:00"), 10000))
    assert shopper.do(purchase(at("2024-03-31"), 10000)) == ["tier bronze up to silver"]
    assert [record.outcome.at for record in shopper.records[1:]] == [at("2024-03-31")] * 2


def test_only_purchases_count_towards_spend() -> None:
    shopper = player(rules=[rule(earn={"points": 1000})])
    shopper.do(adjustment(at("2024-05-01"), 10**6))
    noted = (TierStep("bronze", at("2024-05-01"), "earned"),)
    assert shopper.state.standing == Standing("bronze", at("2024-05-01"), earned="bronze", history=noted)


def test_points_that_qualify_count_and_others_do_not() -> None:
    rules = [
        rule("base", qualifying=True, earn={"points": 60}),
        rule("bonus", qualifying=False, earn={"points": 1000}),
    ]
    shopper = player("points", rules=rules)
    shopper.do(purchase(at("2024-05-01")))
    assert shopper.state.standing.tier == "bronze"
    shopper.do(adjustment(at("2024-05-02"), 10000))
    assert shopper.state.standing.tier == "bronze"
    shopper.do(purchase(at("2024-05-03")))
    assert shopper.state.standing.tier == "silver"
    assert sum(amount for _, amount in shopper.state.standing.tally) == 120
    assert shopper.state.totals.earned == 2120


def test_rewards_qualify_where_they_say_so_and_badge_points_never_do() -> None:
    for qualifying, tier in ((True, "silver"), (False, "bronze")):
        reward = {"points": 100, "qualifying": qualifying}
        first = badge("first", earned={"measure": "member.purchases"}, levels=[{"points": 900}])
        shopper = player("points", challenges=[challenge("c", target=1, reward=reward)], badges=[first])
        shopper.do(purchase(at("2024-05-01")))
        assert shopper.state.totals.earned == 1000
        assert shopper.state.standing.tier == tier


def test_pending_points_already_qualify() -> None:
    shopper = player("points", rules=[rule()], points={"pending_days": 14})
    shopper.do(purchase(at("2024-05-01"), 10000))
    assert shopper.state.balance.available == 0
    assert shopper.state.standing.tier == "silver"


def test_spending_points_costs_no_tier() -> None:
    shopper = player("points", rules=[rule()])
    assert shopper.do(purchase(at("2024-05-01"), 10000), adjustment(at("2024-05-02"), -100)) == [
        "available -100 by staff adjustment"
    ]
    assert shopper.state.standing.tier == "silver"


def test_without_tiers_there_is_no_standing() -> None:
    shopper = Player(program())
    assert shopper.do(purchase(at("2024-05-01"), 10**9)) == []
    assert shopper.state.standing == Standing()
