"""What is unique across members, collection ``claims``: who has which handle, loyalty number and so on.

There is one document for each handle, loyalty number, external id and enrolment key that is taken. Claims are written
in the transaction that writes their member. So they also hold where members are sharded, the order in which they are
tried is ours, and finding a member by one is two reads by ``_id``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from pymongo.errors import BulkWriteError

from app.stores.blocking import blocking, read_by_ids
from app.stores.connection import Connection, refused_duplicate
from app.stores.transaction import Session
from gamification.member import Member
from gamification.stores import CommitConflict

Claimed = Literal["enrolment_key", "loyalty_number", "handle", "external_id"]
Claim = tuple[Claimed, str]


class Claims:
    """Who has what. Member ids hold no colon, and neither do the names of what is claimed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._collection = connection["claims"]

    def take(self, claims: Iterable[tuple[Claim, str]], session: Session) -> None:
        """Take all of these (claim, member_id) within a transaction.

        Raises:
            CommitConflict: one is taken; it says which, the first in the order given.
        """
        documents = [{"_id": _claim_id(claim), "member_id": member_id} for claim, member_id in claims]
        try:
            blocking(self._collection).insert_many(documents, session=session)
        except BulkWriteError as error:
            duplicate = refused_duplicate(error)
            if duplicate is None:
                raise
            raise CommitConflict(documents[duplicate["index"]]["_id"].partition(":")[0]) from error

    def release(self, claim: Claim, session: Session) -> None:
        """Let go of a claim within a transaction."""
        blocking(self._collection).delete_one({"_id": _claim_id(claim)}, session=session)

    async def owners(self, claims: Sequence[Claim]) -> Mapping[Claim, str]:
        """The member ids that these claims belong to, where they are taken."""
        by_id = {_claim_id(claim): claim for claim in claims}
        found = await read_by_ids(self._connection, self._collection, by_id)
        return {by_id[document["_id"]]: document["member_id"] for document in found}


def claims_of(member: Member, enrolment_key: str | None) -> Iterator[Claim]:
    """What a member claims. The enrolment key comes first: a retry must be told from a handle that is taken."""
    if enrolment_key is not None:
        yield "enrolment_key", enrolment_key
    yield "loyalty_number", member.loyalty_number
    if member.profile.handle is not None:
        yield "handle", member.profile.handle
    if member.external_id is not None:
        yield "external_id", member.external_id


def _claim_id(claim: Claim) -> str:
    return ":".join(claim)
