"""Positions: the one order of all notices, given in MongoDB, collection ``counters``, document ``notices``.

A notice gets its position in the same transaction that moves the counter on. Two such transactions exclude each other,
so positions are committed in their order: whoever has read up to a position will never find one at or below it later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pymongo import ASCENDING, UpdateOne
from pymongo.errors import DuplicateKeyError

from app.notices.entries import Entry, partition_of
from app.stores.connection import Connection, Document
from app.stores.notices import COLLECTION, read_notice
from app.stores.transaction import Session, transact
from gamification.contention import insist
from gamification.stores import CommitConflict

MAX_BATCH = 500
"""How many notices get their positions together."""


@dataclass(frozen=True, slots=True)
class Heads:
    """How far the feed goes: its last position, and that of each partition that has any."""

    last: int
    partitions: Mapping[int, int]

    def of(self, partition: int) -> int:
        """The last position in a partition; 0 for none."""
        return self.partitions.get(partition, 0)


@dataclass(frozen=True, slots=True)
class Batch:
    """Notices that have just got consecutive positions, and how far the feed went before."""

    entries: Sequence[Entry]
    before: Heads

    @property
    def upto(self) -> Mapping[int, int]:
        """How far the feed goes now in each partition that has one of these."""
        return {entry.partition: entry.position for entry in self.entries}

    @property
    def after(self) -> Mapping[int, int]:
        """How far it went before in these partitions."""
        return {partition: self.before.of(partition) for partition in self.upto}


class Positions:
    """Gives positions, and reads the feed as the streams need it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._notices, self._counters = connection[COLLECTION], connection["counters"]

    async def assign(self) -> Batch | None:
        """Give up to `MAX_BATCH` notices their positions, each member's in their order; None where none waits.

        Raises:
            StoreUnavailable: the store did not answer in time, or others were faster all the while.
        """
        with self._connection.answering():
            if await self._notices.find_one({"position": None}, {"_id": 1}) is None:
                return None
        return await insist(lambda: transact(self._connection, self._assign))

    async def heads(self) -> Heads:
        """How far the feed goes.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            return _heads(await self._counters.find_one({"_id": COLLECTION}))

    async def entries(self, after: int, limit: int) -> Sequence[Entry]:
        """Up to ``limit`` notices beyond a position, in the order of the feed.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            found = self._notices.find({"position": {"$gt": after}}).sort("position", ASCENDING).limit(limit)
            documents = await found.to_list(limit)
        return [Entry(read_notice(each), each["position"], each.get("previous", 0)) for each in documents]

    async def _assign(self, session: Session) -> Batch | None:
        # The counter first: who comes second then fails at once, and not when all is written.
        before = _heads(await self._counters.find_one({"_id": COLLECTION}, session=session))
        waiting = self._notices.find({"position": None}, session=session)
        documents = (
            await waiting.sort([("member_id", ASCENDING), ("order", ASCENDING)]).limit(MAX_BATCH).to_list(MAX_BATCH)
        )
        if not documents:
            return None
        batch = Batch(_placed(documents, before), before)
        await self._move_on(batch, session)
        await self._notices.bulk_write(
            [
                UpdateOne(
                    {"_id": entry.notice.notice_id},
                    {"$set": {"position": entry.position, "previous": entry.previous}},
                )
                for entry in batch.entries
            ],
            session=session,
        )
        return batch

    async def _move_on(self, batch: Batch, session: Session) -> None:
        heads = {f"heads.{partition}": position for partition, position in batch.upto.items()}
        change = {"$set": {"last": batch.entries[-1].position, **heads}}
        try:
            await self._counters.update_one({"_id": COLLECTION}, change, upsert=True, session=session)
        except DuplicateKeyError as error:  # Somebody else has just begun the feed.
            raise CommitConflict from error


def _heads(document: Document | None) -> Heads:
    if document is None:
        return Heads(0, {})
    return Heads(document["last"], {int(partition): last for partition, last in document["heads"].items()})


def _placed(documents: Sequence[Document], before: Heads) -> Sequence[Entry]:
    heads = dict(before.partitions)
    entries = []
    for position, document in enumerate(documents, before.last + 1):
        partition = partition_of(document["member_id"])
        entries.append(Entry(read_notice(document), position, heads.get(partition, 0)))
        heads[partition] = position
    return entries
