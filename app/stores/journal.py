"""The journal in MongoDB: every record, and the one way in which members' snapshots change."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorCursor
from pymongo import ASCENDING, DESCENDING, UpdateOne
from pymongo.errors import BulkWriteError

from app.campaigns.allowances import Allowances, Slice
from app.stores.blocking import blocking, read_by_ids
from app.stores.checkpoints import Checkpoints
from app.stores.claims import Claims, claims_of
from app.stores.codec import (
    LEFT,
    Document,
    Unreadable,
    keyed_id,
    member_document,
    read_record,
    record_document,
    scores_of,
    state_document,
    try_record,
)
from app.stores.connection import Collection, Connection, refused_duplicate
from app.stores.notices import MongoNotices
from app.stores.outbox import Changed, OnWritten, Outbox
from app.stores.transaction import Session, transact
from gamification.absorbed import absorbed_ids
from gamification.boards.keys import BoardKey
from gamification.history import Checkpoint, Past
from gamification.record import Record
from gamification.state import Moment, State
from gamification.stores import Commit, CommitConflict, TooLongPast

MAX_PAGE_RECORDS = 1_000
STREAM_BATCH_RECORDS = 1_000
RECORDS_PER_TURN = 200
"""After how many records that are read whoever waits for the event loop gets a turn."""
MAX_LEFT_BOARDS = 200
"""Of how many boards a member's document remembers that they have left them."""
MAX_PAST_RECORDS = 100_000
"""How many records a revision may have to play again; more than one member comes to in a lifetime of purchases."""


class MongoJournal:
    """Implements `gamification.stores.Journal`. ``on_written`` is told whose snapshot has changed."""

    def __init__(
        self,
        connection: Connection,
        allowances: Allowances | None = None,
        on_written: OnWritten | None = None,
        notices: MongoNotices | None = None,
    ) -> None:
        self._connection = connection
        self._on_written = on_written
        self._outbox = Outbox(connection)
        self._allowances = allowances or Allowances(connection)
        self._notices = notices or MongoNotices(connection)
        self._records = connection["journal"]
        self._members = connection["members"]
        self._claims = Claims(connection)
        self._checkpoints = Checkpoints(connection)

    async def commit(self, commits: Sequence[Commit]) -> None:
        """Write all of it or nothing, durably, in one transaction. Profiles are left as they are.

        Raises:
            CommitConflict: one of the commits no longer holds.
            StoreUnavailable: the store did not answer in time.
            ValueError: two of the commits are about the same member.
        """
        if not commits:
            return
        if len({commit.member.member_id for commit in commits}) < len(commits):
            raise ValueError("a member has one commit at a time")
        enrolments = [commit for commit in commits if commit.enrolment_key is not None]
        claims = [
            (claim, commit.member.member_id)
            for commit in enrolments
            for claim in claims_of(commit.member, commit.enrolment_key)
        ]
        members = [_enrolled(commit) for commit in enrolments]
        snapshots = {commit.member.member_id: commit for commit in commits if commit.enrolment_key is None}
        records = [record_document(record) for commit in commits for record in commit.records]

        settlements = [settlement for commit in commits for settlement in commit.settlements]

        def write(session: Session) -> tuple[Sequence[Slice], Sequence[Changed]]:
            if enrolments:
                # The claims first: where an enrolment is repeated, they say so, and not that its handle is taken.
                self._claims.take(claims, session)
                _insert(self._members, members, session)
            taken = self._allowances.settle(settlements, session)
            changes = [_changed(commit, commit.member.profile_revision) for commit in enrolments]
            if snapshots:
                changes += self._replace_snapshots(snapshots, session)
            if records:
                _insert(self._records, records, session, refused_id="key")
            self._checkpoints.keep(commits, session)
            self._notices.keep(commits, session)
            if changes:
                self._outbox.add(changes, session)
            return taken, changes

        taken, changes = await transact(self._connection, write)
        self._allowances.changed(taken)
        self._notices.kept(commits)
        if self._on_written is not None:
            self._on_written(changes)

    async def by_keys(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Record]:
        """The records that were made with these (member_id, key) pairs, where there are any.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        ids = [keyed_id(member_id, key) for member_id, key in keys]
        found = await read_by_ids(self._connection, self._records, ids)
        records = [read_record(document) for document in found]
        return {(record.member_id, record.activity.key): record for record in records if record.activity}

    async def past(self, member_id: str, before: Moment) -> Past:
        """What a member did since the last checkpoint before a moment.

        Raises:
            TooLongPast: that is more than `MAX_PAST_RECORDS`.
            StoreUnavailable: the store did not answer in time.
        """
        start = await self._checkpoints.before(member_id, before)
        if start is None:
            with self._connection.answering():
                found = await self._members.find_one({"_id": member_id}, {"enrolled_at": 1})
            if found is None:
                raise CommitConflict  # Nobody removes members but the operators, who may just have.
            start = Checkpoint(State.new(found["enrolled_at"]), next_seq=1)
        records = await self._all_without_effects(member_id, start.next_seq - 1)
        absorbed: dict[str, Sequence[Record]] = {}
        wanted = list(absorbed_ids(records))
        while wanted:  # Into those that were given back since, others may have been merged.
            other = wanted.pop()
            absorbed[other] = await self._all_without_effects(other, 0)
            wanted += [each for each in absorbed_ids(absorbed[other]) if each not in absorbed]
        return Past(start, tuple(records), absorbed)

    async def _all_without_effects(self, member_id: str, after: int) -> Sequence[Record]:
        """All records of a member after a number, oldest first.

        Raises:
            TooLongPast: they are more than `MAX_PAST_RECORDS`.
        """
        records: list[Record] = []
        while page := await self._without_effects(member_id, after):
            records += page
            after = page[-1].seq
            if len(records) > MAX_PAST_RECORDS:
                raise TooLongPast(member_id, MAX_PAST_RECORDS)
        return records

    async def _without_effects(self, member_id: str, after: int) -> Sequence[Record]:
        query = {"member_id": member_id, "seq": {"$gt": after, "$lte": after + MAX_PAGE_RECORDS}}
        with self._connection.answering():
            found = self._records.find(query, {"outcome.effects": 0}).sort("seq", ASCENDING)
            documents = await found.to_list(MAX_PAGE_RECORDS)
        for document in documents:
            document["outcome"]["effects"] = ()
        return [read_record(document) for document in documents]

    async def page(self, member_id: str, before_seq: int | None, limit: int) -> Sequence[Record]:
        """Up to ``limit`` records of a member, newest first, older than ``before_seq`` where that is given.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        limit = min(limit, MAX_PAGE_RECORDS)
        with self._connection.answering():
            end = before_seq if before_seq is not None else await self._last_seq(member_id) + 1
            # Numbers have no gaps, so both ends of a page are known, which any server answers from the index alone.
            query = {"member_id": member_id, "seq": {"$gte": end - limit, "$lt": end}}
            found = await self._records.find(query).sort("seq", DESCENDING).to_list(limit)
        return [read_record(document) for document in found]

    async def since(self, member_id: str, seq: int, limit: int) -> Sequence[Record]:
        """Up to ``limit`` records of a member, oldest first, after number ``seq``.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        limit = min(limit, MAX_PAGE_RECORDS)
        query = {"member_id": member_id, "seq": {"$gt": seq, "$lte": seq + limit}}
        with self._connection.answering():
            found = await self._records.find(query).sort("seq", ASCENDING).to_list(limit)
        return [read_record(document) for document in found]

    async def active_since(self, since: datetime, after: str, limit: int) -> Sequence[str]:
        """Up to ``limit`` ids of members with records since an instant, in order, beyond the id ``after``.

        It looks at the members one by one, for an index of its own would cost every purchase.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        query = {"_id": {"$gt": after}, "state.as_of": {"$gte": since}}
        with self._connection.answering():
            found = self._members.find(query, {"_id": 1}).sort("_id", ASCENDING).limit(limit)
            return [document["_id"] for document in await found.to_list(limit)]

    async def histories(self, member_ids: Sequence[str], limit: int) -> Mapping[str, Sequence[Record]]:
        """All records of these members, oldest first; members are left out where more than ``limit`` come together.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            found = self._records.find({"member_id": {"$in": list(member_ids)}})
            found.sort([("member_id", ASCENDING), ("seq", ASCENDING)]).limit(limit + 1)
            documents = await found.to_list(limit + 1)
        histories: dict[str, list[Record]] = {}
        for number, document in enumerate(documents, start=1):
            histories.setdefault(document["member_id"], []).append(read_record(document))
            if number % RECORDS_PER_TURN == 0:
                await asyncio.sleep(0)
        if len(documents) > limit:
            histories.pop(documents[-1]["member_id"])  # Perhaps there is more of it.
        return histories

    async def history(self, member_id: str) -> AsyncIterator[Record | Unreadable]:
        """All records of a member, oldest first.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        async for record in self._stream(self._records.find({"member_id": member_id})):
            yield record

    async def stream(self) -> AsyncIterator[Record | Unreadable]:
        """All records of all members, in the order of member id and number.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        async for record in self._stream(self._records.find()):
            yield record

    async def _stream(self, cursor: AsyncIOMotorCursor[Document]) -> AsyncIterator[Record | Unreadable]:
        cursor.sort([("member_id", ASCENDING), ("seq", ASCENDING)]).batch_size(STREAM_BATCH_RECORDS)
        while True:
            with self._connection.answering():
                documents = await cursor.to_list(STREAM_BATCH_RECORDS)
            if not documents:
                return
            for document in documents:
                yield try_record(document)

    def _replace_snapshots(self, commits: Mapping[str, Commit], session: Session) -> Sequence[Changed]:
        """Write the snapshots, and nothing else of a member: a commit may have read an older profile.

        Returns the members who have records of it.

        The numbers are read within the transaction, whose isolation then refuses to write over anything newer. One read
        and updates by ``_id`` alone is what every server is quick at; a condition on both is a scan on some.
        """
        ids = list(commits)
        fields = ["state.seq", "profile_revision", "due_at", "notice_due_at", LEFT]
        found = list(blocking(self._members).find({"_id": {"$in": ids}}, fields, session=session))
        if {document["_id"]: document["state"]["seq"] for document in found} != {
            member_id: commit.base_seq for member_id, commit in commits.items()
        }:
            raise CommitConflict
        updates = [
            UpdateOne(
                {"_id": document["_id"]},
                {
                    "$set": {
                        "state": state_document(commits[document["_id"]].state),
                        **_dues(commits[document["_id"]], document),
                        **_left(commits[document["_id"]], document.get(LEFT, ())),
                    }
                },
            )
            for document in found
        ]
        written = blocking(self._members).bulk_write(updates, session=session)
        if written.matched_count != len(updates):
            raise CommitConflict
        return [
            _changed(commits[document["_id"]], document.get("profile_revision", 0))
            for document in found
            if commits[document["_id"]].records
        ]

    async def _last_seq(self, member_id: str) -> int:
        document = await self._members.find_one({"_id": member_id}, {"state.seq": 1})
        seq: int = document["state"]["seq"] if document else 0
        return seq


def _enrolled(commit: Commit) -> Document:
    """The document of a member who is created by a commit."""
    enrolment = {"enrolment_key": commit.enrolment_key, "enrolment_hash": commit.enrolment_hash}
    member = member_document(commit.member)
    return {**member, **enrolment, **_dues(commit, member)}


def _changed(commit: Commit, profile_revision: int) -> Changed:
    """How a member has changed with a commit, whose profile has this revision.

    Boards may be told by the commit alone, unless it has read an older profile or takes the member off a board.
    """
    member = commit.member
    is_known = profile_revision == member.profile_revision and not commit.left
    return Changed(member.member_id, member.state.seq + profile_revision, scores_of(member) if is_known else None)


def _dues(commit: Commit, before: Mapping[str, Any]) -> Document:
    """When time alone changes something next, and by which versions of the program."""
    due_at = commit.due_at
    # A profile that the commit has not read may be why the member is due already, and then they stay so.
    if before.get("profile_revision", 0) != commit.member.profile_revision:
        due_at = min((each for each in (due_at, before.get("due_at")) if each is not None), default=None)
    return {"due_at": due_at, "due_by": commit.due_by, "notice_due_at": _notice_due_at(commit, before)}


def _notice_due_at(commit: Commit, before: Mapping[str, Any]) -> datetime | None:
    """When to look what time gives cause to tell; a look that is overdue stays so, or what it would tell were lost."""
    waiting = before.get("notice_due_at")
    overdue = waiting if waiting is not None and commit.made_at is not None and waiting <= commit.made_at else None
    return min((each for each in (commit.notice_due_at, overdue) if each is not None), default=None)


def _left(commit: Commit, before: Sequence[Document]) -> Document:
    """The boards that the member has left, the latest ones: whoever places them must know what to clear."""
    if not commit.left:
        return {}
    left = {key: None for each in before if (key := BoardKey(**each)) not in commit.left} | dict.fromkeys(commit.left)
    return {LEFT: [asdict(key) for key in list(left)[-MAX_LEFT_BOARDS:]]}


def _insert(
    collection: Collection, documents: Sequence[Document], session: Session, refused_id: str | None = None
) -> None:
    """Insert within a transaction; ``refused_id`` is what is taken where an ``_id`` is."""
    try:
        blocking(collection).insert_many(documents, session=session)
    except BulkWriteError as error:
        duplicate = refused_duplicate(error)
        if duplicate is None:
            raise
        raise CommitConflict(refused_id if "_id" in duplicate["keyPattern"] else None) from error
