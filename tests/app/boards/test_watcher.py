"""A Redis that is emptied, rolled back, paused or killed is noticed, and until it is right nothing is said."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase
from redis.asyncio.cluster import RedisCluster

from app.boards import redis_boards
from app.boards.confidence import NeverBuilt
from app.boards.control import Control
from app.boards.redis_boards import READ_TIMEOUT_SECONDS
from app.boards.requests import RankOf
from app.boards.watcher import NEW_LAYOUT_SECONDS, NOTE_WRITES_SECONDS
from app.boards.wire import answering, connect
from app.stores.connection import Connection
from gamification.boards.listing import Rank, Unavailable
from gamification.stores import StoreUnavailable
from tests.app.boards.conftest import TIMEOUT_SECONDS, Arena, Process
from tests.app.boards.truth import WEEKLY, placing
from tests.redis_servers import RedisServer, embedded_binary, redis_server

NOTHING_READ = Control(None, None, None, 0)
NOTICED_SECONDS = 5.0
"""Far more than it takes, for a busy machine."""
MARGIN_SECONDS = 0.5


async def test_boards_that_were_never_built_are_no_fault(arena: Arena, caplog: pytest.LogCaptureFixture) -> None:
    process = arena.process()
    with pytest.raises(NeverBuilt):
        await process.boards.place([placing("ann", 1)])
    with caplog.at_level(logging.INFO, "app.boards.watcher"):
        await process.watcher.look()
        await arena.empty()
        await process.watcher.look()
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "ranks are unavailable: the boards are not built yet"),
        ("INFO", "the boards are built"),
        ("INFO", "ranks are available"),
        ("WARNING", "ranks are unavailable: Redis has been emptied"),
        ("INFO", "the boards are built"),
        ("INFO", "ranks are available"),
    ]


async def test_a_new_layout_in_force_has_the_boards_rebuilt_once(arena: Arena) -> None:
    first, second = await arena.started(), arena.process()
    await second.watcher.look()
    generation = (await first.control.read() or NOTHING_READ).current
    arena.layout = "by columns"
    for process in (first, second):
        await process.watcher.look()
    arena.clock.move(NEW_LAYOUT_SECONDS - 0.1)
    await first.watcher.look()
    assert (await first.control.read() or NOTHING_READ).current == generation, "others still place by the other"
    arena.clock.move(0.1)
    for process in (first, second, first, second):
        await process.watcher.look()
        assert process.confidence.doubt is None
    rebuilt = await first.control.read() or NOTHING_READ
    trusted = (await first.projection.get()).trusted
    assert trusted is not None
    assert (rebuilt.current, trusted.layout) == ((generation or 0) + 1, "by columns")
    await arena.assert_true(first)


async def test_a_layout_that_came_into_force_while_nobody_served_is_noticed(arena: Arena) -> None:
    before = await (await arena.started()).projection.get()
    arena.layout = "by columns"
    process = arena.process()
    await process.watcher.look()
    arena.clock.move(NEW_LAYOUT_SECONDS)
    await process.watcher.look()
    after = await process.projection.get()
    assert before.trusted is not None
    assert after.trusted is not None
    assert (before.trusted.layout, after.trusted.layout) == ("by score", "by columns")


async def test_a_redis_that_hangs_is_said_to_with_how_long() -> None:
    with pytest.raises(StoreUnavailable, match=r"^Redis is away: no answer within 0\.01 s$"), answering(0.01):
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """A Redis of this test alone."""
    async with redis_server(embedded_binary(), tmp_path / "redis") as server:
        yield server


@pytest.fixture
async def own_arena(own_server: RedisServer, database: AsyncIOMotorDatabase[dict[str, Any]]) -> AsyncIterator[Arena]:
    """Boards over the Redis of this test alone."""
    client = connect(own_server.url, TIMEOUT_SECONDS, cluster=False)
    yield Arena(client, Connection(database, TIMEOUT_SECONDS))
    await client.aclose()


@asynccontextmanager
async def watched(process: Process) -> AsyncIterator[None]:
    task = asyncio.create_task(process.watcher.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def rank(process: Process, member_id: str = "ann") -> Rank | Unavailable:
    [answer] = await process.boards.read([RankOf(WEEKLY, member_id)])
    assert isinstance(answer, Rank | Unavailable)
    return answer


async def until_true(arena: Arena, process: Process, expected: Rank) -> list[Rank | Unavailable]:
    """What was answered until the truth was."""
    answers: list[Rank | Unavailable] = []
    async with asyncio.timeout(NOTICED_SECONDS):
        while not answers or answers[-1] != expected:
            answers.append(await rank(process))
            await asyncio.sleep(0.005)
    return answers


async def build(arena: Arena) -> Process:
    placings = [placing("ann", 5), placing("bob", 7), placing("cleo", 3)]
    arena.truth.take(placings)
    return await arena.started()


async def test_emptied_redis_is_rebuilt_by_itself_and_never_answers_wrongly(arena: Arena) -> None:
    process = await build(arena)
    expected = arena.truth.rank(WEEKLY, "ann")
    async with watched(process):
        await until_true(arena, process, expected)
        for _ in range(3):
            await arena.empty()
            answers = await until_true(arena, process, expected)
            assert {type(answer) for answer in answers[:-1]} <= {Unavailable}
    await arena.assert_true(process)


async def test_part_of_a_cluster_that_is_emptied_is_noticed(arena: Arena) -> None:
    if not isinstance(arena.redis, RedisCluster):
        pytest.skip("one server has no parts")
    process = await build(arena)
    for node in arena.redis.get_primaries():
        await arena.redis.flushall(target_nodes=node)
        await process.watcher.look()
        await arena.assert_true(process)


async def test_redis_that_went_back_without_a_restart_is_noticed(arena: Arena) -> None:
    process = await build(arena)
    dumps = await arena.dump()
    later = [placing("ann", 50, revision=2), placing("bob", None, revision=2)]
    await process.boards.place(later)
    arena.truth.take(later)
    assert await rank(process) == arena.truth.rank(WEEKLY, "ann")

    await arena.go_back(dumps)
    answer = await rank(process)
    assert isinstance(answer, Unavailable)
    await process.watcher.look()
    await arena.assert_true(process)


async def test_going_back_is_noticed_by_a_process_that_starts_afterwards(arena: Arena) -> None:
    process = await build(arena)
    dumps = await arena.dump()
    later = placing("ann", 50, revision=2)
    await process.boards.place([later])
    arena.truth.take([later])
    arena.clock.move(NOTE_WRITES_SECONDS + 1)
    await process.watcher.look()
    await arena.go_back(dumps)
    fresh = arena.process()
    assert isinstance(await rank(fresh), Unavailable)
    await fresh.watcher.look()
    await arena.assert_true(fresh)


async def test_restarted_redis_is_rebuilt_whatever_its_file_has_kept(own_arena: Arena, own_server: RedisServer) -> None:
    arena = own_arena
    process = await build(arena)
    async with watched(process):
        await own_server.kill()
        async with asyncio.timeout(NOTICED_SECONDS):
            while process.confidence.doubt is None:  # noqa: ASYNC110 - the doubt has no event
                await asyncio.sleep(0.005)
        assert isinstance(await rank(process), Unavailable)
        # What is decided while Redis is away is known to MongoDB alone.
        arena.truth.take([placing("ann", 50, revision=2)])
        await own_server.start()
        await until_true(arena, process, arena.truth.rank(WEEKLY, "ann"))
    assert (await process.confidence.generation()) == 2
    await arena.assert_true(process)


async def test_paused_redis_is_unavailable_in_time_and_right_afterwards(
    own_arena: Arena, own_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_boards, "READ_TIMEOUT_SECONDS", READ_TIMEOUT_SECONDS)
    arena = own_arena
    process = await build(arena)
    expected = arena.truth.rank(WEEKLY, "ann")
    assert await rank(process) == expected
    own_server.pause()
    try:
        async with asyncio.timeout(READ_TIMEOUT_SECONDS + MARGIN_SECONDS):
            assert isinstance(await rank(process), Unavailable)
    finally:
        own_server.resume()
    async with watched(process):
        await until_true(arena, process, expected)
    assert (await process.confidence.generation()) == 1


async def test_other_processes_follow_a_rebuild_without_a_gap(arena: Arena) -> None:
    process, other = await build(arena), arena.process()
    expected = arena.truth.rank(WEEKLY, "ann")
    assert await rank(other) == expected
    for _ in range(3):
        rebuild = asyncio.create_task(process.rebuilder.rebuild())
        while not rebuild.done():
            assert await rank(other) == expected
        assert await rebuild
    assert await rank(other) == expected
