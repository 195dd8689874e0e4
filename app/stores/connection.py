"""The connection to MongoDB: bounded in time, durable, and the one place that knows the driver's faults."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pymongo
from bson.codec_options import CodecOptions, TypeDecoder, TypeRegistry
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import ReadPreference, WriteConcern
from pymongo.errors import BulkWriteError, ConnectionFailure, OperationFailure, PyMongoError, WriteConcernError
from pymongo.read_concern import ReadConcern

from app.stores.sessions import Sessions
from gamification.stores import StoreUnavailable

MAX_CONNECTIONS = 64
"""Per process. More than Motor has threads (``MOTOR_MAX_WORKERS``) would never be used."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - as BSON is decoded
_EPOCH_UTC = _EPOCH.replace(tzinfo=UTC)


class _InUtc(TypeDecoder):
    """Reads instants as in UTC. The driver's own ``tz_aware`` and ``tzinfo`` take ten times as long for each."""

    bson_type = datetime

    def transform_bson(self, value: datetime) -> datetime:
        """The same instant, aware."""
        return _EPOCH_UTC + (value - _EPOCH)


CODEC_OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(type_registry=TypeRegistry([_InUtc()]))
WRITE_CONCERN = WriteConcern("majority", j=True)

_DUPLICATE_KEY = 11000
_OUTAGE_CODES = frozenset(
    {
        6,  # HostUnreachable
        7,  # HostNotFound
        89,  # NetworkTimeout
        91,  # ShutdownInProgress
        134,  # ReadConcernMajorityNotAvailableYet
        189,  # PrimarySteppedDown
        262,  # ExceededTimeLimit
        9001,  # SocketException
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11602,  # InterruptedDueToReplStateChange
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
    }
)

Document = dict[str, Any]
Collection = AsyncIOMotorCollection[Document]


def connect(mongo_url: str, timeout_seconds: float) -> AsyncIOMotorClient[Document]:
    """A client whose every operation ends within ``timeout_seconds``, finding a server included.

    It connects when it is first used. What the URL says about concerns and timeouts does not count.
    """
    timeout_ms = int(timeout_seconds * 1000)
    return AsyncIOMotorClient(
        mongo_url,
        appname="laurel",
        tz_aware=True,
        tzinfo=UTC,
        uuidRepresentation="standard",
        retryReads=True,
        retryWrites=True,
        readPreference="primary",
        readConcernLevel="majority",
        w="majority",
        journal=True,
        timeoutMS=timeout_ms,
        serverSelectionTimeoutMS=timeout_ms,
        connectTimeoutMS=timeout_ms,
        maxPoolSize=MAX_CONNECTIONS,
    )


class Connection:
    """A database with the guarantees that the stores rely on, however the client itself is set.

    Reads see what a majority has, on the primary; writes are on the disks of a majority before they are confirmed.
    """

    def __init__(self, database: AsyncIOMotorDatabase[Document], timeout_seconds: float) -> None:
        self.client = database.client
        self.timeout_seconds = timeout_seconds
        self.sessions = Sessions()
        self._database = database.with_options(
            codec_options=CODEC_OPTIONS,
            read_preference=ReadPreference.PRIMARY,
            read_concern=ReadConcern("majority"),
            write_concern=WRITE_CONCERN,
        )

    def with_timeout(self, timeout_seconds: float) -> "Connection":
        """The same database with other patience."""
        return Connection(self._database, timeout_seconds)

    def __getitem__(self, collection: str) -> Collection:
        return self._database[collection]

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Let what happens within the block take ``timeout_seconds`` together.

        Raises:
            StoreUnavailable: the store did not answer in time, or cannot now; the driver's error is its cause.
        """
        try:
            with pymongo.timeout(self.timeout_seconds):
                yield
        except PyMongoError as error:
            if not is_outage(error):
                raise
            raise StoreUnavailable(f"MongoDB did not answer within {self.timeout_seconds:g} seconds") from error


def is_outage(error: PyMongoError) -> bool:
    """Whether an error says that the store cannot answer now, rather than that it was asked something wrong."""
    if isinstance(error, ConnectionFailure | WriteConcernError) or error.timeout:
        return True
    return isinstance(error, OperationFailure) and error.code in _OUTAGE_CODES


def refused_duplicate(error: BulkWriteError) -> Document | None:
    """What the server says of the write that a unique index refused; None where the error is about something else."""
    refused: list[Document] = (error.details or {}).get("writeErrors", [])
    return refused[0] if refused and refused[0]["code"] == _DUPLICATE_KEY else None


def is_about_duplicates_alone(error: BulkWriteError) -> bool:
    """Whether all that was refused of many writes is what is there already."""
    details = error.details or {}
    refused: list[Document] = details.get("writeErrors", [])
    return not details.get("writeConcernErrors") and all(each["code"] == _DUPLICATE_KEY for each in refused)
