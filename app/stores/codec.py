"""Between the game's frozen types and MongoDB's documents. What goes in comes out equal.

Fields keep their names and are all written, defaults too: leaving those out saves a seventh of a snapshot, but then a
new default in the code would change what was recorded long ago.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gamification.boards.keys import BoardKey
from gamification.friends import Friendship
from gamification.member import BoardVisibility, Member, Visibility
from gamification.record import Record
from gamification.state import Score, State

Document = dict[str, Any]

_STATES = TypeAdapter(State)
_RECORDS = TypeAdapter(Record)
_MEMBERS = TypeAdapter(Member)
_FRIENDSHIPS = TypeAdapter(Friendship)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A stored document that is not what Laurel writes. ``seq`` is the record's, None for a member."""

    member_id: str
    seq: int | None
    fault: str


@dataclass(frozen=True, slots=True)
class MemberScores:
    """What boards need of a member: their scores, how they want to appear, and the revision of all this.

    ``left`` are boards on which they were once; they may be there again by now.
    """

    member_id: str
    revision: int
    visibility: BoardVisibility
    alias: str | None
    scores: tuple[Score, ...]
    left: tuple[BoardKey, ...] = ()


_MEMBER_SCORES = TypeAdapter(MemberScores)

LEFT = "left_boards"
"""The field of a member's document with the boards that the member has left."""
SCORES_PROJECTION = ("state.seq", "state.scores", "profile.alias", "visibility.board", "profile_revision", LEFT)
"""The fields of a member's document that `try_scores` reads."""


def record_document(record: Record) -> Document:
    """A record as it lies in the journal."""
    return {"_id": record_id(record), **_RECORDS.dump_python(record)}


def record_id(record: Record) -> str:
    """The ``_id`` of a record, which makes (member_id, key) unique.

    A record without an activity has no key; its number stands in, behind a sign that no key begins with.
    """
    return keyed_id(record.member_id, record.activity.key if record.activity else f"#{record.seq}")


def keyed_id(member_id: str, key: str) -> str:
    """The ``_id`` of the record that was made with a key. Member ids hold no colon."""
    return f"{member_id}:{key}"


def read_record(document: Document) -> Record:
    """The record that a journal document holds.

    Raises:
        pydantic.ValidationError: it holds none.
    """
    return _RECORDS.validate_python(document)


def member_document(member: Member) -> Document:
    """A member as they lie in the collection, without what only an enrolment and a commit know."""
    document: Document = _MEMBERS.dump_python(member)
    return {"_id": document.pop("member_id"), **document}


def read_member(document: Document) -> Member:
    """The member that a document holds.

    Raises:
        pydantic.ValidationError: it holds none.
    """
    return _MEMBERS.validate_python({**document, "member_id": document.get("_id")})


def state_document(state: State) -> Document:
    """A snapshot as it lies in its member's document."""
    document: Document = _STATES.dump_python(state)
    return document


def read_state(document: Document) -> State:
    """The snapshot that a document holds.

    Raises:
        pydantic.ValidationError: it holds none.
    """
    return _STATES.validate_python(document)


def friendship_document(friendship: Friendship) -> Document:
    """What stands between two members, as it lies in the collection, without what its store adds."""
    document: Document = _FRIENDSHIPS.dump_python(friendship)
    return document


def read_friendship(document: Document) -> Friendship:
    """What stands between two members, by a document.

    Raises:
        pydantic.ValidationError: it holds none.
    """
    return _FRIENDSHIPS.validate_python(document)


def try_member(document: Document) -> Member | Unreadable:
    """The member that a document holds, or what is wrong with it."""
    try:
        return read_member(document)
    except ValidationError as error:
        return Unreadable(str(document.get("_id")), None, _first_fault(error))


def scores_of(member: Member) -> MemberScores:
    """What boards need of a member, but for the boards that they have left."""
    return MemberScores(
        member.member_id, member.revision, member.visibility.board, member.profile.alias, member.state.scores
    )


def try_scores(document: Document) -> MemberScores | Unreadable:
    """What boards need of a member, from a document that may hold nothing else, or what is wrong with it.

    What was not written before it came into being is as it is for a new member.
    """
    try:
        state = document.get("state", {})
        return _MEMBER_SCORES.validate_python(
            {
                "member_id": document.get("_id"),
                "revision": state.get("seq", 0) + document.get("profile_revision", 0),
                "visibility": document.get("visibility", {}).get("board", Visibility().board),
                "alias": document.get("profile", {}).get("alias"),
                "scores": state.get("scores", ()),
                "left": document.get(LEFT, ()),
            }
        )
    except ValidationError as error:
        return Unreadable(str(document.get("_id")), None, _first_fault(error))
    except (AttributeError, TypeError):
        return Unreadable(str(document.get("_id")), None, "what should be an object or a number is something else")


def try_record(document: Document) -> Record | Unreadable:
    """The record that a document holds, or what is wrong with it."""
    try:
        return read_record(document)
    except ValidationError as error:
        seq = document.get("seq")
        return Unreadable(str(document.get("member_id")), seq if isinstance(seq, int) else None, _first_fault(error))


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}"
