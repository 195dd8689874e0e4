"""However many buy at once, campaigns give out what they have to the last point, and not one more."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import Any

import pytest
from redis.asyncio import Redis

from app.campaigns import allowances
from app.stores.connection import Collection
from app.wiring import Laurel
from gamification.campaigning import Left
from tests.app.campaigns.arena import (
    Place,
    bonus,
    buy,
    crowd,
    differences,
    given_by_campaign,
    in_processes,
    left,
    run_campaign,
    spawned,
    split,
    terms,
    until_async,
    watched,
)

BUDGET = 3_000
PLACES = 30
CAP = 15


async def test_a_budget_is_given_out_to_the_last_point(shop: Laurel) -> None:
    await run_campaign(shop, terms(budget={"points": 500}))
    members = await crowd(shop, 40)

    results = await buy(shop, [(member, f"k{n}") for n, member in product(range(4), members)], callers=64)

    assert sum(map(bonus, results)) == 500
    assert sorted(set(map(bonus, results))) == [0, 3, 7]  # 71 whole ones, the rest of 3, and nothing.
    assert await left(shop) == Left(0)
    assert await differences(shop) == []


async def test_a_budget_that_gives_no_part_keeps_the_rest(shop: Laurel) -> None:
    await run_campaign(shop, terms(budget={"points": 500, "too_little": "none"}))
    members = await crowd(shop, 40)

    results = await buy(shop, [(member, f"k{n}") for n, member in product(range(4), members)], callers=64)

    assert Counter(map(bonus, results)) == {7: 71, 0: 89}
    assert await left(shop) == Left(3)
    assert await differences(shop) == []


async def test_two_processes_share_budget_places_and_caps(shop: Laurel, place: Place) -> None:
    await run_campaign(shop, terms("spent", budget={"points": BUDGET}))
    await run_campaign(shop, terms("placed", first_members=PLACES))
    await run_campaign(shop, terms("capped", caps={"member": CAP}, budget={"points": 100_000}))
    members = await crowd(shop, 100)
    purchases = [(member, f"k{n}") for n, member in product(range(10), members)]

    await in_processes(place, [{"purchases": part, "callers": 64} for part in split(purchases, 2)])

    given = await given_by_campaign(shop)
    assert sum(given["spent"].values()) == BUDGET
    assert Counter(given["placed"].values()) == {70: PLACES}
    assert given["capped"] == dict.fromkeys(members, CAP)
    assert await left(shop, "spent") == Left(0)
    assert await left(shop, "placed") == Left(None, 0)
    assert await left(shop, "capped") == Left(100_000 - 100 * CAP)
    assert await differences(shop) == []


async def test_a_retry_is_given_nothing_again(shop: Laurel, place: Place) -> None:
    await run_campaign(shop, terms(budget={"points": 10_000}))
    members = await crowd(shop, 50)
    purchases = [(member, "same") for member in members] * 3

    reports = await in_processes(place, [{"purchases": purchases, "callers": 32}] * 2)

    assert [report["given"] for report in reports] == [{f"{member}:same": 7 for member in members}] * 2
    assert await left(shop) == Left(10_000 - 7 * len(members))
    assert await differences(shop) == []


async def test_losing_redis_again_and_again_changes_nothing(shop: Laurel, place: Place, redis: Redis) -> None:
    await run_campaign(shop, terms(budget={"points": BUDGET}))
    members = await crowd(shop, 60)
    purchases = [(member, f"k{n}") for n, member in product(range(10), members)]
    orders: list[Mapping[str, Any]] = [{"purchases": part, "callers": 32} for part in split(purchases, 2)]
    buying = asyncio.ensure_future(in_processes(place, orders))

    while not buying.done():
        await redis.flushall()
        await asyncio.sleep(random.uniform(0, 0.2))

    assert sum(points for report in await buying for points in report["given"].values()) == BUDGET
    assert sum((await given_by_campaign(shop))["flash"].values()) == BUDGET
    assert await differences(shop) == []


@pytest.mark.soak  # As a kill before each single step is in the usual run.
async def test_a_killed_process_leaves_nothing_half_settled(shop: Laurel, place: Place) -> None:
    await run_campaign(shop, terms(budget={"points": BUDGET}))
    members = await crowd(shop, 60)
    journal = shop.connection["journal"]
    for round_number in range(3):
        written = await journal.count_documents({})
        purchases = [(member, f"r{round_number}-{n}") for n, member in product(range(10), members)]
        process = await spawned(place, {"purchases": purchases, "callers": 32})
        await until_async(partial(grown, journal, written + 1 + random.randrange(60)))
        await killed(shop, process)

    assert await differences(shop) == []


@pytest.mark.soak
async def test_killed_processes_leave_nothing_unsettled(shop: Laurel, place: Place) -> None:
    await run_campaign(shop, terms(budget={"points": BUDGET}))
    members = await crowd(shop, 60)
    purchases = [(member, f"k{n}") for n, member in product(range(10), members)]
    journal = shop.connection["journal"]
    for more in (1, 60, 150):
        written = await journal.count_documents({})
        process = await spawned(place, {"purchases": purchases, "callers": 32})
        await until_async(lambda goal=written + more: grown(journal, goal))
        await killed(shop, process)
        assert await differences(shop) == []

    await in_processes(place, [{"purchases": part, "callers": 32} for part in split(purchases, 2)])

    assert sum((await given_by_campaign(shop))["flash"].values()) == BUDGET
    assert await left(shop) == Left(0)
    assert await differences(shop) == []


async def test_verification_tells_what_does_not_add_up(shop: Laurel, monkeypatch: pytest.MonkeyPatch) -> None:
    await run_campaign(shop, terms(budget={"points": 500}))
    members = await crowd(shop, 3)
    take = allowances._take

    def forgetful(slices: Any, amount: int, turn: int) -> Any:
        return take(slices, amount - 1, turn)

    monkeypatch.setattr(allowances, "_take", forgetful)
    await buy(shop, [(member, "k") for member in members], callers=1)
    await shop.connection["allowances"].update_one({"_id": "flash:points:0"}, {"$inc": {"remaining": 5}})

    assert [str(difference) for difference in await differences(shop)] == [
        "flash: campaign: the journal gave 21 points, but 18 were taken",
        "flash: campaign: of 500 points 18 were taken, and 487 remain",
    ]


@pytest.mark.soak
async def test_ten_thousand_purchases_with_redis_coming_and_going(shop: Laurel, place: Place, redis: Redis) -> None:
    await run_campaign(shop, terms("spent", budget={"points": 40_000}))
    await run_campaign(shop, terms("placed", first_members=PLACES))
    members = await crowd(shop, 500)
    purchases = [(member, f"k{n}") for n, member in product(range(20), members)]
    orders: list[Mapping[str, Any]] = [{"purchases": part, "callers": 128} for part in split(purchases, 2)]
    buying = asyncio.ensure_future(in_processes(place, orders))

    async with watched(shop):
        while not buying.done():
            await redis.flushall()
            await asyncio.sleep(random.uniform(0, 0.5))

    given = await given_by_campaign(shop)
    assert sum(given["spent"].values()) == 40_000
    assert len(given["placed"]) == PLACES
    assert await differences(shop) == []


async def killed(shop: Laurel, process: asyncio.subprocess.Process) -> None:
    """Kill a process. A server drops what it has left open after a minute; here at once."""
    process.kill()
    await process.communicate()
    await shop.connection.client.admin.command("killAllSessions", [])


async def grown(journal: Collection, goal: int) -> bool:
    """Whether there are so many records."""
    return await journal.count_documents({}) >= goal
