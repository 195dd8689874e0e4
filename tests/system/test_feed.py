"""Relays and workers as they are run, killed and begun again while Redis is emptied: every notice is handled, in order.

The workers are those of docs/examples.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from app.boards.wire import connect
from app.embedded import StoreServers
from app.stores.connection import Connection
from app.stores.indexes import ensure_indexes
from tests.app.notices.feed import TIMEOUT_SECONDS, Arena, until
from tests.redis_servers import own_database
from tests.system.installation import ROOT, Installation, installed

EXAMPLES = ROOT / "docs" / "examples"
NODE = shutil.which("node")
LANGUAGES = [
    pytest.param((sys.executable, str(EXAMPLES / "follow_feed.py")), id="python"),
    pytest.param(
        (NODE or "", str(EXAMPLES / "follow_feed.mjs")),
        id="javascript",
        marks=pytest.mark.skipif(NODE is None, reason="Node.js is not installed"),
    ),
]
MEMBERS = [f"m{number}" for number in range(30)]


class ExampleWorker:
    """One of the documented workers, which may be killed and begun again; what it prints is kept."""

    def __init__(self, command: Sequence[str], output: Path, **variables: str) -> None:
        self._command, self._output, self._variables = command, output, variables
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._output.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdout=out, stderr=out, env={**os.environ, **self._variables}
            )

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    def printed(self) -> list[dict[str, Any]]:
        """The notices that it has printed whole."""
        lines = self._output.read_text(encoding="utf-8").splitlines() if self._output.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]


@pytest.fixture
async def arena(database: AsyncIOMotorDatabase[dict[str, Any]], servers: StoreServers) -> AsyncIterator[Arena]:
    client = connect(own_database(servers.redis_url), TIMEOUT_SECONDS, cluster=False)
    connection = Connection(database, TIMEOUT_SECONDS)
    await ensure_indexes(connection)
    arena = Arena(connection, client)
    await arena.lose()
    yield arena
    await client.aclose()


async def joined(arena: Arena, group: str) -> None:
    """Wait until a worker has joined all streams."""
    feed = arena.process()

    async def is_there() -> bool:
        return all(group in stream.groups for stream in await feed.streams.seen())

    await until(is_there)


@pytest.mark.parametrize("command", LANGUAGES)
async def test_a_documented_worker_handles_all_through_kills_and_losses(
    arena: Arena, servers: StoreServers, tmp_path: Path, command: Sequence[str]
) -> None:
    worker = ExampleWorker(
        command,
        tmp_path / "printed",
        LAUREL_REDIS_URL=own_database(servers.redis_url),
        LAUREL_REDIS_PREFIX=arena.prefix,
        FEED_GROUP="mail",
    )
    written: list[str] = []
    async with arena.running(1) as [feed]:
        await until(lambda: arena.is_up_to_date(feed))
        try:
            await worker.start()
            await joined(arena, "mail")
            await arena.noted(feed, "mail")
            for turn in range(3):
                for _ in range(5):
                    written += await arena.commit(feed, MEMBERS, each=2)
                handled = len(worker.printed())
                await until(lambda handled=handled: _has(worker, handled + 1))  # type: ignore[misc]
                if turn == 1:
                    await worker.kill()
                    written += await arena.commit(feed, MEMBERS)
                    await worker.start()
                else:
                    await arena.lose()
            await until(lambda: _has_all(worker, written))
        finally:
            await worker.kill()

    assert {notice["id"] for notice in worker.printed()} == set(written)
    assert worker.printed()[0]["values"] == {"name": "first", "points": 25}
    assert_in_order(worker.printed())


@pytest.fixture
async def laurel(arena: Arena, servers: StoreServers, tmp_path: Path) -> AsyncIterator[Installation]:
    """The command line over the arena's stores."""
    async with installed(tmp_path) as laurel:
        laurel.set_variables(
            LAUREL_MONGO_URL=servers.mongo_url,
            LAUREL_REDIS_URL=own_database(servers.redis_url),
            LAUREL_REDIS_PREFIX=arena.prefix,
            LAUREL_DATABASE=arena.connection["notices"].database.name,
        )
        yield laurel


async def test_relays_are_killed_and_others_go_on(arena: Arena, laurel: Installation) -> None:
    writer, written = arena.process(), list[str]()
    relays = [await laurel.start("worker", "feed") for _ in range(2)]

    async def half_came() -> bool:
        return len(await arena.entries(writer)) >= len(written) // 2

    for relay in relays:
        for _ in range(10):
            written += await arena.commit(writer, MEMBERS, each=2)
        await until(half_came)
        relay.process.send_signal(signal.SIGKILL)
        await relay.ended()
        written += await arena.commit(writer, MEMBERS, each=2)
    last = await laurel.start("worker", "feed")
    await until(lambda: arena.is_up_to_date(writer))
    last.process.send_signal(signal.SIGTERM)
    assert (await last.ended()).code == 0

    entries = await arena.entries(writer)
    assert [entry.position for entry in entries] == list(range(1, len(written) + 1))
    assert {entry.notice.notice_id for entry in entries} == set(written)
    told = [(entry.notice.notice_id, entry.notice.member_id, entry.position) for entry in entries]
    assert_in_order([dict(zip(("id", "member", "position"), each, strict=True)) for each in told])


async def _has(worker: ExampleWorker, least: int) -> bool:
    return len(worker.printed()) >= least


async def _has_all(worker: ExampleWorker, written: Sequence[str]) -> bool:
    return {notice["id"] for notice in worker.printed()} >= set(written)


def assert_in_order(printed: Sequence[dict[str, Any]]) -> None:
    """What is new comes in the order in which it was written for its member; only what comes again is behind it."""
    furthest: Counter[str] = Counter()
    seen: dict[str, tuple[int, int]] = {}
    for notice in printed:
        if notice["id"] in seen:
            continue
        member_id, seq, number = notice["id"].split(":")
        order = (int(seq), -int(number))
        assert order > seen.get(member_id, (0, 0))
        seen[notice["id"]] = seen[member_id] = order
        assert int(notice["position"]) > furthest[member_id]
        furthest[member_id] = int(notice["position"])
