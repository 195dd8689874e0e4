"""Which generation of the boards is to be trusted, collection ``projections``, document ``boards``.

Redis cannot know what it has lost. So MongoDB says which epoch and generation are good, on which run of the servers,
and how many writes there were at least. It also gives the lease: one process rebuilds, and the number that it gets with
the lease is the generation it builds, which fences off whoever had the lease before.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from app.stores.connection import Connection, Document

LEASE_SECONDS = 15.0
"""How long a process that has fallen silent keeps others from rebuilding."""

_ID = "boards"


@dataclass(frozen=True, slots=True)
class Trusted:
    """A generation that holds everything, as long as Redis still has its epoch and its servers have not restarted.

    ``layout`` is the layout of the boards (`MongoPlacings.layout`) by which it was built; empty where that is not told.
    """

    epoch: str
    generation: int
    run: str
    layout: str = ""


@dataclass(frozen=True, slots=True)
class Projection:
    """The document. ``upcoming`` is what is about to be swapped in, or was, by a process that ended right then."""

    trusted: Trusted | None = None
    upcoming: Trusted | None = None
    writes: int = 0
    swapped_at: datetime | None = None
    cleaned: bool = True

    def find(self, epoch: str | None, generation: int | None) -> Trusted | None:
        """The one of the two that has this epoch and generation."""
        for known in (self.trusted, self.upcoming):
            if known is not None and (known.epoch, known.generation) == (epoch, generation):
                return known
        return None


class MongoProjection:
    """Reads and changes the document. Each method raises ``StoreUnavailable`` where MongoDB does not answer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._collection = connection["projections"]

    async def get(self) -> Projection:
        """What is trusted now."""
        with self._connection.answering():
            document = await self._collection.find_one({"_id": _ID})
        if document is None:
            return Projection()
        return Projection(
            trusted=_trusted(document.get("trusted")),
            upcoming=_trusted(document.get("upcoming")),
            writes=document.get("writes", 0),
            swapped_at=document.get("swapped_at"),
            cleaned=document.get("cleaned", True),
        )

    async def lease(self, holder: str, newer_than: int, now: datetime) -> int | None:
        """Take the lease; the generation to build, higher than any before. None if another process has it."""
        number = {"$add": [{"$max": ["$last_generation", newer_than]}, 1]}
        lease = {"holder": holder, "until": now + timedelta(seconds=LEASE_SECONDS)}
        free = {"$or": [{"lease": None}, {"lease.until": {"$lte": now}}]}
        with self._connection.answering():
            await self._ensure()
            document = await self._collection.find_one_and_update(
                {"_id": _ID, **free},
                [{"$set": {"last_generation": number, "lease": {"$literal": lease}}}],
                return_document=ReturnDocument.AFTER,
            )
        return None if document is None else int(document["last_generation"])

    async def renew(self, holder: str, generation: int, now: datetime) -> bool:
        """Keep the lease; False if another process has taken it since."""
        until = now + timedelta(seconds=LEASE_SECONDS)
        return await self._change(_held(holder, generation), {"$set": {"lease.until": until}})

    async def release(self, holder: str, generation: int) -> None:
        """Let go of the lease, if it is still held."""
        await self._change(_held(holder, generation), {"$unset": {"lease": ""}})

    async def propose(self, holder: str, trusted: Trusted) -> bool:
        """Say what is about to be swapped in; False if the lease is lost, and then nothing may be swapped."""
        return await self._change(_held(holder, trusted.generation), {"$set": {"upcoming": asdict(trusted)}})

    async def confirm(self, trusted: Trusted, now: datetime) -> None:
        """Trust what was proposed, now that it is swapped in. Done twice, or late, it changes nothing."""
        change = {"trusted": asdict(trusted), "writes": 0, "swapped_at": now, "cleaned": False}
        upcoming = {"upcoming.epoch": trusted.epoch, "upcoming.generation": trusted.generation}
        await self._change(upcoming, {"$set": change, "$unset": {"upcoming": ""}})

    async def cleaned(self, trusted: Trusted) -> None:
        """Note that older generations are deleted."""
        await self._change(_epoch(trusted), {"$set": {"cleaned": True}})

    async def saw_writes(self, trusted: Trusted, writes: int) -> None:
        """Note how many writes there were at least."""
        await self._change(_epoch(trusted), {"$max": {"writes": writes}})

    async def _ensure(self) -> None:
        # Not an upsert of the lease itself: one that finds the lease taken would try to insert a second document.
        if await self._collection.find_one({"_id": _ID}, {"_id": 1}) is None:
            with suppress(DuplicateKeyError):
                await self._collection.insert_one({"_id": _ID, "last_generation": 0})

    async def _change(self, condition: Document, change: Document) -> bool:
        with self._connection.answering():
            result = await self._collection.update_one({"_id": _ID, **condition}, change)
        return bool(result.matched_count)


def _trusted(document: dict[str, Any] | None) -> Trusted | None:
    if document is None:
        return None
    return Trusted(document["epoch"], document["generation"], document["run"], document.get("layout", ""))


def _epoch(trusted: Trusted) -> Document:
    return {"trusted.epoch": trusted.epoch, "trusted.generation": trusted.generation}


def _held(holder: str, generation: int) -> Document:
    return {"lease.holder": holder, "last_generation": generation}
