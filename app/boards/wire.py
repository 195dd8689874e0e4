"""Calls of scripts over the wire: many at once, bounded in time, on one server or a cluster alike."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import (
    AskError,
    ClusterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.boards.calls import Call, join
from app.boards.scripts import ALL, Script
from gamification.stores import StoreUnavailable

SCAN_COUNT = 1_000
RETRIES = 1
RETRY_SECONDS = 0.01
"""A connection that broke while idle is replaced at once; more patience is the caller's."""
MAX_CLUSTER_CONNECTIONS = 64
"""To each node. On one server there are as many as there are pipelines under way."""

Client: TypeAlias = Redis | RedisCluster

_OUTAGES = (
    RedisConnectionError,
    RedisTimeoutError,
    TimeoutError,
    OSError,
    AskError,
    ClusterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    TryAgainError,
)
_OUTAGE_WORDS = ("BUSY", "MISCONF", "NOREPLICAS", "LOADING")
"""How Redis begins what it says when it cannot answer now."""


def connect(redis_url: str, timeout_seconds: float, *, cluster: bool) -> Client:
    """A client of one server, or of a cluster that the URL names a node of. It connects when it is first used."""
    retry = Retry(ConstantBackoff(RETRY_SECONDS), RETRIES)
    bounds: dict[str, Any] = {"socket_timeout": timeout_seconds, "socket_connect_timeout": timeout_seconds}
    if cluster:
        return RedisCluster.from_url(redis_url, retry=retry, max_connections=MAX_CLUSTER_CONNECTIONS, **bounds)
    return Redis.from_url(redis_url, retry=retry, **bounds)


class Wire:
    """Sends calls of these scripts. ``pipelines`` counts the round trips."""

    def __init__(self, redis: Client, scripts: Sequence[Script] = ALL) -> None:
        self._redis, self._scripts = redis, scripts
        self.cluster = isinstance(redis, RedisCluster)
        self.pipelines = 0

    async def run(self, calls: Sequence[Call], timeout_seconds: float) -> list[Any]:
        """The answers to all calls, sent as one pipeline; on one server they happen in this order.

        Scripts that the server does not know are loaded, and all calls from the first such one on are sent again.

        Raises:
            StoreUnavailable: there was no answer in time, or not to all calls. Any of them may have happened.
            ResponseError: a call was wrong.
        """
        answers = await self.run_each(calls, timeout_seconds)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def run_each(self, calls: Sequence[Call], timeout_seconds: float) -> list[Any]:
        """As ``run``, but in the place of the answer to a call that was wrong is what was wrong with it.

        Raises:
            StoreUnavailable: there was no answer in time, or not to all calls. Any of them may have happened.
        """
        joined = join(calls)
        with answering(timeout_seconds):
            async with asyncio.timeout(timeout_seconds):
                answers = joined.answers(await self._send_known(joined.sent))
                if doubtful := joined.faults_of_any(answers):
                    alone = await self._send_known([calls[number] for number in doubtful])
                    for number, answer in zip(doubtful, alone, strict=True):
                        answers[number] = answer
        return answers

    async def run_one(self, call: Call, timeout_seconds: float) -> Any:
        """The answer to one call; as ``run``."""
        return (await self.run([call], timeout_seconds))[0]

    async def fingerprint(self, timeout_seconds: float) -> str:
        """What changes when any of the servers is started anew or replaced.

        Raises:
            StoreUnavailable: there was no answer in time.
        """
        with answering(timeout_seconds):
            async with asyncio.timeout(timeout_seconds):
                if isinstance(self._redis, RedisCluster):
                    found = await self._redis.info("server", target_nodes=RedisCluster.PRIMARIES)
                else:
                    found = await self._redis.info("server")
        servers = [found] if "run_id" in found else list(found.values())
        runs = sorted(str(server["run_id"]) for server in servers)
        return hashlib.sha256(" ".join(runs).encode()).hexdigest()

    async def names(self, pattern: str) -> AsyncIterator[str]:
        """All keys like this, on every primary. One may come twice.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        with answering():
            async for name in self._redis.scan_iter(match=pattern, count=SCAN_COUNT):
                yield name.decode()

    async def fields(self, key: str) -> AsyncIterator[tuple[bytes, bytes]]:
        """All fields of a hash with their values; one may come twice.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        with answering():
            async for field, value in self._redis.hscan_iter(key, count=SCAN_COUNT):
                yield field, value

    async def scores(self, key: str) -> AsyncIterator[bytes]:
        """All members of a sorted set; one may come twice.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        with answering():
            async for member, _ in self._redis.zscan_iter(key, count=SCAN_COUNT):
                yield member

    async def unlink(self, names: Sequence[str]) -> None:
        """Delete keys; the servers free the memory in the background.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        with answering():
            for name in names:  # One at a time, for in a cluster they lie on different servers.
                await self._redis.unlink(name)

    async def _send_known(self, calls: Sequence[Call]) -> list[Any]:
        """The answers to all calls, with scripts loaded that the server does not know; an outage is raised."""
        answers = await self._send(calls)
        unknown = next((at for at, answer in enumerate(answers) if isinstance(answer, NoScriptError)), None)
        if unknown is not None:
            await self._load()
            answers[unknown:] = await self._send(calls[unknown:])
        for answer in answers:
            if isinstance(answer, Exception) and is_outage(answer):
                raise answer
        return answers

    async def _send(self, calls: Sequence[Call]) -> list[Any]:
        self.pipelines += 1
        pipeline = self._redis.pipeline(transaction=False)
        for call in calls:
            pipeline.execute_command("EVALSHA", call.script.sha, len(call.keys), *call.keys, *call.arguments)
        return await pipeline.execute(raise_on_error=False)

    async def _load(self) -> None:
        for script in self._scripts:
            await self._redis.script_load(script.text)


@contextmanager
def answering(timeout_seconds: float | None = None) -> Iterator[None]:
    """Tell a Redis that cannot answer now from one that was asked something wrong.

    ``timeout_seconds`` is how long the block waits, so that the error can say so.

    Raises:
        StoreUnavailable: Redis cannot answer now; the client's error is its cause.
    """
    try:
        yield
    except (*_OUTAGES, ResponseError) as error:
        if not is_outage(error):
            raise
        # What asyncio raises at the end of its time has no text of its own.
        late = "no answer in time" if timeout_seconds is None else f"no answer within {timeout_seconds:g} s"
        reason = str(error) or (late if isinstance(error, TimeoutError) else type(error).__name__)
        raise StoreUnavailable(f"Redis is away: {reason}") from error


def is_outage(error: BaseException) -> bool:
    """Whether an error says that Redis cannot answer now, rather than that it was asked something wrong."""
    return isinstance(error, _OUTAGES) or str(error).startswith(_OUTAGE_WORDS)
