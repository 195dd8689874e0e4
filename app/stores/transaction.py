"""Transactions: all or nothing, bounded in time, and never left open whatever happens to the caller."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar
from uuid import UUID

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
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # Nobody waits for it any more, and asyncio would complain of that.
        raise


async def _begin_and_commit(
    connection: Connection, body: Callable[[Session], Awaitable[Result]], cancelled: asyncio.Event
) -> Result:
    session = await connection.client.start_session()
    connection.sessions.used(UUID(bytes=session.delegate.session_id["id"]))
    doubtful = False
    try:
        with connection.answering():
            for _ in range(MAX_TRIES - 1):
                try:
                    return await _attempt(session, body, cancelled)
                except ConnectionFailure as error:
                    if error.timeout or not error.has_error_label("TransientTransactionError"):
                        raise
                    await session.abort_transaction()
            return await _attempt(session, body, cancelled)
    except StoreUnavailable:
        doubtful = True
        raise
    finally:
        with pymongo.timeout(ABORT_TIMEOUT_SECONDS):
            if doubtful:
                await _kill(connection, session)
            await session.end_session()  # Aborts what is still open, whether that is answered or not.


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


async def _kill(connection: Connection, session: Session) -> None:
    """Let the server drop what the session may have left open there, which would keep others from these members.

    What is committed stays. Where the server does not answer, it drops it by itself after a minute or so.
    """
    with suppress(PyMongoError):
        await connection.client.admin.command("killSessions", [session.session_id])
