"""What a process that was killed has left open in MongoDB is dropped by whoever knows its sessions."""

import asyncio
import threading
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from app.embedded import StoreServers
from app.ports import free_loopback_port
from app.stores.blocking import blocking
from app.stores.connection import Connection
from app.stores.sessions import MAX_SESSIONS, Sessions, end_sessions
from app.stores.transaction import Session, transact
from gamification.stores import CommitConflict

WAIT_SECONDS = 10.0
Database = AsyncIOMotorDatabase[dict[str, Any]]


def put(connection: Connection, value: int, session: Session) -> None:
    blocking(connection["shop"]).update_one({"_id": 1}, {"$set": {"value": value}}, upsert=True, session=session)


async def test_what_is_left_open_keeps_nobody_from_it_any_more(servers: StoreServers, database: Database) -> None:
    connection, told = Connection(database, 5.0), list[str]()
    begun, go_on = threading.Event(), threading.Event()
    connection.sessions.tell = told.append
    await transact(connection, partial(put, connection, 1))

    def leave_open(session: Session) -> None:
        put(connection, 2, session)
        begun.set()
        assert go_on.wait(WAIT_SECONDS)

    left = asyncio.create_task(transact(connection, leave_open))
    assert await asyncio.to_thread(begun.wait, WAIT_SECONDS)
    try:
        other = Connection(database, 5.0)
        with pytest.raises(CommitConflict):
            await transact(other, partial(put, other, 3))
        assert await asyncio.to_thread(end_sessions, servers.mongo_url, told) is None
        await transact(other, partial(put, other, 3))
        assert await other["shop"].find_one() == {"_id": 1, "value": 3}
    finally:
        go_on.set()
    with pytest.raises(CommitConflict):
        await left
    assert await other["shop"].find_one() == {"_id": 1, "value": 3}


async def test_a_session_is_told_once_and_a_bounded_number_is_remembered() -> None:
    sessions, told = Sessions(), list[str]()
    sessions.tell = told.append
    ids = [UUID(int=number) for number in range(MAX_SESSIONS + 1)]
    for each in (*ids, *ids[1:]):
        sessions.used(each)
    assert told == [each.hex for each in ids]
    sessions.used(ids[0])
    assert told[-1] == ids[0].hex


async def test_a_mongodb_that_does_not_answer_is_told() -> None:
    url = f"mongodb://127.0.0.1:{free_loopback_port()}"
    hindered = await asyncio.to_thread(end_sessions, url, [UUID(int=1).hex])
    assert hindered is not None
    assert "refused" in hindered
