"""Boards after random histories equal, rank by rank and for each kind of viewer, a plain sort of the journal."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from app.embedded import StoreServers
from gamification.member import BoardVisibility
from gamification.record import Record
from tests.schema.api import Database
from tests.schema.arena import MONDAY, Arena, opened

NAMES = ("ann", "bob", "cid", "dan", "eve", "fay", "gus")
MODES: tuple[BoardVisibility, ...] = ("shown", "shown", "alias", "friends", "hidden")
STORES = ("rome", "oslo")
STEPS = 60
BOARDS = [
    ("weekly", None),
    ("shared", None),
    ("columned", None),
    ("ever", None),
    ("stores", "rome"),
    ("stores", "oslo"),
]
Order = tuple[int, tuple[int, ...], datetime, str]


@dataclass(frozen=True, slots=True)
class Line:
    """What the plain sort says of a member on a board."""

    name: str
    value: int
    columns: tuple[int, ...]
    reached_at: datetime
    member_id: str

    @property
    def order(self) -> Order:
        return -self.value, tuple(-column for column in self.columns), self.reached_at, self.member_id


@dataclass
class History:
    """What happened: how everybody appears, and who are friends."""

    arena: Arena
    modes: dict[str, BoardVisibility]
    friends: set[frozenset[str]]

    async def lines(self, board: str, scope: str | None) -> list[Line]:
        """Everybody with a score, worked out anew from the activities of the journal, the best first."""
        found: list[Line] = []
        for name, member in self.arena.members.items():
            records = await self.arena.api.laurel.journal.since(member.member_id, 0, 1000)
            numbers, reached_at = (0, ()), MONDAY
            for record in in_time(records):
                now = added(board, scope, record, numbers)
                if now != numbers:
                    numbers, reached_at = now, record.placed_at
            if numbers[0]:
                found.append(Line(name, numbers[0], numbers[1], reached_at, member.member_id))
        return sorted(found, key=lambda line: line.order)

    def listed(self, lines: list[Line]) -> list[Line]:
        return [line for line in lines if self.modes[line.name] in ("shown", "alias")]

    def among(self, lines: list[Line], viewer: str) -> list[Line]:
        return [
            line
            for line in lines
            if line.name == viewer
            or (frozenset((viewer, line.name)) in self.friends and self.modes[line.name] != "hidden")
        ]

    def name_of(self, line: Line) -> str:
        return f"The {line.name}" if self.modes[line.name] == "alias" else f"handle_{line.name}"


def in_time(records: Sequence[Record]) -> list[Record]:
    """The activities that were not taken back, in the order in which they happened."""
    told = [(record, record.activity) for record in records if record.activity is not None]
    undone = {activity.reversal.key for _, activity in told if activity.reversal is not None}
    left = [(record.placed_at, activity.key, record) for record, activity in told if activity.key not in undone]
    return [record for *_, record in sorted(left, key=lambda each: each[:2])]


def added(board: str, scope: str | None, record: Record, before: tuple[int, Any]) -> tuple[int, Any]:
    """The score and its columns after one more activity."""
    activity = record.activity
    if activity is None or activity.kind != "purchase" or (scope and activity.attributes.get("store") != scope):
        return before
    cents, (value, columns) = activity.amount_minor, before
    this_week = MONDAY <= activity.occurred_at < MONDAY + timedelta(days=7)
    if board == "ever":
        return max(value, cents), ()
    if not this_week:
        return before
    if board == "columned":
        spent, best = columns or (0, 0)
        return value + 1, (spent + cents, max(best, cents))
    return value + cents // 100, ()


def ranks(lines: list[Line], *, shared: bool) -> Iterator[tuple[int, Line]]:
    for position, line in enumerate(lines, 1):
        yield (1 + sum(other.value > line.value for other in lines) if shared else position), line


@pytest.fixture
async def arena(database: Database, servers: StoreServers) -> AsyncIterator[Arena]:
    async with opened(database, servers) as running:
        yield running


async def play(arena: Arena, random: Random) -> History:
    """Purchases with many ties, some late or of the week before or taken back, friendships, and changes of mind."""
    await arena.enrol(*NAMES)
    history = History(arena, dict.fromkeys(NAMES, "shown"), set())
    bought: list[tuple[str, str]] = []
    for _ in range(STEPS):
        name = random.choice(NAMES)
        match random.choice(("buy", "buy", "buy", "buy", "late", "back", "mode", "friend")):
            case "back" if bought:
                who, key = bought.pop(random.randrange(len(bought)))
                await arena.take_back(who, key)
            case "buy":
                # Some at the very same moment, so that nothing but the member's id decides.
                dollars, store, seconds = random.choice((5, 10, 10, 20)), random.choice(STORES), random.choice((0, 1))
                await arena.buy(name, dollars, seconds=seconds, store=store)
                bought.append((name, f"buy-{arena.bought}"))
            case "late":
                late = arena.api.clock.now - timedelta(hours=random.choice((1, 5, 13, 40)))
                await arena.buy(name, random.choice((5, 10)), at=late, store=random.choice(STORES))
                bought.append((name, f"buy-{arena.bought}"))
            case "mode":
                history.modes[name] = random.choice(MODES)
                await arena.appear(name, history.modes[name])
            case "friend":
                other = random.choice([other for other in NAMES if other != name])
                await arena.befriend(name, other)
                history.friends.add(frozenset((name, other)))
    await arena.settled()
    return history


async def walked(arena: Arena, board: str, viewer: str | None, size: int, **asked: Any) -> list[tuple[Any, ...]]:
    """All rows, page by page."""
    rows: list[tuple[Any, ...]] = []
    after = None
    while True:
        page = await arena.page(board, viewer, first=size, after=after, **asked)
        rows += [(row["rank"], row["score"], row["columns"], row["name"], row["isMe"]) for row in page["nodes"]]
        assert page["total"] == len(rows) or page["pageInfo"]["hasNextPage"]
        if not page["pageInfo"]["hasNextPage"]:
            return rows
        after = page["pageInfo"]["endCursor"]


@pytest.mark.parametrize("seed", range(2))
async def test_boards_equal_a_plain_sort_of_the_journal(arena: Arena, seed: int) -> None:
    random = Random(seed)
    history = await play(arena, random)
    for board, scope in BOARDS:
        asked = {} if scope is None else {"scope": scope}
        lines = await history.lines(board, scope)
        listed = history.listed(lines)
        for viewer in (None, *NAMES):
            rows = expected(history, board, listed, viewer)
            assert await walked(arena, board, viewer, random.choice((1, 2, 3)), **asked) == rows, (board, scope, viewer)
            if viewer is None:
                continue
            friends = history.among(lines, viewer)
            rows = expected(history, board, friends, viewer)
            assert await walked(arena, board, viewer, 2, friends=True, **asked) == rows, (board, scope, viewer)
            await assert_rank(history, board, lines, viewer, **asked)
            await assert_rank(history, board, friends, viewer, friends=True, **asked)


def expected(history: History, board: str, lines: list[Line], viewer: str | None) -> list[tuple[Any, ...]]:
    scale = 100 if board == "ever" else 1
    return [
        (
            rank,
            line.value / scale,
            [column / 100 for column in line.columns],
            history.name_of(line),
            line.name == viewer,
        )
        for rank, line in ranks(lines, shared=board == "shared")
    ]


async def assert_rank(history: History, board: str, lines: list[Line], viewer: str, **asked: Any) -> None:
    """The viewer's rank among those who are seen, whether they are themself or not."""
    public = lines if asked.get("friends") else history.listed(lines)
    own = next((line for line in lines if line.name == viewer), None)
    found = await history.arena.rank(board, viewer, **asked)
    assert found["total"] == len(public)
    if own is None:
        assert found["rank"] is None
        return
    ahead = [line for line in public if line.order < own.order]
    higher = [line for line in public if line.value > own.value]
    following = (higher if board == "shared" else ahead)[-1:]
    scale = 100 if board == "ever" else 1
    missing = [line.value - own.value + (board != "shared") for line in following]
    rank = 1 + len(higher if board == "shared" else ahead)
    assert found["rank"] == rank
    assert found["score"] == own.value / scale
    assert found["missing"] == (missing[0] / scale if missing else None)
    assert found["percentile"] == (100 * (len(public) - rank + 1) // len(public) if public else 100)
    seen_in = ("shown", "alias", "friends") if asked.get("friends") else ("shown", "alias")
    assert found["listed"] == (history.modes[viewer] in seen_in)
