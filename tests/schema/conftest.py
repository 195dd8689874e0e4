"""Applications over a fresh database: ``api`` with the record shop's program, ``coffee`` with the coffee bar's."""

from collections.abc import AsyncIterator

import pytest

from app.embedded import StoreServers
from app.stores.connection import Connection
from app.stores.indexes import ensure_indexes
from tests.schema.api import COFFEE_BAR, RECORD_SHOP, TIMEOUT_SECONDS, Api, Database, served
from tests.schema.listening import Door, listening
from tests.schema.time_shop import TIME_SHOP


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


@pytest.fixture
async def shop_in_time(database: Database, servers: StoreServers) -> AsyncIterator[Api]:
    """An application with the program of `time_shop`."""
    await ensure_indexes(Connection(database, TIMEOUT_SECONDS))
    async with served(database, servers, TIME_SHOP) as running:
        yield running


@pytest.fixture
async def fresh(database: Database) -> Database:
    """A database that is ready for an application."""
    await ensure_indexes(Connection(database, TIMEOUT_SECONDS))
    return database


@pytest.fixture
async def shop(fresh: Database, servers: StoreServers, request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    """What a serving process is, with the program of the test's module or the record shop's."""
    program = getattr(request.module, "PROGRAM", RECORD_SHOP)
    async with served(fresh, servers, program, live=True) as running:
        yield running


@pytest.fixture
async def door(shop: Api) -> AsyncIterator[Door]:
    """Where the shop listens."""
    async with listening(shop) as opened:
        yield opened
