"""Which partitions of some work this worker has: leases in MongoDB, shared out evenly among the workers that are alive.

Work is partitions of the feed (``push``) or places for endpoints (``webhook``). Collection ``push_leases`` has one
document for each partition: who holds it, until when, its ``fence``, a number that grows whenever it changes hands, and
``upto``, the position up to which it was acknowledged lately. What a worker writes of deliveries of pushes bears the
number of its lease, so one that was held up and has lost it changes nothing that its successor has taken up.
``push_workers`` says who was alive when. The clocks of machines are taken to agree to within a second or so: where they
do not, something may go out twice, with its own id both times, and nothing is lost.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from app.stores.connection import Connection, Document, is_about_duplicates_alone

LEASE_SECONDS = 8.0
"""How long a worker that has fallen silent keeps its partitions."""
RENEW_SECONDS = 2.0
FORGET_SECONDS = 3_600
"""After this long, a worker that was killed is not remembered any more."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A partition that this worker has, until ``ends``, a time of the event loop.

    ``upto`` is how far its owners had acknowledged it when it was taken, or where the first of them began; None where
    that is not known.
    """

    partition: int
    fence: int
    ends: float
    upto: int | None = None


class Leases:
    """The partitions of one worker. ``let_go`` is awaited before one is given to others, to end what is under way.

    ``work`` is what the names of the collections begin with.
    """

    def __init__(
        self,
        connection: Connection,
        partitions: int,
        worker_id: str,
        now: Callable[[], datetime],
        let_go: Callable[[Sequence[int]], Awaitable[None]],
        *,
        work: str,
    ) -> None:
        self._connection, self._partitions, self._worker_id = connection, partitions, worker_id
        self._now, self._let_go = now, let_go
        self._leases, self._workers = connection[f"{work}_leases"], connection[f"{work}_workers"]
        self._held: dict[int, Lease] = {}

    @property
    def held(self) -> Mapping[int, Lease]:
        """What this worker has, by partition, leases that have run out included."""
        return self._held

    def holds(self, partition: int) -> bool:
        """Whether it has a partition for certain."""
        lease = self._held.get(partition)
        return lease is not None and lease.ends > _seconds()

    async def begin_after(self, position: int) -> None:
        """Let partitions that nobody ever had begin after a position, so that it shows where something is missing.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        new = {"$setOnInsert": {"holder": None, "until": self._now(), "fence": 0, "upto": position}}
        begun = [UpdateOne({"_id": partition}, new, upsert=True) for partition in range(self._partitions)]
        with self._connection.answering():
            try:
                await self._leases.bulk_write(begun, ordered=False)
            except BulkWriteError as error:  # Somebody else begins at the same moment.
                if not is_about_duplicates_alone(error):
                    raise

    async def renew(self, upto: Mapping[int, int]) -> None:
        """Keep what it has, take what is free, and give what is more than its share; note what is acknowledged.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        share = await self._share()
        await self._keep(upto)
        if len(self._held) > share:
            await self.release(random.sample(sorted(self._held), len(self._held) - share))
        if len(self._held) < share:
            await self._take(share - len(self._held))

    async def release(self, partitions: Sequence[int]) -> None:
        """Let others have these at once.

        Raises:
            StoreUnavailable: the store did not answer in time. Others have them when the leases have run out.
        """
        await self._let_go(partitions)
        for partition in partitions:
            self._held.pop(partition, None)
        with self._connection.answering():
            await self._leases.update_many(
                {"_id": {"$in": list(partitions)}, "holder": self._worker_id},
                {"$set": {"holder": None, "until": self._now()}},
            )

    async def retire(self) -> None:
        """Let others have all of it, and be counted no longer.

        Raises:
            StoreUnavailable: the store did not answer in time. Others have it when the leases have run out.
        """
        await self.release(sorted(self._held))
        with self._connection.answering():
            await self._workers.delete_one({"_id": self._worker_id})

    async def _share(self) -> int:
        """How many partitions are this worker's, by who is alive."""
        now = self._now()
        alive_since = now - timedelta(seconds=LEASE_SECONDS)
        with self._connection.answering():
            await self._workers.update_one({"_id": self._worker_id}, {"$set": {"seen_at": now}}, upsert=True)
            await self._workers.delete_many({"seen_at": {"$lt": now - timedelta(seconds=FORGET_SECONDS)}})
            found = await self._workers.find({"seen_at": {"$gt": alive_since}}, {"_id": 1}).to_list(None)
        alive = sorted({self._worker_id, *(document["_id"] for document in found)})
        each, rest = divmod(self._partitions, len(alive))
        return each + (alive.index(self._worker_id) < rest)

    async def _keep(self, upto: Mapping[int, int]) -> None:
        if not self._held:
            return
        began, until = _seconds(), self._until()
        mine = {"_id": {"$in": list(self._held)}, "holder": self._worker_id}
        keeping = [
            UpdateOne(
                {"_id": partition, "holder": self._worker_id},
                {"$set": {"until": until, **({"upto": upto[partition]} if partition in upto else {})}},
            )
            for partition in self._held
        ]
        with self._connection.answering():
            await self._leases.bulk_write(keeping, ordered=False)
            found = await self._leases.find(mine, {"fence": 1}).to_list(self._partitions)
        kept = {document["_id"]: document["fence"] for document in found}
        lost = [partition for partition, lease in self._held.items() if kept.get(partition) != lease.fence]
        for partition in lost:
            del self._held[partition]
        if lost:
            await self._let_go(lost)
        for partition in kept:
            if partition in self._held:
                self._held[partition] = replace(self._held[partition], ends=began + LEASE_SECONDS)

    async def _take(self, wanted: int) -> None:
        others = [partition for partition in range(self._partitions) if partition not in self._held]
        random.shuffle(others)  # Or workers that begin together would all want the same ones.
        for partition in others:
            if wanted == 0:
                return
            began = _seconds()
            document = await self._try(partition)
            if document is not None:
                self._held[partition] = Lease(partition, document["fence"], began + LEASE_SECONDS, document.get("upto"))
                wanted -= 1

    async def _try(self, partition: int) -> Document | None:
        """The lease of a partition, if it was free."""
        taken = {"$set": {"holder": self._worker_id, "until": self._until()}, "$inc": {"fence": 1}}
        with self._connection.answering():
            try:
                document: Document | None = await self._leases.find_one_and_update(
                    {"_id": partition, "until": {"$lte": self._now()}},
                    taken,
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
            except DuplicateKeyError:
                return None  # Somebody has it.
        return document

    def _until(self) -> datetime:
        return self._now() + timedelta(seconds=LEASE_SECONDS)


def _seconds() -> float:
    return asyncio.get_running_loop().time()
