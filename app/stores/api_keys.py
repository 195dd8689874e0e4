"""The records of API keys in MongoDB, collection ``api_keys``; ``_id`` is the key id, so no other index is needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import ReadPreference, ReturnDocument, WriteConcern
from pymongo.errors import ConnectionFailure, ExecutionTimeout

from app.auth.api_keys import ApiKey
from gamification.stores import StoreUnavailable
from schema.principals import Scope

MAX_LISTED_KEYS = 1_000

_KNOWN_SCOPES = frozenset(scope.value for scope in Scope)


class MongoApiKeys:
    """Keeps API keys. A revocation is on a majority of the servers before it is confirmed."""

    def __init__(self, database: AsyncIOMotorDatabase[dict[str, Any]]) -> None:
        self._collection = database.get_collection(
            "api_keys",
            codec_options=CodecOptions(tz_aware=True, tzinfo=UTC),
            read_preference=ReadPreference.PRIMARY,
            write_concern=WriteConcern("majority", j=True),
        )

    async def find(self, key_id: str) -> ApiKey | None:
        """The record of this key, revoked or not; None when there is none."""
        with _outages_named():
            document = await self._collection.find_one({"_id": key_id})
        return _from_document(document) if document is not None else None

    async def add(self, key: ApiKey) -> None:
        """Keep a new key.

        Raises:
            pymongo.errors.DuplicateKeyError: The id is taken.
        """
        with _outages_named():
            await self._collection.insert_one(_to_document(key))

    async def revoke(self, key_id: str, *, revoked_at: datetime) -> ApiKey | None:
        """Revoke a key for good and answer its record; None when there is none. The first revocation stands."""
        with _outages_named():
            document = await self._collection.find_one_and_update(
                {"_id": key_id, "revoked_at": None},
                {"$set": {"revoked_at": revoked_at}},
                return_document=ReturnDocument.AFTER,
            )
        return _from_document(document) if document is not None else await self.find(key_id)

    async def list_newest(self, limit: int = MAX_LISTED_KEYS) -> list[ApiKey]:
        """The newest keys first, revoked ones too; at most `MAX_LISTED_KEYS`."""
        bound = min(limit, MAX_LISTED_KEYS)
        newest_first = self._collection.find().sort([("created_at", -1), ("_id", 1)]).limit(bound)
        with _outages_named():
            documents = await newest_first.to_list(bound)
        return [_from_document(document) for document in documents]


@contextmanager
def _outages_named() -> Iterator[None]:
    try:
        yield
    except (ConnectionFailure, ExecutionTimeout) as error:
        raise StoreUnavailable("MongoDB did not answer about API keys.") from error


def _to_document(key: ApiKey) -> dict[str, Any]:
    return {
        "_id": key.key_id,
        "name": key.name,
        "scopes": sorted(scope.value for scope in key.scopes),
        "secret_sha256": key.secret_sha256,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


def _from_document(document: dict[str, Any]) -> ApiKey:
    return ApiKey(
        key_id=document["_id"],
        name=document["name"],
        # A scope that this version does not know grants nothing.
        scopes=frozenset(Scope(text) for text in document["scopes"] if text in _KNOWN_SCOPES),
        secret_sha256=document["secret_sha256"],
        created_at=document["created_at"],
        expires_at=document["expires_at"],
        revoked_at=document["revoked_at"],
    )
