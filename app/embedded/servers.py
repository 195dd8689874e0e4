"""The two embedded servers: how each is started, how its log says that it is ready, and how it is asked."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from motor.motor_asyncio import AsyncIOMotorClient
from redis.asyncio import Redis

from app.embedded.binaries import find_mongo_binary, find_redis_binary
from app.memory import machine_megabytes
from app.operator_error import OperatorError
from app.ports import free_loopback_port

MONGO = "MongoDB"
REDIS = "Redis"
MIN_MONGO_CACHE_MB = 256
MONGO_LOG_FILE_MAX = "64MB"
REDIS_MEMORY_MAX = "1gb"
ASK_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Server:
    """One server to start: ``ready`` finds in its log that it listens, and on which port (group 1).

    ``restart`` is for one that Laurel can go on without: it is started again, at the same address, where it has ended.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    ready: re.Pattern[str]
    url: str
    ask: Callable[[str], Awaitable[None]]
    """Returns when the server at the URL has answered over the wire; raises its client's error if it does not."""
    restart: bool = False


def mongo_server(data_dir: Path) -> Server:
    """The MongoDB-compatible server, with its files in ``data_dir/mongo``.

    Every commit is synced to disk, and it advertises itself as a replica set of one, so transactions work at once.
    """
    folder = _make_folder(data_dir / "mongo")
    config = folder / "empty.toml"
    config.touch()  # Naming a file keeps the server from reading one in the working or home folder.
    cache = mongo_cache_megabytes(machine_megabytes())
    command = (
        *(str(find_mongo_binary()), "--config", str(config), "--storage-path", str(folder / "data")),
        *("--host", "127.0.0.1", "--port", "0", "--sync-on-commit"),
        *("--cache-size", f"{cache}M", "--log-file-max", MONGO_LOG_FILE_MAX, "--log-level", "WARNING"),
    )
    ready = re.compile(r"listening on 127\.0\.0\.1:(\d+)")
    url = "mongodb://127.0.0.1:{port}/?directConnection=true"
    return Server(MONGO, command, data_dir / "mongo.log", ready, url, _ask_mongo)


def mongo_cache_megabytes(machine: int) -> int:
    """How much memory the server's data may come to take: a quarter of what the machine has, or `MIN_MONGO_CACHE_MB`.

    Where what is in use does not fit, whoever commits or reads has to make room first: 20,000 members in 256 MB doubled
    the p99 of a purchase.
    """
    return max(machine // 4, MIN_MONGO_CACHE_MB)


def redis_server(data_dir: Path) -> Server:
    """The Redis-compatible server, with its append-only file in ``data_dir/redis``, on a port that is free now."""
    folder = _make_folder(data_dir / "redis")
    command = (
        *(str(find_redis_binary()), "--bind", "127.0.0.1", "--port", str(free_loopback_port()), "--daemonize", "no"),
        *("--dir", str(folder), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory", REDIS_MEMORY_MAX, "--maxmemory-policy", "noeviction"),
        *("--set-proc-title", "no"),  # So that a listing of processes shows whose data this server holds.
    )
    ready = re.compile(r"port=(\d+)\..*Ready to accept connections", re.DOTALL)
    return Server(REDIS, command, data_dir / "redis.log", ready, "redis://127.0.0.1:{port}/0", _ask_redis, restart=True)


def _make_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise OperatorError(f"{folder} cannot be made: {error.strerror}; set LAUREL_DATA_DIR") from error
    return folder.resolve()


async def _ask_mongo(url: str) -> None:
    client: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(
        url, serverSelectionTimeoutMS=int(ASK_TIMEOUT_SECONDS * 1000)
    )
    try:
        hello = await client.admin.command("hello")
    finally:
        client.close()
    if not hello.get("isWritablePrimary") or not hello.get("setName"):
        raise OperatorError("the embedded MongoDB server does not offer transactions; run make again to replace it")


async def _ask_redis(url: str) -> None:
    async with Redis.from_url(url, socket_timeout=ASK_TIMEOUT_SECONDS) as client:
        await client.ping()
