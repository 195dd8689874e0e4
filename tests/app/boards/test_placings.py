"""Which places a member's scores stand for, and until when."""

from datetime import UTC, datetime, timedelta

import pytest

from app.boards.placing import Placing
from app.boards.placings import BoardsShown, forgotten_at, moves_members, placings_of
from app.stores.codec import MemberScores
from gamification.boards.keys import BoardKey
from gamification.boards.periods import KEPT_AFTER_CLOSING
from gamification.boards.ranking import in_order
from gamification.member import BoardVisibility
from gamification.program import Program
from gamification.program.source import read_program
from gamification.state import Score

PROGRAM = """
code: shop
name: Shop
languages: [en]
time_zone: Europe/Copenhagen
money: {currency: DKK}
points: {name: points}
boards:
  - {code: daily, name: Daily, on: purchase, metric: points, period: day, late_minutes: 60}
  - {code: ever, name: Ever, on: purchase, metric: points, period: all_time}
  - {code: detailed, name: D, on: purchase, metric: count, period: month, ties: columns, columns: [{metric: amount}]}
"""
SHOP = read_program(PROGRAM)
NOW = datetime(2026, 5, 14, 12, tzinfo=UTC)
CLOSED_AT = datetime(2026, 5, 13, 23, tzinfo=UTC)
"""When the 13th is closed: at one o'clock of the 14th in Copenhagen."""


def score(board: str, period: str, columns: tuple[int, ...] = ()) -> Score:
    return Score(board, period, "", 7, columns, NOW, NOW)


def places(
    *scores: Score, visibility: BoardVisibility = "shown", now: datetime = NOW, program: Program = SHOP
) -> list[Placing]:
    return list(placings_of(MemberScores("ann", 3, visibility, None, scores), BoardsShown(program, now)))


def test_every_score_of_a_living_period_is_a_place() -> None:
    assert places(score("daily", "2026-05-14"), score("ever", "all")) == [
        Placing(BoardKey("daily", "2026-05-14"), "ann", 3, 7, (), NOW, listed=True),
        Placing(BoardKey("ever", "all"), "ann", 3, 7, (), NOW, listed=True),
    ]


def test_who_has_left_a_board_is_cleared_from_it() -> None:
    left = (BoardKey("daily", "2026-05-14"), BoardKey("ever", "all"), BoardKey("gone", "all"))
    member = MemberScores("ann", 3, "shown", None, (score("ever", "all"),), left)
    gone, held = sorted(placings_of(member, BoardsShown(SHOP, NOW)), key=lambda placing: placing.key.board)
    assert (gone.key, gone.value, gone.entry, gone.revision) == (left[0], None, None, 3)
    assert held == Placing(left[1], "ann", 3, 7, (), NOW, listed=True)


def test_a_period_leaves_a_while_after_it_was_closed() -> None:
    key = BoardKey("daily", "2026-05-13")
    assert forgotten_at(key, SHOP) == CLOSED_AT + KEPT_AFTER_CLOSING
    last = CLOSED_AT + KEPT_AFTER_CLOSING
    assert [one.key for one in places(score("daily", "2026-05-13"), now=last)] == [key]
    assert places(score("daily", "2026-05-13"), now=last + timedelta(milliseconds=1)) == []
    assert forgotten_at(BoardKey("ever", "all"), SHOP) is None


def test_boards_and_periods_that_the_program_does_not_know_have_no_places() -> None:
    assert places(score("gone", "all"), score("daily", "all"), score("ever", "2026-05-14")) == []
    assert forgotten_at(BoardKey("gone", "all"), SHOP) is None


def test_columns_count_only_where_they_decide() -> None:
    (detailed, ever) = places(score("detailed", "2026-05", (5,)), score("ever", "all", (5,)))
    assert (detailed.columns, ever.columns) == ((5,), ())


@pytest.mark.parametrize(
    ("visibility", "listed"), [("shown", True), ("alias", True), ("friends", False), ("hidden", False)]
)
def test_who_holds_a_public_place(visibility: BoardVisibility, listed: bool) -> None:
    assert [one.listed for one in places(score("ever", "all"), visibility=visibility)] == [listed]


@pytest.mark.parametrize(
    ("old", "new", "moves"),
    [
        ("name: Daily", "name: Every day", False),
        ("late_minutes: 60", "late_minutes: 90", True),
        ("Europe/Copenhagen", "Asia/Tokyo", True),
        ("period: day,", "period: week,", True),
        ("code: daily", "code: other", True),
        ("ties: columns, columns: [{metric: amount}]", "ties: shared", True),
    ],
)
def test_which_changes_of_a_program_move_members(old: str, new: str, moves: bool) -> None:
    assert old in PROGRAM
    changed = read_program(PROGRAM.replace(old, new))
    assert moves_members(SHOP, changed) is moves
    assert moves_members(changed, SHOP) is moves


def test_a_board_that_comes_back_has_its_members_back() -> None:
    without = read_program(PROGRAM.replace(next(line for line in PROGRAM.splitlines() if "code: ever" in line), ""))
    assert moves_members(without, SHOP)
    assert moves_members(SHOP, without)


@pytest.mark.parametrize("columns", [(), (5,), (5, 1)])
def test_scores_of_earlier_numbers_of_columns_are_placed_in_the_order_of_the_ranking(columns: tuple[int, ...]) -> None:
    """Whether a score was begun with fewer columns or with more."""
    board = SHOP.board_by_code["detailed"]
    scores = {"ann": score("detailed", "2026-05", columns), "bob": score("detailed", "2026-05", (4,))}
    placed = [
        next(placings_of(MemberScores(who, 3, "shown", None, (held,)), BoardsShown(SHOP, NOW)))
        for who, held in scores.items()
    ]
    assert placed[0].columns == (*columns, 0)[:1]
    entries = [placing.entry for placing in placed if placing.entry]
    live = [entry.member_id for entry in sorted(entries, key=lambda entry: (-entry.value, entry.ordered))]
    assert (
        live == [who for who, _ in in_order(board, scores.items())] == (["ann", "bob"] if columns else ["bob", "ann"])
    )
