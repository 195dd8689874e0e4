"""When to look what time gives cause to tell: field ``notice_due_at`` of the documents of ``members``.

Every commit sets it. A look moves it on in the transaction that writes what is told, so a look that is cut short is
made again, and of two at once one begins anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pymongo import ASCENDING, UpdateOne

from app.stores.blocking import blocking
from app.stores.codec import Unreadable, try_member
from app.stores.connection import Connection
from app.stores.transaction import Session
from gamification.member import Member
from gamification.stores import CommitConflict

_EVER = datetime(1, 1, 1, tzinfo=UTC)
"""Before every instant: a range with two ends is what every server reads from the index alone."""


@dataclass(frozen=True, slots=True)
class NoticeDue:
    """A member as they are stored, when to look at them, and the newest version of the program they were written by."""

    member: Member | Unreadable
    due_at: datetime | None
    due_by: int | None


class NoticeDues:
    """Whom to look at, and when."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._members = connection, connection["members"]

    async def due(self, now: datetime, limit: int) -> Sequence[str]:
        """Up to ``limit`` ids of members who are to be looked at, whoever has waited longest first.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        query = {"notice_due_at": {"$gt": _EVER, "$lte": now}}
        with self._connection.answering():
            found = self._members.find(query, {"_id": 1}).sort("notice_due_at", ASCENDING).limit(limit)
            return [document["_id"] for document in await found.to_list(limit)]

    async def next_at(self, after: datetime, until: datetime) -> datetime | None:
        """When somebody is to be looked at next, after an instant and up to another; None if nobody is.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        query, order = {"notice_due_at": {"$gt": after, "$lte": until}}, [("notice_due_at", ASCENDING)]
        with self._connection.answering():
            found = await self._members.find_one(query, {"_id": 0, "notice_due_at": 1}, sort=order)
        due_at: datetime | None = found["notice_due_at"] if found else None
        return due_at

    def read(self, member_ids: Sequence[str], session: Session) -> Sequence[NoticeDue]:
        """These members as they are within a transaction."""
        found = blocking(self._members).find({"_id": {"$in": list(member_ids)}}, session=session)
        return [
            NoticeDue(try_member(document), document.get("notice_due_at"), document.get("due_by")) for document in found
        ]

    def move(self, moved: Mapping[str, datetime | None], session: Session) -> None:
        """Look at these members at these instants next, within the transaction in which they were read.

        Raises:
            CommitConflict: one of them is gone.
        """
        if not moved:
            return
        updates = [UpdateOne({"_id": each}, {"$set": {"notice_due_at": at}}) for each, at in moved.items()]
        written = blocking(self._members).bulk_write(updates, session=session)
        if written.matched_count != len(updates):
            raise CommitConflict
