"""What stands between members, collection ``friendships``: one document for each pair, ``_id`` being both ids in order.

``lists`` names the lists of members in which the pair stands (``friends:ann``, ``received:bob``), so one index serves
all of them; ``at`` is when it came there. How many of each a member has is counted in ``friend_counts``, in the same
transaction: two steps of one member at once meet there, so no limit is ever passed. A block is also noted in the
documents of both members (``may_have_blocks``), in the same transaction and for good, so that whoever has none need not
look for any.

Both are sharded by ``_id``, hashed. A step then touches the pair's document and one or two counts; a list asks every
shard for the few entries that its index has.
"""

from collections import abc
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from app.stores.blocking import blocking, read_by_ids
from app.stores.codec import Document, friendship_document, read_friendship
from app.stores.connection import Collection, Connection
from app.stores.transaction import Session, transact
from gamification.contention import insist
from gamification.friends import (
    MAX_BLOCKS,
    MAX_FRIENDS,
    MAX_OPEN_REQUESTS,
    Counts,
    Friendship,
    Kept,
    LimitReached,
    Refusal,
    Step,
    friendship,
    settle,
)
from gamification.stores import CommitConflict

MAX_LISTED: Mapping[Kept, int] = {
    "friends": MAX_FRIENDS,
    "received": 1_000,
    "sent": MAX_OPEN_REQUESTS,
    "blocked": MAX_BLOCKS,
}
"""How many entries of a list are read. Only requests received can be more, and then the latest are."""


class MongoFriendships:
    """Implements `gamification.stores.Friendships`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pairs = connection["friendships"]
        self._counts = connection["friend_counts"]
        self._members = connection["members"]

    async def change(self, one: str, other: str, step: Step) -> Friendship | Refusal:
        """Take a step between two members: all of it, or nothing where it is refused.

        Raises:
            StoreUnavailable: the store did not answer in time, or others wrote to the two members all the while.
            ValueError: the two are one.
        """
        nothing = friendship(one, other)

        def attempt(session: Session) -> Friendship | Refusal:
            document: Document | None = blocking(self._pairs).find_one({"_id": _pair_id(nothing)}, session=session)
            before = read_friendship(document) if document else nothing
            after = step(before)
            if not isinstance(after, Friendship) or after == before:
                return after
            counts = self._read_counts(before, session)
            settled = settle(before, after, counts)
            if isinstance(settled, LimitReached):
                return settled
            self._write(after, session)
            if after.hides and not before.hides:
                self._note_block(after, session)
            self._write_counts(counts, settled, session)
            return after

        return await insist(lambda: transact(self._connection, attempt))

    async def between(self, member_id: str, others: abc.Collection[str]) -> Mapping[str, Friendship]:
        """What stands between a member and each of these others, where anything does.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        ids = [_pair_id(friendship(member_id, other)) for other in others if other != member_id]
        if not ids:
            return {}
        found = await read_by_ids(self._connection, self._pairs, ids)
        pairs = map(read_friendship, found)
        return {pair.other(member_id): pair for pair in pairs}

    async def friend_ids(self, member_id: str) -> Sequence[str]:
        """The ids of a member's friends, at most ``MAX_FRIENDS``, in no order to rely on.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            query = {"lists": _list_name("friends", member_id)}
            found = await self._pairs.find(query, {"pair": 1}).limit(MAX_FRIENDS).to_list(MAX_FRIENDS)
        return [one for document in found for one in document["pair"] if one != member_id]

    async def kept(self, member_id: str, what: Kept) -> Sequence[Friendship]:
        """A member's friends, requests or blocks, latest first; of requests received the latest 1,000.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        limit = MAX_LISTED[what]
        with self._connection.answering():
            listed = self._pairs.find({"lists": _list_name(what, member_id)}).sort("at", DESCENDING).limit(limit)
            found = await listed.to_list(limit)
        pairs = map(read_friendship, found)
        dated = [(pair.kept_at(member_id, what), pair) for pair in pairs]
        # By its own time, not the pair's: what one who is blocked does must not move them in the list.
        return [pair for at, pair in sorted(dated, key=_latest_first) if at is not None]

    def _read_counts(self, pair: Friendship, session: Session) -> Mapping[str, Counts]:
        members = list(pair.pair)
        found = blocking(self._counts).find({"_id": {"$in": members}}, session=session)
        known = {document.pop("_id"): Counts(**document) for document in found}
        return {member_id: known.get(member_id, Counts()) for member_id in members}

    def _write_counts(self, before: Mapping[str, Counts], after: Mapping[str, Counts], session: Session) -> None:
        for member_id, counts in after.items():
            if counts != before[member_id]:
                _put(self._counts, {"_id": member_id, **asdict(counts)}, session)

    def _write(self, pair: Friendship, session: Session) -> None:
        if pair.is_empty:
            blocking(self._pairs).delete_one({"_id": _pair_id(pair)}, session=session)
            return
        times = {
            _list_name(what, member_id): at
            for member_id in pair.pair
            for what in MAX_LISTED
            if (at := pair.kept_at(member_id, what)) is not None
        }
        listed = {"lists": list(times), "at": max(times.values())}
        _put(self._pairs, {"_id": _pair_id(pair), **friendship_document(pair), **listed}, session)

    def _note_block(self, pair: Friendship, session: Session) -> None:
        for member_id in pair.pair:
            blocking(self._members).update_one({"_id": member_id}, {"$set": {"may_have_blocks": True}}, session=session)


def _put(collection: Collection, document: Document, session: Session) -> None:
    """Keep a document in place of what was there, within a transaction."""
    try:
        blocking(collection).replace_one({"_id": document["_id"]}, document, upsert=True, session=session)
    except DuplicateKeyError as error:
        # Some servers say so of a document that another transaction has made since this one began.
        raise CommitConflict from error


def _latest_first(dated: tuple[datetime | None, Friendship]) -> tuple[float, tuple[str, str]]:
    at, pair = dated
    return (-at.timestamp() if at else 0.0, pair.pair)


def _pair_id(pair: Friendship) -> str:
    return ":".join(pair.pair)


def _list_name(what: Kept, member_id: str) -> str:
    return f"{what}:{member_id}"
