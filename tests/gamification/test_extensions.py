"""Extensions: staff puts off the expiry of points, to a later day only."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from gamification.activity import EXTENSION, OWN_KINDS, Activity, Problem, Scalar
from gamification.effects import LotMoved, Why
from gamification.expiring import Expiring, expiring
from gamification.extensions import extension, extension_problems
from gamification.fold import next_due_at
from gamification.program.points import MAX_LOT_DAYS
from gamification.state import OpenLot
from tests.gamification.programs import Part, Player, at, event, program, purchase, rule

DAY = timedelta(days=1)
NOON = at("2024-05-01 12:00")
LATER = at("2024-05-03 12:00")
DELIVERY = {"pending_event": {"on": "delivered", "at_most_days": 30}}


def player(points: Part, time_zone: str = "UTC") -> Player:
    """A member who bought something for 10 points on the first of May, as "a"."""
    shopper = Player(program(rules=[rule()], points=points, time_zone=time_zone))
    shopper.do(purchase(NOON, 1000, key="a"))
    return shopper


@pytest.mark.parametrize(
    ("terms", "told", "end"),
    [
        ({"expire_days": 10}, {"days": 5}, "2024-05-16"),
        ({"expire_days": 10}, {"until": date(2024, 6, 30)}, "2024-07-01"),
        ({"expire_days": 10}, {"until": date(2024, 5, 10)}, "2024-05-11"),
        ({"expire_days": 10}, {"until": date(2024, 5, 3)}, "2024-05-11"),
        ({"expire_days": 10, "grace_days": 3}, {"days": 5}, "2024-05-19"),
        ({"expire_days": 10, "grace_days": 3}, {"until": date(2024, 6, 30)}, "2024-07-04"),
        ({"expire_on": "03-31"}, {"days": 366}, "2026-04-02"),
        ({"expire_idle_days": 10}, {"days": 5}, "2024-05-16"),
        ({"expire_idle_days": 10, "pending_days": 4}, {"days": 5}, "2024-05-20"),
        ({**DELIVERY, "expire_days": 10}, {"days": 5}, "2024-06-15"),
        ({"expire_days": 10}, {"days": MAX_LOT_DAYS}, "2124-07-18"),
    ],
)
def test_the_end_is_put_off(terms: Part, told: Part, end: str) -> None:
    shopper = player(terms)
    moved = shopper.do(extension("x", LATER, "goodwill", **told))
    assert len(moved) == (end != "2024-05-11"), "what moves is told, and nothing else"
    passed = shopper.wait(at("2200-01-01"))
    assert passed[-1] == (at(end), ["available -10 by clock expiry"])


def test_each_lot_that_moves_is_told_with_the_reason() -> None:
    shopper = player({"expire_days": 10, "grace_days": 2})
    shopper.do(purchase(NOON + DAY, 500, key="b"))
    told = shopper.do(extension("x", LATER, "goodwill", until=date(2024, 5, 11)))
    assert told == ["lot a.0: 10 until 2024-05-13 became 10 until 2024-05-14"], "the other lasts as long already"
    (effect,) = shopper.records[-1].outcome.effects
    assert isinstance(effect, LotMoved)
    arithmetic = "10 to 2024-05-10 became 10 to 2024-05-11"
    assert effect.why == Why("staff", "extension", arithmetic, None, {"reason": "goodwill"}, ("a.0",))
    assert effect.before == OpenLot(10, 10, NOON, NOON, False, None, at("2024-05-11"), at("2024-05-13"))
    assert effect.after == replace(effect.before, expires_at=at("2024-05-12"), gone_at=at("2024-05-14"))


def test_the_end_that_is_promised_to_a_lot_that_waits_is_told() -> None:
    shopper = player({**DELIVERY, "expire_days": 10})
    assert shopper.do(extension("x", LATER, "goodwill", days=5)) == ["lot a.0: 10 became 10 until 2024-06-15"]


def test_one_lot_or_all_and_never_an_earlier_end() -> None:
    shopper = player({"expire_days": 10})
    shopper.do(purchase(NOON + DAY, 1000, key="b"), extension("x", LATER, "goodwill", days=5, lot="b.0"))
    assert [lot.expires_at for lot in shopper.state.lots] == [at("2024-05-11"), at("2024-05-17")]
    shopper.do(extension("y", LATER, "goodwill", until=date(2024, 5, 12)))
    assert [lot.expires_at for lot in shopper.state.lots] == [at("2024-05-13"), at("2024-05-17")]
    lots = shopper.state.lots
    shopper.do(extension("z", LATER, "goodwill", days=5, lot="c.0"))
    assert shopper.state.lots == lots


def test_a_lot_of_a_merged_account_is_found_by_the_name_that_it_had_there() -> None:
    shopper = player({"expire_days": 10})
    shopper.do(purchase(NOON, 1000, key="x|a"), purchase(NOON, 1000, key="x|b"))

    def ends() -> list[str]:
        return [f"{lot.lot_id} {lot.expires_at:%m-%d}" for lot in shopper.state.lots]

    shopper.do(extension("1", LATER, "goodwill", days=1, lot="b.0"))
    assert ends() == ["a.0 05-11", "x|a.0 05-11", "x|b.0 05-12"]
    shopper.do(extension("2", LATER, "goodwill", days=2, lot="a.0"))
    assert ends() == ["a.0 05-13", "x|a.0 05-11", "x|b.0 05-12"]
    shopper.do(extension("3", LATER, "goodwill", days=4, lot="x|a.0"))
    assert ends() == ["a.0 05-13", "x|a.0 05-15", "x|b.0 05-12"]


def test_what_never_expires_goes_on_so() -> None:
    shopper = player({})
    lots = shopper.state.lots
    shopper.do(extension("x", LATER, "goodwill", days=5))
    assert shopper.state.lots == lots
    assert next_due_at(shopper.state, shopper.program) is None


def test_what_has_expired_is_not_brought_back() -> None:
    shopper = player({"expire_days": 10})
    assert shopper.do(extension("x", at("2024-05-11"), "goodwill", days=90)) == []
    assert not shopper.state.lots


def test_activity_goes_on_putting_off_what_staff_has_put_off() -> None:
    shopper = player({"expire_idle_days": 10})
    shopper.do(extension("x", LATER, "goodwill", days=5), purchase(NOON + 5 * DAY))
    assert next_due_at(shopper.state, shopper.program) == at("2024-05-16")
    shopper.do(purchase(NOON + 8 * DAY))
    assert next_due_at(shopper.state, shopper.program) == at("2024-05-19")


def test_a_promised_end_holds_though_the_days_count_from_the_delivery() -> None:
    shopper = player({**DELIVERY, "expire_days": 10})
    shopper.do(extension("x", LATER, "goodwill", until=date(2024, 5, 20)))
    shopper.do(event("delivered", NOON + 3 * DAY, {"activity": "a"}))
    assert next_due_at(shopper.state, shopper.program) == at("2024-05-21")
    shopper = player({**DELIVERY, "expire_days": 10})
    shopper.do(extension("x", LATER, "goodwill", until=date(2024, 6, 20)))
    shopper.do(event("delivered", NOON + 3 * DAY, {"activity": "a"}))
    assert expiring(shopper.state, shopper.program, 90 * DAY, NOON + 3 * DAY) == (
        Expiring(at("2024-06-21"), at("2024-06-21"), 10),
    )


def test_days_of_the_programs_time_zone_across_the_change_of_the_clock() -> None:
    shopper = player({"expire_days": 10}, time_zone="Europe/Copenhagen")
    shopper.do(extension("x", LATER, "goodwill", until=date(2024, 10, 27)))
    assert next_due_at(shopper.state, shopper.program) == at("2024-10-27 23:00")


def test_an_extension_as_an_activity() -> None:
    assert extension("x", NOON, "storm", until=date(2024, 12, 31), lot="a.0") == Activity(
        "x", EXTENSION, NOON, attributes={"lot": "a.0", "until": "2024-12-31"}, reason="storm"
    )
    assert extension("x", NOON, "storm", days=3).attributes == {"days": 3}
    assert EXTENSION in OWN_KINDS
    assert not list(extension_problems(extension("x", NOON, "storm", days=3)))
    assert not list(extension_problems(extension("x", NOON, "storm", until=date(2024, 5, 1))))


DAYS = Problem("days", f"must be a whole number from 1 to {MAX_LOT_DAYS}")
UNTIL = Problem("until", f"must be from today to {MAX_LOT_DAYS} days from now")
EITHER = Problem("days", "or until must be given, and not both")
REASON = Problem("reason", "must say why the points are extended")


@pytest.mark.parametrize(
    ("attributes", "reason", "problem"),
    [
        ({}, "x", EITHER),
        ({"days": 3, "until": "2024-12-31"}, "x", EITHER),
        ({"days": 0}, "x", DAYS),
        ({"days": MAX_LOT_DAYS + 1}, "x", DAYS),
        ({"days": True}, "x", DAYS),
        ({"days": "3"}, "x", DAYS),
        ({"until": "soon"}, "x", Problem("until", "must be a day such as 2026-12-31")),
        ({"until": "2024-04-30"}, "x", UNTIL),
        ({"until": "9999-12-31"}, "x", UNTIL),
        ({"days": 3}, " ", REASON),
        ({"days": 3}, None, REASON),
        ({"days": 3}, "$where", Problem("reason", "must not hold a database operator such as $gt")),
    ],
)
def test_what_is_wrong_with_an_extension(attributes: dict[str, Scalar], reason: str | None, problem: Problem) -> None:
    found = list(extension_problems(Activity("x", EXTENSION, NOON, attributes=attributes, reason=reason)))
    assert found == [problem]
