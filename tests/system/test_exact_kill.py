"""A purchase is settled, paid and announced once, though its process was killed between any two of its steps."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase

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
    bonus,
    buy_one,
    crowd,
    differences,
    given_by_campaign,
    left,
    run_campaign,
    take_back,
    terms,
    until_async,
)
from tests.redis_servers import own_database
from tests.system.exact_process import exit_code

MAX_STEPS = 60
LEAST_STEPS = 15
"""Three reads, seven commands to commit, and at least one each to read, place, tell, show and forget."""
CAP = 10
SETTLED_SECONDS = 20.0


@pytest.fixture
async def place(database: AsyncIOMotorDatabase[dict[str, Any]], servers: StoreServers) -> Place:
    return Place(servers.mongo_url, own_database(servers.redis_url), database.name)


@pytest.fixture
async def shop(place: Place) -> AsyncIterator[Laurel]:
    """A shop whose boards are built. Nothing runs in its background."""
    async with place.opened() as laurel:
        await laurel.programs.apply(WITH_BOARDS, "test", utc_now())
        await laurel.live.rebuilder.rebuild()
        yield laurel


async def test_killed_before_any_step_it_is_gone_on_with(
    shop: Laurel, place: Place, mongo: AsyncIOMotorClient[dict[str, Any]]
) -> None:
    members = await crowd(shop, MAX_STEPS)
    await run_campaign(shop, terms("spent", budget={"points": 10_000}))
    await run_campaign(shop, terms("placed", first_members=MAX_STEPS))
    await run_campaign(shop, terms("capped", caps={"member": CAP}, budget={"points": 10_000}))
    replayed: list[bool] = []
    for number, member in enumerate(members, 1):
        code = await exit_code(place, member, "killed", number)
        # A server drops what a killed process has left open after a minute; here at once.
        await mongo.admin.command("killAllSessions", [])
        again = await buy_one(shop, member, "killed")
        replayed.append(again.replayed)
        assert bonus(again) == 21
        assert bonus(await buy_one(shop, member, "next")) == 17
        if code == 0:
            break
        assert code == -signal.SIGKILL
    buyers = members[: len(replayed)]

    assert LEAST_STEPS < number < MAX_STEPS
    assert replayed == sorted(replayed)
    assert set(replayed) == {False, True}
    await assert_settled_once(shop, buyers, Left(None, MAX_STEPS - len(buyers)))


async def test_killed_before_any_step_a_reversal_gives_back_once(
    shop: Laurel, place: Place, mongo: AsyncIOMotorClient[dict[str, Any]]
) -> None:
    members = await crowd(shop, MAX_STEPS)
    await run_campaign(shop, terms("spent", budget={"points": 10_000}))
    await run_campaign(shop, terms("placed", first_members=MAX_STEPS))
    replayed: list[bool] = []
    for number, member in enumerate(members, 1):
        await buy_one(shop, member, "returned")
        await buy_one(shop, member, "stays")
        code = await exit_code(place, member, "return", number, taken_back="returned")
        await mongo.admin.command("killAllSessions", [])
        again = await take_back(shop, member, "returned", "return")
        replayed.append(again.replayed)
        assert bonus(again) == -14
        if code == 0:
            break
        assert code == -signal.SIGKILL
    sellers = members[: len(replayed)]

    assert LEAST_STEPS < number < MAX_STEPS
    assert replayed == sorted(replayed)
    assert set(replayed) == {False, True}
    async with running(shop.jobs()):
        await until_async(partial(announced, shop), SETTLED_SECONDS)
        await asyncio.wait_for(shop.live.until_ready(), SETTLED_SECONDS)
    assert await given_by_campaign(shop) == {"spent": dict.fromkeys(sellers, 7), "placed": dict.fromkeys(sellers, 7)}
    assert await left(shop, "spent") == Left(10_000 - 7 * len(sellers))
    assert await left(shop, "placed") == Left(None, MAX_STEPS - len(sellers))
    assert await differences(shop) == []
    assert await boards_differ(shop) == []


async def assert_settled_once(shop: Laurel, buyers: Sequence[str], places: Left) -> None:
    """Two purchases of each of these members, and all that follows from them."""
    async with running(shop.jobs()):
        await until_async(partial(announced, shop), SETTLED_SECONDS)
        await asyncio.wait_for(shop.live.until_ready(), SETTLED_SECONDS)
    assert Counter(
        [
            (row["member_id"], row["activity"]["key"])
            async for row in shop.connection["journal"].find({"activity.kind": "purchase"})
        ]
    ) == dict.fromkeys([(member, key) for member in buyers for key in ("killed", "next")], 1)
    assert await given_by_campaign(shop) == {
        "spent": dict.fromkeys(buyers, 14),
        "placed": dict.fromkeys(buyers, 14),
        "capped": dict.fromkeys(buyers, CAP),
    }
    assert await left(shop, "spent") == Left(10_000 - 14 * len(buyers))
    assert await left(shop, "placed") == places
    assert await left(shop, "capped") == Left(10_000 - CAP * len(buyers))
    assert await differences(shop) == []
    assert await boards_differ(shop) == []
