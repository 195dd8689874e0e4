"""Checkpoints in MongoDB, collection ``checkpoints``: states on the way, from which a history can be played again.

``_id`` is the member's id and the moment of the newest activity behind it, so that the order of ids is that of time.
They are a cache: without them a revision takes longer and comes to the same.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from pymongo import DESCENDING

from app.stores.blocking import blocking
from app.stores.codec import read_state, state_document
from app.stores.connection import Connection, Document
from app.stores.transaction import Session
from gamification.history import Checkpoint
from gamification.state import Moment
from gamification.stores import Commit

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = 15
_EARLIEST_MILLISECONDS = 10**14
"""Added to the time since 1970, so that the number is never negative and always as long."""


class Checkpoints:
    """Keeps checkpoints, in the transaction that writes what they sum up."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._collection = connection["checkpoints"]

    async def before(self, member_id: str, moment: Moment) -> Checkpoint | None:
        """The last checkpoint of a member before a moment; None if there is none.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        query = {"_id": {"$gt": f"{member_id}:", "$lt": _id(member_id, moment)}}
        with self._connection.answering():
            found = await self._collection.find(query).sort("_id", DESCENDING).limit(1).to_list(1)
        return Checkpoint(read_state(found[0]["state"]), found[0]["next_seq"]) if found else None

    def keep(self, commits: Iterable[Commit], session: Session) -> None:
        """Replace those that the commits make anew, and add theirs."""
        made: list[Document] = []
        for commit in commits:
            member_id = commit.member.member_id
            if commit.revised_from is not None:
                # Up to the sign after the colon, with which all of this member's begin.
                range_ = {"$gte": _id(member_id, commit.revised_from), "$lt": f"{member_id};"}
                blocking(self._collection).delete_many({"_id": range_}, session=session)
            made += [_document(member_id, each) for each in commit.checkpoints]
        if made:
            blocking(self._collection).insert_many(made, session=session)


def _document(member_id: str, checkpoint: Checkpoint) -> Document:
    newest = checkpoint.state.newest
    assert newest is not None, "a checkpoint has an activity behind it"
    return {
        "_id": _id(member_id, newest),
        "member_id": member_id,
        "next_seq": checkpoint.next_seq,
        "state": state_document(checkpoint.state),
    }


def _id(member_id: str, moment: Moment) -> str:
    milliseconds = (moment.at - _EPOCH) // timedelta(milliseconds=1) + _EARLIEST_MILLISECONDS
    return f"{member_id}:{milliseconds:0{_DIGITS}d}:{moment.key}"
