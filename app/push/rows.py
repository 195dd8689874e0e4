"""Deliveries as the worker reads and writes them, many at a time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, UpdateMany, UpdateOne
from pymongo.errors import BulkWriteError

from app.stores.connection import Connection, Document
from app.stores.deliveries import OPEN, dropped, lane_of, lanes
from gamification.delivery.deciding import Told
from gamification.delivery.deliveries import State
from gamification.delivery.devices import Platform
from gamification.notices.notice import NoticeKind

MAX_WAITING = 2_000
"""How many deliveries that wait for the same moment are looked at together, beyond whole members."""
_DUPLICATE_KEY = 11000

_WRITTEN = (
    *("notice_id", "device_id", "member_id", "holder", "kind", "platform", "position", "state", "reason", "attempts"),
    *("count", "fence", "told_at"),
)

Write = UpdateOne | UpdateMany


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery. ``count`` is how many notices it tells of, ``fence`` the number of the lease it is written under."""

    delivery_id: str
    notice_id: str
    device_id: str
    member_id: str
    holder: str
    kind: NoticeKind
    platform: Platform
    partition: int
    position: int
    fence: int
    state: State
    due_at: datetime
    told_at: datetime | None = None
    reason: str = ""
    attempts: int = 0
    count: int = 1


class Rows:
    """The collection ``deliveries``, for one worker. Each method raises ``StoreUnavailable`` in the usual way."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._collection = connection["deliveries"]

    async def insert(self, documents: Sequence[Document]) -> set[str]:
        """Write new deliveries; the ids of those that were there already, which stay as they are."""
        if not documents:
            return set()
        with self._connection.answering():
            try:
                await self._collection.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                details: Mapping[str, Any] = error.details or {}
                refused = details.get("writeErrors", [])
                if details.get("writeConcernErrors") or any(each["code"] != _DUPLICATE_KEY for each in refused):
                    raise
                return {documents[each["index"]]["_id"] for each in refused}
        return set()

    async def due(
        self, partitions: Sequence[int], platforms: Sequence[Platform], now: datetime, limit: int
    ) -> Sequence[Row]:
        """Up to ``limit`` deliveries that are due, in their order."""
        if not partitions or not platforms:
            return ()
        query = {"lane": {"$in": lanes(partitions, platforms)}, "due_at": {**OPEN["due_at"], "$lte": now}}
        with self._connection.answering():
            found = self._collection.find(query).sort([("due_at", ASCENDING), ("position", ASCENDING)]).limit(limit)
            return [read_row(document) for document in await found.to_list(limit)]

    async def waiting_of(self, member_ids: Sequence[str], now: datetime) -> Sequence[Row]:
        """All that waits for these members and is due, in the order of the feed."""
        query = {"member_id": {"$in": list(member_ids)}, "state": "waiting", "due_at": {"$lte": now}}
        with self._connection.answering():
            found = self._collection.find(query).sort("position", ASCENDING).limit(MAX_WAITING)
            return [read_row(document) for document in await found.to_list(MAX_WAITING)]

    async def open_for(self, device_ids: Sequence[str], now: datetime) -> Sequence[tuple[str, str, datetime]]:
        """What is queued for these devices, or has waited for long enough: id, device, and when it is due."""
        waited = {"state": "waiting", "due_at": {**OPEN["due_at"], "$lte": now}}
        query = {"device_id": {"$in": list(device_ids)}, **OPEN, "$or": [{"state": "queued"}, waited]}
        with self._connection.answering():
            found = self._collection.find(query, {"device_id": 1, "due_at": 1})
            return [(document["_id"], document["device_id"], document["due_at"]) async for document in found]

    async def told(self, member_ids: Sequence[str], since: datetime) -> Mapping[str, Mapping[str, Told]]:
        """What each of these members was told on devices since an instant, by the ids of the notices."""
        query = {"member_id": {"$in": list(member_ids)}, "told_at": {"$gt": since}}
        told: dict[str, dict[str, Told]] = {}
        with self._connection.answering():
            async for document in self._collection.find(
                query, {"_id": 0, "member_id": 1, "notice_id": 1, "kind": 1, "told_at": 1}
            ):
                of_member = told.setdefault(document["member_id"], {})
                of_member[document["notice_id"]] = Told(document["kind"], document["told_at"])
        return told

    async def write(self, writes: Sequence[Write]) -> None:
        """Do all of these, in any order."""
        if writes:
            with self._connection.answering():
                await self._collection.bulk_write(list(writes), ordered=False)


def new_document(row: Row, now: datetime) -> Document:
    """A delivery as it is first written; of one that is over at once, ``due_at`` does not count."""
    over = row.state not in ("waiting", "queued")
    document: Document = {name: getattr(row, name) for name in _WRITTEN}
    return {
        "_id": row.delivery_id,
        "lane": lane_of(row.partition, row.platform),
        "created_at": now,
        **document,
        "due_at": None if over else row.due_at,
        "ended_at": now if over else None,
    }


def read_row(document: Document) -> Row:
    """The delivery that a document holds."""
    return Row(
        delivery_id=document["_id"],
        partition=int(document["lane"].partition(":")[0]),
        due_at=document["due_at"],
        **{name: document[name] for name in _WRITTEN},
    )


def change(row: Row, fields: Document) -> UpdateOne:
    """Set fields of a delivery, unless it has come to its end or a worker with a later lease has taken it up."""
    same = {"_id": row.delivery_id, "state": row.state, "fence": {"$lte": row.fence}}
    return UpdateOne(same, {"$set": {**fields, "fence": row.fence}})


def drop(row: Row, reason: str, now: datetime) -> UpdateOne:
    """Let a delivery be dropped, on the same conditions."""
    return change(row, dropped(reason, now)["$set"])


def change_all(rows: Iterable[Row], fields: Document, *, attempts: int = 0) -> Iterator[UpdateMany]:
    """Set the same fields of many queued deliveries on the same conditions, and add to their attempts.

    One write for all of a lease is many times as fast as one for each.
    """
    by_fence: dict[int, list[str]] = {}
    for row in rows:
        by_fence.setdefault(row.fence, []).append(row.delivery_id)
    for fence, ids in by_fence.items():
        same = {"_id": {"$in": ids}, "state": "queued", "fence": {"$lte": fence}}
        yield UpdateMany(same, {"$set": {**fields, "fence": fence}, "$inc": {"attempts": attempts}})


def put_off(device_id: str, until: datetime) -> UpdateMany:
    """Let nothing that is queued for a device be due before an instant."""
    queued = {"device_id": device_id, **OPEN, "state": "queued"}
    return UpdateMany({**queued, "due_at": {**OPEN["due_at"], "$lt": until}}, {"$set": {"due_at": until}})
