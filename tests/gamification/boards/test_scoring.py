"""What activities are worth on boards: values worked out by hand."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from gamification.activity import Activity
from gamification.boards.listing import MAX_SCORE
from gamification.boards.scoring import MAX_SCOPES
from gamification.effects import Scored, Why
from gamification.fold import Applied, apply
from gamification.program import Program
from gamification.state import Score, State
from tests.gamification.programs import (
    JOINED_AT,
    Player,
    adjustment,
    at,
    badge,
    board,
    challenge,
    event,
    only,
    program,
    purchase,
    rule,
)

MONDAY = at("2026-05-11 12:00")


def shop(*boards: dict[str, Any], **parts: Any) -> Program:
    return program(rules=[rule()], boards=list(boards), **parts)


def values(player: Player) -> dict[str, int]:
    return {f"{held.board}/{held.period}/{held.scope}": held.value for held in player.state.scores}


def scored(player: Player, number: int = -1) -> list[Any]:
    return only(player.records[number].outcome.effects, Scored)


def arrives(player: Player, activity: Activity, when: datetime) -> None:
    """Record an activity that arrives at an instant."""
    result = apply(player.state, activity, player.program, when)
    assert isinstance(result, Applied)
    player.state = result.state


def survey(when: datetime, result: float | str) -> Activity:
    return event("survey", when, {"result": result})


def test_points_are_all_that_the_record_earned() -> None:
    player = Player(
        shop(
            board("points"),
            challenges=[challenge("c", target=1, reward={"points": 5, "badge": "b"})],
            badges=[badge("b", levels=[{"points": 7}])],
        )
    )
    assert player.do(purchase(MONDAY, 2950)) == [
        "available +29 by rule base",
        "c 0 to 1 of 1",
        "c completed x1",
        "available +5 by challenge c <2",
        "badge b 1 <2",
        "available +7 by badge b <4",
        "points/all/ None to 41",
    ]
    player.do(purchase(MONDAY + timedelta(hours=1), 1000))
    assert scored(player) == [
        Scored("points", "all", "", 41, 51, (), 1, Why("board", "points", "41 + 10 = 51"), MONDAY + timedelta(hours=1)),
    ]
    assert player.state.scores == (
        Score("points", "all", "", 51, (), MONDAY + timedelta(hours=1), MONDAY + timedelta(hours=1)),
    )


def test_points_given_by_staff_are_not_earned() -> None:
    player = Player(shop(board("points", on=["purchase", "adjustment"])))
    assert player.do(adjustment(MONDAY, 100)) == ["available +100 by staff adjustment"]
    assert player.state.scores == ()


def test_each_metric() -> None:
    player = Player(
        shop(
            board("amount", metric="amount"),
            board("count", metric="count"),
            board("pieces", metric="value", of="activity.lines + 2"),
            board("half", metric="value", of="activity.amount / 2.0"),
        )
    )
    player.do(purchase(MONDAY, 2999))
    assert values(player) == {"amount/all/": 2999, "count/all/": 1, "pieces/all/": 2, "half/all/": 14995}
    assert [(each.scale, each.why.arithmetic) for each in scored(player)] == [
        (100, "29.99"),
        (1, "1"),
        (1, "2"),
        (1000, "14.995"),
    ]
    player.do(purchase(MONDAY + timedelta(hours=1), 1))
    assert values(player) == {"amount/all/": 3000, "count/all/": 2, "pieces/all/": 4, "half/all/": 15000}
    assert scored(player)[3].why.arithmetic == "14.995 + 0.005 = 15"


def test_only_what_meets_the_condition_counts_and_it_sees_the_member_after_all() -> None:
    player = Player(shop(board(metric="count", when="member.purchases > 1 && activity.amount >= 10.0")))
    player.do(purchase(MONDAY, 1000), purchase(MONDAY + timedelta(hours=1), 999))
    assert player.state.scores == ()
    player.do(purchase(MONDAY + timedelta(hours=2), 1000), event("visit", MONDAY + timedelta(hours=3)))
    assert values(player) == {"board/all/": 1}


def test_nobody_is_on_a_board_with_a_sum_of_nothing_but_may_be_with_a_best_of_nothing() -> None:
    player = Player(
        shop(
            board("sum", metric="amount"),
            board("best", metric="amount", operator="best"),
            board("second", metric="amount", ties="columns", columns=[{"metric": "count"}]),
        )
    )
    player.do(purchase(MONDAY, 0))
    assert [(held.board, held.value, held.columns) for held in player.state.scores] == [
        ("best", 0, ()),
        ("second", 0, (1,)),
    ]


def test_the_best_moves_only_upwards() -> None:
    player = Player(shop(board(metric="amount", operator="best")))
    player.do(purchase(MONDAY, 500))
    later = MONDAY + timedelta(hours=1)
    assert player.do(purchase(later, 400)) == ["available +4 by rule base"]
    assert player.state.scores == (Score("board", "all", "", 500, (), MONDAY, later),)
    player.do(purchase(later + timedelta(hours=1), 500))
    assert player.state.scores[0].reached_at == MONDAY
    player.do(purchase(later + timedelta(hours=2), 501))
    assert player.state.scores[0].reached_at == later + timedelta(hours=2)
    assert scored(player)[0].why.arithmetic == "best of 5 and 5.01"


def test_the_latest_is_the_one_that_happened_last() -> None:
    player = Player(shop(board(metric="value", of="activity.attributes.result * 1.0", on="survey", operator="latest")))
    player.do(survey(MONDAY, 7.5))
    arrives(player, survey(MONDAY - timedelta(days=3), 9.5), MONDAY + timedelta(hours=1))
    assert player.state.scores == (Score("board", "all", "", 7500, (), MONDAY, MONDAY),)
    arrives(player, survey(MONDAY + timedelta(hours=2), -2.5), MONDAY + timedelta(hours=3))
    assert player.state.scores == (
        Score("board", "all", "", -2500, (), MONDAY + timedelta(hours=3), MONDAY + timedelta(hours=2)),
    )


def test_of_two_at_the_same_instant_the_latest_is_the_one_recorded_last() -> None:
    player = Player(shop(board(metric="amount", operator="latest")))
    player.do(purchase(MONDAY, 900, key="first"), purchase(MONDAY, 400, key="second"))
    assert values(player) == {"board/all/": 400}


def test_what_is_too_late_for_every_period_kept_leaves_no_trace_in_the_record() -> None:
    player = Player(shop(board("day", period="day")))
    for day in (3, 5, 7, 9):
        player.do(purchase(at(f"2026-05-0{day} 12:00"), 100))
    applied = apply(player.state, purchase(at("2026-05-01 12:00"), 100), player.program, at("2026-05-09 13:00"))
    assert isinstance(applied, Applied)
    assert only(applied.outcome.effects, Scored) == []
    assert applied.state.scores == player.state.scores


def test_a_sum_may_fall_and_a_score_that_stays_keeps_its_time() -> None:
    player = Player(shop(board(metric="value", of="int(activity.attributes.result)", on="survey")))
    player.do(survey(MONDAY, 5), survey(MONDAY + timedelta(hours=1), -8), survey(MONDAY + timedelta(hours=2), 0))
    assert player.state.scores == (
        Score("board", "all", "", -3, (), MONDAY + timedelta(hours=1), MONDAY + timedelta(hours=2)),
    )
    assert scored(player) == []


def test_columns_count_beside_the_score() -> None:
    columns = [
        {"metric": "amount"},
        {"metric": "amount", "operator": "best"},
        {"metric": "points", "operator": "latest"},
    ]
    player = Player(shop(board(metric="count", ties="columns", columns=columns)))
    player.do(purchase(MONDAY, 500), purchase(MONDAY + timedelta(hours=1), 300))
    assert [(held.value, held.columns) for held in player.state.scores] == [(2, (800, 500, 3))]
    assert scored(player)[0].columns == (800, 500, 3)


def test_what_cannot_be_worked_out_does_not_count() -> None:
    player = Player(
        shop(
            board("value", metric="value", of="activity.attributes.result * 1.0", on="survey"),
            board(
                "column", metric="count", on="survey", ties="columns",
                columns=[{"metric": "value", "of": "int(activity.attributes.result)"}],
            ),
        )
    )  # fmt: skip
    player.do(survey(MONDAY, "good"), event("survey", MONDAY + timedelta(hours=1)))
    assert player.state.scores == ()


@pytest.mark.parametrize(
    ("store", "scope"),
    [
        ("lisbon", "lisbon"),
        ("a/b {c}", "a/b {c}"),
        ("x" * 64, "x" * 64),
        (7, "7"),
        (-7.0, "-7"),
        ("", None),
        ("x" * 65, None),
        (2.5, None),
        (True, None),
    ],
)
def test_a_scope_is_a_short_text_or_a_whole_number(store: Any, scope: str | None) -> None:
    player = Player(shop(board(metric="count", by="activity.attributes.store")))
    player.do(purchase(MONDAY, 100, attributes={"store": store}), purchase(MONDAY + timedelta(hours=1), 100))
    assert values(player) == ({} if scope is None else {f"board/all/{scope}": 1})


def test_a_scope_may_be_a_whole_number_by_its_type() -> None:
    player = Player(shop(board(metric="count", by="activity.hour + 1")))
    player.do(*(purchase(MONDAY.replace(hour=hour), 100) for hour in (8, 9)))
    assert values(player) == {"board/all/9": 1, "board/all/10": 1}


def test_each_scope_has_a_score_of_its_own() -> None:
    player = Player(shop(board(metric="count", by="'store ' + string(activity.attributes.store)")))
    for hour, store in enumerate(["a", "b", "a"]):
        player.do(purchase(MONDAY + timedelta(hours=hour), 100, attributes={"store": store}))
    assert values(player) == {"board/all/store a": 2, "board/all/store b": 1}


def test_a_late_activity_counts_in_the_period_in_which_it_happened() -> None:
    player = Player(shop(board("week", period="week")))
    player.do(purchase(MONDAY, 500))
    arrives(player, purchase(MONDAY - timedelta(days=1), 700), MONDAY + timedelta(hours=1))
    assert player.state.scores == (
        Score("week", "2026-W20", "", 5, (), MONDAY, MONDAY),
        Score("week", "2026-W19", "", 7, (), MONDAY + timedelta(hours=1), MONDAY - timedelta(days=1)),
    )


def test_periods_are_those_of_the_program_s_time_zone() -> None:
    player = Player(shop(board("day", period="day"), time_zone="America/New_York"))
    player.do(purchase(at("2026-11-01 03:59:59"), 100), purchase(at("2026-11-01 04:00"), 200))
    player.do(purchase(at("2026-11-02 04:59:59"), 300), purchase(at("2026-11-02 05:00"), 400))
    assert values(player) == {"day/2026-10-31/": 1, "day/2026-11-01/": 5, "day/2026-11-02/": 4}


def test_between_seasons_nothing_counts() -> None:
    season = {"code": "s", "name": "S", "starts_on": "2026-05-11", "ends_on": "2026-05-12"}
    player = Player(shop(board(period="season", seasons=[season])))
    player.do(*(purchase(at(f"2026-05-{day} {time}"), 100) for day, time in ((10, "23:59"), (11, "00:00"))))
    player.do(*(purchase(at(f"2026-05-{day} {time}"), 100) for day, time in ((12, "23:59"), (13, "00:00"))))
    assert values(player) == {"board/s/": 2}


def test_closed_periods_go_when_there_are_more_than_three_and_late_ones_do_not_come_back() -> None:
    player = Player(shop(board("day", period="day", late_minutes=60)))
    for day in (1, 3, 5, 7):
        player.do(purchase(at(f"2026-05-0{day} 12:00"), 100))
    assert list(values(player)) == [f"day/2026-05-0{day}/" for day in (1, 3, 5, 7)]
    # The 7th has ended, but is not closed; so the 1st is one of only three closed ones.
    player.do(purchase(at("2026-05-08 00:59:59"), 100))
    assert list(values(player)) == [f"day/2026-05-0{day}/" for day in (1, 3, 5, 7, 8)]
    player.do(purchase(at("2026-05-09 01:00"), 100))
    assert list(values(player)) == [f"day/2026-05-0{day}/" for day in (5, 7, 8, 9)]
    kept = values(player)
    arrives(player, purchase(at("2026-05-03 13:00"), 100), at("2026-05-09 02:00"))
    arrives(player, purchase(at("2026-05-04 13:00"), 100), at("2026-05-09 03:00"))
    assert values(player) == kept
    arrives(player, purchase(at("2026-05-05 13:00"), 100), at("2026-05-09 04:00"))
    assert values(player) == kept | {"day/2026-05-05/": 2}
    arrives(player, purchase(at("2026-05-06 13:00"), 100), at("2026-05-09 05:00"))
    assert set(values(player)) == {f"day/2026-05-0{day}/" for day in (6, 7, 8, 9)}


def test_a_period_that_is_not_closed_is_never_dropped() -> None:
    player = Player(shop(board("day", period="day", late_minutes=30 * 24 * 60)))
    for day in range(1, 29):
        player.do(purchase(at(f"2026-05-{day:02} 12:00"), 100))
    assert len(player.state.scores) == 28


def test_a_member_is_in_so_many_scopes_of_a_period_and_no_more() -> None:
    player = Player(shop(board(metric="count", by="activity.attributes.store", period="month")))
    for number in range(MAX_SCOPES + 2):
        player.do(purchase(MONDAY + timedelta(minutes=number), 100, attributes={"store": number}))
    assert list(values(player)) == [f"board/2026-05/{number}" for number in range(MAX_SCOPES)]
    player.do(purchase(at("2026-05-30"), 100, attributes={"store": 3}))
    assert values(player)["board/2026-05/3"] == 2
    player.do(purchase(at("2026-06-01"), 100, attributes={"store": MAX_SCOPES}))
    assert values(player)[f"board/2026-06/{MAX_SCOPES}"] == 1


@pytest.mark.parametrize(("amount", "most"), [(1e300, MAX_SCORE), (-1e300, -MAX_SCORE)])
def test_scores_are_bounded(amount: float, most: int) -> None:
    number = "activity.attributes.result * 1e300" if amount > 0 else "activity.attributes.result * -1e300"
    player = Player(shop(board(metric="value", of=number, on="survey")))
    player.do(survey(MONDAY, 1.5), survey(MONDAY + timedelta(hours=1), 1.5))
    assert abs(player.state.scores[0].value - most) < 1000


def test_a_whole_number_is_bounded_exactly() -> None:
    player = Player(shop(board(metric="value", of="9007199254740990 + int(activity.attributes.result)", on="survey")))
    player.do(survey(MONDAY, 1))
    assert values(player) == {"board/all/": MAX_SCORE - 1}
    player.do(survey(MONDAY + timedelta(hours=1), 5))
    assert values(player) == {"board/all/": MAX_SCORE}


def test_a_later_version_of_the_program() -> None:
    player = Player(shop(board("gone"), board("stays", metric="count"), board("moved", period="week")))
    player.do(purchase(MONDAY, 500))
    more = {"ties": "columns", "columns": [{"metric": "amount"}]}
    player.program = shop(board("stays", metric="count", **more), board("moved", period="day"))
    for day in range(12, 16):
        player.do(purchase(at(f"2026-05-{day} 12:00"), 500))
    assert [(held.board, held.period, held.value, held.columns) for held in player.state.scores] == [
        ("stays", "all", 5, (2000,)),
        ("moved", "2026-05-12", 5, ()),
        ("moved", "2026-05-13", 5, ()),
        ("moved", "2026-05-14", 5, ()),
        ("moved", "2026-05-15", 5, ()),
    ]


def test_apply_changes_nothing_that_it_is_given() -> None:
    state = State.new(JOINED_AT)
    first = apply(state, purchase(MONDAY, 500), shop(board()))
    assert isinstance(first, Applied)
    kept = first.state.scores
    assert isinstance(apply(first.state, purchase(MONDAY + timedelta(hours=1), 500), shop(board())), Applied)
    assert first.state.scores is kept
    assert kept[0].value == 5
    assert state.scores == ()
