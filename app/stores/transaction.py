"""Transactions: all or nothing, bounded in time, and never left open whatever happens to the caller.

What happens in one is a plain function over the driver's own blocking collections (`blocking`), and all of
it, from the first read to the commit, runs in one thread: to hand a single operation to a thread and its answer back
costs as much as the operation.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar
from uuid import UUID

import pymongo
from pymongo import ReadPreference
from pymongo.client_session import ClientSession
from pymongo.errors import ConnectionFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from app.stores.connection import WRITE_CONCERN, Connection
from gamification.stores import CommitConflict, StoreUnavailable

MAX_AT_ONCE = 10
"""How many transactions of a process are under way at once. Others wait, and that counts as waiting for the store."""
MAX_TRIES = 3
"""How often a transaction is begun, where the connection breaks before it could be committed."""
MAX_COMMIT_TRIES = 3
"""How often a commit is sent whose result is not known. The driver sends each one twice."""
ABORT_TIMEOUT_SECONDS = 1.0

Session = ClientSession
Result = TypeVar("Result")

_threads = ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="transaction")


async def transact(connection: Connection, body: Callable[[Session], Result]) -> Result:
    """Run ``body`` in a transaction and commit it durably.

    The body passes the session to every operation and knows that it is not in the event loop's thread. It has no side
    effect but those operations, for it is run again where the connection breaks before the commit. If the caller is
    cancelled, the transaction is aborted unless its commit is already on the way, and only then does the cancellation
    go on: a thread cannot be interrupted.

    Raises:
        CommitConflict: someone else was faster. Nothing was written.
        StoreUnavailable: no answer within the connection's timeout, and a second to abort. It may have been written.
    """
    cancelled = threading.Event()
    until = time.monotonic() + connection.timeout_seconds
    session = connection.client.delegate.start_session()
    connection.sessions.used(UUID(bytes=session.session_id["id"]))
    loop = asyncio.get_running_loop()
    running = loop.run_in_executor(_threads, _begin_and_commit, connection, session, body, until, cancelled)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        cancelled.set()
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # Nobody waits for it any more, and asyncio would complain of that.
        raise


class _GivenUp(Exception):
    """Whoever wanted it has gone."""


def _begin_and_commit(
    connection: Connection,
    session: Session,
    body: Callable[[Session], Result],
    until: float,
    cancelled: threading.Event,
) -> Result:
    doubtful = False
    try:
        with connection.answering(until):
            for _ in range(MAX_TRIES - 1):
                try:
                    return _attempt(session, body, cancelled)
                except ConnectionFailure as error:
                    if error.timeout or not error.has_error_label("TransientTransactionError"):
                        raise
                    session.abort_transaction()
            return _attempt(session, body, cancelled)
    except StoreUnavailable:
        doubtful = True
        raise
    finally:
        with pymongo.timeout(ABORT_TIMEOUT_SECONDS):
            if doubtful:
                _kill(connection, session)
            session.end_session()  # Aborts what is still open, whether that is answered or not.


def _attempt(session: Session, body: Callable[[Session], Result], cancelled: threading.Event) -> Result:
    if cancelled.is_set():
        raise _GivenUp
    # Concerns of the database or the collection do not count inside a transaction: it needs its own.
    session.start_transaction(ReadConcern("snapshot"), WRITE_CONCERN, ReadPreference.PRIMARY)
    try:
        result = body(session)
        if cancelled.is_set():
            raise _GivenUp
        _commit(session)
    except PyMongoError as error:
        if error.has_error_label("TransientTransactionError") and not isinstance(error, ConnectionFailure):
            raise CommitConflict from error
        raise
    return result


def _commit(session: Session) -> None:
    """Commit; again where the result is not known, which is safe, as long as there is time."""
    for attempt in range(1, MAX_COMMIT_TRIES + 1):
        try:
            session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult"):
                raise
            if attempt == MAX_COMMIT_TRIES:
                raise StoreUnavailable("MongoDB did not say whether the transaction was committed") from error
        else:
            return


def _kill(connection: Connection, session: Session) -> None:
    """Let the server drop what the session may have left open there, which would keep others from these members.

    What is committed stays. Where the server does not answer, it drops it by itself after a minute or so.
    """
    with suppress(PyMongoError):
        connection.client.delegate.admin.command("killSessions", [session.session_id])
