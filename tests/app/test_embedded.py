import asyncio
import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.data_folder import ANNOUNCEMENT, is_owned
from app.embedded import embedded_servers, running_servers
from app.embedded.servers import mongo_cache_megabytes
from app.operator_error import OperatorError

WAIT_SECONDS = 20.0
ROOT = Path(__file__).parents[2]

OWNER = """
import asyncio, json, sys
from pathlib import Path
from motor.motor_asyncio import AsyncIOMotorClient
from redis.asyncio import Redis
from app.embedded import embedded_servers

async def main():
    async with embedded_servers(Path(sys.argv[1])) as stores:
        client = AsyncIOMotorClient(stores.mongo_url)
        redis = Redis.from_url(stores.redis_url)
        for number in range(20):
            async with await client.start_session() as session, session.start_transaction():
                await client.laurel.journal.insert_one({"_id": number}, session=session)
                await client.laurel.members.replace_one({"_id": 1}, {"seq": number}, upsert=True, session=session)
        await redis.zadd("board", {"a": 3})
        print(json.dumps([stores.mongo_url, stores.redis_url]), flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            await client.laurel.goodbye.insert_one({"_id": "stopped in order"})

asyncio.run(main())
"""


@pytest.fixture
def owner(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process with embedded servers in tmp_path, 20 acknowledged transactions in them, leading its process group."""
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True) as process:
        assert process.stdout is not None
        assert len(json.loads(process.stdout.readline())) == 2
        yield process
        process.kill()


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait(WAIT_SECONDS)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - other processes do not set events of ours
            await asyncio.sleep(0.02)


def servers_are_gone(data_dir: Path) -> bool:
    """Whether nothing holds the lock that every server inherits."""
    with (data_dir / "servers.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def processes_of(data_dir: Path, word: str) -> list[int]:
    """Process ids whose command line names both the folder and the word."""
    listing = subprocess.run(["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True).stdout
    return [int(line.split()[0]) for line in listing.splitlines() if str(data_dir) in line and word in line]


async def assert_written(data_dir: Path) -> None:
    async with embedded_servers(data_dir) as stores:
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(stores.mongo_url)
        assert [row["_id"] async for row in client.laurel.journal.find().sort("_id")] == list(range(20))
        assert await client.laurel.members.find_one() == {"_id": 1, "seq": 19}
        client.close()
        async with Redis.from_url(stores.redis_url) as redis:
            assert await redis.zscore("board", "a") == 3


async def test_both_servers_answer_and_end_with_the_block(tmp_path: Path) -> None:
    async with embedded_servers(tmp_path) as stores:
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(stores.mongo_url)
        async with (
            await client.start_session() as session,
            session.start_transaction(
                read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority", j=True)
            ),
        ):
            await client.laurel.journal.insert_one({"_id": 1}, session=session)
        assert await client.laurel.journal.count_documents({}) == 1
        client.close()
        async with Redis.from_url(stores.redis_url) as redis:
            assert (await redis.info("persistence"))["aof_enabled"] == 1
        assert not servers_are_gone(tmp_path)
    assert servers_are_gone(tmp_path)
    assert processes_of(tmp_path, "") == []


async def test_given_urls_start_nothing_and_leave_the_folder_alone(tmp_path: Path) -> None:
    folder = tmp_path / "untouched"
    async with embedded_servers(folder, mongo_url="mongodb://db.example", redis_url="redis://cache.example") as stores:
        assert (stores.mongo_url, stores.redis_url) == ("mongodb://db.example", "redis://cache.example")
    assert not folder.exists()


@pytest.mark.parametrize(("machine", "cache"), [(512, 256), (1_024, 256), (8_000, 2_000), (64_000, 16_000)])
def test_mongodb_may_take_a_quarter_of_the_memory(machine: int, cache: int) -> None:
    assert mongo_cache_megabytes(machine) == cache


async def test_only_the_missing_server_is_started(tmp_path: Path) -> None:
    async with embedded_servers(tmp_path, mongo_url="mongodb://db.example") as stores:
        assert stores.mongo_url == "mongodb://db.example"
        async with Redis.from_url(stores.redis_url) as redis:
            assert await redis.ping()
    assert not (tmp_path / "mongo").exists()


async def test_killing_the_owner_ends_the_servers_and_loses_no_acknowledged_write(
    tmp_path: Path, owner: "subprocess.Popen[str]"
) -> None:
    kill(owner)
    await assert_written(tmp_path)  # The start waits for the servers of the dead owner by itself.
    assert servers_are_gone(tmp_path)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux kills children with their parent")
async def test_killing_owner_and_guard_ends_the_servers_too(tmp_path: Path, owner: "subprocess.Popen[str]") -> None:
    (guard,) = processes_of(tmp_path, "guard.py")
    owner.send_signal(signal.SIGSTOP)  # So that the guard is killed before it can act on the owner's end.
    os.kill(guard, signal.SIGKILL)
    kill(owner)
    await until(lambda: servers_are_gone(tmp_path))
    await assert_written(tmp_path)


async def test_killing_the_servers_loses_no_acknowledged_write(tmp_path: Path, owner: "subprocess.Popen[str]") -> None:
    (mongo,), (redis,) = processes_of(tmp_path, "secantusd-rs --config"), processes_of(tmp_path, "valkey-server --bind")
    os.kill(mongo, signal.SIGKILL)
    os.kill(redis, signal.SIGKILL)
    kill(owner)
    await assert_written(tmp_path)


async def test_an_interrupt_of_the_process_group_reaches_the_owner_only(
    tmp_path: Path, owner: "subprocess.Popen[str]"
) -> None:
    servers = processes_of(tmp_path, "secantusd-rs --config")
    assert len(servers) == 1
    assert os.getpgid(servers[0]) != os.getpgid(owner.pid) == owner.pid
    os.killpg(owner.pid, signal.SIGINT)
    await until(lambda: owner.poll() is not None)
    assert servers_are_gone(tmp_path)
    async with embedded_servers(tmp_path, redis_url="redis://cache.example") as stores:
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(stores.mongo_url)
        assert await client.laurel.goodbye.find_one() == {"_id": "stopped in order"}
        client.close()


async def test_a_live_owner_keeps_others_out_and_what_a_killed_one_announced_is_not_taken_for_the_next(
    tmp_path: Path, owner: "subprocess.Popen[str]"
) -> None:
    with pytest.raises(OperatorError) as refusal:
        async with embedded_servers(tmp_path):
            pytest.fail("started beside a live owner")
    assert str(refusal.value) == (
        f"data folder {tmp_path} is in use by process {owner.pid}; stop it or set LAUREL_DATA_DIR"
    )

    kill(owner)
    await until(lambda: servers_are_gone(tmp_path))
    assert (tmp_path / ANNOUNCEMENT).exists(), "who is killed cannot take it back"
    assert running_servers(tmp_path) is None
    with (tmp_path / "servers.lock").open("a") as leftover:
        fcntl.flock(leftover, fcntl.LOCK_EX)  # As a server of the dead owner does that takes its time to go.
        async with AsyncExitStack() as stack:
            start = stack.enter_async_context(embedded_servers(tmp_path, mongo_url="mongodb://db.example"))
            starting = asyncio.create_task(start)
            await until(lambda: is_owned(tmp_path))
            assert running_servers(tmp_path) is None
            fcntl.flock(leftover, fcntl.LOCK_UN)
            stores = await starting
            beside = running_servers(tmp_path)
            assert beside is not None
            assert (beside.mongo_url, beside.redis_url) == (stores.mongo_url, stores.redis_url)


async def test_the_death_of_redis_is_logged_with_the_end_of_its_log_and_that_of_mongodb_ends_the_watch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with embedded_servers(tmp_path) as stores:
        watch = asyncio.create_task(stores.watch())
        (mongo,), (redis,) = (
            processes_of(tmp_path, "secantusd-rs --config"),
            processes_of(tmp_path, "valkey-server --b"),
        )
        os.kill(redis, signal.SIGKILL)
        await until(lambda: bool(caplog.records))
        assert not watch.done()
        assert stores.failure() is None
        os.kill(mongo, signal.SIGKILL)
        async with asyncio.timeout(WAIT_SECONDS):
            with pytest.raises(OperatorError) as report:
                await watch
        assert stores.failure() is report.value
    assert str(report.value).startswith(
        f"the embedded MongoDB server was ended by SIGKILL; {tmp_path / 'mongo.log'} ends with: "
    )
    assert "listening on 127.0.0.1:" in str(report.value)
    (logged,) = caplog.records
    assert logged.levelno == logging.ERROR
    said = logged.getMessage()
    assert said.startswith(f"the embedded Redis server was ended by SIGKILL; {tmp_path / 'redis.log'} ends with: ")
    assert "Ready to accept connections" in said
    assert said.endswith(". It is started again; until then Laurel goes on without it")


async def test_a_redis_that_has_ended_is_started_again_at_the_same_address_and_ends_with_the_block(
    tmp_path: Path,
) -> None:
    async with embedded_servers(tmp_path, mongo_url="mongodb://db.example") as stores:
        for times in (1, 2):
            (redis,) = processes_of(tmp_path, "valkey-server --b")
            os.kill(redis, signal.SIGKILL)
            await until(partial(is_another_than, redis, tmp_path))
            async with asyncio.timeout(WAIT_SECONDS), Redis.from_url(stores.redis_url) as client:
                while not await answers(client):  # noqa: ASYNC110 - a server has no event
                    await asyncio.sleep(0.02)
                assert await client.incr("times") == times
    assert servers_are_gone(tmp_path)
    assert processes_of(tmp_path, "") == []


def is_another_than(before: int, data_dir: Path) -> bool:
    return processes_of(data_dir, "valkey-server --b") not in ([], [before])


async def answers(client: Redis) -> bool:
    try:
        return bool(await client.ping())
    except (RedisError, OSError):
        return False


async def test_a_guard_that_dies_is_reported(tmp_path: Path) -> None:
    async with embedded_servers(tmp_path, mongo_url="mongodb://db.example") as stores:
        watch = asyncio.create_task(stores.watch())
        (guard,) = processes_of(tmp_path, "guard.py")
        os.kill(guard, signal.SIGTERM)
        async with asyncio.timeout(WAIT_SECONDS):
            with pytest.raises(OperatorError) as report:
                await watch
    assert (
        str(report.value)
        == "the guard of the embedded servers was stopped, and the servers with it; start Laurel again"
    )
    assert servers_are_gone(tmp_path)


async def test_a_server_that_cannot_start_is_reported_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "mongo").mkdir()
    (tmp_path / "mongo" / "data").write_text("not a folder")
    with pytest.raises(
        OperatorError, match=r"the embedded MongoDB server ended with exit code 1; .* ends with: .*mongo/data"
    ):
        async with embedded_servers(tmp_path, redis_url="redis://cache.example"):
            pytest.fail("started without a place for its data")
    assert servers_are_gone(tmp_path)


async def test_missing_binaries_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path / "none"))
    with pytest.raises(OperatorError) as refusal:
        async with embedded_servers(tmp_path / "data"):
            pytest.fail("started without binaries")
    assert str(refusal.value) == (
        f"the embedded MongoDB-compatible server is not installed in {tmp_path}/servers; "
        "run make, or set LAUREL_MONGO_URL to a real server"
    )
