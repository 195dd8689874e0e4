"""Ranks: the total order of each tie policy by hand, and against a plain count."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.boards.ranking import in_order, missing_to_next, percentile, ranks
from gamification.program.boards import Board
from gamification.state import Score
from tests.gamification.programs import Part, at, board

NOON = at("2026-05-11 12:00")
COLUMNS: Part = {"columns": [{"metric": "amount"}, {"metric": "count"}]}


def of(ties: str) -> Board:
    more: Part = COLUMNS if ties == "columns" else {}
    return Board.model_validate(board(ties=ties, **more))


def score(value: int, minutes: int = 0, *columns: int) -> Score:
    return Score("board", "all", "", value, columns, NOON + timedelta(minutes=minutes), NOON)


def places(ties: str, scores: dict[str, Score]) -> list[tuple[int, int, str]]:
    return [(each.position, each.rank, each.member_id) for each in ranks(of(ties), scores.items())]


def test_first_to_reach() -> None:
    scores = {"late": score(5, 2), "top": score(9, 9), "b": score(5, 1), "a": score(5, 1), "last": score(-1)}
    assert places("first_to_reach", scores) == [(1, 1, "top"), (2, 2, "a"), (3, 3, "b"), (4, 4, "late"), (5, 5, "last")]


def test_shared_is_1_1_3() -> None:
    scores = {"late": score(5, 2), "early": score(5, 1), "third": score(4), "fourth": score(3), "also": score(3, 1)}
    assert places("shared", scores) == [
        (1, 1, "early"),
        (2, 1, "late"),
        (3, 3, "third"),
        (4, 4, "fourth"),
        (5, 4, "also"),
    ]


def test_columns() -> None:
    scores = {"a": score(5, 0, 1, 9), "b": score(5, 9, 2, 0), "c": score(5, 9, 2, 1), "d": score(5, 1, 2, 1)}
    assert places("columns", scores) == [(1, 1, "d"), (2, 2, "c"), (3, 3, "b"), (4, 4, "a")]


def test_columns_decide_only_where_the_board_says_so() -> None:
    scores = {"a": score(5, 1, 9), "b": score(5, 0, 1)}
    assert places("first_to_reach", scores) == [(1, 1, "b"), (2, 2, "a")]


@pytest.mark.parametrize(
    ("ties", "value", "ahead", "missing"),
    [
        ("first_to_reach", 5, 9, 5),
        ("first_to_reach", 5, 5, 1),
        ("columns", 5, 9, 5),
        ("columns", 5, 5, 1),
        ("shared", 5, 9, 4),
        ("shared", -5, 1, 6),
    ],
)
def test_missing_to_the_next_place(ties: str, value: int, ahead: int, missing: int) -> None:
    assert missing_to_next(of(ties), value, ahead) == missing


@given(st.sampled_from(["first_to_reach", "shared"]), st.lists(st.integers(0, 6), min_size=2, max_size=9))
def test_what_is_missing_is_exactly_enough(ties: str, numbers: list[int]) -> None:
    scores = {f"m{number}": score(value, number) for number, value in enumerate(numbers)}
    placed = ranks(of(ties), scores.items())
    for mine in placed:
        ahead = [other for other in placed if other.rank < mine.rank]
        if not ahead:
            continue
        next_value = min(other.score.value for other in ahead)
        missing = missing_to_next(of(ties), mine.score.value, next_value)
        for more in (missing - 1, missing):
            moved = scores | {mine.member_id: score(mine.score.value + more, 99)}
            (after,) = [each for each in ranks(of(ties), moved.items()) if each.member_id == mine.member_id]
            assert (after.rank < mine.rank) == (more == missing)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 1)), max_size=9), st.randoms())
def test_ranks_are_what_counting_gives(numbers: list[tuple[int, int, int]], shuffled: object) -> None:
    pairs = [
        (f"m{number}", score(value, minutes, column, 0)) for number, (value, minutes, column) in enumerate(numbers)
    ]
    shuffled.shuffle(pairs)  # type: ignore[attr-defined]
    for each in ranks(of("shared"), pairs):
        assert each.rank == 1 + sum(other.value > each.score.value for _, other in pairs)
    for ties in ("first_to_reach", "columns"):
        for each in ranks(of(ties), pairs):
            mine = _key(ties, each.member_id, each.score)
            assert each.rank == each.position == 1 + sum(_key(ties, *other) > mine for other in pairs)
    assert [member for member, _ in in_order(of("shared"), pairs)] == [
        member for member, _ in in_order(of("first_to_reach"), pairs)
    ]


def _key(ties: str, member_id: str, held: Score) -> tuple[object, ...]:
    """More is better; earlier is more."""
    columns = held.columns if ties == "columns" else ()
    return (held.value, columns, -held.reached_at.timestamp(), -int(member_id[1:]))


@pytest.mark.parametrize(
    ("rank", "total", "percent"),
    [(1, 1, 100), (1, 3, 100), (2, 3, 66), (3, 3, 33), (100, 1000, 90), (1000, 1000, 0), (4, 3, 0), (1, 0, 100)],
)
def test_percentile(rank: int, total: int, percent: int) -> None:
    assert percentile(rank, total) == percent
