"""The worker: what comes in the feed is sent at once and once, whoever has its partition and whatever Redis loses."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.leases import Lease, Leases
from app.notices.entries import PARTITIONS, partition_of, stream_name
from app.push import reading
from app.push.reading import StreamReader
from app.push.rows import Rows, change, change_all
from tests.app.push.post import PREFIX, Double, Office, at_work, session_of, until


async def test_what_comes_is_sent_to_every_device_and_acknowledged(office: Office) -> None:
    await office.phones("ann", "bob")
    await office.register("ann", "tablet-ann", language="da")
    double = Double()
    async with at_work(office, double) as worker:
        await office.tell("ann", "1")
        await office.tell("bob", "2")
        await until(lambda: len(double.sent) == 3)
        assert sorted(double.sent) == [
            ("ann:1", "phone-ann", "1 x1"),
            ("ann:1", "tablet-ann", "1 x1"),
            ("bob:2", "phone-bob", "2 x1"),
        ]
        await until(lambda: _is_written(office, 3))
        assert session_of(worker).outcomes.counted == {"sent:fcm:": 3}
        assert session_of(worker).outcomes.known == set()


async def test_many_are_sent_with_few_round_trips_and_in_order(office: Office) -> None:
    names = [f"m{number}" for number in range(40)]
    await office.phones(*names)
    double = Double()
    async with at_work(office, double):
        for name in names:
            await office.tell(name, *(f"{number:02}" for number in range(10)))
        await until(lambda: len(double.sent) == 400)
        await until(lambda: _is_written(office, 400))
    for name in names:
        assert [one for one in double.notices if one.startswith(f"{name}:")] == [f"{name}:{n:02}" for n in range(10)]


async def test_two_workers_share_the_partitions_and_one_takes_over_from_one_that_died(office: Office) -> None:
    await office.phones("ann")
    first, second = Double(), Double()
    async with at_work(office, first) as one:
        await until(lambda: len(session_of(one).leases.held) == PARTITIONS)
        async with at_work(office, second) as other:

            def is_shared() -> bool:
                held = [len(session_of(each).leases.held) for each in (one, other)]
                return held == [PARTITIONS // 2] * 2

            await until(is_shared)
            assert not set(session_of(one).leases.held) & set(session_of(other).leases.held)
            await office.tell("ann", "1")
            await until(lambda: _is_written(office, 1))
            dead = session_of(other)
            await dead._end(dead._tasks)  # as if it had been killed: it lets go of nothing
            await until(lambda: len(session_of(one).leases.held) == PARTITIONS)
            await office.tell("ann", "2")
            await until(lambda: first.notices[-1:] == ["ann:2"])
    assert sorted(first.notices + second.notices) == ["ann:1", "ann:2"]


async def test_what_was_read_and_not_acknowledged_comes_to_the_next_owner(office: Office) -> None:
    await office.phones("ann")
    await reading.register(office.redis, PREFIX, range(PARTITIONS))
    await office.tell("ann", "1", "2")
    partition = partition_of("ann")
    await office.redis.xreadgroup("push", str(partition), {stream_name(PREFIX, partition): ">"})
    double = Double()
    async with at_work(office, double):
        await office.tell("ann", "3")
        await until(lambda: double.notices == ["ann:1", "ann:2", "ann:3"])
        await until(lambda: _is_written(office, 3))


async def test_what_comes_again_is_not_sent_again(office: Office) -> None:
    await office.phones("ann")
    double = Double()
    async with at_work(office, double):
        await office.tell("ann", "1")
        await until(lambda: _is_written(office, 1))
        [entry] = await office.entries_after(0, 1)
        await office.redis.delete(stream_name(PREFIX, partition_of("ann")))  # lost, and filled again from the start
        await reading.register(office.redis, PREFIX, [partition_of("ann")])
        await office.stream([entry])
        await office.tell("ann", "2")
        await until(lambda: _is_written(office, 2))
    assert double.notices == ["ann:1", "ann:2"]


async def test_what_a_stream_has_lost_is_read_from_mongodb(office: Office) -> None:
    await office.phones("ann")
    double = Double()
    async with at_work(office, double):
        await office.tell("ann", "1")
        await until(lambda: double.notices == ["ann:1"])
        await office.tell("ann", "2", "3", stream=False)  # cut from the stream before they were read
        await office.tell("ann", "4")
        await until(lambda: double.notices == ["ann:1", "ann:2", "ann:3", "ann:4"])


async def test_a_new_owner_finds_what_was_lost_before_it_came(office: Office) -> None:
    await office.phones("ann")
    double = Double()
    async with at_work(office, double) as worker:
        await office.tell("ann", "1")
        await until(lambda: _is_written(office, 1))
        await until(lambda: _is_noted(office, 1))
        del worker
    await office.tell("ann", "2", stream=False)
    await office.tell("ann", "3")
    async with at_work(office, double):
        await until(lambda: double.notices == ["ann:1", "ann:2", "ann:3"])


async def test_a_long_gap_is_read_in_parts(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "COUNT", 3)
    partition = partition_of("ann")
    await reading.register(office.redis, PREFIX, [partition])
    reader = StreamReader(office.redis, PREFIX, Lease(partition, 1, 0.0, upto=0), office.entries_after)
    names = [str(number) for number in range(1, 9)]
    await office.tell("ann", *names, stream=False)
    await office.tell("ann", "9", "10")
    reads: list[tuple[list[str], int, int]] = []
    while len(reads) < 4:
        if (read := await reader.next()) is not None:
            reads.append(([each.notice.subject for each in read.arrived], read.upto, len(read.entry_ids)))
    assert reads == [(["1", "2", "3"], 3, 0), (["4", "5", "6"], 6, 0), (["7", "8"], 8, 0), (["9", "10"], 10, 2)]


async def test_what_is_cut_before_anything_was_acknowledged_is_read_from_mongodb(office: Office) -> None:
    await office.phones("ann")
    await office.tell("ann", "old")
    double = Double()
    async with at_work(office, double):
        """It begins, and nothing comes."""
    await office.tell("ann", "1", stream=False)
    await office.tell("ann", "2")
    async with at_work(office, double):
        await until(lambda: double.notices == ["ann:1", "ann:2"])


async def test_redis_that_has_lost_all_is_followed_again(office: Office) -> None:
    await office.phones("ann")
    double = Double()
    async with at_work(office, double):
        await office.tell("ann", "1")
        await until(lambda: _is_written(office, 1))
        await office.redis.flushdb()
        await until(lambda: office.redis.exists(stream_name(PREFIX, partition_of("ann"))))
        await office.tell("ann", "2")
        await until(lambda: double.notices == ["ann:1", "ann:2"])


async def test_what_was_in_the_hand_of_a_worker_that_died_is_sent_by_the_next(office: Office) -> None:
    await office.phones("ann")
    stuck, double = Double(pause_seconds=60.0), Double()
    async with at_work(office, stuck) as worker:
        await office.tell("ann", "1", "2")
        await until(lambda: stuck.notices == ["ann:1"])
        await until(lambda: _is_acknowledged(office))
        await asyncio.wait_for(session_of(worker).sender.close(), 5.0)
    async with at_work(office, double):
        await until(lambda: double.notices == ["ann:1", "ann:2"])
        await until(lambda: _is_written(office, 2))


async def test_who_has_lost_a_lease_changes_nothing_that_its_successor_took_up(office: Office) -> None:
    await office.phones("ann")
    stuck = Double(pause_seconds=60.0)
    async with at_work(office, stuck):
        await office.tell("ann", "1")
        await until(lambda: stuck.notices == ["ann:1"])
    rows = Rows(office.connection)
    [row] = await rows.due([partition_of("ann")], ["fcm"], office.now(), 10)
    newer = replace(row, fence=row.fence + 1)
    await rows.write(list(change_all([newer], {})))
    await rows.write([change(row, {"state": "sent"}), *change_all([row], {"state": "sent"})])
    assert await office.states() == {"ann:1": "queued"}
    await rows.write([change(newer, {"state": "sent"})])
    assert await office.states() == {"ann:1": "sent"}


async def test_a_lease_is_had_by_one_and_free_when_it_has_run_out(office: Office) -> None:
    now = [office.now()]

    async def let_go(_partitions: Sequence[int]) -> None:
        pass

    one, other = (Leases(office.connection, 4, name, lambda: now[0], let_go, work="push") for name in ("one", "other"))
    await one.renew({})
    assert sorted(one.held) == [0, 1, 2, 3]
    await other.renew({})
    assert not other.held
    await one.renew({0: 17})
    await other.renew({})
    assert (len(one.held), len(other.held), set(one.held) & set(other.held)) == (2, 2, set())
    fences = {partition: lease.fence for partition, lease in ({**one.held, **other.held}).items()}
    await one.retire()
    await other.renew({})
    assert sorted(other.held) == [0, 1, 2, 3]
    assert [other.held[partition].fence > fences[partition] for partition in range(4)].count(True) == 2
    assert other.held[0].upto == 17 or 0 in one.held


async def test_what_is_not_of_laurel_in_a_stream_stops_nobody(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    await office.phones("ann")
    double = Double()
    async with at_work(office, double):
        await office.redis.xadd(stream_name(PREFIX, partition_of("ann")), {"foreign": "canary"}, id="1-0")
        office.position = 1
        await office.tell("ann", "1")
        await until(lambda: double.notices == ["ann:1"])
        await until(lambda: _is_acknowledged(office))
    assert "is not what Laurel writes, and is left out" in caplog.text
    assert "canary" not in caplog.text


def test_a_stream_is_read_in_the_shape_of_either_protocol() -> None:
    entry = (b"1-0", {b"id": b"x"})
    assert reading._entries([[b"stream", [entry]]]) == [entry]
    assert reading._entries({b"stream": [[entry]]}) == [entry]
    assert list(reading._entries(None)) == list(reading._entries([])) == []


async def _is_written(office: Office, count: int) -> bool:
    return len(await office.stored(state="sent")) == count and await office.pending() == 0


async def _is_acknowledged(office: Office) -> bool:
    return await office.pending() == 0


async def _is_noted(office: Office, upto: int) -> bool:
    return bool(await office.database["push_leases"].count_documents({"upto": upto}))


async def test_what_was_read_while_the_lease_had_lapsed_is_sent_once_it_is_ours_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.phones("ann")
    double, holds, lapses = Double(), Leases.holds, [True]

    def lapsed_once(leases: Leases, partition: int) -> bool:
        return not (partition == partition_of("ann") and lapses and lapses.pop()) and holds(leases, partition)

    async with at_work(office, double) as worker:
        await until(lambda: len(session_of(worker).leases.held) == PARTITIONS)
        session = session_of(worker)
        monkeypatch.setattr(session, "resume_due", _nothing_due)
        monkeypatch.setattr(Leases, "holds", lapsed_once)
        await office.tell("ann", "1")
        await until(lambda: not lapses)
        await office.tell("ann", "2")
        await until(lambda: sorted(double.notices) == ["ann:1", "ann:2"])
        await until(lambda: _is_written(office, 2))


async def _nothing_due() -> bool:
    return False
