"""A shop in a database of its own."""

from collections.abc import AsyncIterator

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from app.clock import utc_now
from app.embedded import StoreServers
from app.stores.connection import Document
from app.wiring import Laurel
from tests.app.campaigns.arena import PROGRAM, Place
from tests.redis_servers import own_database


@pytest.fixture
def redis_kind(request: pytest.FixtureRequest) -> str:
    """Which Redis: embedded, unless a test is parametrised with `arena.EVERY_REDIS`."""
    return str(getattr(request, "param", "embedded"))


@pytest.fixture
def place(
    request: pytest.FixtureRequest, redis_kind: str, database: AsyncIOMotorDatabase[Document], servers: StoreServers
) -> Place:
    """Where the shop's data is."""
    if redis_kind == "cluster":
        return Place(servers.mongo_url, request.getfixturevalue("cluster")[0].url, database.name, cluster=True)
    if redis_kind == "installed":
        return Place(servers.mongo_url, request.getfixturevalue("installed_redis").url, database.name)
    return Place(servers.mongo_url, own_database(servers.redis_url), database.name)


@pytest.fixture
async def shop(place: Place) -> AsyncIterator[Laurel]:
    """A shop without campaigns. Nothing runs in its background."""
    async with place.opened() as laurel:
        await laurel.programs.apply(PROGRAM, "test", utc_now())
        yield laurel
