"""From a record to a phone: what a purchase brings is told on the member's devices, in words, within a moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from app.embedded import StoreServers
from app.push.providers.provider import Accepted, Device, Outcome, Push
from app.stores.connection import Connection
from app.stores.indexes import ensure_indexes
from gamification.delivery.preferences import Changes
from schema.ids import from_global_id
from tests.app.push.post import Double, until
from tests.schema.api import COFFEE_BAR, STAFF, TIMEOUT_SECONDS, Api, purchase, served, themself
from tests.schema.test_devices import DELIVERIES, OPENED, register

GOAL_SECONDS = 0.25
"""From record to provider on an idle machine; a test allows for a busy one."""
BUSY = 20


@pytest.fixture
async def bar(database: AsyncIOMotorDatabase[dict[str, Any]], servers: StoreServers) -> AsyncIterator[Api]:
    await ensure_indexes(Connection(database, TIMEOUT_SECONDS))
    async with served(database, servers, COFFEE_BAR, live=True) as running:
        yield running


class Kept(Double):
    """A double that keeps the pushes themselves."""

    def __init__(self) -> None:
        super().__init__("fcm")
        self.pushes: list[Push] = []

    async def send(self, push: Push, device: Device) -> Outcome:
        self.pushes.append(push)
        return Accepted("taken")


async def test_what_a_purchase_brings_is_told_in_the_language_of_the_phone_and_can_be_opened(bar: Api) -> None:
    ann = await bar.enrol("ann", language="en", joined_at=datetime(2026, 1, 1, tzinfo=UTC))
    await register(bar, ann, language="da")
    await bar.laurel.push.telling.preferences.change(ann.member_id, Changes(quiet=None))
    phone = Kept()
    working = asyncio.create_task(bar.laurel.push.worker({"fcm": phone}).run())
    try:
        await until(lambda: _has_all(bar))
        began = monotonic()
        await bar.record(ann, purchase("first", datetime.now(UTC), 500_000))
        await until(lambda: phone.pushes)
        assert monotonic() - began < GOAL_SECONDS * BUSY
        await until(lambda: _is_quiet(bar))
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
    told = phone.pushes[0]
    decoded = from_global_id(told.data["id"])
    assert decoded == ("Notice", told.notice_id)
    assert all((told.title, told.body, told.data["kind"]))
    notice = await bar.database["notices"].find_one({"_id": told.notice_id})
    assert notice is not None
    assert notice["kind"] == told.data["kind"]
    result = await bar.result(OPENED, themself(ann), input={"ids": [told.data["id"]]})
    assert result == {"__typename": "MarkOpenedSuccess", "openedCount": 1}
    page = (await bar.data(DELIVERIES, STAFF, id=told.data["id"]))["noticeDeliveries"]
    assert [(one["state"], one["attempts"]) for one in page["nodes"]] == [("OPENED", 1)]


async def _has_all(bar: Api) -> bool:
    return await bar.database["push_leases"].count_documents({"holder": {"$ne": None}}) == 16


async def _is_quiet(bar: Api) -> bool:
    return await bar.database["deliveries"].count_documents({"due_at": {"$ne": None}}) == 0
