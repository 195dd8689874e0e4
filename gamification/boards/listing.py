"""Who stands where on a board, as the stores answer it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from gamification.member import BoardVisibility
from gamification.values import value

MAX_SCORE = 2**53
"""How large a score can be, above or below zero: what Redis keeps exactly."""
MAX_TIE_CHARS = 256
MAX_ROWS = 100
"""How many rows of a board are read at a time."""
MAX_EACH_SIDE = MAX_ROWS // 2
MAX_AMONG = 501
"""A member with as many friends as one can have."""
LISTED: frozenset[BoardVisibility] = frozenset(("shown", "alias"))
"""Who holds a public place."""
SEEN_BY_FRIENDS: frozenset[BoardVisibility] = LISTED | {"friends"}
"""Whom friends see among themselves."""


Order = tuple[int, tuple[int, ...], datetime, str]
"""What members are sorted by, the best first: minus the value, minus the columns, since when, and the member id."""


@value(frozen=True, slots=True)
class Place:
    """A place in the total order, which stays what it is whoever moves: where a page ended. ``tie`` is the store's.

    Raises:
        ValueError: no row can have been there.
    """

    value: int
    tie: str

    def __post_init__(self) -> None:
        if abs(self.value) > MAX_SCORE or len(self.tie) > MAX_TIE_CHARS:
            raise ValueError("this is no place on a board")


@value(frozen=True, slots=True)
class Row:
    """One member on a board.

    ``position`` counts from 1 in the total order and is the member's alone. ``shared_rank`` is 1 plus the number of
    strictly higher values (1-1-3). Who is not listed has the place that they would have.
    """

    member_id: str
    value: int
    columns: tuple[int, ...]
    reached_at: datetime
    listed: bool
    position: int
    shared_rank: int
    place: Place


@value(frozen=True, slots=True)
class Rows:
    """Some rows in their order, and how many members are listed in all."""

    rows: tuple[Row, ...]
    total: int


@value(frozen=True, slots=True)
class Rank:
    """One member's row, None if they are not on the board.

    ``ahead`` is the listed row directly before, ``higher`` the last one with a strictly higher value.
    """

    row: Row | None
    total: int
    ahead: Row | None = None
    higher: Row | None = None


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Instead of an answer: the boards are away, or are being filled again. ``reason`` is for the log."""

    reason: str


def ranked_among(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows of one board in its total order, with position and shared rank among themselves."""
    ranked: list[Row] = []
    for position, row in enumerate(sorted(rows, key=row_order), 1):
        tied = bool(ranked) and ranked[-1].value == row.value
        shared_rank = ranked[-1].shared_rank if tied else position
        ranked.append(replace(row, position=position, shared_rank=shared_rank))
    return tuple(ranked)


def row_order(row: Row) -> Order:
    """As `gamification.boards.ranking.order`: a row has columns only where they decide."""
    return -row.value, tuple(-column for column in row.columns), row.reached_at, row.member_id
