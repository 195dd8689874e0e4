"""Reviews of tiers: every window, every policy, with and without grace, each at its exact instant."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from gamification.challenges import Phase
from gamification.effects import TierMoved, TierReviewed, Why
from gamification.fold import Applied, advance, apply, next_due_at
from gamification.progress import keep_progress, plain, tier_progress
from gamification.state import State, TierStep
from tests.gamification.programs import Player, adjustment, at, ladder, program, purchase, rule, told

METALS = ladder("spend", "calendar year", bronze=0, silver=100, gold=250, platinum=500)
TICK = timedelta(milliseconds=1)

Told = list[tuple[datetime, list[str]]]


def player(
    window: str, to: str = "earned", grace_days: int = 0, *, joined: str = "1997-01-01", zone: str = "UTC"
) -> Player:
    downgrade = {"to": to, "grace_days": grace_days}
    return Player(program(time_zone=zone, tiers=METALS | {"window": window, "downgrade": downgrade}), at(joined))


def bar(shopper: Player, now: datetime) -> tuple[str, str, str, datetime | None] | None:
    """Current, target and remaining of what is needed to stay, and by when."""
    kept = keep_progress(advance(shopper.state, now, shopper.program)[0], shopper.program, now)
    if kept is None:
        return None
    return (plain(kept.current), plain(kept.target), plain(kept.remaining), kept.ends_at)


def brought(*moves: tuple[str, str]) -> Told:
    return [(at(when), [what]) for when, what in moves]


@pytest.mark.parametrize(
    ("to", "grace_days", "expected"),
    [
        ("earned", 0, [("2027-01-01", "tier platinum kept"), ("2028-01-01", "tier platinum down to silver"),
                       ("2029-01-01", "tier silver down to bronze")]),
        ("one_level", 0, [("2027-01-01", "tier platinum kept"), ("2028-01-01", "tier platinum down to gold"),
                          ("2029-01-01", "tier gold down to silver"), ("2030-01-01", "tier silver down to bronze")]),
        ("never", 0, []),
        ("earned", 31, [("2027-01-01", "tier platinum kept"), ("2028-01-01", "tier platinum grace"),
                        ("2028-02-01", "tier platinum down to silver"), ("2029-01-01", "tier silver grace"),
                        ("2029-02-01", "tier silver down to bronze")]),
        ("one_level", 31, [("2027-01-01", "tier platinum kept"), ("2028-01-01", "tier platinum grace"),
                           ("2028-02-01", "tier platinum down to gold"), ("2029-01-01", "tier gold grace"),
                           ("2029-02-01", "tier gold down to silver"), ("2030-01-01", "tier silver grace"),
                           ("2030-02-01", "tier silver down to bronze")]),
    ],
)  # fmt: skip
def test_a_calendar_year_is_judged_by_itself(to: str, grace_days: int, expected: list[tuple[str, str]]) -> None:
    shopper = player("calendar year", to, grace_days)
    shopper.do(purchase(at("2026-06-01 12:00"), 50000))
    waited = shopper.wait(at("2027-05-01"))
    shopper.do(purchase(at("2027-05-01"), 10000))
    assert waited + shopper.wait(at("2035-01-01")) == brought(*expected)


@pytest.mark.parametrize(
    ("to", "grace_days", "expected"),
    [
        ("earned", 0, [("2024-01-31", "tier platinum down to silver"), ("2024-02-19", "tier silver down to bronze")]),
        # The next rung has a whole window, from the fall on.
        ("one_level", 0, [("2024-01-31", "tier platinum down to gold"), ("2024-03-01", "tier gold down to silver"),
                          ("2024-03-31", "tier silver down to bronze")]),
        ("never", 0, []),
        ("earned", 10, [("2024-01-31", "tier platinum grace"), ("2024-02-10", "tier platinum down to silver"),
                        ("2024-02-19", "tier silver grace"), ("2024-02-29", "tier silver down to bronze")]),
        ("one_level", 10, [("2024-01-31", "tier platinum grace"), ("2024-02-10", "tier platinum down to gold"),
                           ("2024-03-11", "tier gold grace"), ("2024-03-21", "tier gold down to silver"),
                           ("2024-04-20", "tier silver grace"), ("2024-04-30", "tier silver down to bronze")]),
    ],
)  # fmt: skip
def test_rolling_days_are_judged_all_the_time(to: str, grace_days: int, expected: list[tuple[str, str]]) -> None:
    shopper = player("rolling 30 days", to, grace_days)
    shopper.do(purchase(at("2024-01-01 12:00"), 40000), purchase(at("2024-01-20 12:00"), 10000))
    assert shopper.wait(at("2035-01-01")) == brought(*expected)


@pytest.mark.parametrize(
    ("joined", "bought", "expected"),
    [
        ("2024-03-15 18:00", "2024-03-15 18:00", ["2025-03-15", "2026-03-15"]),
        # From the 29th of February on, and on the 28th where there is none.
        ("2024-02-29 12:00", "2024-02-29 12:00", ["2025-02-28", "2026-02-28"]),
        ("2024-02-29 12:00", "2027-02-27 23:59:59", ["2027-02-28", "2028-02-29"]),
        ("2024-02-29 12:00", "2027-02-28", ["2028-02-29", "2029-02-28"]),
        ("2024-02-29 12:00", "2028-02-28 12:00", ["2028-02-29", "2029-02-28"]),
        ("2023-02-28 12:00", "2024-02-28 12:00", ["2025-02-28", "2026-02-28"]),
        ("2023-02-28 12:00", "2028-02-27 12:00", ["2028-02-28", "2029-02-28"]),
        ("2023-12-31 23:59:59", "2024-12-30", ["2024-12-31", "2025-12-31"]),
    ],
)
def test_a_membership_year_begins_on_the_day_of_joining(joined: str, bought: str, expected: list[str]) -> None:
    shopper = player("membership year", joined=joined)
    shopper.do(purchase(at(bought), 10000))
    kept, lost = expected
    assert shopper.wait(at("2035-01-01")) == brought((kept, "tier silver kept"), (lost, "tier silver down to bronze"))


def test_a_membership_year_is_of_the_program_s_zone() -> None:
    shopper = player("membership year", joined="2024-03-15 11:00", zone="Pacific/Kiritimati")  # the 16th there
    shopper.do(purchase(at("2025-03-15 09:59:59"), 10000))
    assert shopper.wait(at("2025-03-15 10:00")) == brought(("2025-03-15 10:00", "tier silver kept"))
    why = Why("tier", "silver", "100.00 of 100 in membership year", None, {"spend": "100.00"})
    assert shopper.records[-1].outcome.effects == (TierReviewed("silver", "kept", why),)
    shopper.do(purchase(at("2025-03-15 10:00"), 5000))
    assert shopper.wait(at("2027-01-01")) == brought(("2026-03-15 10:00", "tier silver down to bronze"))


@pytest.mark.parametrize(
    ("window", "bought", "kept", "lost"),
    [
        ("calendar day", "2024-02-29 12:00", "2024-03-01", "2024-03-02"),
        ("calendar week", "2020-12-31", "2021-01-04", "2021-01-11"),
        ("calendar month", "2024-02-29 23:59:59", "2024-03-01", "2024-04-01"),
        ("calendar quarter", "2023-11-11", "2024-01-01", "2024-04-01"),
        ("calendar year", "2023-01-01", "2024-01-01", "2025-01-01"),
    ],
)
def test_every_period_is_kept_for_the_next_one(window: str, bought: str, kept: str, lost: str) -> None:
    shopper = player(window)
    shopper.do(purchase(at(bought), 10000))
    assert shopper.wait(at("2035-01-01")) == brought((kept, "tier silver kept"), (lost, "tier silver down to bronze"))


@pytest.mark.parametrize(
    ("window", "bought", "grace_days", "expected"),
    [
        # The day of 23 hours, and that of 25.
        ("rolling 1 days", "2024-03-31 12:00", 0, [("2024-03-31 22:00", "tier silver down to bronze")]),
        ("rolling 1 days", "2024-10-27 12:00", 0, [("2024-10-27 23:00", "tier silver down to bronze")]),
        ("rolling 1 days", "2024-03-30 12:00", 1, [("2024-03-30 23:00", "tier silver grace"),
                                                   ("2024-03-31 22:00", "tier silver down to bronze")]),
        ("rolling 1 days", "2024-10-26 12:00", 1, [("2024-10-26 22:00", "tier silver grace"),
                                                   ("2024-10-27 23:00", "tier silver down to bronze")]),
        ("calendar month", "2024-02-29 22:59:59", 0, [("2024-02-29 23:00", "tier silver kept"),
                                                      ("2024-03-31 22:00", "tier silver down to bronze")]),
        ("calendar month", "2024-09-30 21:59:59", 0, [("2024-09-30 22:00", "tier silver kept"),
                                                      ("2024-10-31 23:00", "tier silver down to bronze")]),
    ],
)  # fmt: skip
def test_reviews_where_the_clock_changes(
    window: str, bought: str, grace_days: int, expected: list[tuple[str, str]]
) -> None:
    shopper = player(window, grace_days=grace_days, zone="Europe/Copenhagen")
    shopper.do(purchase(at(bought), 10000))
    assert shopper.wait(at("2025-06-01")) == brought(*expected)


def test_the_instant_of_a_review_belongs_to_the_new_period() -> None:
    for when, left in ((at("2027-01-01") - TICK, "tier gold kept"), (at("2027-01-01"), "tier gold down to silver")):
        shopper = player("calendar year")
        shopper.do(purchase(at("2025-06-01"), 25000), purchase(at("2026-06-01"), 15000), purchase(when, 10000))
        shopper.wait(at("2027-01-01"))
        review = next(each for each in shopper.records if each.outcome.at == at("2027-01-01"))
        assert review.activity is None
        assert told(review.outcome) == [left]


def test_the_end_of_a_grace_is_the_last_chance() -> None:
    ends_at = at("2027-02-01")
    for when, tier in ((ends_at - TICK, "gold"), (ends_at, "silver")):
        shopper = player("calendar year", grace_days=31)
        shopper.do(purchase(at("2025-06-01"), 25000), purchase(at("2026-06-01"), 20000), purchase(when, 5000))
        shopper.wait(ends_at)
        assert (shopper.state.standing.tier, shopper.state.standing.grace_until) == (tier, None)


def test_what_is_earned_in_a_grace_counts_for_the_period_before_and_its_own() -> None:
    shopper = player("calendar year", grace_days=31)
    shopper.do(purchase(at("2025-06-01"), 25000), purchase(at("2026-06-01"), 20000))
    assert shopper.do(purchase(at("2027-01-20"), 4999)) == []
    assert bar(shopper, at("2027-01-20")) == ("249.99", "250", "0.01", at("2027-02-01"))
    assert shopper.do(purchase(at("2027-01-21"), 1)) == ["tier gold kept"]
    assert shopper.state.standing.grace_until is None
    assert next_due_at(shopper.state, shopper.program) == at("2028-01-01")
    assert shopper.do(purchase(at("2027-07-01"), 20000)) == []
    assert shopper.wait(at("2028-12-31")) == brought(("2028-01-01", "tier gold kept"))


def test_a_rise_ends_a_grace() -> None:
    shopper = player("calendar year", grace_days=31)
    shopper.do(purchase(at("2025-06-01"), 25000))
    assert shopper.do(purchase(at("2027-01-20"), 50000)) == ["tier gold up to platinum"]
    assert shopper.wait(at("2028-12-31")) == brought(("2028-01-01", "tier platinum kept"))


def test_enough_within_the_grace_of_rolling_days_begins_anew() -> None:
    shopper = player("rolling 30 days", grace_days=10)
    shopper.do(purchase(at("2024-01-01"), 25000))
    assert shopper.do(purchase(at("2024-02-09 23:59:59"), 25000)) == ["tier gold kept"]
    assert shopper.wait(at("2024-12-01")) == brought(
        ("2024-03-10", "tier gold grace"), ("2024-03-20", "tier gold down to bronze")
    )


def test_a_rung_re_earned_has_no_second_fall() -> None:
    shopper = player("rolling 30 days", "one_level")
    shopper.do(purchase(at("2024-01-01"), 50000), purchase(at("2024-02-10"), 25000))
    assert shopper.state.standing.tier == "gold"
    assert shopper.wait(at("2024-12-01")) == brought(
        ("2024-03-11", "tier gold down to silver"), ("2024-04-10", "tier silver down to bronze")
    )


def test_up_at_once_by_the_present_period_alone() -> None:
    shopper = player("calendar year")
    shopper.do(purchase(at("2026-12-31"), 20000))
    assert shopper.do(purchase(at("2027-01-01"), 24999)) == []
    assert shopper.do(purchase(at("2027-01-02"), 1)) == ["tier silver up to gold"]


def test_the_record_says_what_a_review_went_by() -> None:
    shopper = player("calendar year", grace_days=31)
    shopper.do(purchase(at("2025-06-01"), 25000), purchase(at("2026-06-01"), 12000))
    shopper.wait(at("2027-03-01"))
    effects = [effect for record in shopper.records[-2:] for effect in record.outcome.effects]
    counted, inputs = "120.00 of 250 in calendar year", {"spend": "120.00"}
    assert effects == [
        TierReviewed("gold", "grace", Why("tier", "gold", counted, None, inputs), at("2027-02-01")),
        TierMoved("gold", "silver", False, Why("tier", "silver", counted, None, inputs), "review"),
    ]


def test_the_history_says_when_and_why() -> None:
    shopper = player("calendar year")
    shopper.do(purchase(at("2025-06-01"), 1), purchase(at("2025-06-02"), 25000))
    shopper.wait(at("2028-01-01"))
    assert shopper.state.standing.history == (
        TierStep("bronze", at("2025-06-01"), "earned"),
        TierStep("silver", at("2025-06-02"), "earned"),
        TierStep("gold", at("2025-06-02"), "earned"),
        TierStep("bronze", at("2027-01-01"), "review"),
    )


def test_the_history_keeps_the_newest_hundred() -> None:
    shopper = player("rolling 1 days")
    first = at("2024-01-01 12:00")
    for number in range(60):
        shopper.do(purchase(first + timedelta(days=2 * number), 10000))
    history = shopper.state.standing.history
    assert len(history) == 100
    assert history[-1] == TierStep("silver", first + timedelta(days=118), "earned")
    assert history[0] == TierStep("bronze", at("2024-01-20"), "review")


def test_a_tally_keeps_no_more_than_a_review_needs() -> None:
    shopper = player("calendar month")
    for month in range(1, 13):
        shopper.do(purchase(at(f"2024-{month:02}-15"), 100 * month))
    assert shopper.state.standing.tally == (
        (at("2024-11-01").toordinal(), 1100),
        (at("2024-12-01").toordinal(), 1200),
    )


def test_what_arrives_late_counts_for_the_period_in_which_it_happened() -> None:
    for happened, tier in (("2026-12-31 23:59:59", "gold"), ("2025-12-31 23:59:59", "silver")):
        shopper = player("calendar year", grace_days=31)
        shopper.do(purchase(at("2025-06-01"), 25000), purchase(at("2026-06-01"), 20000))
        shopper.wait(at("2027-01-10"))
        late = purchase(at(happened), 5000)
        applied = apply(shopper.state, late, shopper.program, at("2027-01-10"))
        assert isinstance(applied, Applied)
        assert advance(applied.state, at("2027-06-01"), shopper.program)[0].standing.tier == tier


def test_points_are_reviewed_like_money() -> None:
    tiers = METALS | {"metric": "points", "downgrade": {"to": "one_level"}}
    shopper = Player(program(rules=[rule()], tiers=tiers))
    shopper.do(purchase(at("2025-06-01"), 25000), adjustment(at("2026-01-05"), 5000))
    assert shopper.wait(at("2027-01-01")) == brought(("2027-01-01", "tier gold down to silver"))
    assert bar(shopper, at("2027-01-01")) == ("0", "100", "100", at("2028-01-01"))


def test_what_is_missing_to_stay_at_the_end_of_a_period() -> None:
    shopper = player("calendar year", grace_days=31)
    assert bar(shopper, at("2025-01-01")) is None
    shopper.do(purchase(at("2025-06-01"), 1000))
    assert bar(shopper, at("2025-06-01")) is None  # the lowest tier cannot be lost
    shopper.do(purchase(at("2025-06-02"), 30000))
    assert bar(shopper, at("2025-06-02")) == ("310", "250", "0", at("2026-01-01"))
    assert bar(shopper, at("2026-01-01")) == ("0", "250", "250", at("2027-01-01"))
    shopper.do(purchase(at("2026-06-01"), 20000))
    assert bar(shopper, at("2026-12-31")) == ("200", "250", "50", at("2027-01-01"))
    assert bar(shopper, at("2027-01-01")) == ("200", "250", "50", at("2027-02-01"))
    shopper.do(purchase(at("2027-01-15"), 3000))
    assert bar(shopper, at("2027-01-31")) == ("230", "250", "20", at("2027-02-01"))
    assert bar(shopper, at("2027-02-01")) == ("30", "100", "70", at("2028-01-01"))
    kept = keep_progress(shopper.state, shopper.program, at("2027-01-15"))
    assert kept is not None
    assert (kept.phase, kept.percent, kept.unit and kept.unit.read("en")) == (Phase.ACTIVE, 92, "USD")


def test_what_is_missing_to_stay_in_rolling_days() -> None:
    shopper = player("rolling 30 days", grace_days=10)
    shopper.do(purchase(at("2024-01-01"), 20000), purchase(at("2024-01-11"), 15000))
    assert bar(shopper, at("2024-01-11")) == ("150", "250", "100", at("2024-01-31"))
    assert bar(shopper, at("2024-01-31")) == ("150", "250", "100", at("2024-02-10"))
    assert bar(shopper, at("2024-02-10")) is None  # the last 30 days hold nothing any more


def test_what_is_missing_for_the_next_rung_after_a_fall() -> None:
    shopper = player("rolling 30 days", "one_level")
    shopper.do(purchase(at("2024-01-01"), 50000), purchase(at("2024-02-05"), 4000))
    assert bar(shopper, at("2024-02-05")) == ("40", "250", "210", at("2024-03-01"))


@pytest.mark.parametrize(("window", "to"), [("lifetime", "earned"), ("calendar year", "never")])
def test_nothing_is_missing_where_nothing_is_lost(window: str, to: str) -> None:
    shopper = player(window, to)
    shopper.do(purchase(at("2025-06-01"), 30000))
    assert bar(shopper, at("2029-06-02")) is None
    assert next_due_at(shopper.state, shopper.program) is None


def test_progress_goes_on_from_the_tier_that_is_held() -> None:
    shopper = player("membership year", joined="2025-03-01")
    shopper.do(purchase(at("2025-06-01"), 30000), purchase(at("2026-04-01"), 12000))
    kept = tier_progress(shopper.state, shopper.program, at("2026-05-01"))
    assert kept is not None
    assert (plain(kept.current), plain(kept.target), kept.ends_at) == ("120", "500", at("2027-03-01"))
    assert kept.phase is Phase.ACTIVE
    assert [milestone.reached for milestone in kept.milestones] == [True, True, False, False]


def _under(state: State, **changes: Any) -> tuple[datetime | None, Told]:
    """What becomes of a state under a ladder that has changed."""
    changed = program(tiers=METALS | changes)
    shopper = Player(changed, state.joined_at)
    shopper.state = state
    return next_due_at(state, changed), shopper.wait(at("2026-12-31"))


def test_a_changed_ladder_is_in_force_at_once_upwards_and_for_tiers_that_are_gone() -> None:
    shopper = player("calendar year")
    shopper.do(purchase(at("2025-06-01"), 30000))
    shopper.wait(at("2026-02-01"))
    reviewed = shopper.state
    assert reviewed.standing.tier == "gold"
    levels = ladder("spend", "calendar year", bronze=0, silver=100, golden=250, ruby=290)["levels"]
    renewed = _under(reviewed, levels=levels)
    # Held by the year before, as gold was.
    assert renewed == (reviewed.as_of, [(reviewed.as_of, ["tier gold up to ruby"])])
    dearer = ladder("spend", "calendar year", bronze=0, silver=100, gold=400)["levels"]
    assert _under(reviewed, levels=dearer) == (at("2027-01-01"), [])
    shopper.do(purchase(at("2026-03-01"), 20000))
    cheaper = ladder("spend", "calendar year", bronze=0, silver=10, gold=20, platinum=200)["levels"]
    assert _under(shopper.state, levels=cheaper) == (
        at("2026-03-01"),
        [(at("2026-03-01"), ["tier gold up to platinum"])],
    )


def test_a_changed_threshold_is_in_force_at_once_where_reviews_never_pause() -> None:
    shopper = player("rolling 365 days")
    shopper.do(purchase(at("2026-06-01"), 30000))
    dearer = ladder("spend", "rolling 365 days", bronze=0, silver=100, gold=400)["levels"]
    assert _under(shopper.state, window="rolling 365 days", levels=dearer) == (
        at("2026-06-01"),
        [(at("2026-06-01"), ["tier gold down to silver"])],
    )
