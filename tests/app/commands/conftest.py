from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from app.boards.wire import connect
from app.embedded import StoreServers
from app.settings import Settings
from app.stores.api_keys import MongoApiKeys
from app.stores.connection import Connection, Document
from app.stores.indexes import ensure_indexes
from app.wiring import Laurel, wire
from tests.redis_servers import own_database
from tests.system.installation import ROOT, Installation, installed

TIMEOUT_SECONDS = 10.0


@pytest.fixture
async def laurel(tmp_path: Path) -> AsyncIterator[Installation]:
    """An installation that has not been used yet."""
    async with installed(tmp_path) as installation:
        yield installation


@pytest.fixture
async def wired(database: AsyncIOMotorDatabase[Document], servers: StoreServers) -> AsyncIterator[Laurel]:
    """A Laurel in this process, without a program."""
    connection = Connection(database, TIMEOUT_SECONDS)
    await ensure_indexes(connection)
    settings = Settings(program=ROOT / "programs" / "record-shop.yaml", redis_prefix=database.name)
    redis = connect(own_database(servers.redis_url), TIMEOUT_SECONDS, cluster=False)
    yield wire(settings, servers, connection, MongoApiKeys(database), {}, redis=redis)
    await redis.aclose()
