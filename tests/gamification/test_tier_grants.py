"""Tiers that staff grant: above what is earned for as long as they last, and not a moment longer."""

from copy import deepcopy
from datetime import datetime
from typing import Any

import pytest

from gamification.activity import TIER_GRANT, Activity, problems_of
from gamification.effects import (
    TierGranted,
    TierMoved,
    TierReviewed,
    Why,
)
from gamification.fold import Applied, advance, apply, next_due_at
from gamification.progress import keep_progress, plain, tier_progress
from gamification.state import TierStep
from tests.gamification.programs import Player, at, badge, ladder, program, purchase

METALS = ladder("spend", "calendar year", bronze=0, silver=100, gold=250, platinum=500)


def player(window: str = "rolling 30 days", **parts: Any) -> Player:
    return Player(program(tiers=METALS | {"window": window} | parts.pop("tiers", {}), **parts))


def granted(when: datetime, tier: str, until: str | None = None) -> Activity:
    attributes = {"tier": tier} | ({"until": until} if until else {})
    return Activity(f"g {when:%Y%m%d %H%M} {tier}", TIER_GRANT, when, attributes=attributes, reason="goodwill")


def test_a_granted_tier_ends_at_its_instant() -> None:
    shopper = player()
    shopper.do(purchase(at("2024-05-01"), 1000))
    assert shopper.do(granted(at("2024-05-02"), "gold", "2024-08-01T15:30:00+02:00")) == [
        "granted gold until 2024-08-01 13:30",
        "tier bronze up to silver",
        "tier silver up to gold",
    ]
    assert next_due_at(shopper.state, shopper.program) == at("2024-08-01 13:30")
    assert shopper.wait(at("2025-01-01")) == [(at("2024-08-01 13:30"), ["tier gold down to bronze"])]
    assert shopper.state.standing.history == (
        TierStep("bronze", at("2024-05-01"), "earned"),
        TierStep("silver", at("2024-05-02"), "granted"),
        TierStep("gold", at("2024-05-02"), "granted"),
        TierStep("bronze", at("2024-08-01 13:30"), "grant_ended"),
    )
    assert (shopper.state.standing.granted, shopper.state.standing.granted_until) == (None, None)


def test_the_record_names_staff_and_their_reason() -> None:
    shopper = player()
    shopper.do(purchase(at("2024-05-01"), 10000), granted(at("2024-05-02"), "gold", "2024-05-03T00:00:00Z"))
    shopper.wait(at("2024-05-03"))
    why = Why("staff", TIER_GRANT, "gold", None, {"reason": "goodwill"})
    assert [effect for record in shopper.records[-2:] for effect in record.outcome.effects] == [
        TierGranted("gold", at("2024-05-03"), why),
        TierMoved("silver", "gold", True, why, "granted"),
        TierMoved("gold", "silver", False, Why("clock", TIER_GRANT, "silver"), "grant_ended"),
    ]


def test_a_grant_without_an_end_lasts_until_it_is_withdrawn() -> None:
    shopper = player()
    shopper.do(purchase(at("2024-05-01"), 1000), granted(at("2024-05-02"), "silver"))
    assert next_due_at(shopper.state, shopper.program) is None
    assert shopper.wait(at("2030-01-01")) == []
    assert shopper.do(granted(at("2030-01-01"), "")) == ["granted None", "tier silver down to bronze"]
    assert shopper.state.standing.granted is None


def test_a_further_grant_replaces_the_one_before() -> None:
    shopper = player()
    shopper.do(purchase(at("2024-05-01"), 1000), granted(at("2024-05-02"), "platinum"))
    assert shopper.do(granted(at("2024-05-03"), "silver", "2024-05-04T00:00:00Z")) == [
        "granted silver until 2024-05-04 00:00",
        "tier platinum down to silver",
    ]
    assert shopper.wait(at("2025-01-01")) == [(at("2024-05-04"), ["tier silver down to bronze"])]


@pytest.mark.parametrize("until", ["2024-05-02T00:00:00Z", "2020-01-01T00:00:00Z"])
def test_a_grant_that_is_over_gives_nothing(until: str) -> None:
    shopper = player()
    shopper.do(purchase(at("2024-05-01"), 1000))
    assert shopper.do(granted(at("2024-05-02"), "gold", until)) == []
    assert shopper.state.standing.granted is None


def test_a_grant_below_what_is_earned_moves_nobody_until_that_is_lost() -> None:
    shopper = player()
    shopper.do(purchase(at("2024-05-01"), 25000))
    assert shopper.do(granted(at("2024-05-02"), "silver", "2024-07-01T00:00:00Z")) == [
        "granted silver until 2024-07-01 00:00"
    ]
    assert shopper.do(granted(at("2024-05-02 01:00"), "silver", "2024-07-01T00:00:00Z")) == []
    assert shopper.wait(at("2025-01-01")) == [
        (at("2024-05-31"), ["tier gold down to silver"]),
        (at("2024-07-01"), ["tier silver down to bronze"]),
    ]


def test_what_is_earned_beneath_a_grant_is_there_at_its_end() -> None:
    shopper = player("calendar year")
    shopper.do(purchase(at("2024-05-01"), 1000), granted(at("2024-05-02"), "gold", "2025-07-01T00:00:00Z"))
    assert shopper.do(purchase(at("2024-06-01"), 15000)) == []
    assert shopper.state.standing.earned == "silver"
    assert shopper.wait(at("2026-06-01")) == [
        (at("2025-01-01"), ["tier silver kept"]),
        (at("2025-07-01"), ["tier gold down to silver"]),
        (at("2026-01-01"), ["tier silver down to bronze"]),
    ]


def test_a_review_beneath_a_grant_is_told() -> None:
    shopper = player()
    shopper.do(purchase(at("2024-05-01"), 12000), granted(at("2024-05-02"), "gold"))
    assert shopper.wait(at("2024-12-01")) == [(at("2024-05-31"), ["tier bronze lowered"])]
    why = Why("tier", "bronze", "0.00 of 100 in rolling 30 days", None, {"spend": "0.00"})
    assert shopper.records[-1].outcome.effects == (TierReviewed("bronze", "lowered", why),)
    assert (shopper.state.standing.tier, shopper.state.standing.earned) == ("gold", "bronze")


def test_more_than_was_granted_can_be_earned() -> None:
    shopper = player()
    shopper.do(purchase(at("2024-05-01"), 1000), granted(at("2024-05-02"), "silver"))
    assert shopper.do(purchase(at("2024-05-03"), 30000)) == ["tier silver up to gold"]
    assert shopper.wait(at("2025-01-01")) == [(at("2024-06-02"), ["tier gold down to silver"])]


def test_a_granted_tier_is_rewarded_once_ever() -> None:
    rewards = {"silver": {"points": 10}, "gold": {"points": 20}}
    levels = ladder("spend", "rolling 30 days", rewards=rewards, bronze=0, silver=100, gold=250)["levels"]
    shopper = player(tiers={"levels": levels}, badges=[badge("golden", earned={"tier": "gold"})])
    shopper.do(purchase(at("2024-05-01"), 1000))
    assert shopper.do(granted(at("2024-05-02"), "gold", "2024-05-03T00:00:00Z")) == [
        "granted gold until 2024-05-03 00:00",
        "tier bronze up to silver",
        "tier silver up to gold",
        "available +10 by tier silver <1",
        "available +20 by tier gold <2",
        "badge golden 1 <2",
    ]
    assert shopper.do(purchase(at("2024-05-04"), 30000)) == ["tier bronze up to silver", "tier silver up to gold"]


def test_the_first_thing_that_happens_may_be_a_grant() -> None:
    shopper = player()
    assert shopper.do(granted(at("2024-05-02"), "silver")) == [
        "granted silver",
        "tier None up to bronze",
        "tier bronze up to silver",
    ]


def test_a_grant_of_a_tier_that_is_not_there_gives_nothing_until_it_is() -> None:
    shopper = player()
    shopper.do(purchase(at("2024-05-01"), 1000))
    assert shopper.do(granted(at("2024-05-02"), "ruby")) == ["granted ruby"]
    levels = ladder("spend", "rolling 30 days", bronze=0, silver=100, ruby=900)["levels"]
    jewelled = program(tiers=METALS | {"levels": levels})
    assert next_due_at(shopper.state, jewelled) == at("2024-05-02")
    assert advance(shopper.state, at("2024-05-02"), jewelled)[0].standing.tier == "ruby"


def test_a_ladder_that_changes_beneath_a_grant_is_never_due_without_effect() -> None:
    shopper = player()
    shopper.do(purchase(at("2024-05-01"), 12000), granted(at("2024-05-02"), "platinum"))
    lost = [(at("2024-05-31"), ["tier bronze lowered"])]
    anew = [(at("2024-05-02"), ["tier bronze lowered"])]
    cases = (("silver", 10, 20, lost), ("silver", 5, 200, lost), ("silver", 200, 300, anew), ("argent", 200, 300, anew))
    for second, low, high, expected in cases:
        thresholds = {"bronze": 0, second: low, "gold": high, "platinum": 1000}
        levels = [{"code": code, "name": code, "threshold": least} for code, least in thresholds.items()]
        changed = Player(program(tiers=METALS | {"window": "rolling 30 days", "levels": levels}))
        changed.state = shopper.state
        assert changed.wait(at("2026-01-01")) == expected
        assert (changed.state.standing.tier, changed.state.standing.earned) == ("platinum", "bronze")


def test_what_is_missing_to_stay_on_a_granted_tier() -> None:
    shopper = player("calendar year")
    shopper.do(purchase(at("2024-05-01"), 12000), granted(at("2024-05-02"), "gold", "2024-07-01T00:00:00Z"))
    kept = keep_progress(shopper.state, shopper.program, at("2024-06-01"))
    assert kept is not None
    assert (plain(kept.current), plain(kept.target), kept.ends_at) == ("120", "250", at("2024-07-01"))
    onwards = tier_progress(shopper.state, shopper.program, at("2024-06-01"))
    assert onwards is not None
    assert (plain(onwards.current), plain(onwards.target)) == ("120", "500")
    shopper.do(granted(at("2024-06-01"), "gold"))
    assert keep_progress(shopper.state, shopper.program, at("2024-06-01")) is None


def test_a_grant_leaves_its_state_alone_and_is_the_same_again() -> None:
    shopper = player()
    shopper.do(purchase(at("2024-05-01"), 1000))
    state, kept = shopper.state, deepcopy(shopper.state)
    activity = granted(at("2024-05-02"), "gold", "2024-07-01T00:00:00Z")
    first, again = apply(state, activity, shopper.program), apply(state, activity, shopper.program)
    assert isinstance(first, Applied)
    assert first == again
    assert state == kept


def test_nobody_reports_a_grant() -> None:
    now = at("2024-05-02")
    faults = [problem.path for problem in problems_of(granted(now, "gold"), now, now - now)]
    assert "kind" in faults
