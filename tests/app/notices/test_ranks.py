"""Who comes among the first of a board, or is overtaken, is told so once, as Redis and MongoDB really have it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from app.embedded import StoreServers
from app.live.background import running
from app.notices.ranks import RankWatch
from gamification.boards.keys import BoardKey
from gamification.member import Member
from gamification.requests import Recorded, ReverseRequest
from gamification.stores import ProfileChanges
from tests.app.clockwork import PROGRAM
from tests.app.live.shop import buy, top, until
from tests.schema.api import Api, Database, served

EVER, DAILY = BoardKey("ever", "all"), BoardKey("daily", "2020-01-01")
BOARDS = """
boards:
  - {code: ever, name: Ever, on: purchase, metric: points, period: all_time}
  - {code: daily, name: Daily, on: purchase, metric: points, period: day}
notices:
  rank_gained: {top: 2, title: Up, body: Up}
  rank_lost: {top: 2, title: Down, body: Down}
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop whose boards are live, and whose ranks are looked at when a test says."""

    api: Api

    async def buy(self, member: Member, key: str, dollars: int) -> None:
        await buy(self.api, member, key, 100 * dollars)
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until all that was written has come to the boards."""

        async def is_quiet() -> bool:
            return await self.api.database["outbox"].count_documents({}) == 0

        await until(is_quiet)

    async def look(self) -> list[str]:
        """Look at the boards; what has been told of the one of all time by then."""
        await self.api.laurel.ranks.look([EVER])
        return await self.told()

    async def told(self) -> list[str]:
        found = self.api.database["notices"].find({"subject": "ever"})
        return sorted([f"{each['member_id']} {each['kind']} {each['values']['rank']}" async for each in found])


@pytest.fixture
async def shop(database: Database, servers: StoreServers) -> AsyncIterator[Shop]:
    async with served(database, servers, PROGRAM + BOARDS, wall_clock=True) as api, running(api.laurel.live.jobs()):
        await api.laurel.live.until_ready()
        yield Shop(api)


async def crowd(shop: Shop) -> tuple[Member, Member, Member]:
    """Three who have bought for 30, 20 and 10 dollars, as was seen before."""
    ann, bob, cid = [await shop.api.enrol(name) for name in ("ann", "bob", "cid")]
    for member, dollars in ((ann, 30), (bob, 20), (cid, 10)):
        await shop.buy(member, "first", dollars)
    assert await shop.look() == [], "what is seen for the first time has been so before"
    return ann, bob, cid


async def test_who_overtakes_and_who_is_overtaken_are_told_once(shop: Shop) -> None:
    _, bob, cid = await crowd(shop)
    await shop.buy(cid, "second", 15)
    moves = sorted([f"{cid.member_id} rank_gained 2", f"{bob.member_id} rank_lost 3"])
    assert await shop.look() == moves
    assert await shop.look() == moves
    written = await shop.api.database["notices"].find_one({"kind": "rank_gained"})
    assert written is not None
    assert written["values"] == {"board": "ever", "rank": 2, "top": 2}
    await shop.buy(bob, "second", 50)
    again = sorted([*moves, f"{bob.member_id} rank_gained 1", f"{await _last(shop)} rank_lost 3"])
    assert await shop.look() == again


async def _last(shop: Shop) -> str:
    return (await top(shop.api, EVER))[-1]


async def test_to_be_among_the_first_of_few_is_no_news(shop: Shop) -> None:
    ann, bob = [await shop.api.enrol(name) for name in ("ann", "bob")]
    await shop.buy(ann, "first", 10)
    assert await shop.look() == []
    await shop.buy(bob, "first", 20)
    assert await shop.look() == []
    cid = await shop.api.enrol("cid")
    await shop.buy(cid, "first", 30)
    assert await shop.look() == sorted([f"{cid.member_id} rank_gained 1", f"{ann.member_id} rank_lost 3"])


async def test_who_hides_is_told_nothing_and_who_moves_up_is(shop: Shop) -> None:
    ann, _, cid = await crowd(shop)
    await shop.api.laurel.members.change_profile(ann.member_id, ProfileChanges({}, {"board": "hidden"}))
    await shop.quiet()
    dan = await shop.api.enrol("dan")
    await shop.buy(dan, "first", 5)
    assert await shop.look() == [f"{cid.member_id} rank_gained 2"]


async def test_what_is_taken_back_is_not_told_to_whom_it_was_taken_from(shop: Shop) -> None:
    ann, _, cid = await crowd(shop)
    dan = await shop.api.enrol("dan")
    await shop.buy(dan, "first", 1)
    taken_back = await shop.api.laurel.game.recorder.reverse(ReverseRequest(ann.member_id, "first", "back"))
    assert isinstance(taken_back, Recorded)
    await shop.quiet()
    assert await shop.look() == [f"{cid.member_id} rank_gained 2"]


async def test_several_who_look_at_once_tell_each_move_once(shop: Shop) -> None:
    laurel, (_, bob, cid) = shop.api.laurel, await crowd(shop)
    await shop.buy(cid, "second", 15)
    stores = (laurel.connection, laurel.live.reads, laurel.members, laurel.feed.notices, laurel.programs)
    watches = [RankWatch(*stores, now=laurel.game.now) for _ in range(4)]
    await asyncio.gather(*(watch.look([EVER]) for watch in watches))
    assert await shop.told() == sorted([f"{cid.member_id} rank_gained 2", f"{bob.member_id} rank_lost 3"])


async def test_what_was_seen_before_another_noted_it_is_not_noted_over_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    laurel, (ann, bob, cid) = shop.api.laurel, await crowd(shop)
    await shop.buy(cid, "second", 15)
    stores = (laurel.connection, laurel.live.reads, laurel.members, laurel.feed.notices, laurel.programs)
    slow, quick = (RankWatch(*stores, now=laurel.game.now) for _ in range(2))
    tell, looked = slow._told, []

    async def tell_late(look: Any) -> Any:
        """The first time, another one tells this move, and the next one as well, before it is written."""
        looked.append(look.ranked.number)
        notices = await tell(look)
        if len(looked) == 1:
            await quick.look([EVER])
            await shop.buy(bob, "second", 50)
            await quick.look([EVER])
        return notices

    monkeypatch.setattr(slow, "_told", tell_late)
    await slow.look([EVER])
    noted = await shop.api.database["rank_tops"].find_one({"_id": EVER.text})
    assert noted is not None
    # Bob has 70 dollars, Ann 30, Cid 25: what the slow one saw at first, Ann and Cid, is not put over it.
    assert (noted["number"], noted["gaining"]) == (3, sorted([ann.member_id, bob.member_id]))
    assert looked == [1]


async def test_nothing_is_told_or_noted_while_boards_are_unavailable(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, bob, cid = await crowd(shop)
    await shop.buy(cid, "second", 15)
    noted = await shop.api.database["rank_tops"].find_one({"_id": EVER.text})
    live = shop.api.laurel.live
    with monkeypatch.context() as patch:
        patch.setattr(live.watcher, "look", lambda: asyncio.sleep(0))  # Nobody rebuilds them for now.
        await live.redis.flushdb()
        assert await shop.look() == []
    assert await shop.api.database["rank_tops"].find_one({"_id": EVER.text}) == noted

    async def is_told() -> bool:
        return await shop.look() == sorted([f"{cid.member_id} rank_gained 2", f"{bob.member_id} rank_lost 3"])

    await until(is_told)


async def test_periods_that_are_over_are_dropped_and_not_looked_at(shop: Shop) -> None:
    await crowd(shop)
    tops = shop.api.database["rank_tops"]
    old = {"ends_at": shop.api.laurel.game.now(), "gaining": [], "losing": [], "is_crowded": True, "number": 3}
    await tops.insert_one({"_id": DAILY.text, **old})
    await shop.api.laurel.ranks.look([DAILY])
    await shop.api.laurel.ranks.sweep()
    kept = sorted([document["_id"].split("/")[0] async for document in tops.find()])
    assert kept == ["daily", "ever"]
    assert await tops.count_documents({"_id": DAILY.text}) == 0


async def test_a_change_of_a_board_is_told_by_itself(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.notices.ranks.GATHER_SECONDS", 0.01)
    _, bob, cid = await crowd(shop)

    async def is_told() -> bool:
        return await shop.told() == sorted([f"{cid.member_id} rank_gained 2", f"{bob.member_id} rank_lost 3"])

    async with running({"ranks": shop.api.laurel.ranks.run}):
        await buy(shop.api, cid, "second", 1500)
        await until(is_told)
