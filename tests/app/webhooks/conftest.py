"""Hooks over a fresh database, whose workers are in a hurry."""

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from app import leases
from app.stores.connection import Connection
from app.stores.indexes import ensure_indexes
from app.webhooks import follower, worker
from tests.app.webhooks.hooks import Document, Hooks

TIMEOUT_SECONDS = 10.0


@pytest.fixture
async def hooks(database: AsyncIOMotorDatabase[Document], monkeypatch: pytest.MonkeyPatch) -> Hooks:
    monkeypatch.setattr(follower, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(worker, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(leases, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(worker, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(follower, "DRAIN_SECONDS", 0.2)
    connection = Connection(database, TIMEOUT_SECONDS)
    await ensure_indexes(connection)
    return Hooks(connection)
