"""What time gives cause to tell is told once: whatever was bought meanwhile, however often a clock was killed."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from app.embedded import StoreServers
from app.notices import clock as notice_clock
from app.stores import programs
from app.stores.notices import ORDERS_PER_RECORD
from gamification.stores import ProfileChanges
from tests.app.clockwork import BEGUN_AT, DAY, PROGRAM, Clock, Shop, client_of, opened

LASTING = PROGRAM.replace("pending_days: 1, expire_days: 2", "expire_days: 30")
NOTICES = """
notices:
  points_expiring: {lead_days: [7, 1], title: Soon, body: Over}
  birthday: {title: Hooray, body: You}
"""
TELLING = LASTING + NOTICES
LAST_DAY = BEGUN_AT + 29 * DAY
"""Points of the first day can be spent on it."""
NINE = timedelta(hours=9)


@pytest.fixture
async def shop(
    database: AsyncIOMotorDatabase[dict[str, Any]], servers: StoreServers, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Shop]:
    monkeypatch.setattr(programs, "PROGRAM_CACHE_SECONDS", 0.0)
    client = client_of(servers)
    async with opened(client[database.name], servers, Clock()) as shop:
        await shop.laurel.programs.apply(TELLING, "tests", BEGUN_AT)
        yield shop
    client.close()


async def look(shop: Shop, at: datetime) -> list[str]:
    """Let the clock of notices do all that is due by an instant; the ids of all notices there are then."""
    shop.clock.at = at
    await shop.laurel.notice_clock.catch_up(at)
    return await told(shop)


async def told(shop: Shop) -> list[str]:
    return sorted([document["_id"] async for document in shop.database["notices"].find()])


async def due_at(shop: Shop, member_id: str) -> datetime | None:
    found: datetime | None = (await shop.member(member_id))["notice_due_at"]
    return found


def expiring(member_id: str, lead: int, last: datetime = LAST_DAY) -> str:
    return f"{member_id}:points_expiring:{last:%Y-%m-%d}:{lead}"


async def test_each_warning_is_told_at_its_hour_and_once(shop: Shop) -> None:
    [ann] = await shop.sell("ann")
    at = LAST_DAY - 7 * DAY + NINE
    assert await due_at(shop, ann) == at
    assert await look(shop, at - timedelta(milliseconds=1)) == []
    assert await look(shop, at) == [expiring(ann, 7)]
    assert await due_at(shop, ann) == LAST_DAY - DAY + NINE
    assert shop.laurel.notice_clock.looked_at == 1
    assert await look(shop, at + DAY) == [expiring(ann, 7)]
    assert shop.laurel.notice_clock.looked_at == 1, "nobody else is read"
    assert await look(shop, LAST_DAY) == [expiring(ann, 1), expiring(ann, 7)]


async def test_it_comes_after_what_the_last_record_told(shop: Shop) -> None:
    [ann] = await shop.sell("ann")
    await look(shop, LAST_DAY - 7 * DAY + NINE)
    written = await shop.database["notices"].find_one({})
    assert written is not None
    seq = (await shop.member(ann))["state"]["seq"]
    assert seq * ORDERS_PER_RECORD < written["order"] < (seq + 1) * ORDERS_PER_RECORD


async def test_a_purchase_loses_nothing_that_was_due_before_it(shop: Shop) -> None:
    [ann] = await shop.sell("ann")
    shop.clock.at = (
        LAST_DAY - 2 * DAY
    )  # No clock has run for five days, and the look is further back than any commit's.
    await shop.buy(ann, key="second")
    assert await due_at(shop, ann) == LAST_DAY - 7 * DAY + NINE
    assert await look(shop, shop.clock.at) == [], "it was worth telling for three days"
    assert await due_at(shop, ann) == LAST_DAY - DAY + NINE


async def test_a_late_clock_tells_what_is_of_use_still(shop: Shop) -> None:
    [ann] = await shop.sell("ann")
    shop.clock.at = LAST_DAY - 6 * DAY
    await shop.buy(ann, key="second")
    assert await look(shop, LAST_DAY - 5 * DAY) == [expiring(ann, 7)]


async def test_what_was_spent_is_not_warned_of(shop: Shop) -> None:
    [ann] = await shop.sell("ann")
    await shop.tick(LAST_DAY + DAY)  # All of it has expired.
    assert await due_at(shop, ann) == LAST_DAY - 7 * DAY + NINE, "the look is due still"
    assert await look(shop, LAST_DAY + DAY) == []
    assert await due_at(shop, ann) is None


async def test_a_new_version_of_the_program_is_heeded(shop: Shop) -> None:
    [ann] = await shop.sell("ann")
    now = BEGUN_AT + 20 * DAY
    shop.clock.at = now
    await shop.laurel.programs.apply(TELLING.replace("[7, 1]", "[12, 7]"), "tests", now)
    assert await look(shop, now) == []
    await shop.tick(now)
    assert await due_at(shop, ann) == LAST_DAY - 12 * DAY + NINE, "which lies two days back"
    assert await look(shop, now) == [expiring(ann, 12)]
    assert await due_at(shop, ann) == LAST_DAY - 7 * DAY + NINE


async def test_a_version_for_later_is_heeded_when_it_comes_into_force(shop: Shop) -> None:
    await shop.laurel.programs.apply(LASTING.replace("Gold", "Golden"), "tests", BEGUN_AT)
    [ann] = await shop.sell("ann")
    assert await due_at(shop, ann) is None
    later = BEGUN_AT + 5 * DAY
    await shop.laurel.programs.apply(TELLING, "tests", BEGUN_AT, from_at=later)
    await shop.tick(BEGUN_AT)
    assert await due_at(shop, ann) == later
    assert await look(shop, later) == []
    assert await due_at(shop, ann) == LAST_DAY - 7 * DAY + NINE


async def test_a_birthday_is_told_where_the_member_is(shop: Shop) -> None:
    [ann] = await shop.sell("ann")
    await shop.laurel.members.change_profile(
        ann, ProfileChanges({"birthday": "1990-05-17", "time_zone": "Asia/Tokyo"}, {})
    )
    await shop.tick(BEGUN_AT)
    assert await due_at(shop, ann) == BEGUN_AT + 16 * DAY
    assert await look(shop, BEGUN_AT + 16 * DAY) == [f"{ann}:birthday:2026"]


async def test_who_cannot_be_read_stops_nobody(shop: Shop) -> None:
    ann, bob, cid = await shop.sell("ann", "bob", "cid")
    await shop.database["members"].update_one({"_id": bob}, {"$set": {"state.balance.available": "many"}})
    assert await look(shop, LAST_DAY - 7 * DAY + NINE) == sorted([expiring(ann, 7), expiring(cid, 7)])
    assert await due_at(shop, bob) == LAST_DAY - 7 * DAY + NINE


async def test_clocks_that_are_killed_again_and_again_tell_everything_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice_clock, "BATCH_MEMBERS", 8)
    ids = await shop.sell(*(f"m{number}" for number in range(60)))
    at = shop.clock.at = LAST_DAY - 7 * DAY + NINE
    chance, rounds = random.Random(5), 0

    async def killed() -> None:
        clock = notice_clock.NoticeClock(
            shop.laurel.connection, shop.laurel.programs, shop.laurel.feed.notices, shop.clock
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(chance.uniform(0.005, 0.05)):
                await clock.catch_up(at)

    while await shop.database["members"].count_documents({"notice_due_at": {"$lte": at}}):
        await asyncio.gather(killed(), killed(), shop.buy(ids[rounds % 60], key=f"again {rounds}"))
        rounds += 1
    assert rounds > 1
    assert await told(shop) == sorted(expiring(each, 7) for each in ids)
    # A purchase makes a member be looked at again, and nothing is told twice.
    assert await look(shop, at) == sorted(expiring(each, 7) for each in ids)
