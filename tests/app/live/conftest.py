"""A record shop in one process or several, over the stores of a fresh database."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from app.embedded import StoreServers
from app.stores.connection import Connection
from app.stores.indexes import ensure_indexes
from tests.app.live.shop import Shop
from tests.redis_servers import RedisServer, embedded_binary, redis_server
from tests.schema.api import TIMEOUT_SECONDS, Database


@pytest.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """A Redis that a test may pause or kill."""
    async with redis_server(embedded_binary(), tmp_path) as server:
        yield server


@pytest.fixture
async def shop(database: Database, servers: StoreServers) -> AsyncIterator[Shop]:
    """A shop with no process yet."""
    await ensure_indexes(Connection(database, TIMEOUT_SECONDS))
    async with AsyncExitStack() as stack:
        yield Shop(database, servers, stack)
