"""Positions: the one order of all notices, given in MongoDB, collection ``counters``, document ``notices``.

A batch of notices is put down in that document first, in the order of the positions that they are to have; then they
get these; and then the document moves on, to the ``last`` that was given. Each step is one that any relay may take,
again or late, as its outcome is the same: so one that was killed holds up nobody, which an open transaction would do
for a minute. Whoever follows the feed reads up to ``last`` and no further, and so never passes over a notice.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError, OperationFailure

from app.notices.entries import Entry, partition_of
from app.stores.blocking import blocking
from app.stores.connection import Connection, Document
from app.stores.notices import COLLECTION, read_notice
from app.stores.transaction import Session, transact
from gamification.contention import insist
from gamification.stores import CommitConflict

MAX_BATCH = 500
"""How many notices get their positions together."""


GRACE_SECONDS = 0.03
"""How long another relay that has begun a batch is left to finish it."""

_WRITE_CONFLICT = 112

Begun = Sequence[Document]
"""Notices that are to get the next positions, in their order: the ``id`` and the ``partition`` of each."""


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
    upto: Mapping[int, int]
    """How far the feed goes now in each partition that has one of these."""

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

        What another relay has begun and not finished is finished first, and is what is returned then.

        Raises:
            StoreUnavailable: the store did not answer in time, or others were faster all the while.
        """
        return await insist(self._assign)

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

    async def _assign(self) -> Batch | None:
        with self._connection.answering():
            counter = await self._counters.find_one({"_id": COLLECTION})
            if counter is None:
                counter = await self._begin_feed()
            if counter.get("begun"):
                await self._let_finish(counter["last"])
            elif await self._notices.find_one({"position": None}, {"_id": 1}) is None:
                return None
        before = _heads(counter)
        begun = counter.get("begun") or await self._begin(before)
        return await self._finish(begun, before) if begun else None

    async def _let_finish(self, last: int) -> None:
        """Give who has begun a batch the time to finish it.

        Raises:
            CommitConflict: they have.
        """
        await asyncio.sleep(GRACE_SECONDS)
        counter = await self._counters.find_one({"_id": COLLECTION}, {"last": 1})
        if counter is None or counter["last"] != last:
            raise CommitConflict

    async def _begin_feed(self) -> Document:
        with suppress(DuplicateKeyError):
            await self._counters.insert_one({"_id": COLLECTION, "last": 0, "heads": {}})
        found: Document | None = await self._counters.find_one({"_id": COLLECTION})
        if found is None:
            raise CommitConflict
        return found

    async def _begin(self, before: Heads) -> Begun:
        """Put down which notices come next; none where none waits.

        Raises:
            CommitConflict: another relay was faster.
        """
        documents = await transact(self._connection, lambda session: self._waiting(before, session))
        begun = [{"id": each["_id"], "partition": partition_of(each["member_id"])} for each in documents]
        if begun:
            await self._move({"last": before.last, "begun": None}, {"$set": {"begun": begun}})
        return begun

    def _waiting(self, before: Heads, session: Session) -> Sequence[Document]:
        """Notices that wait, all as of one moment: else a member's second one might be seen and the first one not.

        Raises:
            CommitConflict: at that moment the feed was not where it was before: some that seem to wait do not.
        """
        counter = blocking(self._counters).find_one({"_id": COLLECTION}, session=session)
        if counter is None or counter["last"] != before.last or counter.get("begun"):
            raise CommitConflict
        waiting = blocking(self._notices).find({"position": None}, {"member_id": 1}, session=session)
        return list(waiting.sort([("member_id", ASCENDING), ("order", ASCENDING)]).limit(MAX_BATCH))

    async def _finish(self, begun: Begun, before: Heads) -> Batch:
        """Give these notices their positions, unless they have them, and move on, unless somebody has."""
        places, heads = _places(begun, before)
        these = {"_id": {"$in": [each["id"] for each in begun]}}
        with self._connection.answering():
            # One update for all: each one by itself would take several times as long.
            await self._notices.update_many(these, [{"$set": _given(places)}])
            found = await self._notices.find(these).to_list(len(begun))
        moved = {f"heads.{partition}": position for partition, position in heads.items()}
        with suppress(CommitConflict):
            await self._move(
                {"last": before.last, "begun": {"$ne": None}},
                {"$set": {"last": before.last + len(begun), **moved}, "$unset": {"begun": ""}},
            )
        known = {document["_id"]: read_notice(document) for document in found}
        entries = [Entry(known[each], position, previous) for each, position, previous in places if each in known]
        return Batch(entries, before, heads)

    async def _move(self, condition: Document, change: Document) -> None:
        with self._connection.answering():
            try:
                result = await self._counters.update_one({"_id": COLLECTION, **condition}, change)
            except OperationFailure as error:
                if error.code != _WRITE_CONFLICT:
                    raise
                raise CommitConflict from error
        if not result.matched_count:
            raise CommitConflict


def _heads(document: Document | None) -> Heads:
    if document is None:
        return Heads(0, {})
    return Heads(document["last"], {int(partition): last for partition, last in document["heads"].items()})


def _given(places: Sequence[tuple[str, int, int]]) -> Document:
    """The fields of each of these notices, as MongoDB works them out by its id."""
    ids, _, previous = zip(*places, strict=True)
    number = {"$indexOfArray": [{"$literal": list(ids)}, "$_id"]}
    return {
        "position": {"$add": [places[0][1], number]},
        "previous": {"$arrayElemAt": [{"$literal": list(previous)}, number]},
    }


def _places(begun: Begun, before: Heads) -> tuple[Sequence[tuple[str, int, int]], Mapping[int, int]]:
    """The id, position and previous position of each, and how far the feed goes then in their partitions."""
    heads: dict[int, int] = {}
    places = []
    for position, each in enumerate(begun, before.last + 1):
        partition = each["partition"]
        places.append((each["id"], position, heads.get(partition, before.of(partition))))
        heads[partition] = position
    return places, heads
