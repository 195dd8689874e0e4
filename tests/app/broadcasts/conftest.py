"""A shop whose program lets staff send messages, and tells of campaigns."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from app.embedded import StoreServers
from app.stores import programs
from tests.app.clockwork import BEGUN_AT, PROGRAM, Clock, Shop, client_of, opened

NOTICES = """
notices:
  message: {fresh_hours: 48, collapse: news}
  campaign_started: {title: On, body: Go}
  campaign_ending: {lead_hours: [24, 2], title: Soon over, body: Go}
  campaign_running_low: {percent: 50, title: Low, body: Go}
"""


@pytest.fixture
async def shop(
    database: AsyncIOMotorDatabase[dict[str, Any]], servers: StoreServers, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Shop]:
    monkeypatch.setattr(programs, "PROGRAM_CACHE_SECONDS", 0.0)
    client = client_of(servers)
    async with opened(client[database.name], servers, Clock()) as shop:
        await shop.laurel.programs.apply(PROGRAM + NOTICES, "tests", BEGUN_AT)
        yield shop
    client.close()
