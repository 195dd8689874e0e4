"""What members are told, collection ``notices``: written with the record that causes it, by the notice's own id.

A notice is in the feed, and in its member's inbox, once it has a ``position``, which `app.notices` gives it soon after
the commit. Until then ``order`` says which of a member's own comes first: the number of the last record of its commit,
and its place within it. ``previous`` is the position before it in the same partition of the streams.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from pymongo import ASCENDING, DESCENDING, UpdateOne
from pymongo.errors import BulkWriteError

from app.stores.blocking import blocking, read_by_ids
from app.stores.connection import Connection, Document, is_about_duplicates_alone, refused_duplicate
from app.stores.transaction import Session
from gamification.notices.notice import Notice
from gamification.notices.posted import Mailbox, Posted
from gamification.stores import Commit, CommitConflict

COLLECTION = "notices"
MAX_PAGE_NOTICES = 1_000
"""How many notices are read in one step."""
MAX_COUNTED = 1_000
"""How far unread notices are counted."""
MAX_MARKED = 1_000
"""How many notices are marked as read in one step."""
ORDERS_PER_RECORD = 1 << 20
"""More notices than one commit causes."""

_UNREAD = {"read_at": None}


class MongoNotices:
    """Implements `gamification.stores.Notices`. ``on_kept`` is called right after notices were written here."""

    def __init__(self, connection: Connection, on_kept: Callable[[], None] = lambda: None) -> None:
        self._connection = connection
        self._collection = connection[COLLECTION]
        self._counters = connection["counters"]
        self.on_kept = on_kept

    def keep(self, commits: Sequence[Commit], session: Session) -> None:
        """Write the notices of these commits, within their transaction.

        Raises:
            CommitConflict: another transaction is just writing one of them.
        """
        self.write([document for commit in commits for document in _documents(commit)], session)

    def write(self, documents: Sequence[Document], session: Session) -> None:
        """Write these notices within a transaction. One whose id is there already stays as it is.

        Raises:
            CommitConflict: another transaction is just writing one of them.
        """
        if not documents:
            return
        try:
            blocking(self._collection).bulk_write([_unless_there(each) for each in documents], session=session)
        except BulkWriteError as error:
            if refused_duplicate(error) is None:
                raise
            raise CommitConflict from error

    def kept(self, commits: Sequence[Commit]) -> None:
        """Tell that these commits were written."""
        if any(commit.notices for commit in commits):
            self.on_kept()

    async def add(self, notices: Sequence[Notice]) -> None:
        """Keep notices that no record causes. One whose id is there already stays as it is.

        Raises:
            StoreUnavailable: the store did not answer in time. Some may be kept; do it all again later.
        """
        if not notices:
            return
        writes = [_unless_there(notice_document(notice, order)) for order, notice in enumerate(notices)]
        with self._connection.answering():
            try:
                await self._collection.bulk_write(writes, ordered=False)
            except BulkWriteError as error:  # Somebody else has just written the same.
                if not is_about_duplicates_alone(error):
                    raise
        self.on_kept()

    async def after(self, position: int, limit: int) -> Sequence[Posted]:
        """Up to ``limit`` notices of all members beyond a place, in the order of the feed.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        limit = min(limit, MAX_PAGE_NOTICES)
        with self._connection.answering():
            query = {"position": {"$gt": position, "$lte": await self._given()}}
            found = self._collection.find(query).sort("position", ASCENDING).limit(limit)
            return [read_posted(document) for document in await found.to_list(limit)]

    async def last(self) -> int:
        """The place of the last notice of the feed, which it may just be getting; 0 if there is none yet.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            counter = await self._counters.find_one({"_id": COLLECTION}, {"last": 1, "begun": 1})
        return int(counter["last"]) + len(counter.get("begun") or ()) if counter else 0

    async def since(self, member_id: str, position: int, limit: int) -> Sequence[Posted]:
        """Up to ``limit`` notices of a member beyond a place, oldest first.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            given = await self._given()
        return await self._of(Mailbox((member_id,)), {"$gt": position, "$lte": given}, ASCENDING, limit)

    async def inbox(self, mailbox: Mailbox, before: int | None, limit: int) -> Sequence[Posted]:
        """Up to ``limit`` notices of an inbox, newest first, before a place where that is given.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        place = {"$gt": 0} if before is None else {"$gt": 0, "$lt": before}
        return await self._of(mailbox, place, DESCENDING, limit)

    async def get(self, notice_ids: Sequence[str]) -> Mapping[str, Posted]:
        """The notices with these ids, however many: all of them that there are and that have their place.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        found: dict[str, Posted] = {}
        for begin in range(0, len(notice_ids), MAX_PAGE_NOTICES):
            ids = list(notice_ids[begin : begin + MAX_PAGE_NOTICES])
            documents = await read_by_ids(self._connection, self._collection, ids)
            found |= {document["_id"]: read_posted(document) for document in documents if document.get("position")}
        return found

    async def count_unread(self, mailbox: Mailbox) -> int:
        """How many of an inbox were not read, counted up to `MAX_COUNTED`.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            return int(await self._collection.count_documents({**_in(mailbox), **_UNREAD}, limit=MAX_COUNTED))

    async def count_unplaced(self, limit: int) -> int:
        """How many notices wait for their place in the feed, counted up to ``limit``.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            return int(await self._collection.count_documents({"position": None}, limit=limit))

    async def mark_read(self, mailbox: Mailbox, notice_ids: Sequence[str], at: datetime) -> Sequence[Posted]:
        """Note that these were read, unless noted before; those of them that are of its accounts, as after it.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        found = (await self.get(notice_ids)).values()
        own = [posted for posted in found if posted.notice.member_id in mailbox.member_ids]
        await self._mark([posted.notice.notice_id for posted in own if posted.read_at is None], at)
        marked = await self.get([posted.notice.notice_id for posted in own])
        return [marked[posted.notice.notice_id] for posted in own if posted.notice.notice_id in marked]

    async def mark_all_read(self, mailbox: Mailbox, up_to: int, at: datetime) -> int:
        """Note that all of an inbox was read up to a place; how many were unread.

        Raises:
            StoreUnavailable: the store did not answer in time. Some may be noted.
        """
        marked = 0
        query = {**_in(mailbox), **_UNREAD}
        while True:
            with self._connection.answering():
                # The place is looked at here, for some servers take the wrong index where the query names it as well.
                unread = await self._collection.find(query, {"position": 1}).limit(MAX_MARKED).to_list(MAX_MARKED)
            ids = [document["_id"] for document in unread if 0 < (document.get("position") or 0) <= up_to]
            marked += await self._mark(ids, at)
            if len(unread) < MAX_MARKED or not ids:
                return marked

    async def _given(self) -> int:
        """Up to which place all notices have theirs. Beyond it there may be some whose neighbours have none yet."""
        counter = await self._counters.find_one({"_id": COLLECTION}, {"last": 1})
        return int(counter["last"]) if counter else 0

    async def _mark(self, notice_ids: Sequence[str], at: datetime) -> int:
        if not notice_ids:
            return 0
        with self._connection.answering():
            # What was read stays so by what is set: asked for beside the ids, some servers look through all notices.
            first = [{"$set": {"read_at": {"$ifNull": ["$read_at", at]}}}]
            result = await self._collection.update_many({"_id": {"$in": list(notice_ids)}}, first)
        return int(result.modified_count)

    async def _of(self, mailbox: Mailbox, place: Document, direction: int, limit: int) -> Sequence[Posted]:
        limit = min(limit, MAX_PAGE_NOTICES)
        with self._connection.answering():
            found = self._collection.find({**_in(mailbox), "position": place})
            documents = await found.sort("position", direction).limit(limit).to_list(limit)
        return [read_posted(document) for document in documents]


def notice_document(notice: Notice, order: int) -> Document:
    """A notice as it lies in the collection before it has its place."""
    return {
        "_id": notice.notice_id,
        "member_id": notice.member_id,
        "kind": notice.kind,
        "subject": notice.subject,
        "at": notice.at,
        "values": dict(notice.values),
        "expires_at": notice.expires_at,
        "collapse": notice.collapse,
        "program_version": notice.program_version,
        "order": order,
    }


def read_notice(document: Document) -> Notice:
    """The notice that a document holds."""
    names = ("member_id", "kind", "subject", "at", "values", "expires_at", "collapse", "program_version")
    return Notice(notice_id=document["_id"], **{name: document[name] for name in names})


def read_posted(document: Document) -> Posted:
    """The notice that a document holds, at its place."""
    return Posted(read_notice(document), document["position"], document.get("read_at"))


def _in(mailbox: Mailbox) -> Document:
    """What finds the notices of an inbox."""
    ids = mailbox.member_ids
    kinds: Document = {"kind": {"$nin": list(mailbox.unwanted)}} if mailbox.unwanted else {}
    return {"member_id": ids[0] if len(ids) == 1 else {"$in": list(ids)}, **kinds}


def _documents(commit: Commit) -> Iterator[Document]:
    first = commit.state.seq * ORDERS_PER_RECORD
    return (notice_document(notice, order) for order, notice in enumerate(commit.notices, first))


def _unless_there(document: Document) -> UpdateOne:
    return UpdateOne({"_id": document["_id"]}, {"$setOnInsert": document}, upsert=True)
