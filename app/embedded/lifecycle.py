"""Starts the embedded servers that are needed, waits until they answer, watches them and stops them at the end."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from app.data_folder import ANNOUNCEMENT, is_owned, own_data_folder
from app.embedded import guard
from app.embedded.servers import MONGO, REDIS, Server, mongo_server, redis_server
from app.exit_codes import how_it_ended
from app.operator_error import OperatorError

START_TIMEOUT_SECONDS = 60.0
"""Recovery of a large log after a crash takes a while."""
START_ATTEMPTS = 3
"""A port that was free when chosen may be taken when the server wants it."""
STOP_SECONDS = 10.0
"""How long the servers may take to end before they are killed."""
GUARD_MARGIN_SECONDS = 2.0
POLL_SECONDS = 0.01
LOG_TAIL_BYTES = 4000
LOG_TAIL_LINES = 3

log = logging.getLogger(__name__)


class StoreServers:
    """Where the stores are, and the watch over the servers that were started for them."""

    def __init__(self, mongo_url: str, redis_url: str, running: "_RunningServers | None" = None) -> None:
        self.mongo_url = mongo_url
        self.redis_url = redis_url
        self._running = running

    async def watch(self) -> NoReturn:
        """Wait until the embedded MongoDB ends by itself; forever, if it does not or was not started.

        Laurel goes on without Redis, so the end of that one is only logged, as an error, and it is started again.

        Raises:
            OperatorError: MongoDB or the guard has ended; its exit code and the end of its log are in the message.
        """
        if self._running is None:
            await asyncio.Event().wait()
        else:
            raise await asyncio.shield(self._running.failure)
        raise AssertionError("an event that nobody sets was set")

    def failure(self) -> OperatorError | None:
        """What ``watch`` raises, if that has happened already."""
        return self._running.failure.result() if self._running and self._running.failure.done() else None


@asynccontextmanager
async def embedded_servers(
    data_dir: Path, *, mongo_url: str | None = None, redis_url: str | None = None
) -> AsyncIterator[StoreServers]:
    """Start a server for each URL that is None, with its data under ``data_dir``, and stop it when the block ends.

    The servers end with this process, however it ends. With both URLs given nothing is started and the folder is not
    touched.

    Raises:
        OperatorError: the folder is in use, a binary is missing, or a server does not start within a minute.
    """
    if mongo_url is not None and redis_url is not None:
        yield StoreServers(mongo_url, redis_url)
        return
    async with own_data_folder(data_dir) as folder:
        running, urls = await _start(folder.path, folder.servers_lock, mongo=mongo_url is None, redis=redis_url is None)
        urls = {MONGO: mongo_url or urls[MONGO], REDIS: redis_url or urls[REDIS]}
        _announce(data_dir, urls)
        try:
            yield StoreServers(urls[MONGO], urls[REDIS], running)
        finally:
            (data_dir / ANNOUNCEMENT).unlink(missing_ok=True)
            await running.stop()


def running_servers(data_dir: Path) -> StoreServers | None:
    """The servers that another live process runs on this folder, for a command to use beside it; None if none does."""
    try:
        urls = json.loads((data_dir / ANNOUNCEMENT).read_bytes()) if is_owned(data_dir) else None
    except (FileNotFoundError, ValueError):
        return None  # The owner is just starting or ending.
    return StoreServers(urls[MONGO], urls[REDIS]) if urls else None


def _announce(data_dir: Path, urls: dict[str, str]) -> None:
    descriptor = os.open(data_dir / ANNOUNCEMENT, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(urls, file)


async def _start(data_dir: Path, lock: int, *, mongo: bool, redis: bool) -> "tuple[_RunningServers, dict[str, str]]":
    for attempt in range(1, START_ATTEMPTS + 1):
        servers = [*([mongo_server(data_dir)] if mongo else []), *([redis_server(data_dir)] if redis else [])]
        for server in servers:
            server.log.unlink(missing_ok=True)  # What a former run said must not be taken for this one.
        running = await _RunningServers.start(servers, lock)
        try:
            async with asyncio.timeout(START_TIMEOUT_SECONDS):
                return running, {server.name: await running.ready(server) for server in servers}
        except TimeoutError as error:
            await running.stop()
            raise OperatorError(
                f"the embedded servers did not answer in {START_TIMEOUT_SECONDS:.0f} seconds; see {data_dir}/*.log"
            ) from error
        except OperatorError:
            await running.stop()
            if attempt == START_ATTEMPTS:
                raise
        except BaseException:
            await running.stop()
            raise
    raise AssertionError("every attempt returns or raises")


class _RunningServers:
    """The servers of one guard."""

    def __init__(self, servers: list[Server], process: asyncio.subprocess.Process) -> None:
        self.failure: asyncio.Future[OperatorError] = asyncio.get_running_loop().create_future()
        """Done when MongoDB or the guard has ended by itself."""
        self._ends: dict[str, OperatorError] = {}
        self._answered: set[str] = set()
        self._logs = {server.name: server.log for server in servers}
        self._process = process
        self._reports = asyncio.create_task(self._read_reports())

    @classmethod
    async def start(cls, servers: list[Server], lock: int) -> "_RunningServers":
        """Start a guard and through it the servers; ``lock`` is inherited by all of them."""
        plan = {
            "servers": [
                {"name": s.name, "command": s.command, "log": str(s.log.resolve()), "restart": s.restart}
                for s in servers
            ],
            "inherit": [lock],
            "stop_seconds": STOP_SECONDS,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", guard.__file__, json.dumps(plan)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(lock,),
            start_new_session=True,
            env={"PATH": os.defpath, "LC_ALL": "C"},  # Settings of the servers come from the plan alone.
        )
        return cls(servers, process)

    async def ready(self, server: Server) -> str:
        """The server's URL, as soon as it has answered there.

        Its own log, not the port, proves that it is this server that answers.

        Raises:
            OperatorError: a server has ended instead, or this one does not answer.
        """
        while not (listening := server.ready.search(_read_log(server.log))):
            if server.name in self._ends:
                raise self._ends[server.name]
            if self.failure.done():
                raise self.failure.result()
            await asyncio.sleep(POLL_SECONDS)
        url = server.url.format(port=listening[1])
        try:
            await server.ask(url)
        except (PyMongoError, RedisError) as error:
            raise OperatorError(f"the embedded {server.name} server does not answer; see {server.log}") from error
        self._answered.add(server.name)
        return url

    async def stop(self) -> None:
        """Stop the servers: gracefully, and if that takes too long, by force."""
        assert self._process.stdin is not None
        self._reports.cancel()
        await asyncio.gather(self._reports, return_exceptions=True)
        self._process.stdin.close()
        try:
            async with asyncio.timeout(STOP_SECONDS + GUARD_MARGIN_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _read_reports(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            report = json.loads(line)
            name = report["server"]
            self._ends[name] = OperatorError(_describe_end(name, report["code"], self._logs[name]))
            if name == MONGO:
                self._fail(self._ends[name])
            elif name in self._answered:  # A start that fails is told by whoever starts.
                log.error("%s. It is started again; until then Laurel goes on without it", self._ends[name])
        self._fail(
            OperatorError("the guard of the embedded servers was stopped, and the servers with it; start Laurel again")
        )

    def _fail(self, error: OperatorError) -> None:
        if not self.failure.done():
            self.failure.set_result(error)


def _describe_end(name: str, code: int, log: Path) -> str:
    lines = [line.strip() for line in _read_log(log, LOG_TAIL_BYTES).splitlines() if line.strip()]
    tail = " | ".join(lines[-LOG_TAIL_LINES:])
    return f"the embedded {name} server {how_it_ended(code)}; {log} ends with: {tail or 'nothing'}"


def _read_log(log: Path, tail_bytes: int | None = None) -> str:
    try:
        content = log.read_bytes()
    except FileNotFoundError:
        return ""
    return content[-tail_bytes if tail_bytes else 0 :].decode("utf-8", "replace")
