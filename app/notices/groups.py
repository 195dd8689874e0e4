"""What the groups of workers have acknowledged, for when Redis has lost it: one document in ``feed_groups``.

``groups`` has the name of each and, by partition, the position up to which it has ``acknowledged`` everything; ``mark``
is where the streams were when this was noted. A group that is not among them has begun later than that. ``revision``
grows with every change.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from app.notices.streams import Groups
from app.stores.connection import Connection, Document

MAX_GROUPS = 50
"""Of how many groups is kept what they have acknowledged: of `OWN`, and the first of the others by their names."""
OWN = "push"
"""The group of Laurel's own push workers."""
MAX_GROUP_CHARS = 100
"""A group with a longer name is not remembered."""

_ID = "streams"


@dataclass(frozen=True, slots=True)
class Noted:
    """A stream as it was noted last: where it was, and its groups."""

    mark: int = 0
    groups: Groups = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notes:
    """The document."""

    revision: int
    streams: Mapping[int, Noted]

    def of(self, partition: int) -> Noted:
        """What is noted of one stream; nothing of one that has never been there."""
        return self.streams.get(partition, Noted())


class FeedGroups:
    """Remembers the groups of each stream."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._collection = connection["feed_groups"]

    async def read(self) -> Notes:
        """What is remembered.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            document = await self._collection.find_one({"_id": _ID})
        if document is None:
            return Notes(0, {})
        acknowledged = {group["name"]: group["acknowledged"] for group in document["groups"]}
        return Notes(
            document["revision"],
            {
                int(number): Noted(mark, {name: upto[number] for name, upto in acknowledged.items() if number in upto})
                for number, mark in document["mark"].items()
            },
        )

    async def save(self, streams: Mapping[int, Noted], revision: int, now: datetime) -> bool:
        """Remember this in place of what had the revision; False if somebody else was faster.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        document = {"revision": revision + 1, "at": now, **_document(streams)}
        with self._connection.answering():
            if revision == 0:
                try:
                    await self._collection.insert_one({"_id": _ID, **document})
                except DuplicateKeyError:
                    return False
                return True
            result = await self._collection.replace_one({"_id": _ID, "revision": revision}, document)
            return bool(result.matched_count)


def _document(streams: Mapping[int, Noted]) -> Document:
    found = {name for noted in streams.values() for name in noted.groups if len(name) <= MAX_GROUP_CHARS}
    names = sorted(found, key=lambda name: (name != OWN, name))
    return {
        "mark": {str(number): noted.mark for number, noted in streams.items()},
        "groups": [
            {
                "name": name,
                "acknowledged": {
                    str(number): noted.groups[name] for number, noted in streams.items() if name in noted.groups
                },
            }
            for name in names[:MAX_GROUPS]
        ],
    }
