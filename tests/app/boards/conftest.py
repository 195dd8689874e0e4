"""Boards over every kind of Redis there is: the embedded server, an installed one, and a cluster."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase
from redis.asyncio.cluster import RedisCluster

from app.boards import redis_boards
from app.boards.confidence import Confidence
from app.boards.control import ControlHash
from app.boards.names import Names
from app.boards.placing import Placing
from app.boards.rebuilding import Rebuilder
from app.boards.redis_boards import RedisBoards
from app.boards.requests import Among, AroundMe, RankOf, Top
from app.boards.trust import MongoProjection
from app.boards.watcher import Watcher
from app.boards.wire import Client, Wire, connect
from app.stores.connection import Connection
from gamification.boards.keys import BoardKey
from gamification.boards.listing import Rows
from tests.app.boards.truth import NOW, Truth

TIMEOUT_SECONDS = 10.0


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at

    def move(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Process:
    """What one process of Laurel has of the boards."""

    wire: Wire
    names: Names
    control: ControlHash
    projection: MongoProjection
    confidence: Confidence
    boards: RedisBoards
    rebuilder: Rebuilder
    watcher: Watcher


@dataclass
class Arena:
    """Processes over one Redis and one MongoDB, and the truth that they must show."""

    redis: Client
    connection: Connection
    clock: Clock = field(default_factory=Clock)
    truth: Truth = field(default_factory=Truth)
    expiries: dict[BoardKey, datetime] = field(default_factory=dict)
    layout: str = "by score"

    def stream(self) -> AsyncIterator[Sequence[Placing]]:
        """What a rebuild reads: the truth of the moment."""
        return self.truth.stream()

    async def read_layout(self) -> str:
        """How the program lays out the boards."""
        return self.layout

    def process(self) -> Process:
        wire = Wire(self.redis)
        names = Names(cluster=wire.cluster)
        control, projection = ControlHash(wire, names), MongoProjection(self.connection)
        confidence = Confidence(projection)
        boards = RedisBoards(wire, names, confidence, self.expiries.get, self.clock)
        rebuilder = Rebuilder(
            boards, control, projection, confidence, stream=self.stream, layout=self.read_layout, now=self.clock
        )
        watcher = Watcher(control, projection, confidence, rebuilder, layout=self.read_layout, now=self.clock)
        return Process(wire, names, control, projection, confidence, boards, rebuilder, watcher)

    async def started(self) -> Process:
        """A process whose boards have been built."""
        process = self.process()
        await process.watcher.look()
        assert process.confidence.doubt is None
        return process

    async def empty(self) -> None:
        """Lose everything that Redis holds."""
        if isinstance(self.redis, RedisCluster):
            await self.redis.flushall(target_nodes=RedisCluster.PRIMARIES)
        else:
            await self.redis.flushdb()

    async def dump(self) -> dict[bytes, bytes]:
        """All that Redis holds."""
        return {key: await self.redis.dump(key) or b"" async for key in self.redis.scan_iter("laurel:*")}

    async def go_back(self, dumps: dict[bytes, bytes]) -> None:
        """Let Redis hold what it held once, as a restored backup or a stale replica does."""
        await self.empty()
        for key, dumped in dumps.items():
            await self.redis.restore(key, 0, dumped)

    async def assert_true(self, process: Process) -> None:
        """Every read equals the plain sort."""
        for key in self.truth.boards():
            rows = self.truth.rows(key)
            ids = sorted({member_id for at, member_id in self.truth.held if at == key})
            requests: list[Any] = [Top(key, 100), Among(key, (*ids, "nobody"))]
            expected: list[Any] = [self.truth_top(key), self.truth.among(key, ids)]
            for at, one in enumerate(rows):
                requests.append(Top(key, 3, one.place))
                expected.append(Rows(tuple(rows[at + 1 : at + 4]), len(rows)))
            for member_id in [*ids, "nobody"]:
                requests += [RankOf(key, member_id), AroundMe(key, member_id, 2)]
                expected += [self.truth.rank(key, member_id), self.truth.around(key, member_id, 2)]
            answers = await process.boards.read(requests)
            for request, answer, right in zip(requests, answers, expected, strict=True):
                assert answer == right, request

    def truth_top(self, key: BoardKey) -> Rows:
        rows = self.truth.rows(key)
        return Rows(tuple(rows[:100]), len(rows))


PATIENT_READ_SECONDS = 5.0
"""So that a busy machine is not taken for a Redis that is away."""


@pytest.fixture(autouse=True)
def patient_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads that wait longer; tests of how long they wait set it back."""
    monkeypatch.setattr(redis_boards, "READ_TIMEOUT_SECONDS", PATIENT_READ_SECONDS)


@pytest.fixture
async def arena(redis_url: tuple[str, bool], database: AsyncIOMotorDatabase[dict[str, Any]]) -> AsyncIterator[Arena]:
    """An empty Redis of each kind."""
    url, cluster = redis_url
    client = connect(url, TIMEOUT_SECONDS, cluster=cluster)
    arena = Arena(client, Connection(database, TIMEOUT_SECONDS))
    await arena.empty()
    yield arena
    await client.aclose()
