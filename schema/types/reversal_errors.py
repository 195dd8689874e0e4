"""Errors of reversals, and of whatever else changes the past, that a client is expected to handle."""

import strawberry

from gamification import record as told
from gamification import requests, reversal, stores
from gamification.absorbed import key_taken_over
from gamification.activity import own_key
from gamification.history import ACCOUNT_MARK
from schema.context import Info, Reading
from schema.reasons import newest_first
from schema.types.errors import Error
from schema.types.record import Record, show_record


@strawberry.type(
    description="The member has no activity with this key; nothing was written. Its `code` is UNKNOWN_ACTIVITY."
)
class UnknownActivity(Error):
    """The member has no activity with this key; nothing was written."""

    key: str = strawberry.field(description="The key that was given.")


@strawberry.type(
    description="Nothing is left of the activity to take back; nothing was written. Its `code` is ALREADY_REVERSED."
)
class AlreadyReversed(Error):
    """Nothing is left of the activity to take back; nothing was written."""

    key: str = strawberry.field(description="The activity's key.")
    member_id: strawberry.Private[str]
    activity_key: strawberry.Private[str]
    reading: strawberry.Private[Reading]

    @strawberry.field(
        description="What took it back, newest first, as far as it is among the member's latest 1,000 records."
    )
    async def reversals(self, info: Info) -> list[Record]:
        """What took it back, as far as it is found."""
        journal = info.context.game.stores.journal
        account, _, key = self.activity_key.rpartition(ACCOUNT_MARK)
        # What was taken back before the accounts were merged, the other one tells, under the key as it was made.
        asked = [(self.member_id, self.activity_key), *([(account, key)] if account else ())]
        found = [
            record
            for member_id, activity_key in asked
            async for record in newest_first(journal, member_id)
            if record.activity and record.activity.reversal and record.activity.reversal.key == activity_key
        ]
        here = (record for record in found if record.member_id == self.member_id)
        again = {
            key_taken_over(record, account) for record in here
        }  # So it is called where that one has taken it over.
        return [show_record(each, self.reading) for each in found if not (each.first_in and _key_of(each) in again)]


@strawberry.type(
    description="Activities of this kind cannot be taken back; nothing was written. Its `code` is NOT_REVERSIBLE."
)
class NotReversible(Error):
    """Activities of this kind cannot be taken back; nothing was written."""

    key: str = strawberry.field(description="The activity's key.")
    kind: str = strawberry.field(description="The activity's kind.")


@strawberry.type(
    description="Too much has happened since to work it out again; nothing was written. Its `code` is TOO_LONG_PAST."
)
class TooLongPast(Error):
    """More has happened since than can be worked out again; nothing was written."""

    most: int = strawberry.field(description="How many records of a member can be worked out again at most.")


def _key_of(record: told.Record) -> str | None:
    return record.activity.key if record.activity else None


def unknown_activity(result: requests.UnknownActivity) -> UnknownActivity:
    """The error for a key that is none of the member's."""
    message = "The member has no activity with this key."
    return UnknownActivity(code="UNKNOWN_ACTIVITY", message=message, key=result.key)


def already_reversed(result: reversal.AlreadyReversed, member_id: str, reading: Reading) -> AlreadyReversed:
    """The error for an activity that has been taken back."""
    key = own_key(result.key)
    return AlreadyReversed(
        code="ALREADY_REVERSED",
        message=f"Nothing is left of {key} to take back.",
        key=key,
        member_id=member_id,
        activity_key=result.key,
        reading=reading,
    )


def not_reversible(result: reversal.NotReversible) -> NotReversible:
    """The error for an activity that stays."""
    message = f"What is of kind {result.kind} cannot be taken back."
    return NotReversible(code="NOT_REVERSIBLE", message=message, key=own_key(result.key), kind=result.kind)


def too_long_past(error: stores.TooLongPast) -> TooLongPast:
    """The error for a change of the past that would take too long to work out."""
    message = f"The member has more than {error.most} records since then, too many to work out again."
    return TooLongPast(code="TOO_LONG_PAST", message=message, most=error.most)
