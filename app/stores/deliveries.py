"""Deliveries, collection ``deliveries``: one document for each notice and device, ``_id`` being ``notice:device``.

``state`` says where it stands (`gamification.delivery.deliveries.State`); ``due_at`` is set as long as that is
``waiting`` or ``queued``. ``lane`` (partition and platform) is what workers look for it by, ``position`` its place in
the feed, and ``fence`` the number of the lease under which it was last written by a worker. ``holder`` is the member
whose device it was. It is forgotten after `KEPT_DAYS`. ``delivery_counts`` has how many came to which end
on each day.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from pymongo import ASCENDING, DESCENDING, UpdateOne

from app.notices.entries import PARTITIONS
from app.stores.connection import Connection, Document
from gamification.delivery.deliveries import Delivery, DeliveryCounts, State
from gamification.delivery.devices import Platform

KEPT_DAYS = 30
MAX_PAGE_DELIVERIES = 200
MAX_COUNTED = 100_000
"""How far those are counted that have not ended."""
MAX_DAYS = 31
MAX_ENDED = 5_000
"""How many deliveries are ended in one step: more than wait for one member or device."""

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
OPEN: Document = {"due_at": {"$gt": _EVER}}
"""What has not ended."""
PLATFORMS: tuple[Platform, ...] = ("fcm", "apns", "web")
_TOLD = (
    *("notice_id", "device_id", "member_id", "kind", "platform", "state", "created_at", "reason", "attempts", "due_at"),
    *("ended_at", "opened_at"),
)


class MongoDeliveries:
    """Implements `gamification.delivery.stores.Deliveries`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._collection, self._counts = connection["deliveries"], connection["delivery_counts"]

    async def reconsider(self, member_id: str, now: datetime) -> None:
        """Have it decided anew when a member is told what waits.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        waiting = {"member_id": member_id, "state": "waiting", "due_at": {"$gt": now}}
        with self._connection.answering():
            await self._collection.update_many(waiting, {"$set": {"due_at": now}})

    async def drop(
        self,
        device_ids: Sequence[str],
        reason: str,
        now: datetime,
        but_of: str | None = None,
        written_by: datetime | None = None,
    ) -> None:
        """Drop all that is on its way to these devices, but what is for the member ``but_of`` where that is given.

        Nor is anything dropped that was written after ``written_by``, where that is given.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        query: Document = {"device_id": {"$in": list(device_ids)}, **OPEN}
        if but_of is not None:
            query["holder"] = {"$ne": but_of}
        if written_by is not None:
            query["created_at"] = {"$lte": written_by}
        with self._connection.answering():
            await self._end(query, dropped(reason, now), f"dropped:{{platform}}:{reason}", now)

    async def mark_opened(self, member_id: str, notice_ids: Sequence[str], now: datetime) -> int:
        """Note that a member opened these.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        # One that is queued still was taken by its provider all the same, where the worker could not note that yet.
        query = {
            "member_id": member_id,
            "notice_id": {"$in": list(notice_ids)},
            "state": {"$in": ["sent", "queued"]},
            "told_at": {"$gt": _EVER},
        }
        ended = {"state": "opened", "opened_at": now, "ended_at": now, "due_at": None, "reason": ""}
        with self._connection.answering():
            return await self._end(query, {"$set": ended}, "opened:{platform}:", now)

    async def of_notice(self, notice_id: str, after: str, limit: int) -> Sequence[Delivery]:
        """Deliveries of a notice in the order of their ids.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        first = f"{notice_id}:"
        query = {"_id": {"$gt": max(first, after), "$lt": f"{notice_id};"}, "notice_id": notice_id}
        with self._connection.answering():
            found = self._collection.find(query).sort("_id", ASCENDING).limit(min(limit, MAX_PAGE_DELIVERIES))
            return [read_delivery(document) for document in await found.to_list(MAX_PAGE_DELIVERIES)]

    async def dead(self, before: tuple[datetime, str] | None, limit: int) -> Sequence[Delivery]:
        """Those that were given up, the latest first.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        query: Document = {"dead_at": {"$gt": _EVER}}
        if before is not None:
            at, delivery_id = before
            query = {"$or": [{"dead_at": {"$lt": at}}, {"dead_at": at, "_id": {"$lt": delivery_id}}]}
        with self._connection.answering():
            found = self._collection.find(query).sort([("dead_at", DESCENDING), ("_id", DESCENDING)])
            documents = await found.limit(min(limit, MAX_PAGE_DELIVERIES)).to_list(MAX_PAGE_DELIVERIES)
        return [read_delivery(document) for document in documents]

    async def requeue(self, delivery_ids: Sequence[str], now: datetime) -> Sequence[str]:
        """Queue those of these once more that were given up.

        Raises:
            StoreUnavailable: the store did not answer in time. Some may be queued.
        """
        again = {"state": "queued", "due_at": now, "attempts": 0, "told_at": now, "ended_at": None}
        queued = []
        with self._connection.answering():
            for delivery_id in delivery_ids:
                result = await self._collection.update_one(
                    {"_id": delivery_id, "dead_at": {"$gt": _EVER}}, {"$set": again, "$unset": {"dead_at": ""}}
                )
                if result.modified_count:
                    queued.append(delivery_id)
        return queued

    async def counts(self, days: int, now: datetime) -> DeliveryCounts:
        """How many ended how on the last days, and how many have not yet.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        since = (now - timedelta(days=min(days, MAX_DAYS) - 1)).date().isoformat()
        ended: dict[tuple[State, Platform, str], int] = {}
        with self._connection.answering():
            for document in await self._counts.find({"_id": {"$gte": since}}).to_list(MAX_DAYS + 1):
                for name, count in document["counts"].items():
                    state, platform, reason = name.split(":", 2)
                    key = (cast("State", state), cast("Platform", platform), reason)
                    ended[key] = ended.get(key, 0) + count
            on_the_way = {"lane": {"$in": lanes(range(PARTITIONS), PLATFORMS)}, **OPEN}
            waiting = await self._count({**on_the_way, "state": "waiting"})
            queued = await self._count({**on_the_way, "state": "queued"})
            dead = await self._count({"dead_at": {"$gt": _EVER}})
        return DeliveryCounts(waiting, queued, dead, ended)

    async def count(self, ended: Mapping[str, int], now: datetime) -> None:
        """Add to the counts of a day, by names such as ``failed:fcm:TooLarge``; a reason holds no dot.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        increments = {f"counts.{name}": count for name, count in ended.items() if count}
        if not increments:
            return
        today = {"_id": now.date().isoformat()}
        with self._connection.answering():
            await self._counts.bulk_write([UpdateOne(today, {"$inc": increments}, upsert=True)])

    async def _end(self, query: Document, update: Document, name: str, now: datetime) -> int:
        """Let all of these come to an end, each once, and count them; how many they were."""
        ended: Counter[str] = Counter()
        found = await self._collection.find(query, {"platform": 1, "state": 1}).to_list(MAX_ENDED)
        for document in found:
            same = {"_id": document["_id"], "state": document["state"]}
            result = await self._collection.update_one(same, update)
            ended[name.format(platform=document["platform"])] += result.modified_count
        await self.count(ended, now)
        return ended.total()

    async def _count(self, query: Document) -> int:
        return int(await self._collection.count_documents(query, limit=MAX_COUNTED))


def lanes(partitions: Iterable[int], platforms: Iterable[Platform]) -> list[str]:
    """The lanes of these partitions and platforms."""
    platforms = list(platforms)
    return [lane_of(partition, platform) for partition in partitions for platform in platforms]


def lane_of(partition: int, platform: Platform) -> str:
    """What workers look for a delivery by."""
    return f"{partition}:{platform}"


def dropped(reason: str, now: datetime) -> Document:
    """The update that drops a delivery."""
    return {"$set": {"state": "dropped", "reason": reason, "due_at": None, "ended_at": now}}


def read_delivery(document: Document) -> Delivery:
    """The delivery that a document holds."""
    given: dict[str, Any] = {name: document.get(name) for name in _TOLD}
    return Delivery(delivery_id=document["_id"], dead="dead_at" in document, **given)
