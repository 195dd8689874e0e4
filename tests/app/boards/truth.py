"""The boards as a plain sort makes them: what every read from Redis must equal."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from app.boards.placing import Placing
from gamification.boards.keys import BoardKey
from gamification.boards.listing import Place, Rank, Row, Rows

NOW = datetime(2026, 5, 14, 12, 0, tzinfo=UTC)
WEEKLY = BoardKey("weekly", "2026-W20")
BATCH = 50


def placing(
    member_id: str,
    value: int | None,
    *,
    revision: int = 1,
    columns: tuple[int, ...] = (),
    minute: int = 0,
    listed: bool = True,
    key: BoardKey = WEEKLY,
) -> Placing:
    return Placing(key, member_id, revision, value, columns, NOW + timedelta(minutes=minute), listed)


@dataclass
class Truth:
    """What MongoDB has: of each member on each board the placing of the highest revision."""

    held: dict[tuple[BoardKey, str], Placing] = field(default_factory=dict)

    def take(self, placings: Iterable[Placing]) -> None:
        for one in placings:
            known = self.held.get((one.key, one.member_id))
            if known is None or known.revision < one.revision:
                self.held[one.key, one.member_id] = one

    async def stream(self) -> AsyncIterator[Sequence[Placing]]:
        placings = [one for one in self.held.values() if one.value is not None]
        for first in range(0, len(placings), BATCH):
            yield placings[first : first + BATCH]

    def boards(self) -> set[BoardKey]:
        return {key for key, _ in self.held}

    def board(self, key: BoardKey, *, listed: bool | None) -> list[Placing]:
        """Who is on the board, in the total order; ``listed`` None for all."""
        found = [one for (at, _), one in self.held.items() if at == key and one.value is not None]
        return sorted((one for one in found if listed in (None, one.listed)), key=order)

    def rows(self, key: BoardKey) -> list[Row]:
        return ranked(self.board(key, listed=True))

    def total(self, key: BoardKey) -> int:
        return len(self.board(key, listed=True))

    def own_row(self, key: BoardKey, member_id: str) -> Row | None:
        one = self.held.get((key, member_id))
        if one is None or one.value is None:
            return None
        others = [other for other in self.board(key, listed=True) if other is not one]
        before = sum(order(other) < order(one) for other in others)
        higher = sum(other.value > one.value for other in others if other.value is not None)
        return row(one, before + 1, higher + 1)

    def rank(self, key: BoardKey, member_id: str) -> Rank:
        own, rows = self.own_row(key, member_id), self.rows(key)
        if own is None:
            return Rank(None, len(rows))
        ahead = [other for other in rows if other.member_id != member_id][: own.position - 1][-1:]
        higher = [other for other in rows if other.value > own.value][-1:]
        return Rank(own, len(rows), ahead[0] if ahead else None, higher[0] if higher else None)

    def around(self, key: BoardKey, member_id: str, each_side: int) -> Rows:
        own, rows = self.own_row(key, member_id), self.rows(key)
        if own is None:
            return Rows((), len(rows))
        others = [other for other in rows if other.member_id != member_id]
        before = others[: own.position - 1][max(0, own.position - 1 - each_side) :]
        after = others[own.position - 1 :][:each_side]
        return Rows((*before, own, *after), len(rows))

    def among(self, key: BoardKey, member_ids: Sequence[str]) -> Rows:
        found = [one for one in self.board(key, listed=None) if one.member_id in member_ids]
        return Rows(tuple(ranked(found)), self.total(key))


def order(one: Placing) -> tuple[int, tuple[int, ...], datetime, str]:
    assert one.value is not None
    return -one.value, tuple(-column for column in one.columns), one.reached_at, one.member_id


def ranked(placings: Sequence[Placing]) -> list[Row]:
    values = [one.value for one in placings]
    return [row(one, at, values.index(one.value) + 1) for at, one in enumerate(placings, 1)]


def row(one: Placing, position: int, shared_rank: int) -> Row:
    entry = one.entry
    assert entry is not None
    return Row(
        member_id=one.member_id,
        value=entry.value,
        columns=one.columns,
        reached_at=one.reached_at,
        listed=one.listed,
        position=position,
        shared_rank=shared_rank,
        place=Place(entry.value, entry.ordered),
    )
