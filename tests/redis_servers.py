"""Redis servers that tests start themselves: any binary, one that may be killed or paused, and a cluster of three."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.embedded.binaries import find_redis_binary
from app.ports import free_loopback_port

START_SECONDS = 20.0
POLL_SECONDS = 0.02
CLUSTER_NODES = 3
SLOTS = 16_384


def own_database(redis_url: str) -> str:
    """The URL of the database that this one of several test processes has for itself."""
    worker = re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "0"))
    return re.sub(r"/\d+$", f"/{worker}", redis_url)


def embedded_binary() -> Path:
    """The server that Laurel brings."""
    return find_redis_binary()


def installed_binary() -> Path | None:
    """The redis-server of this machine, if there is one."""
    found = shutil.which("redis-server")
    return Path(found) if found else None


class RedisServer:
    """One server on a port that stays the same, with an append-only file that survives it."""

    def __init__(self, binary: Path, folder: Path, *options: str) -> None:
        self.port, self.bus_port = free_loopback_port(), free_loopback_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._log = folder / "redis.log"
        self._folder = folder
        self._command = (
            *(str(binary), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--enable-debug-command", "yes"),
            # Where nodes of a cluster meet; unless told, that is the port plus 10000, which may be none.
            *("--cluster-port", str(self.bus_port)),
            *options,
        )
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*self._command, stdout=log, stderr=log)
        async with asyncio.timeout(START_SECONDS), Redis.from_url(self.url) as client:
            while not await _answers(client):
                assert self._process.returncode is None, self._log.read_text()
                await asyncio.sleep(POLL_SECONDS)

    def pause(self) -> None:
        """Let it hold its connections and answer nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after a pause."""
        self._signal(signal.SIGCONT)

    async def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@asynccontextmanager
async def redis_server(binary: Path, folder: Path, *options: str) -> AsyncIterator[RedisServer]:
    """A running server, killed at the end."""
    server = RedisServer(binary, folder, *options)
    try:
        await server.start()
        yield server
    finally:
        await server.kill()


@asynccontextmanager
async def redis_cluster(binary: Path, folder: Path) -> AsyncIterator[list[RedisServer]]:
    """Three primaries that share the slots evenly, killed at the end. Any URL of theirs leads to all."""
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-require-full-coverage", "yes")
    nodes = [RedisServer(binary, folder / str(number), *options) for number in range(CLUSTER_NODES)]
    try:
        for node in nodes:
            await node.start()
        await _join(nodes)
        yield nodes
    finally:
        for node in nodes:
            await node.kill()


async def _join(nodes: list[RedisServer]) -> None:
    clients = [Redis.from_url(node.url) for node in nodes]
    try:
        borders = [SLOTS * number // len(nodes) for number in range(len(nodes) + 1)]
        for number, client in enumerate(clients):
            await client.execute_command(  # type: ignore[no-untyped-call]
                "CLUSTER ADDSLOTSRANGE", borders[number], borders[number + 1] - 1
            )
            await client.execute_command(  # type: ignore[no-untyped-call]
                "CLUSTER SET-CONFIG-EPOCH", number + 1
            )
        for node in nodes[1:]:
            await clients[0].execute_command(  # type: ignore[no-untyped-call]
                "CLUSTER MEET", "127.0.0.1", node.port, node.bus_port
            )
        async with asyncio.timeout(START_SECONDS):
            for client in clients:
                while not await _knows_all(client):  # noqa: ASYNC110 - a cluster announces nothing
                    await asyncio.sleep(POLL_SECONDS)
    finally:
        for client in clients:
            await client.aclose()


async def _knows_all(client: Redis) -> bool:
    state = await client.execute_command(  # type: ignore[no-untyped-call]
        "CLUSTER INFO"
    )
    facts = state if isinstance(state, dict) else dict(line.split(":", 1) for line in state.decode().split())
    return facts["cluster_state"] == "ok" and int(facts["cluster_known_nodes"]) == CLUSTER_NODES


async def _answers(client: Redis) -> bool:
    try:
        return bool(await client.ping())
    except (RedisError, OSError):
        return False
