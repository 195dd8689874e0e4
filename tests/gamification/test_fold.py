"""The fold as a whole: chains within one record, what time brings, and what is refused."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from gamification.activity import LineItem
from gamification.draft import MAX_CHAIN_LINKS, MAX_OPEN_LOTS
from gamification.effects import (
    BadgeWon,
    ChainCut,
    Completed,
    Entry,
    Progressed,
    TierMoved,
    Why,
)
from gamification.fold import Applied, InsufficientPoints, advance, apply, next_due_at
from gamification.lots import balance_of
from gamification.record import Outcome
from gamification.state import Balance, Lot, State, Totals
from tests.gamification.programs import (
    JOINED_AT,
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
    told,
)

NOON = at("2024-05-01 12:00")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def player(**parts: Any) -> Player:
    return Player(program(**parts))


def test_one_purchase_sets_off_a_chain_in_one_record() -> None:
    shopper = Player(
        program(
            rules=[rule()],
            tiers=ladder("spend", "rolling 365 days", bronze=0, silver=100),
            badges=[
                badge("sterling", earned={"tier": "silver"}, levels=[{"points": 30}]),
                badge("hoarder"),
            ],
            challenges=[
                challenge("collector", on="points.earned", measure="sum", of="effect.points", target=150,
                          reward={"points": 7, "badge": "hoarder"})
            ],
        )
    )  # fmt: skip
    shopper.do(purchase(NOON, 12345, key="a"))
    assert shopper.records[0].outcome == Outcome(
        NOON,
        (
            Entry(
                "available",
                123,
                Why("rule", "base", "floor(123.45 / 1) x 1 = 123", None,
                    {"amount": "123.45", "per": "1", "points": 1}, ("a.0",)),
            ),
            TierMoved(None, "silver", True,
                      Why("tier", "silver", "123.45 of 100 in rolling 365 days", None, {"spend": "123.45"})),
            Progressed("collector", 0, 123, 150, 1, Why("challenge", "collector", "0 + 123 of 150", 0)),
            BadgeWon("sterling", 1, Why("badge", "sterling", "", 1)),
            Entry("available", 30, Why("badge", "sterling", "30", 3, {}, ("a.4",))),
            Progressed("collector", 123, 153, 150, 1, Why("challenge", "collector", "123 + 30 of 150", 4)),
            Completed("collector", 1, Why("challenge", "collector", "153 of 150", 4)),
            Entry("available", 7, Why("challenge", "collector", "7", 6, {}, ("a.7",))),
            BadgeWon("hoarder", 1, Why("badge", "hoarder", "", 6)),
        ),
        Balance(160, 0),
    )  # fmt: skip
    assert shopper.state.totals == Totals(earned=160, purchases=1, spend_minor=12345)
    assert [lot.lot_id for lot in shopper.state.lots] == ["a.0", "a.4", "a.7"]
    assert shopper.state.seq == 1


def test_points_that_raise_a_tier_whose_reward_raises_the_next() -> None:
    rewards: dict[str, Part] = {
        "silver": {"points": 100, "qualifying": True},
        "gold": {"points": 5, "qualifying": True},
    }
    shopper = player(
        rules=[rule()], tiers=ladder("points", "lifetime", rewards=rewards, bronze=0, silver=100, gold=200)
    )
    assert shopper.do(purchase(NOON, 10000)) == [
        "available +100 by rule base",
        "tier None up to silver",
        "available +100 by tier silver <1",
        "tier silver up to gold <1",
        "available +5 by tier gold <3",
    ]


def test_a_chain_that_feeds_itself_is_cut_at_its_bound() -> None:
    endless = challenge("c", on=["purchase", "challenge.completed"], target=1, repeat="always", reward={"points": 1})
    shopper = player(challenges=[endless])
    effects = shopper.do(purchase(NOON))
    # The activity leads to the first completion, each completion to the next, up to the bound.
    assert shopper.state.challenges["c"].completed == MAX_CHAIN_LINKS
    assert effects[-1].startswith(f"cut after {MAX_CHAIN_LINKS} <")
    cuts = [effect for effect in shopper.records[0].outcome.effects if isinstance(effect, ChainCut)]
    assert [(cut.links, cut.why.source, cut.why.code) for cut in cuts] == [
        (MAX_CHAIN_LINKS, "chain", "entry"),
        (MAX_CHAIN_LINKS, "chain", "completed"),
    ]
    # The last completion's own reward was what the bound left out.
    assert shopper.state.totals.earned == MAX_CHAIN_LINKS - 1
    assert shopper.do(purchase(NOON + HOUR)) == effects


def test_no_cut_where_nothing_would_have_followed() -> None:
    links = [challenge(f"c{n}", on="challenge.completed", when=f'effect.code == "c{n - 1}"', target=1)
             for n in range(1, MAX_CHAIN_LINKS)]  # fmt: skip
    shopper = player(challenges=[challenge("c0", target=1), *links])
    effects = shopper.do(purchase(NOON))
    assert len(effects) == 2 * MAX_CHAIN_LINKS + 1
    assert effects[-2:] == ["c15 completed x1 <29", "cut after 16 <31"]


@pytest.mark.parametrize("kind", ["visit", "purchase"])
def test_an_activity_that_means_nothing_leaves_an_empty_record(kind: str) -> None:
    shopper = player()
    assert shopper.do(event(kind, NOON)) == []
    assert shopper.state.seq == 1
    assert shopper.state.as_of == NOON


def test_purchases_are_totalled_and_others_are_not() -> None:
    shopper = player()
    items = (LineItem("cd", 3, 900), LineItem("lp", 2, 100))
    shopper.do(purchase(NOON, 1000, *items), event("visit", NOON, amount_minor=5000, items=items))
    assert shopper.state.totals == Totals(purchases=1, items=5, spend_minor=1000)


def test_a_late_activity_takes_effect_when_it_arrives() -> None:
    shopper = player(
        rules=[rule(caps={"day": 50})],
        tiers=ladder("spend", "rolling 30 days", bronze=0, silver=100),
        challenges=[challenge("c", measure="distinct", of="activity.month", target=9)],
        points={"pending_days": 7, "expire_days": 30},
    )
    shopper.do(purchase(NOON, 3000))
    late = purchase(at("2024-03-20 08:00"), 7000)
    assert shopper.do(late) == ["pending +20 by rule base", "c 1 to 2 of 9"]
    assert shopper.records[-1].outcome.at == NOON
    assert shopper.state.as_of == NOON
    times = (NOON, at("2024-05-08"), at("2024-06-07"))
    assert shopper.state.lots[1] == Lot(f"{late.key}.0", 20, 20, *times, pending=True, origin="rule:base")
    # The day it happened has left the window; one that is still within it counts there.
    assert list(shopper.state.standing.tally) == [(NOON.toordinal(), 3000)]
    assert shopper.do(purchase(at("2024-04-20 08:00"), 7000))[-1] == "tier bronze up to silver"
    assert list(shopper.state.standing.tally) == [(at("2024-04-20").toordinal(), 7000), (NOON.toordinal(), 3000)]


def test_old_purchases_of_a_new_member_count_on_their_days() -> None:
    shopper = player(
        tiers=ladder("spend", "rolling 365 days", bronze=0, silver=100),
        challenges=[
            challenge("third", target=3, window="rolling 60 days"),
            challenge("may", target=9, starts_at="2024-05-01T00:00:00Z"),
        ],
    )
    shopper.do(purchase(NOON, 100))
    told_of = shopper.do(*(purchase(at(f"2021-0{month}-05 12:00"), 9000) for month in (1, 2, 3)))
    assert told_of == []
    assert shopper.state.standing.tier == "bronze"
    assert shopper.state.challenges["third"].tally == ((NOON.toordinal(), 1),)
    assert shopper.state.challenges["may"].tally == ((0, 1),)
    assert shopper.state.totals.spend_minor == 27100


def test_adjustments_up_and_down() -> None:
    shopper = player(rules=[rule()], points={"expire_days": 30})
    shopper.do(purchase(at("2024-05-01"), 1000, key="a"), purchase(at("2024-05-03"), 1000, key="b"))
    given = adjustment(at("2024-05-02"), 5)
    assert shopper.do(given) == ["available +5 by staff adjustment"]
    assert shopper.do(adjustment(at("2024-05-04"), -12)) == ["available -12 by staff adjustment"]
    entry = shopper.entries()[-1]
    assert entry.why == Why("staff", "adjustment", "-12", inputs={"reason": "goodwill"}, lots=("a.0", "b.0"))
    assert shopper.state.balance == Balance(13, 0)
    assert shopper.state.totals == Totals(earned=20, spent=12, purchases=2, spend_minor=2000)
    assert [(lot.lot_id, lot.remaining) for lot in shopper.state.lots] == [("b.0", 8), (f"{given.key}.0", 5)]


def test_more_points_than_there_are_cannot_be_taken() -> None:
    shopper = player(rules=[rule()], points={"pending_days": 7})
    shopper.do(purchase(NOON, 10000), adjustment(NOON + 8 * DAY, -60), purchase(NOON + 9 * DAY, 5000))
    before, kept = shopper.state, deepcopy(shopper.state)
    refused = apply(before, adjustment(NOON + 10 * DAY, -41), shopper.program)
    assert refused == InsufficientPoints(41, 40)  # the 50 that still wait are not for spending
    assert before == kept
    assert shopper.attempt(adjustment(NOON + 10 * DAY, -41)) == refused
    assert shopper.state is before
    assert len(shopper.records) == 4
    assert shopper.do(adjustment(NOON + 10 * DAY, -40)) == ["available -40 by staff adjustment"]
    assert shopper.state.balance == Balance(0, 50)


def test_points_that_expired_an_instant_ago_cannot_be_taken() -> None:
    for when, taken in ((at("2024-05-31") - timedelta(milliseconds=1), True), (at("2024-05-31"), False)):
        shopper = player(rules=[rule()], points={"expire_days": 30})
        shopper.do(purchase(NOON, 1000))
        assert isinstance(shopper.attempt(adjustment(when, -10)), Applied) is taken


def test_time_unlocks_and_expires_at_midnight_in_the_programs_time_zone() -> None:
    shopper = player(rules=[rule()], points={"pending_days": 2, "expire_days": 3}, time_zone="America/St_Johns")
    assert shopper.do(purchase(at("2024-03-08 12:00"), 1000, key="a")) == ["pending +10 by rule base"]
    # The clock went forward on March 10, in the night after the points unlocked.
    times = (at("2024-03-08 12:00"), at("2024-03-10 03:30"), at("2024-03-13 02:30"))
    lot = Lot("a.0", 10, 10, *times, pending=True, origin="rule:base")
    assert list(shopper.state.lots) == [lot]
    assert next_due_at(shopper.state, shopper.program) == at("2024-03-10 03:30")
    assert shopper.wait(at("2024-03-10 03:29:59")) == []
    assert shopper.wait(at("2024-04-01")) == [
        (at("2024-03-10 03:30"), ["pending -10 by clock unlock", "available +10 by clock unlock"]),
        (at("2024-03-13 02:30"), ["available -10 by clock expiry"]),
    ]
    assert [entry.why.lots for entry in shopper.entries()[1:]] == [("a.0",)] * 3
    assert shopper.state.totals == Totals(earned=10, expired=10, purchases=1, spend_minor=1000)
    assert not shopper.state.lots
    assert next_due_at(shopper.state, shopper.program) is None


def test_only_what_is_left_of_a_lot_expires() -> None:
    shopper = player(rules=[rule()], points={"expire_days": 10})
    shopper.do(purchase(NOON, 1000), adjustment(NOON + DAY, -4))
    assert shopper.wait(NOON + 40 * DAY) == [(at("2024-05-11"), ["available -6 by clock expiry"])]


def test_what_is_due_at_one_instant_is_one_outcome() -> None:
    shopper = player(
        rules=[rule()],
        points={"pending_days": 10, "expire_days": 20},
        tiers=ladder("spend", "rolling 30 days", bronze=0, silver=100),
    )
    shopper.do(purchase(at("2024-05-01"), 10000), purchase(at("2024-05-21"), 1000))
    assert shopper.wait(at("2024-05-31")) == [
        (
            at("2024-05-31"),
            [
                "pending -10 by clock unlock",
                "available +10 by clock unlock",
                "available -100 by clock expiry",
                "tier silver down to bronze",
            ],
        )
    ]
    assert [record.outcome.at for record in shopper.records] == [
        at("2024-05-01"),
        at("2024-05-11"),
        at("2024-05-21"),
        at("2024-05-31"),
    ]


def test_advance_is_idempotent_and_composable() -> None:
    shopper = player(
        rules=[rule()],
        points={"pending_days": 3, "expire_days": 9},
        tiers=ladder("spend", "rolling 7 days", bronze=0, silver=100),
    )
    shopper.do(purchase(at("2024-05-01"), 6000), purchase(at("2024-05-05"), 9000))
    state, end = shopper.state, at("2024-06-01")
    final, outcomes = advance(state, end, shopper.program)
    assert [outcome.at.day for outcome in outcomes] == [8, 13, 17]
    assert advance(final, end, shopper.program) == (final, ())
    for hours in range(0, 24 * 32, 6):
        half, first = advance(state, at("2024-05-01") + hours * HOUR, shopper.program)
        assert advance(half, end, shopper.program) == (final, outcomes[len(first) :])
        assert outcomes[: len(first)] == first


def test_advance_without_anything_due_changes_nothing() -> None:
    shopper = player(rules=[rule()])
    shopper.do(purchase(NOON, 1000))
    assert advance(shopper.state, NOON + 9999 * DAY, shopper.program) == (shopper.state, ())
    assert advance(shopper.state, JOINED_AT, shopper.program) == (shopper.state, ())


def test_what_time_brings_can_set_off_a_chain() -> None:
    shopper = player(
        rules=[rule()],
        points={"pending_days": 3},
        badges=[badge("rich", earned={"measure": "member.points"}, levels=[{"at": 100, "points": 9}])],
        challenges=[
            challenge("c", on="badge.won", target=1, reward={"points": 2}),
            challenge("never", on="badge.won", when="activity.amount >= 0.0", target=1),
        ],
    )
    shopper.do(purchase(NOON, 10000))
    assert shopper.wait(NOON + 30 * DAY) == [
        (
            at("2024-05-04"),
            [
                "pending -100 by clock unlock",
                "available +100 by clock unlock",
                "badge rich 1",
                "pending +9 by badge rich <2",
                "c 0 to 1 of 1 <2",
                "c completed x1 <2",
                "pending +2 by challenge c <5",
            ],
        ),
        (at("2024-05-07"), ["pending -11 by clock unlock", "available +11 by clock unlock"]),
    ]


def test_a_long_history_does_not_bloat_the_snapshot() -> None:
    shopper = player(rules=[rule()])
    for minute in range(MAX_OPEN_LOTS + 1):
        shopper.do(purchase(NOON + timedelta(minutes=minute), 100, key=f"p{minute}"))
    assert [(lot.lot_id, lot.points, lot.remaining) for lot in shopper.state.lots] == [("p0.0", 101, 101)]
    assert balance_of(shopper.state.lots) == shopper.state.balance == Balance(101, 0)


def test_apply_and_advance_leave_their_input_alone() -> None:
    shopper = player(
        rules=[rule(caps={"month": 50}, cooldown_minutes=1)],
        points={"pending_days": 1, "expire_days": 2},
        challenges=[challenge("c", target=2)],
        badges=[badge("b", earned={"measure": "member.items"}, levels=[1, 2])],
        tiers=ladder("spend", "rolling 7 days", bronze=0, silver=10),
    )
    shopper.do(purchase(NOON, 1000, LineItem("cd")))
    state, kept = shopper.state, deepcopy(shopper.state)
    applied = apply(state, purchase(NOON + HOUR, 2000, LineItem("cd")), shopper.program)
    assert isinstance(applied, Applied)
    assert told(applied.outcome) == ["pending +20 by rule base", "c 1 to 2 of 2", "c completed x1", "badge b 2"]
    assert len(advance(state, NOON + 9 * DAY, shopper.program)[1]) == 3
    assert state == kept


def test_a_member_who_has_just_joined() -> None:
    state = State.new(NOON)
    assert (state.joined_at, state.as_of, state.seq, state.balance) == (NOON, NOON, 0, Balance())
    assert next_due_at(state, program(tiers=ladder("spend", "rolling 7 days", bronze=0, silver=10))) is None
