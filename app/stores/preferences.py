"""What members chose of how they are told, collection ``preferences``, ``_id`` being the member's id.

Only what was chosen is written, each choice in a field of its own (``choices.push:badge_won``, ``choices.push:all`` for
a channel as a whole), so two changes at once keep both. Nothing but a member's own change ever writes here: what was
chosen in an account that was merged into another one is looked up with it, and is its own again when that is undone.
"""

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any, cast

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from app.stores.blocking import read_by_ids
from app.stores.connection import Connection, Document
from gamification.delivery.hours import QuietHours
from gamification.delivery.preferences import Changes, Channel, Preferences
from gamification.notices.notice import NoticeKind
from gamification.stores import StoreUnavailable

CHANGE_ATTEMPTS = 3
_ALL = "all"


class MongoPreferences:
    """Implements `gamification.delivery.stores.NotificationPreferences`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._collection = connection["preferences"]

    async def of_member(self, member_id: str, absorbed: Sequence[str] = ()) -> Preferences:
        """What a member chose, else in accounts that were merged into theirs.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        return whole(await self.of_accounts([member_id, *absorbed]), member_id, absorbed)

    async def of_accounts(self, member_ids: list[str]) -> dict[str, Preferences]:
        """What was chosen in each of these accounts, where anything was.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        found = await read_by_ids(self._connection, self._collection, member_ids)
        return {document["_id"]: read_preferences(document) for document in found}

    async def change(self, member_id: str, changes: Changes, absorbed: Sequence[str] = ()) -> Preferences:
        """Set what is named and nothing else; what they have chosen then, as `of_member` has it.

        Raises:
            StoreUnavailable: the store did not answer in time. It may be changed.
        """
        update = _update(changes)
        if not update:
            return await self.of_member(member_id, absorbed)
        for _ in range(CHANGE_ATTEMPTS):
            with self._connection.answering():
                try:
                    document = await self._collection.find_one_and_update(
                        {"_id": member_id}, update, upsert=True, return_document=ReturnDocument.AFTER
                    )
                except DuplicateKeyError:
                    continue  # The member's first change on another device at the same moment.
            others = await self.of_accounts(list(absorbed)) if absorbed else {}
            return whole({**others, member_id: read_preferences(document)}, member_id, absorbed)
        raise StoreUnavailable("the member changed their preferences elsewhere all the while")


def whole(found: Mapping[str, Preferences], member_id: str, absorbed: Sequence[str]) -> Preferences:
    """What a member chose, out of what was chosen in each account."""
    return found.get(member_id, Preferences()).with_those_of(found[other] for other in absorbed if other in found)


def read_preferences(document: Document) -> Preferences:
    """The preferences that a document holds."""
    choices: dict[tuple[Channel, NoticeKind | None], bool] = {}
    for name, on in document.get("choices", {}).items():
        channel, _, kind = name.partition(":")
        choices[cast("Channel", channel), None if kind == _ALL else cast("NoticeKind", kind)] = on
    quiet = document.get("quiet")
    best_time = document.get("best_time")
    return Preferences(
        choices,
        QuietHours(*map(time.fromisoformat, quiet)) if quiet else None,
        "quiet" in document,
        time.fromisoformat(best_time) if best_time else None,
        "program_quiet" in document,
        "best_time" in document,
    )


def _update(changes: Changes) -> Document:
    set_: dict[str, Any] = {f"choices.{each.channel}:{each.kind or _ALL}": each.on for each in changes.choices}
    unset: dict[str, Any] = {}
    if changes.quiet == "program":
        set_["program_quiet"] = True
        unset["quiet"] = ""
    elif changes.quiet != "same":
        quiet = changes.quiet
        unset["program_quiet"] = ""
        set_["quiet"] = [quiet.begins.isoformat(), quiet.ends.isoformat()] if quiet else None
    if changes.best_time != "same":
        set_["best_time"] = changes.best_time.isoformat() if changes.best_time else None
    return {name: fields for name, fields in (("$set", set_), ("$unset", unset)) if fields}
