"""A rank does not outlive the purchase that won it, whoever looks and however the boards came about."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from app.embedded import StoreServers
from tests.redis_servers import embedded_binary, redis_server
from tests.schema.api import Database
from tests.schema.arena import Arena, opened
from tests.schema.test_leaderboards import NOTHING


@pytest.fixture
async def arena(database: Database, servers: StoreServers) -> AsyncIterator[Arena]:
    async with opened(database, servers) as running:
        yield running


async def test_who_has_nothing_left_is_on_no_board(arena: Arena) -> None:
    await arena.enrol("ann", "bob")
    await arena.buy("ann", 10, store="lisbon")  # buy-1
    await arena.buy("bob", 30, store="lisbon")
    await arena.settled()
    assert await arena.names("weekly") == [(1, "handle_bob"), (2, "handle_ann")]

    await arena.take_back("bob", "buy-2")
    await arena.settled()
    for board, scope in (("weekly", None), ("shared", None), ("columned", None), ("ever", None), ("stores", "lisbon")):
        page = await arena.page(board, scope=scope)
        assert ([(row["rank"], row["name"]) for row in page["nodes"]], page["total"]) == ([(1, "handle_ann")], 1)
    assert await arena.rank("weekly", "bob") == {"state": "LIVE", **NOTHING, "total": 1}

    await arena.buy("bob", 5, store="lisbon")
    await arena.settled()
    assert await arena.names("weekly") == [(1, "handle_ann"), (2, "handle_bob")]
    assert (await arena.rank("weekly", "bob"))["score"] == 5.0


async def test_what_is_left_of_the_score_counts(arena: Arena) -> None:
    await arena.enrol("ann", "bob")
    await arena.buy("ann", 10)
    await arena.buy("bob", 30)
    await arena.buy("bob", 6)
    await arena.settled()
    await arena.take_back("bob", "buy-2")
    await arena.settled()
    assert await arena.names("weekly") == [(1, "handle_ann"), (2, "handle_bob")]
    assert [row["score"] for row in (await arena.page("weekly"))["nodes"]] == [10.0, 6.0]


async def test_a_rebuilt_board_knows_of_no_one_who_left(
    database: Database, servers: StoreServers, tmp_path: Path
) -> None:
    async with (
        redis_server(embedded_binary(), tmp_path) as server,
        opened(database, StoreServers(servers.mongo_url, server.url)) as arena,
    ):
        await arena.enrol("ann", "bob")
        await arena.buy("ann", 10)
        await arena.buy("bob", 30)
        await arena.settled()
        await arena.take_back("bob", "buy-2")
        await arena.settled()
        async with Redis.from_url(server.url) as redis:
            await redis.flushall()

        async def rebuilt() -> bool:
            return bool((await arena.page("weekly"))["state"] == "LIVE")

        await arena.until(rebuilt)
        assert await arena.names("weekly") == [(1, "handle_ann")]
