"""Prizes: what places win, and how a journal records them."""

from datetime import timedelta
from typing import Any

import pytest

from gamification.activity import Activity, Problem, problems_of
from gamification.boards.keys import BoardKey
from gamification.boards.prizes import prize_activity, prize_for
from gamification.effects import Entry, Why
from gamification.explain import explain
from gamification.program.boards import Board, Places, Prize
from gamification.replaying import replay
from gamification.schedule import Schedule
from tests.gamification.programs import JOINED_AT, Player, at, badge, board, challenge, ladder, program, purchase, rule

NOON = at("2026-05-18 12:00")
PRIZES = [
    {"places": 1, "points": 50, "badge": "winner"},
    {"places": "2-10", "points": 10},
    {"places": "1000", "badge": "winner"},
]
WEEKLY = board("weekly", period="week", prizes=PRIZES)
KEY = BoardKey("weekly", "2026-W20", "lisbon")


def shop(**parts: Any) -> Any:
    return program(boards=[WEEKLY], **({"rules": [rule()], "badges": [badge("winner")]} | parts))


@pytest.mark.parametrize(
    ("rank", "points"), [(1, 50), (2, 10), (10, 10), (11, None), (999, None), (1000, 0), (0, None)]
)
def test_what_a_rank_wins(rank: int, points: int | None) -> None:
    prize = prize_for(Board.model_validate(WEEKLY), rank)
    assert (prize.points if prize else None) == points


def won(rank: int = 1, key: BoardKey = KEY) -> Activity:
    prize = prize_for(Board.model_validate(WEEKLY), rank)
    assert prize is not None
    return prize_activity(key, rank, prize, NOON)


def test_a_prize_as_an_activity() -> None:
    assert won() == Activity(
        "#prize:weekly/2026-W20/lisbon", "prize", NOON, points=50,
        attributes={"board": "weekly", "period": "2026-W20", "scope": "lisbon", "place": 1, "badge": "winner"},
    )  # fmt: skip
    assert won(2, BoardKey("weekly", "2026-W20")).attributes == {"board": "weekly", "period": "2026-W20", "place": 2}


def test_a_prize_is_credited_and_explained_and_counts_towards_no_tier() -> None:
    player = Player(shop(tiers=ladder("points", "lifetime", low=0, high=40)))
    player.do(purchase(NOON - timedelta(days=1), 100))
    assert player.do(won()) == ["available +50 by board weekly", "badge winner 1"]
    (entry,) = [effect for effect in player.records[-1].outcome.effects if isinstance(effect, Entry)]
    inputs: dict[str, str | int | float] = {"place": 1, "period": "2026-W20", "scope": "lisbon"}
    assert entry.why == Why("board", "weekly", "place 1", None, inputs, (f"{won().key}.0",))
    assert explain(entry.why, player.program, "en") == "weekly: place 1"
    assert (player.state.standing.tier, player.state.totals.earned) == ("low", 51)
    assert replay(JOINED_AT, player.records, Schedule.always(player.program)) == player.state


def test_prize_points_are_earned_points_to_a_challenge_but_no_board_counts_them() -> None:
    player = Player(
        shop(challenges=[challenge("c", on="points.earned", target=100, measure="sum", of="effect.points")])
    )
    assert player.do(won()) == ["available +50 by board weekly", "badge winner 1", "c 0 to 50 of 100 <0"]
    assert player.state.scores == ()


def test_a_badge_that_is_held_already_or_gone_is_not_awarded() -> None:
    player = Player(shop())
    player.do(won())
    assert player.do(won(key=BoardKey("weekly", "2026-W21"))) == ["available +50 by board weekly"]
    player = Player(program(boards=[board("other")]))
    assert player.do(won()) == ["available +50 by board weekly"]
    assert explain(player.entries()[0].why, player.program, "en") == "weekly: place 1"


def test_a_prize_of_a_badge_alone() -> None:
    assert Player(shop()).do(prize_activity(KEY, 1, Prize(places=Places(1, 1), badge="winner"), NOON)) == [
        "badge winner 1"
    ]


def test_nobody_reports_a_prize_from_outside() -> None:
    outside = Activity("k", "prize", NOON)
    assert problems_of(outside, NOON, timedelta()) == (
        Problem("kind", "prize is what Laurel itself records; choose another name"),
    )
