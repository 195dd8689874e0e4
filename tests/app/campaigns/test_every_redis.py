"""Limits, figures, boards and hints of two processes that share a Redis of any kind, a cluster of three included."""

import asyncio
from collections.abc import Sequence
from functools import partial
from itertools import product

from app.boards.requests import Top
from app.clock import utc_now
from app.wiring import Laurel
from gamification.boards.keys import BoardKey
from gamification.boards.listing import Rows
from gamification.campaigning import Left
from schema.signals import CAMPAIGNS
from tests.app.campaigns.arena import (
    EVERY_REDIS,
    WITH_BOARDS,
    Place,
    announced,
    boards_differ,
    buy,
    buy_one,
    crowd,
    differences,
    emptied,
    given_by_campaign,
    run_campaign,
    shows,
    split,
    terms,
    until_async,
)

MEMBERS = 30
BUDGET = 500
SOON_SECONDS = 5.0
RIGHT_SECONDS = 5.0
SETTLED_SECONDS = 20.0
EVER = BoardKey("ever", "all")

pytestmark = EVERY_REDIS


async def test_two_processes_agree_with_mongodb_and_go_on_when_redis_is_emptied(shop: Laurel, place: Place) -> None:
    await shop.programs.apply(WITH_BOARDS, "test", utc_now())
    members = await crowd(shop, MEMBERS)
    async with place.serving(everything=True) as till, place.serving(everything=True) as phone:
        await asyncio.gather(till.live.until_ready(), phone.live.until_ready())
        with phone.live.hub.watch(CAMPAIGNS) as signal:
            await run_campaign(till, terms("spent", budget={"points": BUDGET}))
            await asyncio.wait_for(signal.wait(), SOON_SECONDS)
        await run_campaign(till, terms("placed", first_members=10))
        await run_campaign(till, terms("open", budget={"points": 100_000}))
        await until_async(partial(_knows, phone, ["open", "placed", "spent"]), SOON_SECONDS)

        purchases = [(member, f"k{number}") for number, member in product(range(4), members)]
        await asyncio.gather(
            *(buy(each, part, 8) for each, part in zip((till, phone), split(purchases, 2), strict=True))
        )
        await emptied(till)
        await buy_one(till, members[0], "last")

        remaining = 100_000 - 7 * (len(purchases) + 1)
        await until_async(partial(shows, phone, "open", Left(remaining)), RIGHT_SECONDS)
        assert (await phone.campaigning.store.live(["open", "spent"])) == {"open": Left(remaining), "spent": Left(0)}
        await until_async(partial(announced, shop), SETTLED_SECONDS)
        await asyncio.wait_for(phone.live.until_ready(), SETTLED_SECONDS)
        assert await boards_differ(phone) == []
        assert await _first(phone) == members[0]

    given = await given_by_campaign(shop)
    assert sum(given["spent"].values()) == BUDGET
    assert len(given["placed"]) == 10
    assert sum(given["open"].values()) == 100_000 - remaining
    assert await differences(shop) == []


async def _knows(laurel: Laurel, codes: Sequence[str]) -> bool:
    return [state.code for state in await laurel.campaigning.store.current()] == codes


async def _first(laurel: Laurel) -> str:
    answer = await laurel.live.reads.read(Top(EVER, 1))
    assert isinstance(answer, Rows)
    return answer.rows[0].member_id
