"""Broadcasts in MongoDB, collection ``broadcasts``: what is told, whom, and how far it is.

``cursor`` is the id of the last member looked at, and ``taken_by`` and ``taken_until`` say which process is at it. A
page of members is told in the transaction that moves the cursor, so nobody is told twice or left out, whoever is
killed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from app.stores.blocking import blocking
from app.stores.connection import Connection, Document
from app.stores.transaction import Session
from gamification.notices.broadcasts import Broadcast, Broadcasting, BroadcastStatus

COLLECTION = "broadcasts"
LEASE_SECONDS = 10.0
"""How long a process that has fallen silent keeps a broadcast to itself."""
MAX_RUNNING = 200
"""How many broadcasts are told in turn; those that were made later come after them."""
MAX_PAGE = 100

_BROADCASTS = TypeAdapter(Broadcast)
_FIGURES = ("status", "created_at", "looked_at", "told", "total", "done_at")


@dataclass(frozen=True, slots=True)
class Turn:
    """A broadcast that this process is at, and the last member that was looked at."""

    broadcast: Broadcast
    cursor: str


class MongoBroadcasts:
    """Implements `gamification.stores.Broadcasts`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._broadcasts, self._members = connection[COLLECTION], connection["members"]
        self.on_made: Callable[[], None] = lambda: None
        """Is called when there is something to tell; returns at once."""

    async def create(self, broadcast: Broadcast, now: datetime, input_hash: str = "") -> Broadcasting | None:
        """Begin a broadcast. The same again answers with the first; None where its code is that of another input.

        Raises:
            StoreUnavailable: the store did not answer in time. The same again does no harm.
        """
        with self._connection.answering():
            total = await self._members.estimated_document_count()
            document = {
                **_BROADCASTS.dump_python(broadcast),
                **{"_id": broadcast.code, "input_hash": input_hash, "status": "running", "created_at": now},
                **{"cursor": "", "looked_at": 0, "told": 0, "total": total, "done_at": None},
                **{"taken_by": None, "taken_until": None},
            }
            try:
                await self._broadcasts.insert_one(document)
            except DuplicateKeyError:
                known = await self._broadcasts.find_one({"_id": broadcast.code})
                return _read(known) if known is not None and known["input_hash"] == input_hash else None
        self.on_made()
        return _read(document)

    async def get(self, code: str) -> Broadcasting | None:
        """The broadcast with a code.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            found = await self._broadcasts.find_one({"_id": code})
        return _read(found) if found is not None else None

    async def page(self, before: tuple[datetime, str] | None, limit: int) -> Sequence[Broadcasting]:
        """Up to ``limit`` broadcasts, newest first, that come after one that was made then with a code.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        query: Document = {}
        if before is not None:
            at, code = before
            query = {"$or": [{"created_at": {"$lt": at}}, {"created_at": at, "_id": {"$lt": code}}]}
        limit = min(limit, MAX_PAGE + 1)
        order = [("created_at", DESCENDING), ("_id", DESCENDING)]
        with self._connection.answering():
            found = await self._broadcasts.find(query).sort(order).limit(limit).to_list(limit)
        return [_read(document) for document in found]

    async def turn(self, code: str, to: BroadcastStatus) -> Broadcasting | None:
        """Pause a broadcast that runs, or let one that is paused go on; as it is then, None where there is none.

        Nobody is told any more once this has returned with a paused one. One that is done stays so.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        query = {"_id": code, "status": {"$in": ["running", "paused"]}}
        with self._connection.answering():
            await self._broadcasts.update_one(query, {"$set": {"status": to}})
        self.on_made()
        return await self.get(code)

    async def running(self) -> Sequence[str]:
        """The codes of those that run, the one that was made first of them first.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            found = self._broadcasts.find({"status": "running"}, {"created_at": 1}).limit(MAX_RUNNING)
            documents = await found.to_list(MAX_RUNNING)
        return [each["_id"] for each in sorted(documents, key=lambda each: (each["created_at"], each["_id"]))]

    async def take(self, code: str, process: str, now: datetime) -> Turn | None:
        """Have a broadcast to itself for a while; None where another process has it, or it does not run.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        free = [{"taken_by": process}, {"taken_until": None}, {"taken_until": {"$lte": now}}]
        with self._connection.answering():
            found = await self._broadcasts.find_one_and_update(
                {"_id": code, "status": "running", "$or": free},
                {"$set": {"taken_by": process, "taken_until": now + timedelta(seconds=LEASE_SECONDS)}},
                return_document=ReturnDocument.AFTER,
            )
        return Turn(_broadcast(found), found["cursor"]) if found is not None else None

    async def finish(self, code: str, now: datetime) -> None:
        """Let a broadcast be done, however far it is.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        query = {"_id": code, "status": {"$in": ["running", "paused"]}}
        with self._connection.answering():
            await self._broadcasts.update_one(query, {"$set": {"status": "done", "done_at": now}})

    def move(self, turn: Turn, to: str, figures: tuple[int, int], done_at: datetime | None, session: Session) -> bool:
        """Go on to another member within a transaction; False where it is no longer as it was when it was taken.

        ``figures`` are how many members were looked at and told.
        """
        broadcasts = blocking(self._broadcasts)
        found = broadcasts.find_one({"_id": turn.broadcast.code}, session=session)
        if found is None or found["status"] != "running" or found["cursor"] != turn.cursor:
            return False
        looked_at, told = figures
        change: dict[str, Any] = {"cursor": to, **({"status": "done", "done_at": done_at} if done_at else {})}
        broadcasts.update_one(
            {"_id": turn.broadcast.code},
            {"$set": change, "$inc": {"looked_at": looked_at, "told": told}},
            session=session,
        )
        return True


def _broadcast(document: Document) -> Broadcast:
    return _BROADCASTS.validate_python(document)


def _read(document: Document) -> Broadcasting:
    return Broadcasting(_broadcast(document), **{name: document[name] for name in _FIGURES})
