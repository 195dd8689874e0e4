"""What can be asked of a board, and the answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from app.boards import scripts
from app.boards.calls import Call
from app.boards.placing import LISTED, Entry, Held
from gamification.boards.keys import BoardKey
from gamification.boards.listing import MAX_AMONG, MAX_EACH_SIDE, MAX_ROWS, Place, Rank, Row, Rows, ranked_among

BoardNames = tuple[str, str, str]
"""The keys of a board: listed, unlisted, members."""


Answer_co = TypeVar("Answer_co", covariant=True)


class Request(Protocol[Answer_co]):
    """Something asked of one board."""

    @property
    def key(self) -> BoardKey:
        """The board."""

    def call(self, names: BoardNames) -> Call:
        """The script that answers it."""

    def answer(self, raw: Any) -> Answer_co:
        """What the script's answer means."""


@dataclass(frozen=True, slots=True)
class Top:
    """The first listed members, or those after a place. At most 100."""

    key: BoardKey
    first: int
    after: Place | None = None

    def call(self, names: BoardNames) -> Call:
        """As `Request`."""
        after = () if self.after is None else (str(-self.after.value), self.after.tie)
        return Call(scripts.TOP, names[:1], (_bounded(self.first, MAX_ROWS), *after))

    def answer(self, raw: Any) -> Rows:
        """As `Request`."""
        total, first, higher, rows = raw
        return Rows(tuple(_rows(rows, first, higher)), total)


@dataclass(frozen=True, slots=True)
class AroundMe:
    """A member, and up to 50 listed ones before and after; no rows if the member is not on the board."""

    key: BoardKey
    member_id: str
    each_side: int

    def call(self, names: BoardNames) -> Call:
        """As `Request`."""
        return Call(scripts.AROUND, names, (self.member_id, _bounded(self.each_side, MAX_EACH_SIDE)))

    def answer(self, raw: Any) -> Rows:
        """As `Request`."""
        if len(raw) == 1:
            return Rows((), raw[0])
        total, first, first_higher, found, letter, score, tie, before, higher = raw
        rows = list(_rows(found, first, first_higher))
        own = _own_row(self.member_id, (letter, score, tie), before, higher)
        if not own.listed:
            rows.insert(before - first, own)
        return Rows(tuple(rows), total)


@dataclass(frozen=True, slots=True)
class RankOf:
    """Where one member stands."""

    key: BoardKey
    member_id: str

    def call(self, names: BoardNames) -> Call:
        """As `Request`."""
        return Call(scripts.RANK, names, (self.member_id,))

    def answer(self, raw: Any) -> Rank:
        """As `Request`."""
        total, place = raw
        if not place:
            return Rank(None, total)
        letter, score, tie, before, higher, ahead, ahead_higher, better, better_higher = place
        return Rank(
            row=_own_row(self.member_id, (letter, score, tie), before, higher),
            total=total,
            ahead=next(_rows(ahead, before - 1, ahead_higher), None),
            higher=next(_rows(better, higher - 1, better_higher), None),
        )


@dataclass(frozen=True, slots=True)
class Among:
    """Those of up to 501 members who are on the board, listed or not, ranked among themselves."""

    key: BoardKey
    member_ids: tuple[str, ...]

    def call(self, names: BoardNames) -> Call:
        """As `Request`."""
        _bounded(len(self.member_ids), MAX_AMONG)
        return Call(scripts.AMONG, names, self.member_ids)

    def answer(self, raw: Any) -> Rows:
        """As `Request`."""
        total, found = raw
        held = {id_: Held.parse(id_, text) for id_, text in zip(self.member_ids, found, strict=True) if text}
        entries = [one.entry for one in held.values() if one.entry is not None]
        return Rows(ranked_among([_row(entry, 0, 0) for entry in entries]), total)


def _rows(flat: Sequence[bytes], first: int, higher: int) -> Iterator[Row]:
    """Rows of a sorted set from place ``first`` on, counted from 0; ``higher`` values are above the first of them."""
    value: int | None = None
    shared_rank = higher + 1
    for at in range(0, len(flat), 2):
        entry = Entry.of_row(flat[at], flat[at + 1], listed=True)
        position = first + at // 2 + 1
        if value is not None and entry.value != value:
            shared_rank = position
        value = entry.value
        yield _row(entry, position, shared_rank)


def _own_row(member_id: str, held: tuple[bytes, bytes, bytes], before: int, higher: int) -> Row:
    letter, score, tie = held
    entry = Entry(member_id, -int(score), tie.decode(), letter.decode() == LISTED)
    return _row(entry, before + 1, higher + 1)


def _row(entry: Entry, position: int, shared_rank: int) -> Row:
    return Row(
        member_id=entry.member_id,
        value=entry.value,
        columns=entry.columns,
        reached_at=entry.reached_at,
        listed=entry.listed,
        position=position,
        shared_rank=shared_rank,
        place=Place(entry.value, entry.ordered),
    )


def _bounded(number: int, most: int) -> int:
    if not 0 <= number <= most:
        raise ValueError(f"{number} is not from 0 to {most}")
    return number
