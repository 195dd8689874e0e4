"""`python -m benchmarks.boards [MEMBERS ...]`: what a board costs in Redis: time and memory to build, and each request.

One caller asks one thing after another over the wire, so what is measured is service time without queues, the client's
share included. Runs on the embedded server, and on the installed redis-server too where there is one.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import uvloop
from motor.motor_asyncio import AsyncIOMotorClient
from redis.asyncio import Redis
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.boards.confidence import Confidence
from app.boards.control import ControlHash
from app.boards.names import Names
from app.boards.placing import Placing
from app.boards.rebuilding import Rebuilder
from app.boards.redis_boards import RedisBoards
from app.boards.requests import AroundMe, RankOf, Top
from app.boards.trust import MongoProjection
from app.boards.wire import Wire, connect
from app.clock import utc_now
from app.embedded import embedded_servers
from app.stores.connection import Connection
from gamification.boards.keys import BoardKey
from tests.redis_servers import installed_binary, redis_server

SIZES = (10_000, 100_000, 1_000_000)
SAMPLES = 2_000
WARM_UP = 100
BATCH = 1_000
TIMEOUT_SECONDS = 10.0
EACH_SIDE = 5
TOP = 10
MOST_POINTS = 5_000
"""So few different values that many members tie."""
BEGUN_AT = datetime(2026, 5, 11, tzinfo=UTC)
KEY = BoardKey("weekly", "2026-W20")
CONSOLE = Console(stderr=True)


def placing(number: int, chance: random.Random, revision: int = 1) -> Placing:
    """A member with a score of the week."""
    reached_at = BEGUN_AT + timedelta(milliseconds=chance.randrange(600_000_000))
    return Placing(KEY, member_id(number), revision, chance.randrange(MOST_POINTS), (), reached_at, listed=True)


def member_id(number: int) -> str:
    """An id of the length that Laurel gives."""
    return UUID(int=number * 2_654_435_761 % 2**128).hex


class Board:
    """One board of some size, being measured."""

    def __init__(self, redis: Redis, connection: Connection, members: int) -> None:
        self._redis, self._members = redis, members
        self._chance = random.Random(members)
        wire, names = Wire(redis), Names(f"bench{members}")
        projection = MongoProjection(connection)
        confidence = Confidence(projection)
        control = ControlHash(wire, names)
        self._boards = RedisBoards(wire, names, confidence, lambda _: None, utc_now)
        self._rebuilder = Rebuilder(
            self._boards, control, projection, confidence, stream=self._stream, layout=_layout, now=utc_now
        )
        self._revision = 1

    async def build(self, progress: Progress) -> tuple[float, float]:
        """Seconds and megabytes that the board takes."""
        before = (await self._redis.info("memory"))["used_memory"]
        task = progress.add_task(f"Building {self._members:,}", total=self._members)
        begun = time.perf_counter()
        assert await self._rebuilder.rebuild(lambda done: progress.advance(task, done))
        seconds = time.perf_counter() - begun
        return seconds, ((await self._redis.info("memory"))["used_memory"] - before) / 1e6

    async def rank(self) -> None:
        """Where a member stands."""
        [answer] = await self._boards.read([RankOf(KEY, self._someone())])
        assert answer.row is not None

    async def around(self) -> None:
        """A member and those next to them."""
        [answer] = await self._boards.read([AroundMe(KEY, self._someone(), EACH_SIDE)])
        assert len(answer.rows) > EACH_SIDE

    async def top(self) -> None:
        """The first ten."""
        [answer] = await self._boards.read([Top(KEY, TOP)])
        assert len(answer.rows) == TOP

    async def update(self) -> None:
        """A member's new score."""
        self._revision += 1
        await self._boards.place([placing(self._chance.randrange(self._members), self._chance, self._revision)])

    def _someone(self) -> str:
        return member_id(self._chance.randrange(self._members))

    async def _stream(self) -> AsyncIterator[Sequence[Placing]]:
        for first in range(0, self._members, BATCH):
            yield [placing(number, self._chance) for number in range(first, min(first + BATCH, self._members))]


async def measure(board: Board, progress: Progress) -> dict[str, list[float]]:
    """Milliseconds of each request, sorted."""
    asked: dict[str, Callable[[], Awaitable[None]]] = {
        "rank": board.rank,
        "around me": board.around,
        f"top {TOP}": board.top,
        "update": board.update,
    }
    figures: dict[str, list[float]] = {}
    for what, ask in asked.items():
        task = progress.add_task(f"Measuring {what}", total=SAMPLES)
        times: list[float] = []
        for number in range(WARM_UP + SAMPLES):
            begun = time.perf_counter()
            await ask()
            if number >= WARM_UP:
                times.append((time.perf_counter() - begun) * 1000)
                progress.advance(task)
        figures[what] = sorted(times)
    return figures


async def main(sizes: Sequence[int]) -> None:
    """Measure and print."""
    table = Table("Server", "Members", "Build s", "Memory MB", "Request", "p50 ms", "p99 ms", "Most ms")
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = await stack.enter_async_context(embedded_servers(folder / "embedded"))
        urls = {"embedded": servers.redis_url}
        binary = installed_binary()
        if binary is not None:
            urls["redis-server"] = (await stack.enter_async_context(redis_server(binary, folder / "redis"))).url
        mongo: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(servers.mongo_url)
        progress = stack.enter_context(Progress(console=CONSOLE))
        for server, url in urls.items():
            for members in sizes:
                redis = connect(url, TIMEOUT_SECONDS, cluster=False)
                assert isinstance(redis, Redis)
                database = mongo[f"{server}_{members}".replace("-", "_")]
                board = Board(redis, Connection(database, TIMEOUT_SECONDS), members)
                seconds, megabytes = await board.build(progress)
                for what, times in (await measure(board, progress)).items():
                    percentiles = statistics.quantiles(times, n=100)
                    shown = (percentiles[49], percentiles[98], times[-1])
                    table.add_row(
                        server, f"{members:,}", f"{seconds:.1f}", f"{megabytes:.1f}", what, *(f"{t:.2f}" for t in shown)
                    )
                await redis.flushall()
                await redis.aclose()
        mongo.close()
    Console().print(table)


async def _layout() -> str:
    """The boards are laid out in one and the same way all the while."""
    return "benchmark"


if __name__ == "__main__":
    uvloop.run(main([int(size) for size in sys.argv[1:]] or SIZES))
