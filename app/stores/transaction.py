"""Transactions: all or nothing, bounded in time, and never left open whatever happens to the caller."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pymongo
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import ReadPreference
from pymongo.errors import ConnectionFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from app.stores.connection import WRITE_CONCERN, Connection
from gamification.stores import CommitConflict, StoreUnavailable

MAX_TRIES = 3
"""How often a transaction is begun, where the connection breaks before it could be committed."""
MAX_COMMIT_TRIES = 3
"""How often a commit is sent whose result is not known. The driver sends each one twice."""
ABORT_TIMEOUT_SECONDS = 1.0

Session = AsyncIOMotorClientSession
Result = TypeVar("Result")


async def transact(connection: Connection, body: Callable[[Session], Awaitable[Result]]) -> Result:
    """Run ``body`` in a transaction and commit it durably.

    The body passes the session to every operation. It has no side effect but those, for it is run again where the
    connection breaks before the commit. If the caller is cancelled, the transaction is aborted unless its commit is
    already on the way, and only then does the cancellation go on: Motor's threads cannot be interrupted, and a session
    must not be used by two of them.

    Raises:
        CommitConflict: someone else was faster. Nothing was written.
        StoreUnavailable: no answer within the connection's timeout, and a second to abort. It may have been written.
    """
    cancelled = asyncio.Event()
    running = asyncio.ensure_future(_begin_and_commit(connection, body, cancelled))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        cancelled.set()
        await asyncio.gather(running, return_exceptions=True)
        raise


async def _begin_and_commit(
    connection: Connection, body: Callable[[Session], Awaitable[Result]], cancelled: asyncio.Event
) -> Result:
    session = await connection.client.start_session()
    try:
        with connection.answering():
            for _ in range(MAX_TRIES - 1):
                try:
                    return await _attempt(session, body, cancelled)
                except ConnectionFailure as error:
                    if error.timeout or not error.has_error_label("TransientTransactionError"):
                        raise
                    await _abort(session)
            return await _attempt(session, body, cancelled)
    finally:
        await _abort(session)
        await session.end_session()


async def _attempt(session: Session, body: Callable[[Session], Awaitable[Result]], cancelled: asyncio.Event) -> Result:
    # Concerns of the database or the collection do not count inside a transaction: it needs its own.
    session.start_transaction(ReadConcern("snapshot"), WRITE_CONCERN, ReadPreference.PRIMARY)
    try:
        result = await body(session)
        if cancelled.is_set():
            raise asyncio.CancelledError
        await _commit(session)
    except PyMongoError as error:
        if error.has_error_label("TransientTransactionError") and not isinstance(error, ConnectionFailure):
            raise CommitConflict from error
        raise
    return result


async def _commit(session: Session) -> None:
    """Commit; again where the result is not known, which is safe, as long as there is time."""
    for attempt in range(1, MAX_COMMIT_TRIES + 1):
        try:
            await session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult"):
                raise
            if attempt == MAX_COMMIT_TRIES:
                raise StoreUnavailable("MongoDB did not say whether the transaction was committed") from error
        else:
            return


async def _abort(session: Session) -> None:
    """Abort what is open. An error is of no account: what is not committed is aborted by the server in the end."""
    if session.in_transaction:  # type: ignore[truthy-function] # Motor's stub makes a method of the property.
        with pymongo.timeout(ABORT_TIMEOUT_SECONDS):
            await session.abort_transaction()
