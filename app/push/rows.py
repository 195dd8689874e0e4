"""Deliveries as the worker reads and writes them, many at a time.

Some servers look through a whole collection for one of many values together with something else, such as
``{device_id: {$in: [...]}, due_at: ...}``, and deliveries are many. So what is asked here names many values alone, and
what else is wanted comes in a stage of its own; a server that knows better joins the two.
"""

import asyncio
import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
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
        due = {"due_at": {**OPEN["due_at"], "$lte": now}}
        order = [("due_at", ASCENDING), ("position", ASCENDING)]
        with self._connection.answering():
            lists = await asyncio.gather(
                *(
                    self._collection.find({"lane": lane, **due}).sort(order).limit(limit).to_list(limit)
                    for lane in lanes(partitions, platforms)
                )
            )
        found = heapq.merge(*lists, key=lambda document: (document["due_at"], document["position"]))
        return [read_row(document) for document in islice(found, limit)]

    async def waiting_of(self, member_ids: Sequence[str], now: datetime) -> Sequence[Row]:
        """All that waits for these members and is due, in the order of the feed."""
        stages: list[Document] = [
            {"$match": {"member_id": {"$in": list(member_ids)}}},
            {"$match": {"state": "waiting", "due_at": {"$lte": now}}},
            {"$sort": {"position": ASCENDING}},
            {"$limit": MAX_WAITING},
        ]
        with self._connection.answering():
            return [read_row(document) async for document in self._collection.aggregate(stages)]

    async def open_for(self, device_ids: Sequence[str], now: datetime) -> Sequence[tuple[str, str, datetime]]:
        """What is queued for these devices, or has waited for long enough: id, device, and when it is due."""
        waited = {"state": "waiting", "due_at": {**OPEN["due_at"], "$lte": now}}
        stages: list[Document] = [
            {"$match": {"device_id": {"$in": list(device_ids)}}},
            {"$match": {**OPEN, "$or": [{"state": "queued"}, waited]}},
            {"$project": {"device_id": 1, "due_at": 1}},
        ]
        with self._connection.answering():
            found = self._collection.aggregate(stages)
            return [(document["_id"], document["device_id"], document["due_at"]) async for document in found]

    async def told(self, member_ids: Sequence[str], since: datetime) -> Mapping[str, Mapping[str, Told]]:
        """What each of these members was told on devices since an instant, by the ids of the notices."""
        stages: list[Document] = [
            {"$match": {"member_id": {"$in": list(member_ids)}}},
            {"$match": {"told_at": {"$gt": since}}},
            {"$project": {"_id": 0, "member_id": 1, "notice_id": 1, "kind": 1, "told_at": 1}},
        ]
        told: dict[str, dict[str, Told]] = {}
        with self._connection.answering():
            async for document in self._collection.aggregate(stages):
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
    return UpdateOne({"_id": row.delivery_id}, _unless_taken_up(row.state, row.fence, fields))


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
        yield UpdateMany({"_id": {"$in": ids}}, _unless_taken_up("queued", fence, fields, attempts))


def _unless_taken_up(state: State, fence: int, fields: Document, attempts: int = 0) -> list[Document]:
    """What sets fields of deliveries that are in a state and under no later lease, and leaves others as they are.

    The conditions stand here and not in the query, for the reason that is given above.
    """
    same = {"$and": [{"$eq": ["$state", state]}, {"$lte": ["$fence", fence]}]}
    set_: Document = {name: {"$literal": value} for name, value in {**fields, "fence": fence}.items()}
    more: Document = {"attempts": {"$add": ["$attempts", attempts]}} if attempts else {}
    return [{"$replaceWith": {"$cond": [same, {"$mergeObjects": ["$$ROOT", set_, more]}, "$$ROOT"]}}]


def put_off(device_id: str, until: datetime) -> UpdateMany:
    """Let nothing that is queued for a device be due before an instant."""
    queued = {"device_id": device_id, **OPEN, "state": "queued"}
    return UpdateMany({**queued, "due_at": {**OPEN["due_at"], "$lt": until}}, {"$set": {"due_at": until}})
