"""A message to many: everybody it is for is told, once, whoever is paused, killed or at it at the same time."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.broadcasts import store, teller
from app.broadcasts.teller import Teller
from gamification.enrolment import MAX_ENROLMENTS_PER_CALL
from gamification.notices.broadcasts import Broadcast, Broadcasting
from gamification.requests import MergeRequest
from tests.app.clockwork import BEGUN_AT, DAY, Shop

WAIT_SECONDS = 10.0

TEXTS = {"title:*": "News", "body:*": "We have news"}


def message(code: str = "message:news", audience: str = "", expires_at: datetime | None = None) -> Broadcast:
    return Broadcast(code, "message", "", BEGUN_AT, 1, TEXTS, expires_at, "news", audience, "ann@staff")


def another(shop: Shop) -> Teller:
    """What tells in another process."""
    laurel = shop.laurel
    mine = laurel.broadcasts.store
    return Teller(
        laurel.connection, mine, laurel.feed.notices, laurel.programs, laurel.campaigning.store, now=shop.clock
    )


async def send(shop: Shop, broadcast: Broadcast) -> Broadcasting:
    sent = await shop.laurel.broadcasts.store.create(broadcast, shop.clock(), "1")
    assert sent is not None
    return sent


async def tell(shop: Shop) -> None:
    """Tell all there is to tell."""
    while await shop.laurel.broadcasts.teller.round():
        pass


async def told(shop: Shop, code: str = "message:news") -> list[str]:
    """The members who were told of it."""
    found = [document["_id"] async for document in shop.database["notices"].find({"kind": "message"})]
    return sorted(each.removesuffix(f":{code}") for each in found if each.endswith(f":{code}"))


async def figures(shop: Shop, code: str = "message:news") -> tuple[str, int, int]:
    known = await shop.laurel.broadcasts.store.get(code)
    assert known is not None
    return known.status, known.looked_at, known.told


async def crowd(shop: Shop, count: int) -> Sequence[str]:
    names = [f"m{number}" for number in range(count)]
    parts = [names[first : first + MAX_ENROLMENTS_PER_CALL] for first in range(0, count, MAX_ENROLMENTS_PER_CALL)]
    return sorted([each for part in parts for each in await shop.sell(*part)])


async def test_everybody_is_told_the_same(shop: Shop) -> None:
    ids = await crowd(shop, 3)
    await send(shop, message(expires_at=BEGUN_AT + DAY))
    await tell(shop)
    assert (await told(shop), await figures(shop)) == (ids, ("done", 3, 3))
    written = await shop.database["notices"].find_one({"member_id": ids[0]})
    assert written == {
        "_id": f"{ids[0]}:message:news",
        "member_id": ids[0],
        "kind": "message",
        "subject": "",
        "at": BEGUN_AT,
        "values": TEXTS,
        "expires_at": BEGUN_AT + DAY,
        "collapse": "news",
        "program_version": 1,
        "order": 0,
    }


async def test_only_those_it_is_for_are_told(shop: Shop) -> None:
    ids = await crowd(shop, 4)
    await shop.buy(*ids[:2], key="second")
    await send(shop, message(audience="member.purchases >= 2"))
    await tell(shop)
    assert (await told(shop), await figures(shop)) == (ids[:2], ("done", 4, 2))
    await send(shop, message("message:none", audience="member.attributes['city'] == 'Aarhus'"))
    await tell(shop)
    assert (await told(shop, "message:none"), await figures(shop, "message:none")) == ([], ("done", 4, 0))


async def test_members_are_judged_as_of_now(shop: Shop) -> None:
    [ann] = await shop.sell("ann")
    shop.clock.at = BEGUN_AT + DAY  # The points of the purchase have unlocked, and no clock has written so.
    await send(shop, message(audience="member.points == 10"))
    await tell(shop)
    assert await told(shop) == [ann]


async def test_an_account_that_was_merged_is_not_told_beside_the_one_it_is_in(shop: Shop) -> None:
    ann, bob = await shop.sell("ann", "bob")
    await shop.laurel.game.merger.change(MergeRequest(bob, ann, key="one"))
    await send(shop, message())
    await tell(shop)
    assert (await told(shop), await figures(shop)) == ([ann], ("done", 2, 1))


async def test_who_cannot_be_read_stops_nobody(shop: Shop) -> None:
    ids = await crowd(shop, 3)
    await shop.database["members"].update_one({"_id": ids[1]}, {"$set": {"state.balance.available": "many"}})
    await send(shop, message(audience="member.purchases == 1"))
    await tell(shop)
    assert await told(shop) == [ids[0], ids[2]]


async def test_nobody_is_told_what_is_of_no_use_any_more(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teller, "PAGE_MEMBERS", 2)
    ids = await crowd(shop, 5)
    await send(shop, message(expires_at=BEGUN_AT + DAY))
    await shop.laurel.broadcasts.teller.round()
    shop.clock.at = BEGUN_AT + DAY
    await tell(shop)
    assert (await told(shop), await figures(shop)) == (ids[:2], ("done", 2, 2))


async def test_a_paused_one_tells_nobody_until_it_goes_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teller, "PAGE_MEMBERS", 2)
    broadcasts, ids = shop.laurel.broadcasts, await crowd(shop, 5)
    await send(shop, message())
    assert await broadcasts.teller.round()
    await broadcasts.store.turn("message:news", "paused")
    assert not await broadcasts.teller.round()
    assert (await told(shop), await figures(shop)) == (ids[:2], ("paused", 2, 2))
    await broadcasts.store.turn("message:news", "running")
    await tell(shop)
    assert (await told(shop), await figures(shop)) == (ids, ("done", 5, 5))
    await broadcasts.store.turn("message:news", "running")
    assert await figures(shop) == ("done", 5, 5)


async def test_a_page_under_way_is_told_before_the_pause_or_not_at_all(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crowd(shop, 3)
    await send(shop, message())
    broadcasts, move = shop.laurel.broadcasts, shop.laurel.broadcasts.store.move

    loop = asyncio.get_running_loop()

    def paused_before(*given: Any) -> bool:
        turned = broadcasts.store.turn("message:news", "paused")
        asyncio.run_coroutine_threadsafe(turned, loop).result(WAIT_SECONDS)
        return move(*given)

    monkeypatch.setattr(broadcasts.store, "move", paused_before)
    await broadcasts.teller.round()
    assert (await told(shop), await figures(shop)) == ([], ("paused", 0, 0))


async def test_several_are_told_in_turn(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teller, "PAGE_MEMBERS", 2)
    await crowd(shop, 5)
    await send(shop, message())
    await send(shop, message("message:more"))
    await shop.laurel.broadcasts.teller.round()
    assert [(await figures(shop, code))[1] for code in ("message:news", "message:more")] == [2, 2]


async def test_the_next_page_waits_until_the_feed_has_followed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teller, "PAGE_MEMBERS", 2)
    monkeypatch.setattr(teller, "MAX_UNPLACED", 1)
    ids = await crowd(shop, 4)
    await send(shop, message())
    await shop.laurel.broadcasts.teller.round()
    telling = asyncio.create_task(tell(shop))
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(telling), 3 * teller.UNPLACED_SECONDS)
    assert await told(shop) == ids[:2]
    while not telling.done():
        await shop.laurel.feed.relay.place_once()
        await asyncio.sleep(0)
    assert await told(shop) == ids


async def test_one_process_at_a_time_is_at_it_and_another_follows_one_that_fell_silent(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teller, "PAGE_MEMBERS", 2)
    ids, other = await crowd(shop, 3), another(shop)
    await send(shop, message())
    assert await shop.laurel.broadcasts.teller.round()
    assert not await other.round()
    shop.clock.at += timedelta(seconds=store.LEASE_SECONDS)
    assert await other.round()
    assert (await told(shop), await figures(shop)) == (ids, ("done", 3, 3))


async def test_killed_anywhere_and_with_others_at_it_everybody_is_told_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teller, "PAGE_MEMBERS", 7)
    monkeypatch.setattr(store, "LEASE_SECONDS", 0.0)
    ids, chance, kills = await crowd(shop, 64), random.Random(7), 0
    await send(shop, message())
    await send(shop, message("message:bought", audience="member.purchases == 1"))

    async def killed() -> None:
        nonlocal kills
        one = another(shop)
        try:
            async with asyncio.timeout(chance.uniform(0.002, 0.04)):
                while await one.round():
                    pass
        except TimeoutError:
            kills += 1

    while await shop.laurel.broadcasts.store.running():
        await asyncio.gather(killed(), killed(), killed())
    assert kills > 5
    for code in ("message:news", "message:bought"):
        assert (await told(shop, code), await figures(shop, code)) == (ids, ("done", 64, 64))


async def test_the_same_again_is_the_first_and_another_is_refused(shop: Shop) -> None:
    broadcasts = shop.laurel.broadcasts.store
    first = await send(shop, message())
    shop.clock.at += DAY
    assert await broadcasts.create(message(), shop.clock(), "1") == first
    assert await broadcasts.create(message(audience="true"), shop.clock(), "2") is None
    assert await broadcasts.page(None, 10) == [first]


async def test_pages_go_back_in_time(shop: Shop) -> None:
    made = [await send(shop, message(f"message:{number}")) for number in range(3)]
    shop.clock.at += DAY
    made.append(await send(shop, message("message:late")))
    broadcasts = shop.laurel.broadcasts.store
    first = await broadcasts.page(None, 2)
    assert first == [made[3], made[2]]
    assert await broadcasts.page((first[-1].created_at, first[-1].broadcast.code), 5) == [made[1], made[0]]
