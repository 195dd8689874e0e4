"""Workers that are killed at any moment: nothing is lost, a phone shows nothing twice, and each one's order is kept."""

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from app.embedded import StoreServers
from tests.app.push.post import PREFIX, Office, until
from tests.redis_servers import own_database

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("worker_process.py")
UNAVAILABLE_SHARE = 0.03
LOG_CHARS = 6_000


class Phones:
    """What phones that honour collapse ids show of what a double was sent: (id, text) for each token, in order."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.sent = 0
        self.shown: dict[str, dict[str, str]] = {}
        self.port = 0

    def got(self, number: int) -> bool:
        """Whether so many were sent altogether."""
        return self.sent >= number

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, ValueError):
            push = json.loads(await reader.readline())
            if self._rng.random() < UNAVAILABLE_SHARE:
                writer.write(b"later\n")
            else:
                self.sent += 1
                shown = self.shown.setdefault(push["token"], {})
                assert shown.setdefault(push["id"], push["body"]) == push["body"], "the same push, if it comes again"
                await asyncio.sleep(self._rng.uniform(0.0, 0.01))
                writer.write(b"taken\n")
            await writer.drain()
        writer.close()


@asynccontextmanager
async def phones_of(rng: random.Random) -> AsyncIterator[Phones]:
    phones = Phones(rng)
    server = await asyncio.start_server(phones.answer, "127.0.0.1", 0, backlog=1024)
    async with server:
        phones.port = server.sockets[0].getsockname()[1]
        yield phones


class Crew:
    """Worker processes, some of which are killed now and then. Each writes a log of its own into ``logs``."""

    def __init__(self, servers: StoreServers, office: Office, port: int, logs: Path) -> None:
        name = office.database.name
        self._command = [
            sys.executable,
            str(SCRIPT),
            servers.mongo_url,
            own_database(servers.redis_url),
            name,
            str(port),
        ]
        self.processes: list[asyncio.subprocess.Process] = []
        self._logs, self._hired = logs, 0

    async def hire(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._hired += 1
        with (self._logs / f"worker-{self._hired:03}.log").open("wb") as log:
            self.processes.append(await asyncio.create_subprocess_exec(*self._command, env=environment, stderr=log))

    async def tell(self) -> str:
        """What the logs say, at their ends what those who live are waiting for."""
        for process in self.processes:
            if process.returncode is None:
                process.send_signal(signal.SIGUSR1)
        await asyncio.sleep(1.0)
        return "\n".join(f"{log.name}:\n{log.read_text()[-LOG_CHARS:]}" for log in sorted(self._logs.iterdir()))

    async def kill(self, number: int) -> None:
        process = self.processes.pop(number)
        assert process.returncode is None, "it ended by itself"
        process.kill()
        await process.wait()


async def live_through(
    office: Office, servers: StoreServers, logs: Path, *, kills: int, members: int, notices: int
) -> None:
    rng = random.Random(kills)
    names = [f"m{number}" for number in range(members)]
    await office.phones(*names)
    async with phones_of(rng) as phones:
        crew = Crew(servers, office, phones.port, logs)
        try:
            for _ in range(2):
                await crew.hire()
            await until(lambda: _is_read(office))
            for kill in range(kills + 1):
                before = office.position
                for number in range(kill, notices, kills + 1):
                    for name in names:
                        await office.tell(name, f"{number:04}")
                await until(partial(phones.got, rng.randint(before + 1, office.position)))
                if kill < kills:
                    await crew.kill(rng.randrange(2))
                    await crew.hire()
            await until(lambda: _all_sent(office, members * notices))
        except TimeoutError as late:
            ended = [process.returncode for process in crew.processes]
            streams = len(await office.redis.keys(f"{{{PREFIX}:notices:*"))
            leases = await office.database["push_leases"].find({}).to_list(None)
            facts = (phones.sent, office.position, streams, ended, office.now(), leases)
            queued = await office.stored(state="queued")
            raise AssertionError(f"{facts}\n{queued[:20]}\n{await crew.tell()}") from late
        finally:
            while crew.processes:
                await crew.kill(0)
    told = {f"phone-{name}": [f"{name}:{number:04}" for number in _order(kills, notices)] for name in names}
    assert {token: list(shown) for token, shown in phones.shown.items()} == told
    assert phones.sent < 2 * members * notices, "what was in hand is repeated, and not all"
    assert await office.pending() == 0


def _order(kills: int, notices: int) -> list[int]:
    return [number for kill in range(kills + 1) for number in range(kill, notices, kills + 1)]


async def _is_read(office: Office) -> bool:
    leases = await office.database["push_leases"].count_documents({"holder": {"$ne": None}})
    return leases == 16 and bool(await office.redis.exists(f"{{{PREFIX}:notices:0}}"))


async def _all_sent(office: Office, count: int) -> bool:
    return await office.database["deliveries"].count_documents({"state": "sent"}) == count


async def test_workers_that_are_killed_lose_nothing_and_repeat_only_what_was_in_hand(
    office: Office, servers: StoreServers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tests.app.push.post.WAIT_SECONDS", 45.0)
    await live_through(office, servers, tmp_path, kills=2, members=20, notices=12)


@pytest.mark.soak
async def test_workers_that_are_killed_again_and_again(
    office: Office, servers: StoreServers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tests.app.push.post.WAIT_SECONDS", 300.0)
    await live_through(office, servers, tmp_path, kills=40, members=60, notices=100)
