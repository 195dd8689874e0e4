"""Ranking: the total order of a board's scores, shared ranks, and how far the next place is. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gamification.boards.listing import Order
from gamification.program.boards import Board
from gamification.state import Score

FULL_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Ranked:
    """A member's place on a board: ``position`` in the total order, and ``rank``, which members may share."""

    position: int
    rank: int
    member_id: str
    score: Score


def deciding(board: Board, score: Score) -> tuple[int, ...]:
    """The columns that decide between equal scores; none but under ``ties: columns``.

    They are as many as the board has now. One that the score has not, for it was begun under a version of the program
    that had fewer, counts as 0.
    """
    if board.ties != "columns":
        return ()
    most = len(board.columns)
    return (*score.columns[:most], *[0] * (most - len(score.columns)))


def order(board: Board, member_id: str, score: Score) -> Order:
    """What members are sorted by, the best first: more comes first, then earlier, then the smaller member id."""
    columns = tuple(-column for column in deciding(board, score))
    return (-score.value, columns, score.reached_at, member_id)


def in_order(board: Board, scores: Iterable[tuple[str, Score]]) -> list[tuple[str, Score]]:
    """The (member_id, score) pairs of one period and scope, the best first."""
    return sorted(scores, key=lambda each: order(board, *each))


def ranks(board: Board, scores: Iterable[tuple[str, Score]]) -> list[Ranked]:
    """Everybody's place, the best first."""
    return list(_ranked(board, in_order(board, scores)))


def _ranked(board: Board, best_first: list[tuple[str, Score]]) -> Iterator[Ranked]:
    rank = 0
    for position, (member_id, score) in enumerate(best_first, start=1):
        tied = board.ties == "shared" and position > 1 and best_first[position - 2][1].value == score.value
        rank = rank if tied else position
        yield Ranked(position, rank, member_id, score)


def missing_to_next(board: Board, value: int, ahead: int) -> int:
    """How much more, in the board's scale, moves a member past the next place, which has ``ahead``.

    Under ``ties: shared`` that place is the next higher value, and reaching it is enough. Otherwise it is the member
    directly ahead, and as they were there first, or lead by a column, it takes one unit more than the difference.
    """
    return max(ahead - value, 0) if board.ties == "shared" else max(ahead - value, 0) + 1


def percentile(rank: int, total: int) -> int:
    """How many percent of ``total`` members are not ahead: ``100 x (total - rank + 1) / total``, rounded down.

    The first has 100. Of those who hold no public place, the rank may be ``total + 1``, which gives 0; on a board with
    nobody on it, it is 100.
    """
    return FULL_PERCENT * (total - rank + 1) // total if total else FULL_PERCENT
