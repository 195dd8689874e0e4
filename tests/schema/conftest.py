"""Applications over a fresh database: ``api`` with the record shop's program, ``coffee`` with the coffee bar's."""

from collections.abc import AsyncIterator

import pytest

from app.embedded import StoreServers
from app.stores.connection import Connection
from app.stores.indexes import ensure_indexes
from tests.schema.api import COFFEE_BAR, RECORD_SHOP, TIMEOUT_SECONDS, Api, Database, served


@pytest.fixture
async def api(database: Database, servers: StoreServers) -> AsyncIterator[Api]:
    await ensure_indexes(Connection(database, TIMEOUT_SECONDS))
    async with served(database, servers, RECORD_SHOP) as running:
        yield running


@pytest.fixture
async def coffee(database: Database, servers: StoreServers) -> AsyncIterator[Api]:
    await ensure_indexes(Connection(database, TIMEOUT_SECONDS))
    async with served(database, servers, COFFEE_BAR) as running:
        yield running
