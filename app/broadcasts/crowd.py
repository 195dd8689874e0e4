"""The crowd: members page by page in the order of their ids, for several broadcasts at once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from motor.core import AgnosticBaseCursor
from pymongo import ASCENDING
from pymongo.errors import CursorNotFound

from app.stores.connection import Connection, Document


@dataclass(slots=True)
class _Reading:
    """A cursor that has come to a member."""

    cursor: AgnosticBaseCursor[Document]
    at: str


class Crowd:
    """Reads members for one process.

    A cursor stays open from page to page, for some servers, such as the embedded one, read all that is left to begin
    one. Where the next page is not the one it comes to, a new one is begun.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection, self._members = connection, connection["members"]
        self._readings: dict[str, _Reading] = {}

    async def page(self, code: str, after: str, limit: int, *, whole: bool) -> Sequence[Document]:
        """Up to ``limit`` members beyond an id, for a broadcast: their states, or what they are merged into.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        reading = self._readings.pop(code, None)
        if reading is not None and reading.at != after:
            await reading.cursor.close()
            reading = None
        if reading is not None:
            try:
                return await self._read(code, reading, limit)
            except CursorNotFound:  # Nobody has read on for a long time, or it was that of a server before this one.
                pass
        fields = {"state": 1} if whole else {"state.merged_into": 1}
        cursor = self._members.find({"_id": {"$gt": after}}, fields).sort("_id", ASCENDING).batch_size(limit)
        return await self._read(code, _Reading(cursor, after), limit)

    async def keep(self, codes: Collection[str]) -> None:
        """Read on for these broadcasts only."""
        for code in [each for each in self._readings if each not in codes]:
            await self._readings.pop(code).cursor.close()

    async def _read(self, code: str, reading: _Reading, limit: int) -> Sequence[Document]:
        with self._connection.answering():
            page: Sequence[Document] = await reading.cursor.to_list(limit)
        if page:
            reading.at = page[-1]["_id"]
            self._readings[code] = reading
        return page
