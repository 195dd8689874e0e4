"""A feed over every kind of Redis there is."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from app.boards.wire import connect
from app.stores.connection import Connection
from app.stores.indexes import ensure_indexes
from tests.app.notices.feed import TIMEOUT_SECONDS, Arena


@pytest.fixture
async def arena(redis_url: tuple[str, bool], database: AsyncIOMotorDatabase[dict[str, Any]]) -> AsyncIterator[Arena]:
    """An empty feed."""
    url, cluster = redis_url
    client = connect(url, TIMEOUT_SECONDS, cluster=cluster)
    connection = Connection(database, TIMEOUT_SECONDS)
    await ensure_indexes(connection)
    arena = Arena(connection, client)
    await arena.lose()
    yield arena
    await client.aclose()
