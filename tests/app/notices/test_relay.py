"""Every notice gets one place in the feed and comes to its stream once, in order, whoever relays and is killed."""

import asyncio
import random
from collections import defaultdict
from datetime import timedelta
from typing import Any, NoReturn

import pytest

from app.live.background import running
from app.live.hints import Hints
from app.live.hub import Hub
from app.notices.entries import FIELDS, PARTITIONS, Entry, partition_of, read_entry
from gamification.stores import StoreUnavailable
from tests.app.notices.feed import Arena, notice, until
from tests.app.stores.play import NOW

MEMBERS = [f"m{number}" for number in range(40)]


async def test_an_entry_says_all_of_a_notice(arena: Arena) -> None:
    feed = arena.process()
    told = notice("ann:1:0", expires_at=NOW + timedelta(days=1))
    plain = notice("bob:gold", "bob", values={}, subject="", collapse="")
    await feed.notices.add([told, plain])

    assert await feed.relay.place_once() == 2
    await feed.refill.look()

    assert await arena.entries(feed) == [Entry(told, 1, 0), Entry(plain, 2, 0)]
    [(_, fields)] = await arena.raw(f"{{{arena.prefix}:notices:{partition_of('ann')}}}")
    assert {name.decode(): value.decode() for name, value in fields.items()} == {
        "id": "ann:1:0",
        "member": "ann",
        "kind": "badge_won",
        "subject": "first",
        "at": "2026-05-01T12:00:00+00:00",
        "values": '{"name":"first","points":25}',
        "expires_at": "2026-05-02T12:00:00+00:00",
        "collapse": "badge_won",
        "program_version": "1",
        "position": "1",
        "previous": "0",
    }
    assert [name.decode() for name in fields] == list(FIELDS)


def test_partitions_are_spread_and_never_change() -> None:
    assert [partition_of(member_id) for member_id in ("ann", "bob", "m1", "ünal")] == [3, 0, 15, 11]
    assert {partition_of(f"m{number}") for number in range(200)} == set(range(PARTITIONS))


async def test_relays_of_several_processes_share_the_work(arena: Arena) -> None:
    expected: dict[str, list[str]] = defaultdict(list)
    async with arena.running(3) as feeds:
        for number in range(30):
            members = random.Random(number).sample(MEMBERS, 10)
            for notice_id in await arena.commit(feeds[number % 3], members, each=3):
                expected[notice_id.split(":")[0]].append(notice_id)
        await until(lambda: arena.is_up_to_date(feeds[0]))

        entries = await arena.entries(feeds[0])

    assert [entry.position for entry in entries] == list(range(1, 901))
    got: dict[str, list[str]] = defaultdict(list)
    heads: dict[int, int] = {}
    for entry in entries:
        got[entry.notice.member_id].append(entry.notice.notice_id)
        assert entry.previous == heads.get(entry.partition, 0)
        heads[entry.partition] = entry.position
    assert got == expected


async def test_a_reader_of_the_feed_never_misses_what_came_between(arena: Arena) -> None:
    read: list[int] = []
    async with arena.running(2) as feeds:

        async def follow() -> None:
            while len(read) < 400:
                read.extend(posted.position for posted in await feeds[0].notices.after(read[-1] if read else 0, 7))
                await asyncio.sleep(0.001)

        following = asyncio.create_task(follow())
        for number in range(40):
            await arena.commit(feeds[number % 2], MEMBERS[:10])
        async with asyncio.timeout(20):
            await following

    assert read == list(range(1, 401))


async def test_a_notice_that_is_made_again_is_told_once(arena: Arena) -> None:
    feed = arena.process()
    await feed.notices.add([notice("ann:birthday:2026", at=NOW)])
    await feed.relay.place_once()

    await feed.notices.add([notice("ann:birthday:2026", at=NOW + timedelta(hours=1)), notice("ann:other")])

    assert await feed.relay.place_once() == 1
    posted = await feed.notices.after(0, 10)
    assert [(each.notice.notice_id, each.position) for each in posted] == [("ann:birthday:2026", 1), ("ann:other", 2)]
    assert posted[0].notice.at == NOW


async def test_what_was_placed_by_a_relay_that_was_killed_comes_to_the_streams(arena: Arena) -> None:
    killed, other = arena.process(), arena.process()
    ids = await arena.commit(killed, MEMBERS[:5])
    await killed.relay.place_once()  # And never adds it to the streams.
    more = await arena.commit(other, MEMBERS[:5])

    async with arena.running(1) as [feed]:
        await until(lambda: arena.is_up_to_date(feed))
        entries = await arena.entries(feed)

    assert sorted(entry.notice.notice_id for entry in entries) == sorted([*ids, *more])
    assert [entry.position for entry in entries] == list(range(1, 11))


async def test_relays_that_are_killed_anywhere_lose_nothing(arena: Arena) -> None:
    writer, chance = arena.process(), random.Random(7)
    written: list[str] = []
    for _ in range(25):
        feeds = [arena.process() for _ in range(2)]
        jobs = {asyncio.create_task(job()) for feed in feeds for job in feed.jobs().values()}
        written += await arena.commit(writer, chance.sample(MEMBERS, 20), each=2)
        for feed in feeds:
            feed.relay.written()
        await asyncio.sleep(chance.uniform(0, 0.02))
        await kill(jobs)

    async with arena.running(1) as [feed]:
        await until(lambda: arena.is_up_to_date(feed))
        entries = await arena.entries(feed)

    assert [entry.position for entry in entries] == list(range(1, 1001))
    assert {entry.notice.notice_id for entry in entries} == set(written)
    by_member: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for entry in entries:
        member_id, seq, number = entry.notice.notice_id.split(":")
        by_member[member_id].append((int(seq), -int(number)))
    assert all(each == sorted(each) for each in by_member.values())


async def test_relays_that_come_out_of_order_leave_no_gap(arena: Arena) -> None:
    slow, quick = arena.process(), arena.process()
    await slow.refill.look()
    await arena.commit(slow, MEMBERS)
    first = await slow.positions.assign()
    await arena.commit(quick, MEMBERS)
    second = await quick.positions.assign()
    assert first is not None
    assert second is not None

    behind = await quick.streams.add(second.entries, second.after, second.upto)
    assert behind == dict.fromkeys(second.upto, 0)
    assert await arena.entries(quick) == []

    await slow.streams.add(first.entries, first.after, first.upto)
    for _ in range(2):
        assert await quick.streams.add(second.entries, second.after, second.upto) == second.upto
        assert await slow.streams.add(first.entries, first.after, first.upto) == second.upto
    assert [entry.position for entry in await arena.entries(quick)] == list(range(1, 81))


def test_what_is_no_entry_is_refused() -> None:
    fields: dict[bytes, Any] = {name.encode(): value.encode() for name, value in _values().items()}
    assert read_entry(fields) == Entry(notice("ann:1:0"), 3, 2)
    del fields[b"kind"]
    with pytest.raises(KeyError, match="kind"):
        read_entry(fields)


async def kill(tasks: set["asyncio.Task[NoReturn]"]) -> None:
    """Cancel them, again and again: a driver that is just losing a connection takes the first wish for that."""
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=0.1)


def _values() -> dict[str, str]:
    return dict(zip(FIELDS, Entry(notice("ann:1:0"), 3, 2).values(), strict=True))


async def test_other_processes_are_told_late_what_they_could_not_be_told_at_once(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.notices.positions.MAX_BATCH", 1)
    monkeypatch.setattr("app.notices.relay.MAX_WAITING", 2)
    monkeypatch.setattr("app.notices.relay.TOLD_TOGETHER", 3)
    told: list[list[str]] = []
    tried, away = asyncio.Event(), True

    async def tell(_hub: Hub, hints: Hints) -> None:
        tried.set()
        if away:
            raise StoreUnavailable("Redis is away")
        told.append(list(hints.members))

    monkeypatch.setattr(Hub, "tell_others", tell)
    feed = arena.process()
    await feed.refill.look()
    await arena.commit(feed, ["ann", "bob", "cid", "dan"])
    while await feed.relay.place_once():
        pass
    async with running({"post": feed.relay.post}):
        await tried.wait()
        away = False

        async def all_are_told() -> bool:
            return len([member for members in told for member in members]) == 4

        await until(all_are_told)
    assert sorted(member for members in told for member in members) == ["ann", "bob", "cid", "dan"]
    assert max(map(len, told)) <= 3
