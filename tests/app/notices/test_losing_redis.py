"""Redis loses everything, or goes back, and groups miss nothing; what comes again has the same id."""

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from app.notices import keeper, streams
from app.notices.assembly import Feed
from app.notices.entries import partition_of
from app.notices.groups import Noted
from tests.app.notices.feed import Arena, Worker, until
from tests.app.stores.play import NOW

MEMBERS = [f"m{number}" for number in range(100)]
ANN = partition_of("ann")


async def followed(arena: Arena) -> tuple[Feed, Worker]:
    """A feed with a notice for each of the members, all of which a worker has done and acknowledged."""
    feed = arena.process()
    await feed.refill.look()
    await feed.streams.register("mail")
    worker = Worker(arena, feed, "mail")
    await arena.commit(feed, MEMBERS)
    await feed.relay.place_once()
    await feed.refill.look()
    assert await worker.work() == 100
    await feed.keeper.keep()
    return feed, worker


async def test_a_group_goes_on_where_it_was_when_redis_has_lost_everything(arena: Arena) -> None:
    feed, worker = await followed(arena)
    late = await arena.commit(feed, MEMBERS[:50])
    await feed.relay.place_once()
    await feed.refill.look()

    await arena.lose()
    await feed.refill.look()

    assert [entry.position for entry in await arena.entries(feed)] == list(range(101, 151))
    worker.got.clear()
    assert await worker.work() == 50
    assert worker.ids() == set(late)
    assert await worker.work() == 0


async def test_what_was_in_hand_is_not_acknowledged(arena: Arena) -> None:
    feed = arena.process()
    await feed.refill.look()
    await feed.streams.register("mail")
    await arena.commit(feed, ["ann"], each=5)
    await feed.relay.place_once()
    await feed.refill.look()
    name = feed.streams.names[ANN]
    await arena.redis.xreadgroup("mail", "one", {name: ">"})
    for number in (1, 2, 4, 5):
        await arena.redis.xack(name, "mail", f"{number}-0")

    await feed.keeper.keep()
    assert (await feed.groups.read()).of(ANN) == Noted(5, {"mail": 2})

    await arena.lose()
    await feed.refill.look()
    assert [entry.position for entry in await arena.entries(feed)] == [3, 4, 5]


async def test_a_group_that_was_registered_last_misses_nothing(arena: Arena) -> None:
    feed = arena.process()
    await arena.commit(feed, ["ann"])
    await feed.relay.place_once()
    await feed.refill.look()
    await feed.keeper.keep()
    await feed.streams.register("late")
    await arena.commit(feed, ["ann"])
    await feed.relay.place_once()
    await arena.lose()
    # It begins anew before anybody has noticed.
    await feed.streams.register("late")

    await feed.refill.look()

    worker = Worker(arena, feed, "late")
    await worker.work()
    assert worker.ids() == {"ann:2:9"}


async def test_a_redis_that_went_back_is_brought_up_to_date_with_its_groups(arena: Arena) -> None:
    feed = arena.process()
    await arena.commit(feed, MEMBERS)
    await feed.relay.place_once()
    await feed.refill.look()
    dumps = {name: await arena.redis.dump(name) or b"" for name in feed.streams.names}
    await feed.streams.register("mail")
    await arena.commit(feed, MEMBERS)
    await feed.relay.place_once()
    await feed.refill.look()
    await feed.keeper.keep()

    await arena.lose()
    for name, dumped in dumps.items():
        await arena.redis.restore(name, 0, dumped)
    await feed.keeper.keep()  # Which must not take the groups for gone.
    await feed.refill.look()

    assert [entry.position for entry in await arena.entries(feed)] == list(range(1, 201))
    worker = Worker(arena, feed, "mail")
    await worker.work()
    assert sorted(entry.position for entry in worker.got) == list(range(101, 201))


async def test_a_mongodb_that_went_back_takes_the_streams_with_it(arena: Arena) -> None:
    feed = arena.process()
    await feed.refill.look()
    await feed.streams.register("mail")
    await arena.commit(feed, ["ann"], each=3)
    await feed.relay.place_once()
    await feed.refill.look()
    await feed.keeper.keep()
    await arena.connection["notices"].delete_many({"position": 3})
    await arena.connection["counters"].update_one({"_id": "notices"}, {"$set": {"last": 2, f"heads.{ANN}": 2}})

    await feed.refill.look()

    assert [entry.position for entry in await arena.entries(feed)] == [1, 2]
    arena.seqs["ann"] = 7
    [new] = await arena.commit(feed, ["ann"])
    await feed.relay.place_once()
    await feed.refill.look()
    assert [(entry.notice.notice_id, entry.position) for entry in await arena.entries(feed)][2:] == [(new, 3)]


async def test_a_group_that_was_destroyed_is_forgotten(arena: Arena) -> None:
    feed = arena.process()
    await feed.refill.look()
    await feed.streams.register("mail")
    await feed.keeper.keep()
    assert (await feed.groups.read()).of(3) == Noted(0, {"mail": 0})
    for name in feed.streams.names:
        await arena.redis.xgroup_destroy(name, "mail")

    await feed.keeper.keep()
    await arena.lose()
    await feed.refill.look()

    assert (await feed.groups.read()).of(3) == Noted()
    assert [await arena.redis.xinfo_groups(name) for name in feed.streams.names] == [[]] * 16


async def test_streams_are_trimmed_behind_the_slowest_group(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "KEPT_POSITIONS", 0)
    feed = arena.process()
    await feed.refill.look()
    for group in ("quick", "slow"):
        await feed.streams.register(group)
    # Redis drops whole nodes, of a hundred entries at most.
    for _ in range(4):
        await arena.commit(feed, ["ann"], each=250)
    while await feed.relay.place_once():
        pass
    await feed.refill.look()
    quick, slow = Worker(arena, feed, "quick"), Worker(arena, feed, "slow")
    await quick.work(1000)
    await feed.keeper.keep()
    assert len(await arena.entries(feed)) == 1000
    await slow.work(450)
    await feed.keeper.keep()
    left = [entry.position for entry in await arena.entries(feed)]
    assert 351 <= left[0] <= 451
    assert left == list(range(left[0], 1001))
    await slow.work(1000)
    assert sorted(entry.position for entry in slow.got) == list(range(1, 1001))


async def test_a_group_that_does_not_acknowledge_holds_a_bounded_number(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MAX_ENTRIES", 200)
    feed = arena.process()
    await feed.refill.look()
    await feed.streams.register("dead")
    await arena.commit(feed, ["ann"], each=500)
    await feed.relay.place_once()
    await feed.refill.look()
    left = await arena.entries(feed)
    assert 200 <= len(left) <= 300
    assert left[-1].position == 500
    # Whoever was last at an earlier one sees the gap.
    assert left[0].previous == left[0].position - 1


async def test_redis_is_emptied_again_and_again_and_workers_miss_nothing(arena: Arena) -> None:
    chance = random.Random(11)
    written: list[str] = []
    async with arena.running(2) as feeds:
        await until(lambda: arena.is_up_to_date(feeds[0]))
        workers = [Worker(arena, feeds[0], group) for group in ("mail", "push")]
        for worker in workers:
            await feeds[0].streams.register(worker.group)
        await arena.noted(feeds[0], "mail", "push")
        for _ in range(12):
            for _ in range(chance.randrange(1, 4)):
                written += await arena.commit(chance.choice(feeds), chance.sample(MEMBERS, 50), each=2)
            if chance.random() < 0.5:
                await workers[chance.randrange(2)].work(chance.randrange(1, 40))
            if chance.random() < 0.5:
                await feeds[1].keeper.keep()
            await asyncio.sleep(chance.uniform(0, 0.03))
            if chance.random() < 0.6:
                await arena.lose()
        await until(lambda: arena.is_up_to_date(feeds[0]))
        for worker in workers:
            while await worker.work(1000):
                pass

    for worker in workers:
        assert worker.ids() == set(written)
        positions = {(entry.notice.notice_id, entry.position) for entry in worker.got}
        assert len(positions) == len(written)
        _assert_in_order(worker)


def _assert_in_order(worker: Worker) -> None:
    """What is new comes in the order of each member; only what comes again is behind it."""
    furthest: Counter[str] = Counter()
    seen: set[str] = set()
    for entry in worker.got:
        if entry.notice.notice_id not in seen:
            assert entry.position > furthest[entry.notice.member_id]
            furthest[entry.notice.member_id] = entry.position
            seen.add(entry.notice.notice_id)


async def test_of_two_keepers_the_slower_one_undoes_nothing(arena: Arena) -> None:
    feed = arena.process()
    before = await feed.groups.read()
    for revision, mark in ((before.revision, 5), (before.revision + 1, 7)):
        assert await feed.groups.save({ANN: Noted(mark, {"mail": mark})}, revision, NOW)
        assert not await feed.groups.save({ANN: Noted(0)}, revision, NOW)
        assert (await feed.groups.read()).of(ANN) == Noted(mark, {"mail": mark})


async def test_a_worker_that_registers_while_redis_is_filled_again_takes_no_group_its_place(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, worker = await followed(arena)
    await arena.lose()
    restore = feed.streams.restore

    async def after_another_has_registered(*given: Any) -> int:
        await feed.streams.register("push")
        return await restore(*given)

    monkeypatch.setattr(feed.streams, "restore", after_another_has_registered)
    await feed.refill.look()

    assert await arena.entries(feed) == []
    assert await worker.work() == 0
    await arena.commit(feed, ["ann"])
    await feed.relay.place_once()
    await feed.refill.look()
    assert await worker.work() == 1
