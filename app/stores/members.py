"""The members in MongoDB, each with their snapshot. Snapshots change through the journal only."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import ASCENDING, ReturnDocument

from app.batching import Batcher
from app.clock import utc_now
from app.stores.blocking import blocking, read_by_ids
from app.stores.claims import Claim, Claims
from app.stores.codec import SCORES_PROJECTION, MemberScores, Unreadable, read_member, try_member, try_scores
from app.stores.connection import Connection, Document
from app.stores.decoded import DecodedMembers
from app.stores.outbox import Changed, OnWritten, Outbox
from app.stores.transaction import Session, transact
from gamification.contention import insist
from gamification.member import Member, board_problems
from gamification.particulars import TAUGHT
from gamification.stores import CommitConflict, HandleTaken, ProfileChanges, UnfitProfile

MAX_MEMBERS_PER_FIND = 200
"""How many members that different requests ask for one find returns at most: some megabyte."""
DECODED_PER_TURN = 50
"""After how many documents that are decoded whoever waits for the event loop gets a turn."""
RAW_DOCUMENTS = CodecOptions(document_class=RawBSONDocument)
FIRST_BATCH_TIMEOUT_FACTOR = 8
"""How many times longer than an ordinary answer the first batch of all members may take: some servers, such as the
embedded one, gather all of them first."""
_EVER = datetime(1, 1, 1, tzinfo=UTC)
"""Before every ``due_at``. A range with two ends is what every server reads from the index alone; without this one,
some read all those too for whom nothing is due."""


class UnreadableMember(Exception):
    """What is stored of a member is not what Laurel writes; `laurel verify` tells of all such."""

    def __init__(self, unreadable: Unreadable) -> None:
        super().__init__(f"the document of member {unreadable.member_id} cannot be read: {unreadable.fault}")


@dataclass(frozen=True, slots=True)
class Due:
    """A member whom the clock has to look at.

    Something is due at ``due_at``, or the version of the program ``due_by``, by which that was worked out, is no longer
    the newest; None where it is not known.
    """

    member_id: str
    due_at: datetime | None
    due_by: int | None


class MongoMembers:
    """Implements `gamification.stores.Members`. ``on_written`` is told whose profile has changed."""

    def __init__(
        self, connection: Connection, on_written: OnWritten | None = None, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._connection = connection
        self._on_written, self._now = on_written, now
        self._outbox = Outbox(connection)
        self._collection = connection["members"]
        self._claims = Claims(connection)
        self._documents: AsyncIOMotorCollection[Any] = self._collection.with_options(RAW_DOCUMENTS)
        self._decoded = DecodedMembers()
        self._reads = Batcher(self._find, MAX_MEMBERS_PER_FIND)

    async def by_ids(self, member_ids: Sequence[str]) -> Mapping[str, Member]:
        """The members with these ids, where there are any; read together with those that others ask for.

        Raises:
            UnreadableMember: what is stored of one of them is not what Laurel writes.
            StoreUnavailable: the store did not answer in time.
        """
        found = await self._reads.ask(member_ids)
        return {member_id: _readable(member) for member_id, member in found.items()}

    async def by_loyalty_numbers(self, numbers: Sequence[str]) -> Mapping[str, Member]:
        """The members with these loyalty numbers, where there are any.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        members = await self._by_claims([("loyalty_number", number) for number in numbers])
        return {member.loyalty_number: member for member in members.values()}

    async def by_handle(self, handle: str) -> Member | None:
        """The member with this public handle.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        return (await self._by_claims([("handle", handle)])).get(("handle", handle))

    async def by_enrolment_keys(self, keys: Sequence[str]) -> Mapping[str, tuple[Member, str]]:
        """The members that were enrolled with these keys, each with the hash of the enrolment's input.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        owners = await self._claims.owners([("enrolment_key", key) for key in keys])
        if not owners:
            return {}
        found = await read_by_ids(self._connection, self._collection, owners.values())
        return {document["enrolment_key"]: (read_member(document), document["enrolment_hash"]) for document in found}

    async def change_profile(self, member_id: str, changes: ProfileChanges) -> Member | None:
        """Set the fields that are given and no others; returns the member as they are then, None if there is none.

        Where any are given, the member's ``profile_revision`` grows by one in the same write, and the outbox gets an
        entry. Where the game has to learn of it, the member is due for the clock at once.

        Raises:
            HandleTaken: another member has the handle.
            UnfitProfile: the fields do not go together, as they are after the change.
            StoreUnavailable: the store did not answer in time, or others wrote to the member all the while.
        """
        given = {f"profile.{name}": value for name, value in changes.profile.items()}
        given |= {f"visibility.{name}": value for name, value in changes.visibility.items()}
        if not given:
            return (await self.by_ids([member_id])).get(member_id)
        if TAUGHT & changes.profile.keys():  # Whoever asked for the change may end before the game has learned of it.
            given["due_at"] = self._now()

        def change(session: Session) -> Member | None:
            found: Document | None = blocking(self._collection).find_one_and_update(
                {"_id": member_id}, {"$set": given, "$inc": {"profile_revision": 1}}, session=session
            )
            if found is None:
                return None
            before = read_member(found)
            after = replace(
                before,
                profile=replace(before.profile, **changes.profile),
                visibility=replace(before.visibility, **changes.visibility),
                profile_revision=before.profile_revision + 1,
            )
            # Judged here, where the other half of what must go together cannot change meanwhile.
            if problems := tuple(board_problems(after.profile, after.visibility)):
                raise UnfitProfile(problems)
            self._outbox.add([Changed(member_id, after.revision)], session)
            self._change_handle(member_id, before.profile.handle, after.profile.handle, session)
            return after

        try:
            changed = await insist(lambda: transact(self._connection, change), final=("handle",))
        except CommitConflict as conflict:
            raise HandleTaken from conflict
        if changed is not None and self._on_written is not None:
            self._on_written([Changed(member_id, changed.revision)])
        return changed

    async def save_showcase(self, member_id: str, showcase: tuple[str, ...]) -> Member | None:
        """Replace the showcased badges; returns the member as they are now, None if there is no such member.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            document = await self._collection.find_one_and_update(
                {"_id": member_id}, {"$set": {"showcase": showcase}}, return_document=ReturnDocument.AFTER
            )
        return read_member(document) if document else None

    async def read(self, member_id: str) -> Member | Unreadable | None:
        """What is stored of a member, sound or not; None if there is nothing.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            document = await self._collection.find_one({"_id": member_id})
        return try_member(document) if document else None

    async def count(self) -> int:
        """How many members there are, from the collection's metadata: after a crash it may be a little off.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            return await self._collection.estimated_document_count()

    async def stream(self, batch_size: int, after: str = "") -> AsyncIterator[Sequence[Member | Unreadable]]:
        """All members in the order of their ids, in batches, from the first id beyond ``after`` on.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        cursor = self._collection.find({"_id": {"$gt": after}}).sort("_id", ASCENDING).batch_size(batch_size)
        while True:
            with self._connection.answering():
                documents = await cursor.to_list(batch_size)
            if not documents:
                return
            yield [try_member(document) for document in documents]

    async def scores_of(self, member_ids: Sequence[str]) -> Sequence[MemberScores | Unreadable]:
        """What boards need of these members, in no order to rely on.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            found = self._collection.find({"_id": {"$in": list(member_ids)}}, list(SCORES_PROJECTION))
            documents = await found.to_list(len(member_ids))
        return [try_scores(document) for document in documents]

    async def stream_scores(self, batch_size: int) -> AsyncIterator[Sequence[MemberScores | Unreadable]]:
        """What boards need of all members, in batches and no order. Each is read once, as they are at some moment.

        Raises:
            StoreUnavailable: the store did not answer in time, and for the first batch it has more than usual.
        """
        # Without condition or order, so that no server has much to do before its first answer.
        cursor = self._collection.find({}, list(SCORES_PROJECTION)).batch_size(batch_size)
        patient = self._connection.with_timeout(self._connection.timeout_seconds * FIRST_BATCH_TIMEOUT_FACTOR)
        answering = patient.answering
        while True:
            with answering():
                documents = await cursor.to_list(batch_size)
            if not documents:
                return
            yield [try_scores(document) for document in documents]
            answering = self._connection.answering

    async def due(self, now: datetime, version: int, limit: int) -> Sequence[Due]:
        """Up to ``limit`` members for whom something is due, whatever has waited longest first.

        After them come those for whom that was worked out without knowing this ``version`` of the program. Only members
        that are returned are read.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        found: dict[str, Due] = {}
        with self._connection.answering():
            for query, order in (
                ({"due_at": {"$gt": _EVER, "$lte": now}}, "due_at"),
                ({"due_by": {"$lt": version}}, None),
                ({"due_by": None}, None),
            ):
                if len(found) >= limit:
                    break
                cursor = self._collection.find(query, {"due_at": 1, "due_by": 1}).limit(limit)
                for document in await (cursor.sort(order, ASCENDING) if order else cursor).to_list(limit):
                    found.setdefault(document["_id"], _due(document))
        return list(found.values())[:limit]

    async def still_due(self, dues: Sequence[Due]) -> Sequence[Due]:
        """Those of these members whom nobody has looked after since they were found.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            found = self._collection.find({"_id": {"$in": [due.member_id for due in dues]}}, {"due_at": 1, "due_by": 1})
            now = {_due(document) for document in await found.to_list(len(dues))}
        return [due for due in dues if due in now]

    async def count_due(self, now: datetime, version: int) -> int:
        """How many members `due` would come to without limit.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        queries: Sequence[Document] = (
            {"due_at": {"$gt": _EVER, "$lte": now}, "due_by": {"$gte": version}},
            {"due_by": {"$lt": version}},
            {"due_by": None},
        )
        with self._connection.answering():
            return sum([await self._collection.count_documents(query) for query in queries])

    async def next_due_at(self, after: datetime, until: datetime) -> datetime | None:
        """When something is due next, after an instant and up to another; None if nothing is.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        query = {"due_at": {"$gt": after, "$lte": until}}
        with self._connection.answering():
            document = await self._collection.find_one(query, {"_id": 0, "due_at": 1}, sort=[("due_at", ASCENDING)])
        due_at: datetime | None = document["due_at"] if document else None
        return due_at

    async def _find(self, member_ids: Sequence[str]) -> Mapping[str, Member | Unreadable]:
        found = await read_by_ids(self._connection, self._documents, member_ids)
        members: dict[str, Member | Unreadable] = {}
        for number, document in enumerate(found, start=1):
            member = self._decoded.member(bytes(document.raw))
            members[member.member_id] = member
            if number % DECODED_PER_TURN == 0:
                await asyncio.sleep(0)
        return members

    async def _by_claims(self, claims: Sequence[Claim]) -> Mapping[Claim, Member]:
        owners = await self._claims.owners(claims)
        members = await self.by_ids(list(owners.values())) if owners else {}
        return {claim: members[member_id] for claim, member_id in owners.items() if member_id in members}

    def _change_handle(self, member_id: str, before: str | None, after: str | None, session: Session) -> None:
        if before == after:
            return
        if before is not None:
            self._claims.release(("handle", before), session)
        if after is not None:
            self._claims.take([(("handle", after), member_id)], session)


def _readable(member: Member | Unreadable) -> Member:
    if isinstance(member, Unreadable):
        raise UnreadableMember(member)
    return member


def _due(document: Document) -> Due:
    return Due(document["_id"], document.get("due_at"), document.get("due_by"))
