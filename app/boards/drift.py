"""Compares every board in Redis with what MongoDB says, in both directions. Changes nothing."""

import asyncio
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Literal

from app.boards import scripts
from app.boards.calls import Call
from app.boards.control import ControlHash
from app.boards.names import Names
from app.boards.placing import Entry, Held, Placing
from app.boards.redis_boards import Expiry
from app.boards.wire import Wire
from gamification.boards.keys import BoardKey
from gamification.stores import StoreUnavailable

LOOK_TIMEOUT_SECONDS = 5.0
MEMBERS_PER_CALL = 100
SUSPECTS_AT_ONCE = 1_000
SETTLE_SECONDS = 1.0
"""How long what looks different is left alone before it is looked at again: members may go on playing."""

Reread = Callable[[Sequence[str]], Awaitable[Sequence[Placing]]]
"""All placings of these members as MongoDB has them now."""
Suspect = tuple[BoardKey, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One member who is not on a board as they must be. ``detail`` says it in words, the member left out."""

    key: BoardKey
    member_id: str
    what: Literal["missing", "extra", "different"]
    detail: str


class DriftChecker:
    """Finds drift. Of each placing it keeps 8 bytes, and otherwise a bounded amount.

    A member is told from another by a 64-bit hash, so an extra one may be overlooked once in some 10^13 members.
    """

    def __init__(
        self,
        wire: Wire,
        names: Names,
        *,
        reread: Reread,
        expires_at: Expiry,
        now: Callable[[], datetime],
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        self._wire, self._names = wire, names
        self._reread, self._expires_at, self._now = reread, expires_at, now
        self._settle_seconds = settle_seconds
        self._control = ControlHash(wire, names)

    async def compare(self, expected: AsyncIterator[Sequence[Placing]]) -> AsyncIterator[Difference]:
        """Every difference, as soon as it is certain. ``expected`` is all placings of MongoDB.

        Raises:
            StoreUnavailable: a store does not answer, or the boards were rebuilt meanwhile: compare again.
        """
        generation = await self._generation()
        known: dict[BoardKey, array[int]] = defaultdict(lambda: array("Q"))
        suspects: set[Suspect] = set()
        async for batch in expected:
            placings = self._by_member(batch)
            for key, member_id in placings:
                known[key].append(_hash(member_id))
            faults = await self._faults(generation, placings, placings)
            suspects |= {(fault.key, fault.member_id) for fault in faults}
            if len(suspects) >= SUSPECTS_AT_ONCE:
                for difference in await self._certain(generation, suspects):
                    yield difference
                suspects = set()
        for difference in await self._certain(generation, suspects):
            yield difference
        async for difference in self._extra(generation, {key: array("Q", sorted(ids)) for key, ids in known.items()}):
            yield difference

    async def _extra(self, generation: int, known: dict[BoardKey, "array[int]"]) -> AsyncIterator[Difference]:
        """Who is in Redis only."""
        for key in await self._boards(generation):
            suspects: set[Suspect] = set()
            rows = {True: 0, False: 0}
            async for field, text in self._wire.fields(self._names.board(generation, key)[2]):
                member_id = field.decode()
                entry = Held.parse(member_id, text).entry
                if entry is None:
                    continue
                rows[entry.listed] += 1
                if not _holds(known.get(key), _hash(member_id)):
                    suspects.add((key, member_id))
                if len(suspects) >= SUSPECTS_AT_ONCE:
                    for difference in await self._certain(generation, suspects):
                        yield difference
                    suspects = set()
            for difference in await self._certain(generation, suspects):
                yield difference
            async for difference in self._stray(generation, key, rows):
                yield difference

    async def _stray(self, generation: int, key: BoardKey, rows: dict[bool, int]) -> AsyncIterator[Difference]:
        """Rows that nobody holds; the sorted sets are only gone through where their sizes are odd."""
        names = self._names.board(generation, key)
        sizes = await self._wire.run_one(Call(scripts.SIZES, names[:2]), LOOK_TIMEOUT_SECONDS)
        for name, listed, size in zip(names, (True, False), sizes, strict=False):
            if size == rows[listed]:
                continue
            strays: list[bytes] = []
            async for ordered in self._wire.scores(name):
                strays.append(ordered)
                if len(strays) >= SUSPECTS_AT_ONCE:
                    for difference in await self._certainly_stray(generation, key, strays, listed=listed):
                        yield difference
                    strays = []
            for difference in await self._certainly_stray(generation, key, strays, listed=listed):
                yield difference

    async def _certainly_stray(
        self, generation: int, key: BoardKey, rows: Sequence[bytes], *, listed: bool
    ) -> Sequence[Difference]:
        first = await self._unheld(generation, key, rows, listed=listed)
        if first:
            await asyncio.sleep(self._settle_seconds)
        name = _where(listed=listed)
        again = await self._unheld(generation, key, sorted(first), listed=listed)
        await self._require(generation)
        return [
            Difference(key, _entry(row, listed=listed).member_id, "extra", f"has a row {name} that should not be there")
            for row in sorted(again)
        ]

    async def _unheld(self, generation: int, key: BoardKey, rows: Sequence[bytes], *, listed: bool) -> set[bytes]:
        """Which of these rows of a sorted set the hash of the members does not hold."""
        by_row = {row: _entry(row, listed=listed) for row in rows}
        held = await self._held(generation, [(key, entry.member_id) for entry in by_row.values()])
        unheld = set()
        for row, entry in by_row.items():
            found = held[key, entry.member_id][0]
            theirs = found.entry if found else None
            if theirs is None or theirs.listed != listed or theirs.ordered != entry.ordered:
                unheld.add(row)
        return unheld

    async def _certain(self, generation: int, suspects: set[Suspect]) -> Sequence[Difference]:
        """The differences that are still there a moment later, compared with members who are read again."""
        if not suspects:
            return []
        await asyncio.sleep(self._settle_seconds)
        member_ids = sorted({member_id for _, member_id in suspects})
        placings = self._by_member(await self._reread(member_ids))
        faults = await self._faults(generation, sorted(suspects, key=lambda one: (one[0].text, one[1])), placings)
        await self._require(generation)
        return faults

    async def _faults(
        self, generation: int, suspects: Iterable[Suspect], placings: dict[Suspect, Placing]
    ) -> Sequence[Difference]:
        held = await self._held(generation, suspects)
        found = [_fault(suspect, placings.get(suspect), *held[suspect]) for suspect in suspects]
        return [fault for fault in found if fault is not None]

    async def _held(
        self, generation: int, suspects: Iterable[Suspect]
    ) -> dict[Suspect, tuple[Held | None, bytes, bytes]]:
        """What the hash holds of each, and the scores in the two sorted sets."""
        by_board: dict[BoardKey, list[str]] = defaultdict(list)
        for key, member_id in suspects:
            by_board[key].append(member_id)
        parts = [
            (key, ids[first : first + MEMBERS_PER_CALL])
            for key, ids in by_board.items()
            for first in range(0, len(ids), MEMBERS_PER_CALL)
        ]
        calls = [Call(scripts.HELD, self._names.board(generation, key), tuple(ids)) for key, ids in parts]
        answers = await self._wire.run(calls, LOOK_TIMEOUT_SECONDS) if calls else []
        return {
            (key, member_id): (Held.parse(member_id, text) if text else None, listed, unlisted)
            for (key, ids), answer in zip(parts, answers, strict=True)
            for member_id, (text, listed, unlisted) in zip(ids, answer, strict=True)
        }

    def _by_member(self, placings: Iterable[Placing]) -> dict[Suspect, Placing]:
        now = self._now()
        return {
            (placing.key, placing.member_id): placing
            for placing in placings
            if placing.value is not None and (self._expires_at(placing.key) or now) >= now
        }

    async def _boards(self, generation: int) -> Sequence[BoardKey]:
        found: set[BoardKey] = set()
        async for name in self._wire.names(self._names.every_generation):
            board = self._names.board_of(name)
            if board is not None and board[0] == generation:
                found.add(board[1])
        return sorted(found, key=lambda key: key.text)

    async def _generation(self) -> int:
        control = await self._control.read()
        if control is None or control.current is None:
            raise StoreUnavailable("Redis holds no boards; they are built while Laurel serves, or by a rebuild")
        return control.current

    async def _require(self, generation: int) -> None:
        if await self._generation() != generation:
            raise StoreUnavailable("the boards were rebuilt meanwhile; compare again")


def _fault(
    suspect: Suspect, right: Placing | None, held: Held | None, listed: bytes, unlisted: bytes
) -> Difference | None:
    key, member_id = suspect
    theirs, ours = held.entry if held else None, right.entry if right else None
    if theirs is None:
        return (
            None
            if ours is None
            else Difference(key, member_id, "missing", f"should be {_words(ours)}, is missing there")
        )
    if ours is None:
        return Difference(key, member_id, "extra", f"is {_words(theirs)}, should not be there")
    if theirs != ours:
        return Difference(key, member_id, "different", f"is {_words(theirs)}, should be {_words(ours)}")
    own, other = (listed, unlisted) if ours.listed else (unlisted, listed)
    if not own or other or -int(float(own)) != ours.value:
        return Difference(key, member_id, "different", f"should be {_words(ours)}, is at another place")
    return None


def _words(entry: Entry) -> str:
    columns = f" and {', '.join(str(column) for column in entry.columns)}" if entry.columns else ""
    return f"{_where(listed=entry.listed)} with {entry.value}{columns} since {entry.reached_at.isoformat()}"


def _where(*, listed: bool) -> str:
    return "in the public order" if listed else "among those without a public place"


def _entry(row: bytes, *, listed: bool) -> Entry:
    return Entry.of_row(row, b"0", listed=listed)


def _hash(member_id: str) -> int:
    return int.from_bytes(blake2b(member_id.encode(), digest_size=8).digest(), "big")


def _holds(known: "array[int] | None", number: int) -> bool:
    if known is None:
        return False
    at = bisect_left(known, number)
    return at < len(known) and known[at] == number
