"""Boards while everything goes wrong: processes killed, Redis emptied, paused and killed; in the end they are right."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.embedded import StoreServers, embedded_servers
from tests.system.installation import (
    POLL_SECONDS,
    SECRET,
    WAIT_SECONDS,
    Ended,
    Installation,
    Served,
    serving,
    staff_token,
)
from tests.system.shopping import ENROL, record

MEMBERS = 6
PURCHASES_EACH = 6
CLEAN = f"the boards of {MEMBERS} members compared, no differences\n"


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not await condition():  # noqa: ASYNC110 - other processes do not set events of ours
            await asyncio.sleep(POLL_SECONDS)


@pytest.fixture
async def stores(laurel: Installation) -> AsyncIterator[StoreServers]:
    """Servers that outlive the processes of Laurel."""
    async with embedded_servers(laurel.data_dir) as running:
        laurel.set_variables(
            LAUREL_MONGO_URL=running.mongo_url, LAUREL_REDIS_URL=running.redis_url, LAUREL_JWT_SECRET=SECRET
        )
        yield running


async def enrol(served: Served, names: str = "member") -> list[str]:
    answers = [await served.ask(ENROL, staff_token(), key=f"{names}-{number}") for number in range(MEMBERS)]
    return [answer["enrolMember"]["member"]["id"] for answer in answers]


async def shop(served: Served, members: list[str], first: int = 0) -> None:
    """Every member shops; what a process that is gone, or is in another's way, does not take is lost."""

    async def shop_as(member: str) -> None:
        for number in range(first, first + PURCHASES_EACH):
            await record(served, member, number)

    await asyncio.gather(*(shop_as(member) for member in members))


async def entries(laurel: Installation) -> int:
    with laurel.database() as database:
        return await database["outbox"].count_documents({})


async def nothing_is_left(laurel: Installation) -> bool:
    return await entries(laurel) == 0


async def assert_boards_are_right(laurel: Installation, stores: StoreServers) -> None:
    await until(lambda: nothing_is_left(laurel))
    await until(lambda: are_built(stores))
    assert await laurel.beside("boards", "verify") == Ended(0, CLEAN, "")


async def are_built(stores: StoreServers) -> bool:
    try:
        async with Redis.from_url(stores.redis_url, socket_timeout=1) as redis:
            control = await redis.hgetall("laurel:boards")
            return bool(control.get(b"current")) and b"building" not in control
    except (RedisError, OSError):
        return False


@asynccontextmanager
async def paused(pid: int) -> AsyncIterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_what_a_killed_process_had_committed_and_not_announced_is_announced_by_the_next(
    laurel: Installation, stores: StoreServers
) -> None:
    (redis,) = laurel.processes("valkey-server")
    async with serving(laurel) as served:
        members = await enrol(served)
        await until(lambda: are_built(stores))
        await until(lambda: nothing_is_left(laurel))
        async with paused(redis):
            await shop(served, members)
            served.command.process.kill()
            await served.command.ended()
    assert await entries(laurel) == MEMBERS * PURCHASES_EACH
    ended = await laurel.beside("boards", "verify")
    assert (ended.code, ended.stdout.splitlines()[-1]) == (
        1,
        f"the boards of {MEMBERS} members compared, {3 * MEMBERS} differences",
    )
    async with serving(laurel):
        await assert_boards_are_right(laurel, stores)


async def test_boards_are_rebuilt_while_serving_and_by_themselves_when_redis_has_lost_them(
    laurel: Installation, stores: StoreServers
) -> None:
    async with serving(laurel) as served:
        members = await enrol(served)
        await shop(served, members)
        await until(lambda: nothing_is_left(laurel))
        assert await laurel.beside("boards", "rebuild") == Ended(
            0, f"the boards are rebuilt, with {3 * MEMBERS} places\n", ""
        )
        async with Redis.from_url(stores.redis_url) as redis:
            await redis.flushall()
        await assert_boards_are_right(laurel, stores)
        (pid,) = laurel.processes("valkey-server")
        os.kill(pid, signal.SIGKILL)
        await shop(served, members, first=PURCHASES_EACH)
        await assert_boards_are_right(laurel, stores)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3))
async def test_boards_survive_everything_at_random_moments(
    laurel: Installation, stores: StoreServers, seed: int
) -> None:
    rng = random.Random(seed)
    async with serving(laurel) as steady:
        members = await enrol(steady)
        for turn in range(20):
            async with serving(laurel) as victim:
                shopping = [
                    asyncio.create_task(shop(process, members, first=10 * (2 * turn + number)))
                    for number, process in enumerate((steady, victim))
                ]
                await asyncio.sleep(rng.uniform(0, 0.3))
                await break_something(laurel, stores, rng)
                await asyncio.sleep(rng.uniform(0, 0.1))
                victim.command.process.kill()
                await asyncio.gather(*shopping)
                await victim.command.ended()
        await assert_boards_are_right(laurel, stores)


async def break_something(laurel: Installation, stores: StoreServers, rng: random.Random) -> None:
    what = rng.choice(("empty", "pause", "kill"))
    running = laurel.processes("valkey-server")
    if what == "empty" and running:
        async with Redis.from_url(stores.redis_url) as redis:
            await redis.flushall()
    elif what == "pause" and running:
        async with paused(running[0]):
            await asyncio.sleep(rng.uniform(0, 3))
    elif running:
        os.kill(running[0], signal.SIGKILL)
