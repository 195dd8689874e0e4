"""Between the game's frozen types and MongoDB's documents. What goes in comes out equal.

Fields keep their names and are all written, defaults too: leaving those out saves a seventh of a snapshot, but then a
new default in the code would change what was recorded long ago. Lots are written in a shorter form
(`app.stores.lot_rows`).

Members are read by msgspec, in a third of the time that pydantic takes. Records hold unions that it does not know.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from pydantic import TypeAdapter, ValidationError

from app.stores.lot_rows import read_lots, write_lots
from gamification.boards.keys import BoardKey
from gamification.friends import Friendship
from gamification.member import BoardVisibility, Member, Visibility
from gamification.record import Record
from gamification.state import Score, State

Document = dict[str, Any]

_Value = TypeVar("_Value")

_RECORDS = TypeAdapter(Record)


class NotReadable(ValueError):
    """A document is not what Laurel writes. Its text says where and what is wrong."""


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
        NotReadable: it holds none.
    """
    try:
        return _RECORDS.validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise NotReadable(f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}") from error


def member_document(member: Member) -> Document:
    """A member as they lie in the collection, without what only an enrolment and a commit know."""
    document = _written(replace(member, state=State.new(member.enrolled_at)))
    return {"_id": document.pop("member_id"), **document, "state": state_document(member.state)}


def read_member(document: Document) -> Member:
    """The member that a document holds.

    Raises:
        NotReadable: it holds none.
    """
    return _read({**document, "member_id": document.get("_id"), "state": _with_lots(document.get("state"))}, Member)


def state_document(state: State) -> Document:
    """A snapshot as it lies in its member's document."""
    return {**_written(replace(state, lots=())), "lots": write_lots(state.lots)}


def read_state(document: Document) -> State:
    """The snapshot that a document holds.

    Raises:
        NotReadable: it holds none.
    """
    return _read(_with_lots(document), State)


def friendship_document(friendship: Friendship) -> Document:
    """What stands between two members, as it lies in the collection, without what its store adds."""
    return _written(friendship)


def read_friendship(document: Document) -> Friendship:
    """What stands between two members, by a document.

    Raises:
        NotReadable: it holds none.
    """
    return _read(document, Friendship)


def try_member(document: Document) -> Member | Unreadable:
    """The member that a document holds, or what is wrong with it."""
    try:
        return read_member(document)
    except NotReadable as error:
        return Unreadable(str(document.get("_id")), None, str(error))


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
        told = {
            "member_id": document.get("_id"),
            "revision": state.get("seq", 0) + document.get("profile_revision", 0),
            "visibility": document.get("visibility", {}).get("board", Visibility().board),
            "alias": document.get("profile", {}).get("alias"),
            "scores": state.get("scores", ()),
            "left": document.get(LEFT, ()),
        }
        return _read(told, MemberScores)
    except NotReadable as error:
        return Unreadable(str(document.get("_id")), None, str(error))
    except (AttributeError, TypeError):
        return Unreadable(str(document.get("_id")), None, "what should be an object or a number is something else")


def try_record(document: Document) -> Record | Unreadable:
    """The record that a document holds, or what is wrong with it."""
    try:
        return read_record(document)
    except NotReadable as error:
        seq = document.get("seq")
        return Unreadable(str(document.get("member_id")), seq if isinstance(seq, int) else None, str(error))


def _with_lots(state: object) -> object:
    """A snapshot's document with its lots in it. Those of before lots were rows are left as they are."""
    if not isinstance(state, dict) or not isinstance(lots := state.get("lots"), str):
        return state
    try:
        return {**state, "lots": read_lots(lots)}
    except msgspec.DecodeError as error:
        raise NotReadable(_told(error, "state.lots")) from error


def _written(value: object) -> Document:
    document: Document = msgspec.to_builtins(value, builtin_types=(datetime,))
    return document


def _read(document: object, type_: type[_Value]) -> _Value:
    try:
        return msgspec.convert(document, type_)
    except msgspec.ValidationError as error:
        raise NotReadable(_told(error)) from error


def _told(error: msgspec.DecodeError, within: str = "") -> str:
    """A fault with its place before it, as it is told of records."""
    what, _, where = str(error).partition(" - at `$")
    place = f"{within}{where.rstrip('`')}".lstrip(".")
    return f"{place}: {what}" if place else what
