"""What is known of the import of purchase logs, collection ``imports``; ``_id`` is the import's name.

All logs of a kind are imported with the shift of the first one, so that what was recorded is recognised: an import that
was cut short goes on, and a second log adds only the purchases that the first one did not hold.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

from app.stores.connection import Connection


@dataclass(frozen=True, slots=True)
class Import:
    """An import: by how many days its dates are shifted, and when it began and ended."""

    name: str
    shift_days: int
    started_at: datetime
    completed_at: datetime | None = None


class MongoImports:
    """Keeps what is known of imports."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._collection = connection["imports"]

    async def get(self, name: str) -> Import | None:
        """The import of this name.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            document = await self._collection.find_one({"_id": name})
        if document is None:
            return None
        return Import(name, document["shift_days"], document["started_at"], document["completed_at"])

    async def put(self, entry: Import) -> None:
        """Keep an import, in place of what was known of it. Times are cut to milliseconds.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        document = asdict(entry)
        name = document.pop("name")
        with self._connection.answering():
            await self._collection.replace_one({"_id": name}, document, upsert=True)
