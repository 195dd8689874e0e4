"""Limits hold to the last point while Redis is emptied, paused and killed, and no purchase is refused because of it."""

import asyncio
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import cycle, product
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.clock import utc_now
from app.embedded import StoreServers
from app.live.background import running
from app.wiring import Laurel
from gamification.campaigning import Left
from tests.app.campaigns.arena import (
    WITH_BOARDS,
    Place,
    announced,
    boards_differ,
    crowd,
    differences,
    given_by_campaign,
    in_processes,
    left,
    run_campaign,
    shows,
    split,
    terms,
    until_async,
)
from tests.redis_servers import RedisServer, embedded_binary, installed_binary, redis_server

BONUS = 7
CAP = 15
RIGHT_SECONDS = 5.0
"""By when the live figures are right again."""
SETTLED_SECONDS = 30.0
EMPTY = "empty"
FAULTS = (EMPTY, "pause", "lose")
LONGEST_SECONDS = 0.5
"""For which Redis hangs or is away."""
CALLERS = 6


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop with a Redis of its own, to do harm to."""

    laurel: Laurel
    place: Place
    redis: RedisServer
    folder: Path

    async def harm(self, fault: str, rng: random.Random) -> None:
        """Let Redis forget everything, hang for a while, or be away for a while and come back empty."""
        if fault == EMPTY:
            with suppress(RedisError, OSError):
                async with Redis.from_url(self.redis.url, socket_timeout=1) as client:
                    await client.flushall()
            return
        if fault == "pause":
            self.redis.pause()
            await asyncio.sleep(rng.uniform(0.1, LONGEST_SECONDS))
            self.redis.resume()
            return
        await self.redis.kill()
        shutil.rmtree(self.folder)
        await asyncio.sleep(rng.uniform(0, LONGEST_SECONDS))
        await self.redis.start()


@pytest.fixture(params=[embedded_binary, installed_binary], ids=["embedded", "installed"])
async def shop(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    database: AsyncIOMotorDatabase[dict[str, Any]],
    servers: StoreServers,
) -> AsyncIterator[Shop]:
    """A shop over each kind of Redis server."""
    binary = request.param()
    if binary is None:
        pytest.skip("redis-server is not installed")
    folder = tmp_path / "redis"
    async with redis_server(binary, folder) as redis:
        place = Place(servers.mongo_url, redis.url, database.name)
        async with place.opened() as laurel:
            await laurel.programs.apply(WITH_BOARDS, "test", utc_now())
            yield Shop(laurel, place, redis, folder)


async def test_limits_hold_while_redis_is_lost_again_and_again(shop: Shop) -> None:
    await shop_in_harm(shop, members=40, purchases_each=10, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3))
async def test_limits_hold_for_thousands_while_redis_is_lost_again_and_again(shop: Shop, seed: int) -> None:
    await shop_in_harm(shop, members=250, purchases_each=20, seed=seed)


async def shop_in_harm(shop: Shop, members: int, purchases_each: int, seed: int) -> None:
    """Two processes sell while Redis is harmed; then everything is where it belongs."""
    laurel, rng = shop.laurel, random.Random(seed)
    wanted = BONUS * members * purchases_each
    budget = wanted * 3 // 4 // BONUS * BONUS + 3
    await run_campaign(laurel, terms("partial", budget={"points": budget}))
    await run_campaign(laurel, terms("whole", budget={"points": budget, "too_little": "none"}))
    await run_campaign(laurel, terms("placed", first_members=members // 3))
    await run_campaign(laurel, terms("capped", caps={"member": CAP}, budget={"points": wanted}))
    ids = await crowd(laurel, members)
    purchases = [(member, f"k{number}") for number, member in product(range(purchases_each), ids)]
    orders: list[Mapping[str, Any]] = [
        {"purchases": part, "callers": CALLERS, "everything": True} for part in split(purchases, 2)
    ]

    selling = asyncio.ensure_future(in_processes(shop.place, orders))
    await until_async(partial(_has_sold, laurel, 1))
    sold_in: Counter[str] = Counter()
    for fault in cycle(rng.sample(FAULTS, len(FAULTS))):
        before = await _sold(laurel)
        await shop.harm(fault, rng)
        sold_in[fault] += await _sold(laurel) - before
        await asyncio.wait([selling], timeout=rng.uniform(0, 0.2))
        if selling.done():
            break
    reports = await selling

    assert sold_in.keys() == set(FAULTS)
    assert min(sold_in[fault] for fault in FAULTS if fault != EMPTY) > 0, "Redis was never away while members bought"

    assert [report["refusals"] for report in reports] == [[], []]
    given = await given_by_campaign(laurel)
    assert sum(given["partial"].values()) == budget
    assert sum(given["whole"].values()) == budget - 3
    assert Counter(given["placed"].values()) == {BONUS * purchases_each: members // 3}
    assert given["capped"] == dict.fromkeys(ids, CAP)
    told = [points for report in reports for points in report["given"].values()]
    assert len(told) == len(purchases)
    assert sum(told) == sum(sum(of_one.values()) for of_one in given.values())
    assert await differences(laurel) == []
    await assert_settled(shop, {"partial": 0, "whole": 3, "capped": wanted - CAP * members})


async def assert_settled(shop: Shop, remaining: Mapping[str, int]) -> None:
    """Nothing waits, the figures in Redis are right within seconds, and the boards equal MongoDB."""
    laurel = shop.laurel
    for code, points in remaining.items():
        assert await left(laurel, code) == Left(points)
    async with running(laurel.jobs()):
        # Of those that have ended nobody asks any more.
        await until_async(partial(shows, laurel, "capped", Left(remaining["capped"])), RIGHT_SECONDS)
        assert await laurel.campaigning.store.live(list(remaining)) == {
            code: Left(points) for code, points in remaining.items()
        }
        await until_async(partial(announced, laurel), SETTLED_SECONDS)
        await asyncio.wait_for(laurel.live.until_ready(), SETTLED_SECONDS)
        assert await boards_differ(laurel) == []


async def _sold(laurel: Laurel) -> int:
    return await laurel.connection["journal"].count_documents({"activity.kind": "purchase"})


async def _has_sold(laurel: Laurel, count: int) -> bool:
    return await _sold(laurel) >= count
