"""The real stores that tests talk to: one pair of embedded servers per test process, a fresh database per test.

``LAUREL_TEST_MONGO_URL`` and ``LAUREL_TEST_REDIS_URL`` point the tests at other servers instead. What is in that Redis
is erased: database 0 for a single test process, one database for each of several.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from redis.asyncio import Redis

from app.embedded import StoreServers, embedded_servers
from tests.redis_servers import (
    RedisServer,
    embedded_binary,
    installed_binary,
    own_database,
    redis_cluster,
    redis_server,
)

STORE_TIMEOUT_SECONDS = 10.0


@pytest.fixture(scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StoreServers]:
    """Running servers, shared by all tests of this process."""
    mongo_url, redis_url = os.environ.get("LAUREL_TEST_MONGO_URL"), os.environ.get("LAUREL_TEST_REDIS_URL")
    data_dir: Path = tmp_path_factory.mktemp("servers")
    async with embedded_servers(data_dir, mongo_url=mongo_url, redis_url=redis_url) as stores:
        yield stores


@pytest.fixture(scope="session")
async def mongo(servers: StoreServers) -> AsyncIterator[AsyncIOMotorClient[dict[str, Any]]]:
    """A client of the test process's MongoDB server."""
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        servers.mongo_url, tz_aware=True, serverSelectionTimeoutMS=int(STORE_TIMEOUT_SECONDS * 1000)
    )
    yield client
    client.close()


@pytest.fixture
async def database(mongo: AsyncIOMotorClient[dict[str, Any]]) -> AsyncIterator[AsyncIOMotorDatabase[dict[str, Any]]]:
    """An empty database of its own for each test, dropped after it."""
    fresh = mongo[f"test_{uuid4().hex}"]
    yield fresh
    await mongo.drop_database(fresh.name)


@pytest.fixture
async def redis(servers: StoreServers) -> AsyncIterator[Redis]:
    """A client of an empty Redis database."""
    # By its URL, whose database counts for more than a ``db`` beside it.
    async with Redis.from_url(own_database(servers.redis_url), socket_timeout=STORE_TIMEOUT_SECONDS) as client:
        await client.flushdb()
        yield client


@pytest.fixture(scope="session")
async def installed_redis(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisServer]:
    """The redis-server of this machine, where one is installed, shared by all tests of this process."""
    binary = installed_binary()
    if binary is None:
        pytest.skip("redis-server is not installed")
    async with redis_server(binary, tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[RedisServer]]:
    """A Redis Cluster of three primaries, shared by all tests of this process."""
    async with redis_cluster(embedded_binary(), tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


@pytest.fixture(scope="session", params=["embedded", "installed", "cluster"])
def redis_url(request: pytest.FixtureRequest) -> tuple[str, bool]:
    """The URL of a Redis and whether it is a cluster."""
    if request.param == "embedded":
        return own_database(request.getfixturevalue("servers").redis_url), False
    if request.param == "installed":
        return request.getfixturevalue("installed_redis").url, False
    return request.getfixturevalue("cluster")[0].url, True
