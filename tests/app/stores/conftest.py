"""A game over the stores of a fresh database, and a MongoDB server that a test may kill."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase

from app.embedded.servers import Server, mongo_server
from app.ports import free_loopback_port
from app.stores.connection import Connection, connect
from app.stores.indexes import ensure_indexes
from tests.app.stores.play import NOW, PROGRAM, Play

TIMEOUT_SECONDS = 5.0
IMPATIENT_SECONDS = 1.0
START_SECONDS = 30.0
POLL_SECONDS = 0.02


class KillableServer:
    """A MongoDB server of its own on a port that stays the same."""

    def __init__(self, folder: Path) -> None:
        self.port = free_loopback_port()
        self._server: Server = mongo_server(folder)
        place = self._server.command.index("--port") + 1
        self._command = (*self._server.command[:place], str(self.port), *self._server.command[place + 1 :])
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return self._server.url.format(port=self.port)

    async def start(self) -> None:
        with self._server.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(*self._command, stdout=log, stderr=log)
        async with asyncio.timeout(START_SECONDS):
            while not self._server.ready.search(self._server.log.read_text()):  # noqa: ASYNC110 - a file has no event
                await asyncio.sleep(POLL_SECONDS)

    def pause(self) -> None:
        """Let it hold its connections and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    async def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@pytest.fixture
async def killable(tmp_path: Path) -> AsyncIterator[KillableServer]:
    """A running server for one test, killed after it."""
    server = KillableServer(tmp_path)
    await server.start()
    yield server
    await server.kill()


@pytest.fixture
async def fragile(killable: KillableServer) -> AsyncIterator[Play]:
    """A game over the server that may be killed."""
    client = connect(killable.url, IMPATIENT_SECONDS)
    yield await _begin(client["fragile"], IMPATIENT_SECONDS)
    client.close()


@pytest.fixture
async def play(database: AsyncIOMotorDatabase[dict[str, Any]]) -> Play:
    """A game over the shared server."""
    return await _begin(database, TIMEOUT_SECONDS)


@pytest.fixture
async def impatient(play: Play, database: AsyncIOMotorDatabase[dict[str, Any]]) -> Play:
    """The same game through stores that wait no longer than they must in a test."""
    return Play.over(Connection(database, IMPATIENT_SECONDS))


@pytest.fixture
async def failing(mongo: AsyncIOMotorClient[dict[str, Any]]) -> AsyncIterator["FailingCommands"]:
    """Commands that the shared server is told to fail."""
    commands = FailingCommands(mongo)
    yield commands
    await commands.stop()


class FailingCommands:
    """The server's own way to fail on purpose. Needs a server that allows it."""

    def __init__(self, client: AsyncIOMotorClient[dict[str, Any]]) -> None:
        self._client = client

    async def fail(self, command: str, times: int = 1, **how: object) -> None:
        """Fail the next ``times`` of a command: ``closeConnection``, ``errorCode`` or ``blockConnection``."""
        data = {"failCommands": [command], **how}
        await self._client.admin.command({"configureFailPoint": "failCommand", "mode": {"times": times}, "data": data})

    async def stop(self) -> None:
        """Fail no more."""
        await self._client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


async def _begin(database: AsyncIOMotorDatabase[dict[str, Any]], timeout_seconds: float) -> Play:
    connection = Connection(database, timeout_seconds)
    await ensure_indexes(connection)
    play = Play.over(connection)
    await play.programs.apply(PROGRAM, "tests", NOW)
    return play
