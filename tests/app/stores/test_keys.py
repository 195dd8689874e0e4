"""The key of cursors: made once, whoever is first, and the same for all."""

import asyncio
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase

from app.stores.connection import Connection
from app.stores.keys import CURSOR_KEY_BYTES, MongoKeys

PROCESSES = 20
TIMEOUT_SECONDS = 10.0


async def test_all_processes_get_the_same_key(database: AsyncIOMotorDatabase[dict[str, Any]]) -> None:
    processes = [MongoKeys(Connection(database, TIMEOUT_SECONDS)) for _ in range(PROCESSES)]
    keys = set(await asyncio.gather(*(process.cursor_key() for process in processes)))
    assert [len(key) for key in keys] == [CURSOR_KEY_BYTES]
    assert {await processes[0].cursor_key()} == keys
    assert await database["keys"].count_documents({}) == 1


async def test_every_database_has_a_key_of_its_own(database: AsyncIOMotorDatabase[dict[str, Any]]) -> None:
    keys = MongoKeys(Connection(database, TIMEOUT_SECONDS))
    first = await keys.cursor_key()
    await database["keys"].delete_many({})
    assert await keys.cursor_key() != first
