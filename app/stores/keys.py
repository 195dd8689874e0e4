"""Keys that all processes share, collection ``keys``: each is made once, at random, by whoever needs it first."""

import secrets

from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from app.stores.connection import Connection, Document
from gamification.stores import StoreUnavailable

CURSOR_KEY_BYTES = 32
_CURSORS = "cursors"


class MongoKeys:
    """Reads keys, and makes those that are not there yet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._collection = connection["keys"]

    async def cursor_key(self) -> bytes:
        """The key that cursors are sealed with, `CURSOR_KEY_BYTES` long. Without it, cursors handed out are void.

        Raises:
            StoreUnavailable: MongoDB did not answer in time.
        """
        with self._connection.answering():
            found = await self._collection.find_one({"_id": _CURSORS}) or await self._make()
        return bytes(found["key"])

    async def _make(self) -> Document:
        document: Document = {"_id": _CURSORS, "key": secrets.token_bytes(CURSOR_KEY_BYTES)}
        try:
            await self._collection.insert_one(document)
        except DuplicateKeyError:
            # Another process is just making it. A majority may not have it yet, but the primary has.
            newest = self._collection.with_options(read_concern=ReadConcern("local"))
            found: Document | None = await newest.find_one({"_id": _CURSORS})
            if found is None:
                raise StoreUnavailable("another process is just making the key for cursors") from None
            return found
        return document
