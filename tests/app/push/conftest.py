"""A post office over a fresh database and an empty Redis."""

from collections.abc import AsyncIterator

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase
from redis.asyncio import Redis

from tests.app.push.post import Document, Office, opened


@pytest.fixture
async def office(database: AsyncIOMotorDatabase[Document], redis: Redis) -> AsyncIterator[Office]:
    async with opened(database, redis) as office:
        yield office
