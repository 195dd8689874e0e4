"""Challenges in play: what counts, what completes, what begins anew, worked out by hand."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from gamification.activity import Activity, LineItem
from gamification.challenges import Phase, phase, progress
from gamification.effects import Completed, Progressed, Why
from gamification.state import ChallengeState
from gamification.windows import local_day
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
    steps,
)

NOON = at("2024-05-01 12:00")
HOUR = timedelta(hours=1)


def player(*challenges: Part, **parts: Any) -> Player:
    return Player(program(challenges=list(challenges), **parts))


def phase_of(who: Player, when: datetime, code: str = "c") -> Phase:
    return phase(who.program.challenge_by_code[code], who.state, who.program, when)


def cds(when: datetime, quantity: int, amount_minor: int = 0) -> Activity:
    return purchase(when, amount_minor, LineItem("cd", quantity, amount_minor, "music"))


def test_count() -> None:
    shopper = player(challenge("c", target=2, when="activity.amount >= 10.0", reward={"points": 25}))
    assert shopper.do(purchase(NOON, 999)) == []
    assert shopper.do(purchase(NOON + HOUR, 1000)) == ["c 0 to 1 of 2"]
    assert shopper.do(purchase(NOON + 2 * HOUR, 1000)) == [
        "c 1 to 2 of 2",
        "c completed x1",
        "available +25 by challenge c <1",
    ]
    held = ChallengeState(completed=1, completed_at=NOON + 2 * HOUR)
    assert shopper.state.challenges == {"c": held}
    assert shopper.do(purchase(NOON + 3 * HOUR, 1000)) == []
    assert shopper.state.challenges == {"c": held}
    assert phase_of(shopper, NOON + 3 * HOUR) is Phase.COMPLETED


def test_why_of_progress_and_completion() -> None:
    shopper = player(challenge("c", measure="sum", of="activity.amount", target=2))
    shopper.do(purchase(NOON, 50), purchase(NOON + HOUR, 100))
    assert shopper.records[0].outcome.effects == (
        Progressed("c", 0, 500, 2000, 1000, Why("challenge", "c", "0 + 0.5 of 2")),
    )
    shopper.do(purchase(NOON + 2 * HOUR, 75))
    assert shopper.records[2].outcome.effects == (
        Progressed("c", 1500, 2250, 2000, 1000, Why("challenge", "c", "1.5 + 0.75 of 2")),
        Completed("c", 1, Why("challenge", "c", "2.25 of 2")),
    )


def test_large_numbers_are_written_out() -> None:
    shopper = player(challenge("c", measure="sum", of="activity.quantity", target=10_000_000))
    shopper.do(cds(NOON, 1_000_000), cds(NOON + HOUR, 234_567))
    assert shopper.records[-1].outcome.effects[0].why.arithmetic == "1000000 + 234567 of 10000000"


def test_sum_of_whole_numbers() -> None:
    shopper = player(challenge("c", measure="sum", of="activity.quantity", target=10))
    assert shopper.do(cds(NOON, 4)) == ["c 0 to 4 of 10"]
    assert shopper.do(purchase(NOON + HOUR)) == []
    assert shopper.do(cds(NOON + 2 * HOUR, 7)) == ["c 4 to 11 of 10", "c completed x1"]


def test_sum_of_amounts_adds_up_exactly() -> None:
    shopper = player(challenge("c", measure="sum", of="activity.amount", target=3))
    told = [shopper.do(purchase(NOON + n * HOUR, 10)) for n in range(30)]  # 0.1 thirty times is 2.9999999999999996
    assert told[28] == ["c 2800 to 2900 of 3000"]
    assert told[29] == ["c 2900 to 3000 of 3000", "c completed x1"]


@pytest.mark.parametrize(
    ("of", "counted"),
    [
        ("0.0004", 0),
        ("0.0016", 2),
        ("-5.0", 0),
        ("1.0 / 0.0", 0),
        ("-1.0 / 0.0", 0),
        ("0.0 / 0.0", 0),
        ('double(activity.attributes["missing"])', 0),
        ("19.99", 19990),
    ],
)
def test_what_cannot_be_summed_counts_as_nothing(of: str, counted: int) -> None:
    shopper = player(challenge("c", measure="sum", of=of, target=1000))
    shopper.do(purchase(NOON))
    held = shopper.state.challenges.get("c", ChallengeState())
    assert held.tally == (((0, counted),) if counted else ())


def test_distinct_values() -> None:
    shopper = player(challenge("c", measure="distinct", of="activity.month", target=3))
    assert shopper.do(purchase(at("2024-01-31"))) == ["c 0 to 1 of 3"]
    assert shopper.do(purchase(at("2024-01-31 23:59"))) == []
    assert shopper.do(purchase(at("2024-02-29"))) == ["c 1 to 2 of 3"]
    assert shopper.do(purchase(at("2025-01-01"))) == ["c 2 to 3 of 3", "c completed x1"]
    assert shopper.state.challenges["c"].seen == ()


def test_distinct_values_leave_a_rolling_window_unless_seen_again() -> None:
    shopper = player(
        challenge("c", on="visit", measure="distinct", of='string(activity.attributes["shop"])', target=3,
                  window="rolling 10 days")
    )  # fmt: skip

    def visit(day: int, shop: str | int) -> list[str]:
        return shopper.do(event("visit", at(f"2024-05-{day:02}"), {"shop": shop}))

    assert visit(1, "a") == ["c 0 to 1 of 3"]
    assert visit(2, "b") == ["c 1 to 2 of 3"]
    assert visit(8, "a") == []  # nothing to tell, but a stays in the window for longer
    assert visit(12, "") == []
    assert visit(12, 7) == ["c 1 to 2 of 3"]  # b has left
    assert visit(17, "b") == ["c 2 to 3 of 3", "c completed x1"]  # the 8th is the first of the ten days


def test_distinct_without_a_value_counts_nothing() -> None:
    shopper = player(challenge("c", on="visit", measure="distinct", of='string(activity.attributes["shop"])', target=2))
    assert shopper.do(event("visit", NOON)) == []
    assert shopper.state.challenges == {}


def test_a_rolling_window_forgets() -> None:
    shopper = player(challenge("c", target=3, window="rolling 60 days"))
    assert shopper.do(purchase(at("2024-01-01 23:00"))) == ["c 0 to 1 of 3"]
    assert shopper.do(purchase(at("2024-02-29 01:00"))) == ["c 1 to 2 of 3"]  # day 60
    assert shopper.do(purchase(at("2024-03-01 00:00"))) == ["c 1 to 2 of 3"]  # day 61: the first has left
    assert shopper.do(purchase(at("2024-04-28 00:00"))) == ["c 2 to 3 of 3", "c completed x1"]


def test_progress_is_read_on_a_day() -> None:
    shopper = player(challenge("c", target=3, window="calendar week"))
    shopper.do(purchase(at("2024-12-30")), purchase(at("2025-01-05 23:59")))
    weekly, held = shopper.program.challenge_by_code["c"], shopper.state.challenges["c"]
    assert [progress(weekly, held, at(f"2025-01-0{day}").date()) for day in (5, 6)] == [2, 0]


def test_steps_in_order() -> None:
    shopper = player(challenge("c", **steps("visit", "purchase", "review", purchase="activity.amount > 5.0")))
    assert shopper.do(event("review", NOON)) == []
    assert shopper.do(purchase(NOON + HOUR, 1000)) == []
    assert shopper.state.challenges == {}
    assert shopper.do(event("visit", NOON + 2 * HOUR)) == ["c 0 to 1 of 3"]
    assert shopper.do(event("visit", NOON + 3 * HOUR)) == []
    assert shopper.do(event("review", NOON + 4 * HOUR)) == []
    assert shopper.do(purchase(NOON + 5 * HOUR, 500)) == []
    assert shopper.do(purchase(NOON + 6 * HOUR, 501)) == ["c 1 to 2 of 3"]
    assert shopper.do(event("review", NOON + 7 * HOUR)) == ["c 2 to 3 of 3", "c completed x1"]


def test_one_activity_takes_one_step() -> None:
    shopper = player(challenge("c", **steps("visit", "visit")))
    assert shopper.do(event("visit", NOON)) == ["c 0 to 1 of 2"]
    assert shopper.do(event("visit", NOON + HOUR)) == ["c 1 to 2 of 2", "c completed x1"]


def test_steps_begin_anew_when_the_first_leaves_the_window() -> None:
    shopper = player(challenge("c", window="rolling 7 days", **steps("visit", "purchase", "review")))
    shopper.do(event("visit", at("2024-05-01")), purchase(at("2024-05-06")))
    assert shopper.do(event("review", at("2024-05-08"))) == []  # the visit was the 7 days from May 1 to 7
    assert shopper.do(event("visit", at("2024-05-08 01:00"))) == ["c 0 to 1 of 3"]
    assert shopper.do(purchase(at("2024-05-14"))) == ["c 1 to 2 of 3"]
    assert shopper.do(event("review", at("2024-05-14 23:59"))) == ["c 2 to 3 of 3", "c completed x1"]


def test_steps_that_a_later_version_has_dropped() -> None:
    shopper = player(challenge("c", **steps("a", "b", "d")))
    shopper.do(event("a", NOON), event("b", NOON + HOUR))
    shopper.program = program(challenges=[challenge("c", **steps("a", "b"))])
    assert shopper.do(event("a", NOON + 2 * HOUR)) == []
    assert shopper.do(event("b", NOON + 3 * HOUR)) == ["c 2 to 3 of 2", "c completed x1"]


def test_repeat_always_carries_the_rest_over() -> None:
    shopper = player(
        challenge("c", measure="sum", of="activity.quantity", target=10, repeat="always", reward={"points": 50})
    )
    assert shopper.do(cds(NOON, 34)) == [
        "c 0 to 34 of 10",
        "c completed x3",
        "available +150 by challenge c <1",
    ]
    assert shopper.entries()[0].why.arithmetic == "3 x 50 = 150"
    assert shopper.state.challenges["c"] == ChallengeState(((0, 4),), (), 3, NOON)
    assert shopper.do(cds(NOON + HOUR, 6))[:2] == ["c 4 to 10 of 10", "c completed x1"]
    assert shopper.state.challenges["c"] == ChallengeState((), (), 4, NOON + HOUR)


def test_repeat_always_carries_fractions_over_in_thousandths() -> None:
    shopper = player(challenge("c", measure="sum", of="activity.amount", target=10, repeat="always"))
    shopper.do(purchase(NOON, 2599))
    assert shopper.state.challenges["c"] == ChallengeState(((0, 5990),), (), 2, NOON)


def test_repeat_always_of_steps_and_of_collections_begins_empty() -> None:
    shopper = player(
        challenge("s", repeat="always", **steps("visit", "review")),
        challenge("d", on="visit", measure="distinct", of="activity.day", target=1, repeat="always"),
    )
    for day in (1, 2):
        assert shopper.do(event("visit", at(f"2024-05-{day:02}"))) == [
            "s 0 to 1 of 2",
            "d 0 to 1 of 1",
            "d completed x1",
        ]
        assert shopper.do(event("review", at(f"2024-05-{day:02} 12:00"))) == ["s 1 to 2 of 2", "s completed x1"]
    assert shopper.state.challenges["s"].completed == shopper.state.challenges["d"].completed == 2


def test_repeat_in_each_window() -> None:
    shopper = player(challenge("c", target=2, window="calendar week", repeat="each_window"), time_zone="Asia/Tokyo")
    shopper.do(purchase(at("2024-12-30 15:00")))
    assert shopper.do(purchase(at("2024-12-31"))) == ["c 1 to 2 of 2", "c completed x1"]
    assert shopper.do(purchase(at("2025-01-05 14:59:59"))) == []
    assert phase_of(shopper, at("2025-01-05 14:59:59")) is Phase.COMPLETED
    assert phase_of(shopper, at("2025-01-05 15:00")) is Phase.ACTIVE
    assert shopper.do(purchase(at("2025-01-05 15:00"))) == ["c 0 to 1 of 2"]  # Monday in Tokyo
    assert shopper.do(purchase(at("2025-01-06"))) == ["c 1 to 2 of 2", "c completed x1"]
    assert shopper.state.challenges["c"].completed == 2


def test_starts_and_ends() -> None:
    shopper = player(challenge("c", target=9, starts_at="2024-05-01T12:00:00Z", ends_at="2024-05-02T12:00:00+02:00"))
    assert shopper.do(purchase(at("2024-05-01 11:59:59"))) == []
    assert phase_of(shopper, at("2024-05-01 11:59:59")) is Phase.UPCOMING
    assert shopper.do(purchase(at("2024-05-01 12:00:00"))) == ["c 0 to 1 of 9"]
    assert shopper.do(purchase(at("2024-05-02 09:59:59"))) == ["c 1 to 2 of 9"]
    assert phase_of(shopper, at("2024-05-02 09:59:59")) is Phase.ACTIVE
    assert shopper.do(purchase(at("2024-05-02 10:00:00"))) == []
    assert phase_of(shopper, at("2024-05-02 10:00:00")) is Phase.ENDED


def test_requirements() -> None:
    shopper = player(
        challenge("first", on="review", target=1, reward={"badge": "critic"}),
        challenge("c", target=9, requires={"tier": "silver", "challenges": ["first"], "badges": ["critic"]}),
        badges=[badge("critic")],
        tiers=ladder("spend", "rolling 30 days", bronze=0, silver=100),
    )
    assert shopper.do(purchase(at("2024-05-01"), 10000)) == ["tier None up to silver"]
    assert phase_of(shopper, at("2024-05-01")) is Phase.LOCKED
    shopper.do(event("review", at("2024-05-02")))
    assert phase_of(shopper, at("2024-05-02")) is Phase.ACTIVE
    assert shopper.do(purchase(at("2024-05-03"))) == ["c 0 to 1 of 9"]
    assert shopper.do(purchase(at("2024-05-31"))) == []  # no longer silver
    assert phase_of(shopper, at("2024-05-31")) is Phase.LOCKED


def test_it_takes_every_requirement() -> None:
    for requires in ({"badges": ["b"]}, {"challenges": ["d"]}, {"tier": "gold"}):
        shopper = player(
            challenge("c", target=9, requires=requires),
            challenge("d", on="review", target=1),
            badges=[badge("b")],
            tiers=ladder("spend", "lifetime", bronze=0, gold=100),
        )
        shopper.do(purchase(NOON, 9999))
        assert phase_of(shopper, NOON) is Phase.LOCKED
        assert "c" not in shopper.state.challenges


def test_points_earned() -> None:
    shopper = player(
        challenge("c", on="points.earned", measure="sum", of="effect.points", target=100, repeat="always"),
        challenge("base", on="points.earned", when='effect.code == "base"', target=9),
        rules=[rule("base"), rule("extra", earn={"points": 7})],
    )
    assert shopper.do(purchase(NOON, 5000)) == [
        "available +50 by rule base",
        "available +7 by rule extra",
        "c 0 to 50 of 100 <0",
        "base 0 to 1 of 9 <0",
        "c 50 to 57 of 100 <1",
    ]
    assert shopper.do(adjustment(NOON + HOUR, 1000)) == ["available +1000 by staff adjustment"]
    assert shopper.do(adjustment(NOON + 2 * HOUR, -1000)) == ["available -1000 by staff adjustment"]


def test_points_are_earned_once_although_they_wait() -> None:
    shopper = player(
        challenge("c", on="points.earned", measure="sum", of="effect.points", target=100),
        rules=[rule()],
        points={"pending_days": 7},
    )
    assert shopper.do(purchase(NOON, 5000)) == ["pending +50 by rule base", "c 0 to 50 of 100 <0"]
    assert shopper.wait(at("2024-06-01")) == [
        (at("2024-05-08"), ["pending -50 by clock unlock", "available +50 by clock unlock"])
    ]


def test_tier_reached() -> None:
    shopper = player(
        challenge("gold", on="tier.reached", when='effect.code == "gold"', target=1),
        challenge("up", on="tier.reached", target=9),
        tiers=ladder("spend", "rolling 30 days", bronze=0, silver=100, gold=200),
    )
    assert shopper.do(purchase(at("2024-05-01"), 10000)) == ["tier None up to silver", "up 0 to 1 of 9 <0"]
    assert shopper.do(purchase(at("2024-05-02"), 10000)) == [
        "tier silver up to gold",
        "gold 0 to 1 of 1 <0",
        "gold completed x1 <0",
        "up 1 to 2 of 9 <0",
    ]
    assert [told for _, told in shopper.wait(at("2024-07-01"))] == [
        ["tier gold down to silver"],
        ["tier silver down to bronze"],
    ]


def test_badge_won_and_challenge_completed() -> None:
    shopper = player(
        challenge("a", target=1, repeat="always"),
        challenge("b", on="badge.won", when='effect.code == "first"', target=1),
        challenge("c", on="challenge.completed", when='effect.code == "a" && activity.amount > 1.0', target=9),
        badges=[badge("first", earned={"measure": "member.purchases"}), badge("other", earned={"condition": True})],
    )
    assert shopper.do(purchase(NOON, 100)) == [
        "a 0 to 1 of 1",
        "a completed x1",
        "badge first 1",
        "badge other 1",
        "b 0 to 1 of 1 <2",
        "b completed x1 <2",
    ]
    assert shopper.do(purchase(NOON + HOUR, 101)) == ["a 0 to 1 of 1", "a completed x1", "c 0 to 1 of 9 <1"]


def test_activities_and_effects_together() -> None:
    shopper = player(challenge("c", on=["purchase", "points.earned"], target=9), rules=[rule()])
    assert shopper.do(purchase(NOON, 100)) == ["available +1 by rule base", "c 0 to 1 of 9", "c 1 to 2 of 9 <0"]


def test_an_effect_has_its_code_and_an_activity_has_none() -> None:
    shopper = player(challenge("c", when='effect.code == "" && effect.points == 0', target=9))
    assert shopper.do(purchase(NOON)) == ["c 0 to 1 of 9"]


def test_what_happened_on_a_day_counts_by_the_programs_time_zone() -> None:
    shopper = player(challenge("c", target=9, window="calendar day"), time_zone="Pacific/Kiritimati")
    shopper.do(purchase(at("2024-05-01 09:59:59")))
    assert shopper.do(purchase(at("2024-05-01 10:00"))) == ["c 0 to 1 of 9"]
    day = local_day(at("2024-05-01 10:00"), shopper.program.time_zone)
    assert shopper.state.challenges["c"].tally == ((day.toordinal(), 1),)
