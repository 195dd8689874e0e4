"""When the clock runs, how often, in how many processes and whether it is killed: the journal comes to the same."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase

from app.embedded import StoreServers
from app.stores import programs
from tests.app.clockwork import BEGUN_AT, DAY, PROGRAM, RECORDS_OF_A_PURCHASE, Clock, Shop, copied, opened, told
from tests.system.clock_process import exit_code
from tests.system.closing_process import FORKS
from tests.system.installation import Installation, installed, until

WEEK_LATER = BEGUN_AT + 7 * DAY
MEMBERS = 24
BATCH = 4
MAX_WRITES = 100
GENEROUS = PROGRAM.replace("threshold: 1000", "threshold: 10")
Database = AsyncIOMotorDatabase[dict[str, Any]]


@pytest.fixture
async def shop(database: Database, servers: StoreServers, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """Members who bought on one of three days, and a version of the program that comes into force on the fourth.

    The clock has never run.
    """
    monkeypatch.setattr(programs, "PROGRAM_CACHE_SECONDS", 0.0)
    async with opened(database, servers, Clock()) as shop:
        await shop.laurel.programs.apply(PROGRAM, "tests", BEGUN_AT)
        for day in range(3):
            shop.clock.at = BEGUN_AT + day * DAY / 4
            await shop.sell(*(f"m{day}-{number}" for number in range(MEMBERS // 3)))
        await shop.laurel.programs.apply(GENEROUS, "tests", shop.clock(), from_at=BEGUN_AT + 4 * DAY)
        yield shop


async def finished(shop: Shop, servers: StoreServers, *days: int) -> tuple[Any, Any]:
    """What a copy of the shop comes to when the clock runs on these days."""
    copy = await copied(shop.database)
    async with opened(copy, servers, Clock()) as other:
        for day in days:
            await other.tick(BEGUN_AT + day * DAY)
        assert await other.due() == []
        made = await told(copy)
    await copy.client.drop_database(copy.name)
    return made


async def test_stopped_for_a_week_it_comes_to_what_it_does_day_by_day(shop: Shop, servers: StoreServers) -> None:
    before = len((await told(shop.database))[0])
    records, members = await finished(shop, servers, 7)
    # Everyone's points unlock and expire, and everyone is gold from the fourth day on.
    assert len(records) == before + MEMBERS * (RECORDS_OF_A_PURCHASE + 1)
    assert {member["state"]["standing"]["since"] for member in members} == {BEGUN_AT + 4 * DAY}
    assert (records, members) == await finished(shop, servers, 0, 1, 2, 3, 4, 5, 6, 7)
    assert (records, members) == await finished(shop, servers, 3, 7)


async def test_several_at_once_do_nothing_twice(shop: Shop, servers: StoreServers) -> None:
    expected = await finished(shop, servers, 7)
    database = shop.database
    together = FORKS.Barrier(3)
    codes = await asyncio.gather(
        *(exit_code(servers, database.name, WEEK_LATER, batch=BATCH, together=together) for _ in range(3))
    )
    assert codes == [0, 0, 0]
    assert await told(database) == expected


async def test_killed_before_any_write_it_is_gone_on_with(
    shop: Shop, servers: StoreServers, mongo: AsyncIOMotorClient[dict[str, Any]]
) -> None:
    expected = await finished(shop, servers, 7)
    template = shop.database
    for number in range(1, MAX_WRITES):
        copy = await copied(template)
        code = await exit_code(servers, copy.name, WEEK_LATER, batch=MEMBERS // 2, kill_before=number)
        if code != 0:
            assert code == -signal.SIGKILL
            # A server drops what a killed process has left open after a minute; here at once.
            await mongo.admin.command("killAllSessions", [])
            assert await exit_code(servers, copy.name, WEEK_LATER, batch=MEMBERS // 2) == 0
        assert await told(copy) == expected
        await mongo.drop_database(copy.name)
        if code == 0:
            break
    # Two commits, each of snapshots, records, the outbox and the commit itself at least.
    assert 8 < number < MAX_WRITES


@pytest.fixture
async def installation(tmp_path: Path, servers: StoreServers, shop: Shop) -> AsyncIterator[Installation]:
    """Commands that run on the shop, a long time later."""
    async with installed(tmp_path) as installation:
        installation.set_variables(
            LAUREL_MONGO_URL=servers.mongo_url,
            LAUREL_REDIS_URL=servers.redis_url,
            LAUREL_DATABASE=shop.database.name,
        )
        yield installation


async def test_the_command_does_all_that_is_due_and_ends(installation: Installation, shop: Shop) -> None:
    done = await installation.run("worker", "clock", "--once")
    made = MEMBERS * (RECORDS_OF_A_PURCHASE + 1)
    assert len(await shop.passed()) == made
    said = f"time has passed for {MEMBERS} members and made {made} records\n"
    assert (done.code, done.stdout, done.stderr) == (0, said, "")
    again = await installation.run("worker", "clock", "--once")
    assert (again.code, again.stdout) == (0, "time has passed for 0 members and made 0 records\n")


async def test_the_worker_runs_until_it_is_told_to_end(installation: Installation, shop: Shop) -> None:
    worker = await installation.start("worker", "clock")
    await until(lambda: "time has passed" in worker.complained or not worker.is_running)
    os.kill(worker.process.pid, signal.SIGTERM)
    ended = await worker.ended()
    made = MEMBERS * (RECORDS_OF_A_PURCHASE + 1)
    assert (ended.code, ended.stdout) == (0, "")
    assert f"time has passed for {MEMBERS} members and made {made} records" in ended.stderr
    assert len(await shop.passed()) == made


async def test_without_a_program_the_command_says_what_to_do(installation: Installation, shop: Shop) -> None:
    await shop.database["programs"].delete_many({})
    refused = await installation.run("worker", "clock", "--once")
    message = "laurel: no program has been applied yet; apply one with: laurel program apply FILE\n"
    assert (refused.code, refused.stdout, refused.stderr) == (1, "", message)
