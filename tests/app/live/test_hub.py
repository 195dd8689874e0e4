"""Hints wake subscribers, in this process and in others; and nobody sleeps for long when hints are lost."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager

import pytest

from app.boards.wire import connect
from app.embedded import StoreServers
from app.live import subscribers
from app.live.background import running
from app.live.caches import dropping
from app.live.hints import MAX_NAMES_PER_MESSAGE, HintChannels, Hints
from app.live.hub import Hub
from app.live.subscribers import Signal, Subscribers
from gamification.stores import StoreUnavailable
from schema.signals import API_KEYS, CAMPAIGNS, PROGRAM
from tests.app.live.shop import until
from tests.redis_servers import RedisServer

TIMEOUT_SECONDS = 2.0
MANY = 5_000
SOON_SECONDS = 1.0
AWAY_SECONDS = 6.0
"""By when a lost connection is noticed and everybody has been woken."""

Hubs = Callable[[], Awaitable[Hub]]


@asynccontextmanager
async def hub_over(url: str, *, cluster: bool = False) -> AsyncIterator[Hub]:
    """What one process has, once it hears."""
    client = connect(url, TIMEOUT_SECONDS, cluster=cluster)
    hub = Hub(HintChannels(client, "shop"))
    async with running({"hub": hub.run}):
        await until(lambda: _hears(hub))
        yield hub
    await client.aclose()


async def _hears(hub: Hub) -> bool:
    return hub.hears


async def wakes(signal: Signal, within_seconds: float = SOON_SECONDS) -> bool:
    try:
        await asyncio.wait_for(signal.wait(), within_seconds)
    except TimeoutError:
        return False
    return True


async def settled(*signals: Signal) -> None:
    """Let what the connection itself has caused pass by."""
    while any(await asyncio.gather(*(wakes(signal, 0.7) for signal in signals))):
        pass


async def speak_and_listen(one: Hub, other: Hub) -> None:
    with (
        one.watch(("member", "ann")) as here,
        other.watch(("member", "ann")) as there,
        other.watch(("member", "bob")) as bob,
        other.watch(("board", "weekly/2026-W20/lisbon")) as board,
        other.watch(CAMPAIGNS) as campaigns,
    ):
        await settled(here, there, bob, board, campaigns)
        await one.announce(Hints(members=["ann"]))
        assert [await wakes(here), await wakes(there)] == [True, True]
        assert not await wakes(here, 0.1), "our own hint must not come back to us"
        await one.announce(Hints(boards=["weekly/2026-W20/lisbon"], all=[CAMPAIGNS]))
        assert [await wakes(board), await wakes(campaigns)] == [True, True]
        assert [await wakes(signal, 0.05) for signal in (there, bob, board)] == [False, False, False]


async def test_hints_reach_the_subscribers_of_both_processes(own_redis: RedisServer) -> None:
    async with hub_over(own_redis.url) as one, hub_over(own_redis.url) as other:
        await speak_and_listen(one, other)


async def test_hints_reach_the_subscribers_through_any_node_of_a_cluster(cluster: list[RedisServer]) -> None:
    async with hub_over(cluster[0].url, cluster=True) as one, hub_over(cluster[2].url, cluster=True) as other:
        await speak_and_listen(one, other)


async def test_many_names_go_in_many_messages(own_redis: RedisServer) -> None:
    names = [f"m{number}" for number in range(2 * MAX_NAMES_PER_MESSAGE + 1)]
    async with hub_over(own_redis.url) as one, hub_over(own_redis.url) as other:
        with other.watch(("member", names[0])) as first, other.watch(("member", names[-1])) as last:
            await settled(first, last)
            await one.announce(Hints(members=names))
            assert [await wakes(first), await wakes(last)] == [True, True]


async def test_thousands_of_subscribers_of_one_process_are_woken_within_a_second(own_redis: RedisServer) -> None:
    async with hub_over(own_redis.url) as one, hub_over(own_redis.url) as other:
        with ExitStack() as stack:
            signals = [stack.enter_context(other.watch(CAMPAIGNS)) for _ in range(MANY)]
            waiting = asyncio.gather(*(signal.wait() for signal in signals))
            await one.announce(Hints(all=[CAMPAIGNS]))
            await asyncio.wait_for(waiting, SOON_SECONDS)


async def test_everybody_is_woken_while_redis_is_away_and_when_it_is_back(own_redis: RedisServer) -> None:
    async with hub_over(own_redis.url) as hub:
        with hub.watch(("member", "ann")) as ann:
            await settled(ann)
            await own_redis.kill()
            for _ in range(2):
                assert await wakes(ann, AWAY_SECONDS)
            assert not hub.hears
            with pytest.raises(StoreUnavailable):
                await hub.announce(Hints(members=["ann"]))
            assert await wakes(ann, 0.1), "the subscribers of this process need no Redis"
            await own_redis.start()
            await until(lambda: _hears(hub))
            assert await wakes(ann, AWAY_SECONDS)


async def test_a_redis_that_falls_silent_counts_as_away(own_redis: RedisServer) -> None:
    async with hub_over(own_redis.url) as hub, hub_over(own_redis.url) as other:
        with hub.watch(("member", "ann")) as ann:
            await settled(ann)
            own_redis.pause()
            try:
                assert await wakes(ann, AWAY_SECONDS)
                assert not hub.hears
            finally:
                own_redis.resume()
            await until(lambda: _hears(hub))
            await until(lambda: _hears(other))
            await settled(ann)
            await other.announce(Hints(members=["ann"]))
            assert await wakes(ann)


async def test_what_laurel_does_not_write_is_left_out(own_redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async with hub_over(own_redis.url) as one, hub_over(own_redis.url) as other:
        with other.watch(("member", "ann")) as ann:
            await settled(ann)
            client = one._channels.redis
            for message in (b"\xff", b"{}", b"[]", b'{"from": 1, "names": [2]}', b'{"from": 1, "names": "ann"}'):
                await client.publish("shop:records", message)
            await one.announce(Hints(members=["ann"]))
            assert await wakes(ann)
    said = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(said) == 2 * 5, "each process says it of each message"


async def test_calls_before_the_wait_are_one_and_none_is_lost() -> None:
    all_of_them = Subscribers()
    with all_of_them.subscribed([("member", "ann")]) as ann:
        all_of_them.wake(Hints(members=["ann", "bob"]))
        all_of_them.wake(Hints(members=["ann"]))
        assert await wakes(ann, 0.1)
        assert not await wakes(ann, 0.1)
    all_of_them.wake(Hints(members=["ann"]))
    assert not await wakes(ann, 0.1)


async def test_subscribers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscribers, "MAX_SUBSCRIBERS", 2)
    all_of_them = Subscribers()
    with all_of_them.subscribed([("member", "ann")]):
        with (
            all_of_them.subscribed([("member", "ann")]),
            pytest.raises(StoreUnavailable),
            all_of_them.subscribed([("board", "b")]),
        ):
            pass
        with all_of_them.subscribed([("board", "b")]):
            pass


async def test_what_laurel_watches_itself_takes_no_seat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscribers, "MAX_SUBSCRIBERS", 1)
    all_of_them = Subscribers()
    with (
        all_of_them.subscribed([CAMPAIGNS], counted=False),
        all_of_them.subscribed([("member", "ann")]),
        all_of_them.subscribed([CAMPAIGNS], counted=False) as own,
    ):
        all_of_them.wake(Hints(all=[CAMPAIGNS]))
        assert await wakes(own, 0.1)
        with pytest.raises(StoreUnavailable), all_of_them.subscribed([CAMPAIGNS]):
            pass


async def test_a_cache_is_dropped_by_hints_about_its_topic_alone(servers: StoreServers) -> None:
    dropped: list[str] = []
    async with hub_over(servers.redis_url) as one, hub_over(servers.redis_url) as other:
        caches = {PROGRAM: lambda: dropped.append("program"), API_KEYS: lambda: dropped.append("keys")}
        async with running(dropping(other, caches)):
            await asyncio.sleep(0)
            with other.watch(PROGRAM, API_KEYS) as signal:
                await settled(signal)
            dropped.clear()
            await one.announce(Hints(members=["ann"], all=[CAMPAIGNS]))
            await one.announce(Hints(all=[API_KEYS]))
            await until(lambda: _is(dropped, ["keys"]))
            await one.announce(Hints(all=[PROGRAM]))
            await until(lambda: _is(dropped, ["keys", "program"]))


async def _is(dropped: list[str], expected: list[str]) -> bool:
    return dropped == expected
