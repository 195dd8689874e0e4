"""A post office over a fresh database and an empty Redis, whose workers are in a hurry; and no host is waited for."""

from collections.abc import AsyncIterator

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase
from redis.asyncio import Redis

from app import leases
from app.push import outcomes, pausing, reading, retrying, session
from app.push.http2 import client
from tests.app.push.post import Document, Office, opened


@pytest.fixture
async def office(
    database: AsyncIOMotorDatabase[Document], redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    monkeypatch.setattr(session, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(session, "LATE_SECONDS", 0.01)
    monkeypatch.setattr(retrying, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr(reading, "BLOCK_SECONDS", 0.1)
    monkeypatch.setattr(session, "AWAY_SECONDS", 0.02)
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(session, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(leases, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(pausing, "PROBE_SECONDS", 0.05)
    monkeypatch.setattr(outcomes, "COUNT_SECONDS", 0.01)
    async with opened(database, redis) as office:
        yield office


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "REOPEN_SECONDS", 0.001)
