"""MongoDB from threads: what is read or written in one go is one call over the driver's own blocking collections.

To hand a single operation to a thread and its answer back, as Motor does for each step of a cursor, costs as much as
the operation.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar

import pymongo.collection
from motor.motor_asyncio import AsyncIOMotorCollection

from app.stores.connection import Connection

MAX_READS_AT_ONCE = 16
"""How many reads of a process are under way at once. Others wait, and that counts as waiting for the store."""

Result = TypeVar("Result")
_Motors: TypeAlias = AsyncIOMotorCollection[Any]

_threads = ThreadPoolExecutor(MAX_READS_AT_ONCE, thread_name_prefix="read")


def blocking(collection: _Motors) -> pymongo.collection.Collection[Any]:
    """A collection as it is used in a thread, and nowhere else: in the event loop it would hold up everybody."""
    found: pymongo.collection.Collection[Any] = collection.delegate
    return found


async def read(connection: Connection, body: Callable[[], Result]) -> Result:
    """What ``body`` reads, in a thread. It writes nothing: whoever is cancelled does not wait for it.

    Raises:
        StoreUnavailable: no answer within the connection's timeout.
    """
    until = time.monotonic() + connection.timeout_seconds
    return await asyncio.get_running_loop().run_in_executor(_threads, _answer, connection, body, until)


async def read_by_ids(connection: Connection, collection: _Motors, ids: Collection[str]) -> list[Any]:
    """The documents with these ``_id``s, where there are any, in one answer of the server.

    Raises:
        StoreUnavailable: no answer within the connection's timeout.
    """
    documents = blocking(collection)
    # Of one more than there can be, the server keeps no cursor.
    return await read(connection, lambda: list(documents.find({"_id": {"$in": [*ids]}}, batch_size=len(ids) + 1)))


def _answer(connection: Connection, body: Callable[[], Result], until: float) -> Result:
    with connection.answering(until):
        return body()
