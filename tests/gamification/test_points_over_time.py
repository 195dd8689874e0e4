"""Points over time: when they can be spent, and when they are gone, by every way that a program knows."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from gamification.effects import Why
from gamification.expiring import Expiring, expiring
from gamification.fold import Applied, advance, apply, next_due_at
from gamification.lots import MAX_WAITING_LOTS, balance_of
from gamification.state import Balance, Expiry, Waiting
from tests.gamification.programs import Part, Player, adjustment, at, event, ladder, program, purchase, rule

DAY = timedelta(days=1)
NOON = at("2024-05-01 12:00")
DELIVERY = {"pending_event": {"on": "delivered", "at_most_days": 30}}
CANCELLING = {"pending_event": {"on": "delivered", "at_most_days": 30, "then": "cancel"}}

Happened = list[tuple[datetime, list[str]]]


def player(points: Part | None = None, *, own: Part | None = None, **parts: Any) -> Player:
    """A member of a program with these terms for all points, and with its ``own`` for those of the one rule."""
    rules = [rule(points=own) if own else rule()]
    return Player(program(points=points or {}, rules=rules, **parts))


def tiered(silver: Part, *, bronze: Part | None = None, **more: Any) -> Player:
    """A member of a program whose tier silver, from 100 on, has terms of its own."""
    tiers = ladder("spend", "calendar year", bronze=0, silver=100)
    tiers["levels"][0]["points"], tiers["levels"][1]["points"] = bronze, silver
    return player(tiers=tiers, **more)


def unlocked(points: int, code: str = "unlock") -> list[str]:
    return [f"pending -{points} by clock {code}", f"available +{points} by clock {code}"]


def expired(points: int) -> list[str]:
    return [f"available -{points} by clock expiry"]


def bought(shopper: Player, when: datetime = NOON, amount_minor: int = 1000, key: str = "a") -> list[str]:
    return shopper.do(purchase(when, amount_minor, key=key))


# The ways of becoming available.


def test_points_wait_until_a_date_and_those_after_it_do_not() -> None:
    shopper = player({"pending_until": "2024-05-10", "expire_days": 30}, time_zone="Europe/Copenhagen")
    assert bought(shopper) == ["pending +10 by rule base"]
    assert next_due_at(shopper.state, shopper.program) == at("2024-05-09 22:00")
    assert bought(shopper, at("2024-05-09 22:00"), 2000, "b") == ["available +20 by rule base"]
    assert shopper.state.balance == Balance(30, 0)
    assert shopper.wait(at("2025-01-01")) == [(at("2024-06-08 22:00"), expired(30))]


def test_an_event_releases_the_points_of_the_activity_it_names() -> None:
    shopper = player(own={**DELIVERY, "expire_days": 10})
    bought(shopper)
    bought(shopper, NOON + DAY, 2000, "b.c")
    assert shopper.do(event("delivered", NOON + 3 * DAY, {"activity": "other"})) == []
    assert shopper.do(event("delivered", NOON + 4 * DAY, {"activity": "b.c"})) == unlocked(20, "release")
    entry = shopper.entries()[-1]
    assert entry.why == Why("clock", "release", inputs={"event": "delivered"}, lots=("b.c.0",))
    assert shopper.state.balance == Balance(20, 10) == balance_of(shopper.state.lots)
    # Its ten days count from its delivery; the other one's last day comes first on its own.
    assert shopper.wait(at("2025-01-01")) == [
        (at("2024-05-15"), expired(20)),
        (at("2024-05-31"), unlocked(10)),
        (at("2024-06-10"), expired(10)),
    ]


def test_an_event_that_names_nothing_releases_all_that_wait_for_it() -> None:
    shopper = player(own=DELIVERY)
    bought(shopper)
    bought(shopper, NOON + DAY, 2000, "b")
    assert shopper.do(event("collected", NOON + 2 * DAY)) == []
    assert shopper.do(event("delivered", NOON + 2 * DAY)) == unlocked(30, "release")
    assert shopper.do(event("delivered", NOON + 3 * DAY)) == []
    assert shopper.wait(at("2034-01-01")) == []


def test_what_is_never_delivered_is_cancelled() -> None:
    shopper = player(own=CANCELLING)
    bought(shopper)
    assert shopper.wait(at("2025-01-01")) == [(at("2024-05-31"), ["pending -10 by clock cancelled"])]
    assert shopper.entries()[-1].why.lots == ("a.0",)
    assert shopper.state.balance == Balance()
    assert not shopper.state.lots
    assert (shopper.state.totals.earned, shopper.state.totals.expired) == (10, 0)


def test_a_delivery_at_the_last_moment_counts_and_at_the_next_does_not() -> None:
    last = at("2024-05-31") - timedelta(milliseconds=1)
    for when, balance in ((last, Balance(10, 0)), (at("2024-05-31"), Balance())):
        shopper = player(own=CANCELLING)
        bought(shopper)
        shopper.do(event("delivered", when))
        assert shopper.state.balance == balance


def test_too_many_that_wait_for_an_event_wait_for_their_last_day_only() -> None:
    shopper = player(own=CANCELLING)
    for number in range(MAX_WAITING_LOTS + 2):
        bought(shopper, NOON + timedelta(seconds=number), 100, f"p{number}")
    kinds = [lot.waiting.kind for lot in shopper.state.lots if lot.waiting]
    assert kinds == ["delivered"] * MAX_WAITING_LOTS + [None]
    assert len(shopper.state.lots) == MAX_WAITING_LOTS + 1
    assert shopper.do(event("delivered", NOON + DAY, {"activity": f"p{MAX_WAITING_LOTS}"})) == []
    assert shopper.wait(at("2025-01-01")) == [
        (at("2024-05-31"), [f"pending -{MAX_WAITING_LOTS + 2} by clock cancelled"])
    ]
    assert (shopper.state.balance, shopper.state.lots) == (Balance(), ())


def test_of_those_that_may_be_released_too_many_are_released_on_their_last_day() -> None:
    shopper = player(own=DELIVERY)
    for number in range(MAX_WAITING_LOTS + 2):
        bought(shopper, NOON + timedelta(seconds=number), 100, f"p{number}")
    assert shopper.do(event("delivered", NOON + DAY))[0] == f"pending -{MAX_WAITING_LOTS} by clock release"
    assert shopper.wait(at("2025-01-01")) == [(at("2024-05-31"), unlocked(2))]


def test_another_may_wait_once_others_have_gone() -> None:
    shopper = player(own=CANCELLING)
    for number in range(MAX_WAITING_LOTS + 1):
        bought(shopper, NOON + timedelta(seconds=number), 100, f"p{number}")
    shopper.do(event("delivered", NOON + DAY, {"activity": "p7"}))
    bought(shopper, NOON + 2 * DAY, 100, "next")
    assert shopper.state.lots[-1].waiting == Waiting("delivered", Expiry(), cancels=True)


# The ways of expiring.


@pytest.mark.parametrize(
    ("terms", "when", "end"),
    [
        ({"expire_days": 1}, "2024-02-28 12:00", "2024-02-29"),
        ({"expire_days": 366}, "2024-02-29 12:00", "2025-03-01"),
        ({"expire_on": "03-31"}, "2024-01-01 00:00", "2025-04-01"),
        ({"expire_on": "03-31"}, "2024-12-31 23:59", "2025-04-01"),
        ({"expire_on": "03-31", "years_after": 0}, "2024-03-31 23:59", "2024-04-01"),
        ({"expire_on": "03-31", "years_after": 0}, "2024-04-01 00:00", "2025-04-01"),
        ({"expire_on": "03-31", "years_after": 3}, "2024-06-01 12:00", "2027-04-01"),
        ({"expire_on": "02-29"}, "2023-06-01 12:00", "2024-03-01"),
        ({"expire_on": "02-29"}, "2024-06-01 12:00", "2025-03-01"),
        ({"expire_on": "02-29", "years_after": 0}, "2025-02-28 12:00", "2025-03-01"),
        ({"expire_on": "12-31"}, "2024-12-30 12:00", "2026-01-01"),
        ({"expire_on": "12-31", "pending_days": 5}, "2024-12-30 12:00", "2027-01-01"),
        ({"expire_idle_days": 90}, "2024-02-01 12:00", "2024-05-01"),
        ({"expire_days": 10, "grace_days": 14}, "2024-02-01 12:00", "2024-02-25"),
        ({"expire_on": "03-31", "grace_days": 1}, "2024-02-01 12:00", "2025-04-02"),
        ({"expire_idle_days": 90, "grace_days": 10}, "2024-02-01 12:00", "2024-05-11"),
    ],
)
def test_points_are_gone_at(terms: Part, when: str, end: str) -> None:
    shopper = player(terms)
    bought(shopper, at(when))
    assert shopper.wait(at(end) - timedelta(milliseconds=1)) in ([], [(at("2025-01-04"), unlocked(10))])
    assert shopper.wait(at(end)) == [(at(end), expired(10))]


@pytest.mark.parametrize(
    ("zone", "terms", "when", "end"),
    [
        ("Europe/Copenhagen", {"expire_on": "03-31", "years_after": 0}, "2024-03-30 12:00", "2024-03-31 22:00"),
        ("Europe/Copenhagen", {"expire_on": "10-26", "years_after": 0}, "2024-05-01 12:00", "2024-10-26 22:00"),
        ("Europe/Copenhagen", {"expire_on": "10-27", "years_after": 0}, "2024-05-01 12:00", "2024-10-27 23:00"),
        ("Europe/Copenhagen", {"expire_idle_days": 1}, "2024-03-31 12:00", "2024-03-31 22:00"),
        ("America/St_Johns", {"expire_days": 3, "grace_days": 7}, "2024-03-08 12:00", "2024-03-18 02:30"),
        ("Pacific/Kiritimati", {"expire_on": "12-31", "years_after": 0}, "2024-12-30 12:00", "2024-12-31 10:00"),
    ],
)
def test_days_are_those_of_the_programs_time_zone(zone: str, terms: Part, when: str, end: str) -> None:
    shopper = player(terms, time_zone=zone)
    bought(shopper, at(when))
    assert shopper.wait(at("2026-01-01")) == [(at(end), expired(10))]


def test_activity_puts_off_the_expiry_of_idle_points_and_other_things_do_not() -> None:
    rules = [rule(points={"expire_idle_days": 30}), rule("visit", on="visit", earn={"points": 1}, when="false")]
    shopper = Player(program(rules=rules, points={"expire_days": 400}))
    bought(shopper)
    shopper.do(event("visit", at("2024-05-20 12:00")), event("survey", at("2024-06-10 12:00")))
    assert shopper.state.balance == Balance(10, 0)
    lots = shopper.state.lots
    shopper.do(purchase(at("2024-06-18 23:59")))
    assert shopper.state.lots is lots  # nothing is written anew for it
    assert next_due_at(shopper.state, shopper.program) == at("2024-07-18")
    shopper.do(adjustment(at("2024-07-01 12:00"), 7))
    assert shopper.wait(at("2024-12-01")) == [(at("2024-07-18"), expired(10))]
    assert shopper.state.balance == Balance(7, 0)


def test_an_old_receipt_keeps_points_alive_from_its_own_day_only() -> None:
    shopper = player({"expire_idle_days": 30})
    bought(shopper)
    shopper.do(event("survey", at("2024-05-25 12:00")), purchase(at("2024-05-20 12:00")))
    assert next_due_at(shopper.state, shopper.program) == at("2024-06-19")
    shopper.do(purchase(at("2024-04-01 12:00")))
    assert next_due_at(shopper.state, shopper.program) == at("2024-06-19")


# By rule, by tier, by program.


def test_a_rule_comes_before_the_tier_and_the_tier_before_the_program() -> None:
    rules = [rule(earn={"points": 1}), rule("own", earn={"points": 2}, points={"expire_days": 5})]
    tiers = ladder("spend", "lifetime", bronze=0, silver=100)
    tiers["levels"][1]["points"] = {"expire_days": 20, "grace_days": 1}
    terms = {"pending_days": 1, "expire_days": 10, "grace_days": 2}
    shopper = Player(program(rules=rules, points=terms, tiers=tiers))
    shopper.do(purchase(NOON, 10000, key="a"))
    shopper.do(purchase(NOON + timedelta(hours=1), 0, key="b"))
    assert [(lot.lot_id, lot.expires_at) for lot in shopper.state.lots] == [
        ("a.0", at("2024-05-14")),
        ("a.1", at("2024-05-09")),
        ("b.0", at("2024-05-23")),
        ("b.1", at("2024-05-08")),
    ]
    assert {lot.available_at for lot in shopper.state.lots} == {at("2024-05-02")}


def test_a_tier_can_do_away_with_waiting_and_with_expiry() -> None:
    shopper = tiered({"pending_days": 0, "never_expire": True}, points={"pending_days": 3, "expire_days": 30})
    assert bought(shopper, NOON, 10000) == ["pending +100 by rule base", "tier None up to silver"]
    assert bought(shopper, NOON + DAY, 700, "b") == ["available +7 by rule base"]
    # A lot keeps the terms it came with, whatever becomes of the tier.
    passed = shopper.wait(at("2030-01-01"))
    assert passed[:2] == [(at("2024-05-04"), unlocked(100)), (at("2024-06-03"), expired(100))]
    assert (shopper.state.standing.tier, shopper.state.balance) == ("bronze", Balance(7, 0))
    bought(shopper, at("2030-01-01 12:00"), 300, "c")
    assert shopper.wait(at("2031-01-01")) == [(at("2030-01-04"), unlocked(3)), (at("2030-02-03"), expired(3))]


def test_a_tier_can_prolong_what_comes_in_while_it_lasts() -> None:
    shopper = tiered({"expire_idle_days": 60}, bronze={"expire_idle_days": 10})
    bought(shopper, NOON, 10000)
    bought(shopper, NOON + DAY, 700, "b")
    assert shopper.wait(at("2024-12-01")) == [(at("2024-05-12"), expired(100)), (at("2024-07-01"), expired(7))]


def test_soonest_expiring_first_whatever_the_terms() -> None:
    rules = [
        rule("idle", earn={"points": 1}, points={"expire_idle_days": 20}),
        rule("never", earn={"points": 2}, points={"never_expire": True}),
        rule("year", earn={"points": 4}, points={"expire_on": "12-31", "years_after": 0}),
        rule("soon", earn={"points": 8}, points={"expire_days": 25}),
        rule("grace", earn={"points": 16}, points={"expire_days": 20, "grace_days": 6}),
        rule("later", earn={"points": 32}, points=DELIVERY),
    ]
    shopper = Player(program(rules=rules))
    shopper.do(purchase(NOON, key="a"))
    shopper.do(event("visit", NOON + DAY), adjustment(NOON + 2 * DAY, -30))
    assert shopper.entries()[-1].why.lots == ("a.0", "a.3", "a.4", "a.2", "a.1")
    assert shopper.state.balance == Balance(1, 32)


def test_the_order_of_spending_changes_with_what_activity_puts_off() -> None:
    rules = [
        rule("idle", on="order", earn={"points": 1}, points={"expire_idle_days": 20}),
        rule("soon", on="order", earn={"points": 1}, points={"expire_days": 25}),
    ]
    orders = []
    for again in ([], [purchase(NOON + 10 * DAY)]):
        shopper = Player(program(rules=rules))
        shopper.do(event("order", NOON), *again, adjustment(NOON + 11 * DAY, -1))
        orders.append([lot_id[-2:] for lot_id in shopper.entries()[-1].why.lots])
    assert orders == [[".0"], [".1"]]


def test_what_becomes_available_pays_what_is_owed_first() -> None:
    shopper = player(own={**DELIVERY, "expire_days": 10})
    bought(shopper)
    bought(shopper, NOON + DAY, 2000, "b")
    owing = apply(shopper.state, adjustment(NOON + 2 * DAY, -25), shopper.program, stands=True)
    assert isinstance(owing, Applied)
    assert (owing.state.debt, owing.state.balance) == (25, Balance(-25, 30))
    shopper.state = owing.state
    shopper.do(event("delivered", NOON + 3 * DAY, {"activity": "a"}))
    assert (shopper.state.debt, shopper.state.balance) == (15, Balance(-15, 20))
    assert [lot.lot_id for lot in shopper.state.lots] == ["b.0"]
    assert expiring(shopper.state, shopper.program, 90 * DAY, NOON + 3 * DAY) == (
        Expiring(at("2024-06-11"), at("2024-06-11"), 5),
    )
    assert shopper.wait(at("2025-01-01")) == [(at("2024-06-01"), unlocked(20)), (at("2024-06-11"), expired(5))]
    assert (shopper.state.debt, shopper.state.balance, shopper.state.lots) == (0, Balance(), ())


# What expires if nothing more happens.


def test_what_expires_by_date_and_within_which_time() -> None:
    rules = [
        rule("soon", earn={"points": 1}, points={"expire_days": 10}),
        rule("wait", earn={"points": 2}, points={"pending_days": 5, "expire_days": 10}),
        rule("event", earn={"points": 4}, points={**DELIVERY, "expire_days": 10}),
        rule("lost", earn={"points": 8}, points={**CANCELLING, "expire_days": 10}),
        rule("never", earn={"points": 16}),
        rule("grace", earn={"points": 32}, points={"expire_days": 15, "grace_days": 3}),
        rule("together", earn={"points": 64}, points={"expire_days": 10}),
    ]
    shopper = Player(program(rules=rules))
    bought(shopper)
    told = (
        Expiring(at("2024-05-11"), at("2024-05-11"), 65),
        Expiring(at("2024-05-16"), at("2024-05-16"), 2),
        Expiring(at("2024-05-16"), at("2024-05-19"), 32),
        Expiring(at("2024-06-10"), at("2024-06-10"), 4),
    )
    state = shopper.state
    assert expiring(state, shopper.program, 400 * DAY, NOON) == told
    assert expiring(state, shopper.program, at("2024-05-16") - NOON, NOON) == told[:3]
    assert expiring(state, shopper.program, at("2024-05-15") - NOON, NOON) == told[:1]
    assert expiring(state, shopper.program, timedelta(), NOON) == ()
    # In its days of grace a lot is told of with the day that has passed, and then no more.
    state = advance(state, at("2024-05-18"), shopper.program)[0]
    assert expiring(state, shopper.program, DAY, at("2024-05-18")) == told[2:3]
    assert expiring(state, shopper.program, 400 * DAY, at("2024-05-19")) == told[3:]
