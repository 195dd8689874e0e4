"""A store is away for a while: what can go on goes on, and all comes to the streams in the end."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from app.boards.wire import connect
from app.embedded import StoreServers
from app.notices import positions
from app.notices.entries import partition_of
from app.notices.positions import Batch
from app.stores.connection import Connection
from app.stores.connection import connect as connect_mongo
from app.stores.indexes import ensure_indexes
from app.stores.notices import COLLECTION
from gamification.notices.posted import Mailbox
from gamification.stores import CommitConflict, StoreUnavailable
from tests.app.notices.feed import Arena, Worker, until
from tests.app.stores.conftest import KillableServer
from tests.redis_servers import RedisServer, embedded_binary, own_database, redis_server

IMPATIENT_SECONDS = 1.0
MEMBERS = [f"m{number}" for number in range(30)]


@pytest.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with redis_server(embedded_binary(), tmp_path / "redis") as server:
        yield server


async def test_redis_is_away_and_inboxes_go_on(
    database: AsyncIOMotorDatabase[dict[str, Any]], own_redis: RedisServer
) -> None:
    client = connect(own_redis.url, IMPATIENT_SECONDS, cluster=False)
    connection = Connection(database, IMPATIENT_SECONDS * 10)
    await ensure_indexes(connection)
    arena = Arena(connection, client)
    async with arena.running(2) as [feed, other]:
        await until(lambda: arena.is_up_to_date(feed))
        await feed.streams.register("mail")
        await arena.noted(feed, "mail")
        worker = Worker(arena, feed, "mail")
        written = await arena.commit(feed, MEMBERS)
        await until(lambda: arena.is_up_to_date(feed))
        await worker.work(10)
        await own_redis.kill()

        for process in (feed, other):
            written += await arena.commit(process, MEMBERS)

        async def all_have_places() -> bool:
            return len(await feed.notices.after(0, 100)) == 90

        await until(all_have_places)
        assert len(await other.notices.inbox(Mailbox(("m7",)), None, 10)) == 3

        await own_redis.start()
        await until(lambda: arena.is_up_to_date(feed))
        while await worker.work(1000):
            pass
    assert worker.ids() == set(written)
    await client.aclose()


@pytest.fixture
async def killable(tmp_path: Path) -> AsyncIterator[KillableServer]:
    server = KillableServer(tmp_path)
    await server.start()
    yield server
    await server.kill()


async def test_mongodb_is_killed_and_started_again(killable: KillableServer, servers: StoreServers) -> None:
    mongo = connect_mongo(killable.url, IMPATIENT_SECONDS)
    connection = Connection(mongo["feed"], IMPATIENT_SECONDS)
    await ensure_indexes(connection)
    client = connect(own_database(servers.redis_url), IMPATIENT_SECONDS, cluster=False)
    arena = Arena(connection, client)
    written: list[str] = []
    async with arena.running(2) as [feed, other]:
        for _ in range(2):
            for process in (feed, other):
                written += await _commit(arena, process)
            await killable.kill()
            await asyncio.sleep(0.05)
            await killable.start()
        written += await _commit(arena, feed)
        await until(lambda: arena.is_up_to_date(feed))
        entries = await arena.entries(feed)
    assert {entry.notice.notice_id for entry in entries} == set(written)
    assert [entry.position for entry in entries] == list(range(1, len(written) + 1))
    await client.aclose()
    mongo.close()


async def _commit(arena: Arena, process: Any) -> list[str]:
    """Write, however often it takes: a server that has just begun may not be known yet."""
    while True:
        try:
            return await arena.commit(process, MEMBERS, each=2)
        except (StoreUnavailable, CommitConflict):
            pass


async def test_whoever_gives_places_gives_the_same(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(positions, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(positions, "MAX_BATCH", 7)
    feeds = [arena.process() for _ in range(4)]
    await arena.commit(feeds[0], MEMBERS)
    placed: list[Batch | None] = []
    while None not in placed:
        placed += await asyncio.gather(*(feed.positions.assign() for feed in feeds))
    given = {(entry.notice.notice_id, entry.position) for batch in placed if batch for entry in batch.entries}
    assert sorted(position for _, position in given) == list(range(1, 31))
    posted = await feeds[0].notices.after(0, 100)
    assert {(each.notice.notice_id, each.position) for each in posted} == given
    assert await feeds[0].notices.last() == 30


@pytest.mark.parametrize("given", [0, 3, 10])
async def test_what_a_killed_relay_has_begun_is_finished_as_it_was_begun(arena: Arena, given: int) -> None:
    feed = arena.process()
    ids = await arena.commit(feed, ["ann"], each=10)
    begun = [{"id": each, "partition": partition_of("ann")} for each in ids]
    await arena.connection["counters"].insert_one({"_id": COLLECTION, "last": 0, "heads": {}, "begun": begun})
    for position, each in enumerate(ids[:given], 1):
        change = {"$set": {"position": position, "previous": position - 1}}
        await arena.connection[COLLECTION].update_one({"_id": each}, change)
    late = await arena.commit(feed, ["ann", "bob"])
    assert await feed.notices.last() == 10, "what comes later is beyond all of them"

    async with arena.running(2) as [one, _]:
        await until(lambda: arena.is_up_to_date(one))
        entries = await arena.entries(one)

    assert [entry.notice.notice_id for entry in entries] == [*ids, *late]
    assert [entry.position for entry in entries] == list(range(1, 13))


async def test_a_notice_that_is_gone_before_it_has_its_place_leaves_a_gap(arena: Arena) -> None:
    feed = arena.process()
    ids = await arena.commit(feed, ["ann"], each=3)
    begun = [{"id": each, "partition": partition_of("ann")} for each in ids]
    await arena.connection["counters"].insert_one({"_id": COLLECTION, "last": 0, "heads": {}, "begun": begun})
    await arena.connection[COLLECTION].delete_one({"_id": ids[2]})

    await feed.relay.place_once()
    await feed.refill.look()

    assert [entry.position for entry in await arena.entries(feed)] == [1, 2]
    assert (await feed.positions.heads()).of(partition_of("ann")) == 3
    assert await arena.is_up_to_date(feed)
