"""What docs/boards.md says: its examples are programs, and its figures are what comes out."""

import re
from pathlib import Path

import pytest

from gamification.boards.prizes import prize_for
from gamification.boards.ranking import percentile, ranks
from gamification.program.boards import Board
from gamification.program.source import read_program
from gamification.state import Score
from tests.gamification.program.marked import HEAD
from tests.gamification.programs import Part, at
from tests.gamification.programs import board as board_part

PAGE = (Path(__file__).parents[3] / "docs" / "boards.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def read(example: str) -> tuple[Board, ...]:
    return read_program(HEAD + example + "badges: [{code: number-one, name: Number one}]\n").boards


def test_the_page_shows_examples() -> None:
    assert [[board.code for board in read(example)] for example in EXAMPLES] == [
        ["weekly"],
        ["big-order", "laps"],
        ["collectors"],
    ]


def test_the_fields_it_explains_are_there() -> None:
    named = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert {"on", "when", "of", "by", "friends_only", "late_minutes", "places", "points", "badge"} <= named
    assert {name for name in Board.model_fields if name not in PAGE} == {"description"}


@pytest.mark.parametrize(("ties", "told"), re.findall(r"\| `(\w+)` \| [^|]* \| (\d, \d, \d) \|", PAGE))
def test_the_ranks_in_its_table(ties: str, told: str) -> None:
    columns: Part = {"columns": [{"metric": "count"}]} if ties == "columns" else {}
    board = Board.model_validate(board_part(ties=ties, **columns))
    now = at("2026-05-01")
    scores = [(str(n), Score("board", "all", "", value, (), now, now)) for n, value in enumerate((9, 9, 7))]
    assert [each.rank for each in ranks(board, scores)] == [int(rank) for rank in told.split(", ")]


def test_its_prizes_and_percentiles() -> None:
    (weekly,) = read(EXAMPLES[0])
    assert [prize.points if prize else 0 for prize in (prize_for(weekly, rank) for rank in (1, 2, 10, 11))] == [
        100,
        10,
        10,
        0,
    ]
    assert (percentile(1, 3), percentile(2, 3)) == (100, 66)
