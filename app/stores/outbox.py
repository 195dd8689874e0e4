"""The outbox, collection ``outbox``: which members have changed and are still to be projected and announced.

An entry is written in the transaction that changes its member, so that whatever is committed is announced, also after a
crash; and it is deleted only when that is done. Its ``_id`` is ``member_id:revision``. Each change of a member makes a
revision of its own (`gamification.member.Member.revision`, read within the transaction), so an entry that is there
already means a fault in the code, and the transaction fails.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo import ASCENDING

from app.clock import utc_now
from app.stores.blocking import blocking
from app.stores.codec import MemberScores
from app.stores.connection import Connection
from app.stores.transaction import Session

AHEAD = timedelta(seconds=2)
"""An entry from further in the future was written by a clock that was wrong, and nobody waits until it is right."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A member who has changed, as of a revision.

    ``scores`` is what boards need of the member as of that revision, where whoever wrote it knows; None where it must
    be read.
    """

    member_id: str
    revision: int
    scores: MemberScores | None = None

    @property
    def entry_id(self) -> str:
        """The id of the entry about it. Member ids hold no colon."""
        return f"{self.member_id}:{self.revision}"


OnWritten = Callable[[Sequence[Changed]], None]
"""Is told of a commit that changed members, right after it; must return at once and not fail."""


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A member who has changed, and when."""

    entry_id: str
    member_id: str
    at: datetime


class Outbox:
    """Keeps what is still to be announced."""

    def __init__(self, connection: Connection, now: Callable[[], datetime] = utc_now) -> None:
        self._connection = connection
        self._collection = connection["outbox"]
        self._now = now

    def add(self, changes: Sequence[Changed], session: Session) -> None:
        """Note these, within the transaction that makes them.

        Raises:
            pymongo.errors.BulkWriteError: a revision was given twice.
        """
        at = self._now()
        documents = [{"_id": change.entry_id, "member_id": change.member_id, "at": at} for change in changes]
        blocking(self._collection).insert_many(documents, session=session)

    async def pending(self, older_than: datetime, limit: int, besides: Sequence[str] = ()) -> Sequence[OutboxEntry]:
        """Up to ``limit`` entries that were written before ``older_than``, oldest first, but not those ``besides``.

        Those from further ahead than `AHEAD` are among them, for their age cannot be told.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            ages = [{"at": {"$lt": older_than}}, {"at": {"$gt": self._now() + AHEAD}}]
            found = (
                self._collection.find({"$or": ages, "_id": {"$nin": list(besides)}}).sort("at", ASCENDING).limit(limit)
            )
            documents = await found.to_list(limit)
        return [OutboxEntry(document["_id"], document["member_id"], document["at"]) for document in documents]

    async def done(self, entry_ids: Sequence[str]) -> None:
        """Forget entries that have been announced. Those that are gone already do not matter.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        if not entry_ids:
            return
        with self._connection.answering():
            await self._collection.delete_many({"_id": {"$in": list(entry_ids)}})
