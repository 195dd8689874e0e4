"""A MongoDB server that tests start themselves, on a port that stays the same, so that it may be killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import PyMongoError

from app.embedded import servers
from app.ports import free_loopback_port

START_SECONDS = 20.0
POLL_SECONDS = 0.02
ASK_MILLISECONDS = 500


class MongoServer:
    """The embedded server. What it has acknowledged survives `kill`."""

    def __init__(self, folder: Path) -> None:
        self.port = free_loopback_port()
        self.url = f"mongodb://127.0.0.1:{self.port}/?directConnection=true"
        server = servers.mongo_server(folder)
        self._log = server.log
        # The last word on an option counts.
        self._command = (*server.command, "--port", str(self.port))
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*self._command, stdout=log, stderr=log)
        client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(
            self.url, serverSelectionTimeoutMS=ASK_MILLISECONDS
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await _answers(client):
                    assert self._process.returncode is None, self._log.read_text()
                    await asyncio.sleep(POLL_SECONDS)
        finally:
            client.close()

    async def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def mongo_server(folder: Path) -> AsyncIterator[MongoServer]:
    """A running server, killed at the end."""
    server = MongoServer(folder)
    try:
        await server.start()
        yield server
    finally:
        await server.kill()


async def _answers(client: AsyncIOMotorClient[dict[str, object]]) -> bool:
    try:
        await client.admin.command("ping")
    except PyMongoError:
        return False
    return True
