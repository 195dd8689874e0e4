"""Redis emptied or away: ranks are unavailable, all else is answered, and ranks come back by themselves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from app.embedded import StoreServers
from app.web import HOME_QUERY
from tests.redis_servers import RedisServer, embedded_binary, redis_server
from tests.schema.api import RECORD_SHOP, Database
from tests.schema.arena import PAGE, Arena, opened

NO_RANK = {"rank": None, "score": None, "total": None, "percentile": None, "missing": None, "listed": None}


@pytest.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """A Redis that a test may stop."""
    async with redis_server(embedded_binary(), tmp_path) as server:
        yield server


@pytest.fixture
async def arena(database: Database, servers: StoreServers, own_redis: RedisServer) -> AsyncIterator[Arena]:
    async with opened(database, StoreServers(servers.mongo_url, own_redis.url), RECORD_SHOP) as running:
        await running.enrol("ann", "bob")
        await running.buy("ann", 10)
        await running.buy("bob", 20)
        await running.settled()
        yield running


async def assert_unavailable(arena: Arena) -> None:
    home = await arena.api.data(HOME_QUERY, arena.caller("ann"))
    assert home["me"]["rank"] == {"rank": None, "score": None, "total": None}
    assert home["leaderboard"] == {"nodes": []}
    assert home["me"]["points"]["available"] == 10
    assert home["campaigns"] != []
    page = await arena.page("weekly", "ann")
    assert (page["state"], page["total"], page["nodes"], page["edges"]) == ("UNAVAILABLE", None, [], [])
    assert page["me"] == {"state": "UNAVAILABLE", **NO_RANK}
    assert await arena.around("weekly", "ann") == []
    friends = await arena.page("weekly", "ann", friends=True)
    assert (friends["state"], friends["me"]) == ("UNAVAILABLE", {"state": "UNAVAILABLE", **NO_RANK})


async def assert_back(arena: Arena, ann: int) -> None:
    async def live() -> bool:
        return bool((await arena.rank("weekly", "ann"))["state"] == "LIVE")

    await arena.until(live)
    home = await arena.api.data(HOME_QUERY, arena.caller("ann"))
    assert home["me"]["rank"] == {"rank": 2, "score": float(ann), "total": 2}
    assert [row["score"] for row in home["leaderboard"]["nodes"]] == [20.0, float(ann)]


async def test_redis_away_and_back(arena: Arena, own_redis: RedisServer) -> None:
    await own_redis.kill()
    await assert_unavailable(arena)
    await arena.buy("ann", 5)  # purchases go on
    await own_redis.start()
    await assert_back(arena, 15)


async def test_redis_emptied(arena: Arena, own_redis: RedisServer) -> None:
    # Nobody rebuilds while MongoDB says that somebody else is at it.
    async with Redis.from_url(own_redis.url) as redis:
        await redis.flushall()
        page = await arena.page("weekly", "ann")
        assert page["state"] in ("UNAVAILABLE", "LIVE")
        assert page["state"] == "UNAVAILABLE" or page["total"] == 2, "all or nothing, but never an empty board"
    await assert_back(arena, 10)


async def test_a_cursor_outlives_the_loss_of_redis(arena: Arena, own_redis: RedisServer) -> None:
    after = (await arena.page("weekly", first=1))["pageInfo"]["endCursor"]
    async with Redis.from_url(own_redis.url) as redis:
        await redis.flushall()
    await assert_back(arena, 10)
    assert await arena.names("weekly", after=after) == [(2, "handle_ann")]
    assert await arena.api.codes(PAGE, board="all-time", after=after) == ["INVALID_CURSOR"]
