"""Records, and the ledger entries among their effects."""

from datetime import datetime
from enum import Enum
from typing import Annotated, TypeAlias

import strawberry

from gamification import effects, record
from gamification.activity import own_key
from schema.context import Info, Reading
from schema.ids import number_in, to_global_id
from schema.principals import acting
from schema.scalars import BigInt
from schema.types.corrections import (
    AttributeChanged,
    LotMoved,
    PauseDropped,
    PausePlanned,
    Redated,
    TierGranted,
    TierProgressed,
    TotalsMoved,
    Truncated,
)
from schema.types.effects import (
    BadgeLost,
    BadgeWon,
    BoardScored,
    BonusWithheld,
    Celebrated,
    ChainCut,
    ChallengeCompleted,
    ChallengeCompletionLost,
    ChallengeProgressed,
    StreakMoved,
    StreakReached,
    TierMoved,
    TierReviewed,
    show_other_effect,
)
from schema.types.node import Node
from schema.types.why import RECORD_ID, Why, show_why, shown_key

ENTRY_ID = "LedgerEntry"


@strawberry.enum(description="Which account of points an entry is on.")
class Account(Enum):
    """Which account of points an entry is on."""

    AVAILABLE = strawberry.enum_value("available", description="Can be spent now.")
    PENDING = strawberry.enum_value("pending", description="Becomes available later.")


@strawberry.type(description="Points put on an account, or taken from it.")
class LedgerEntry(Node):
    """Points put on an account, or taken from it."""

    at: datetime = strawberry.field(description="When it took effect.")
    account: Account = strawberry.field(description="The account that it is on.")
    points: BigInt = strawberry.field(description="Put on the account, or taken from it when negative.")
    activity_key: str | None = strawberry.field(
        description="The key of the activity behind it; null where time alone passed."
    )
    activity_kind: str | None = strawberry.field(description="The kind of that activity; null where time alone passed.")
    why: Why = strawberry.field(description="Why it came about.")


Effect: TypeAlias = Annotated[
    LedgerEntry
    | ChallengeProgressed
    | ChallengeCompleted
    | ChallengeCompletionLost
    | BadgeWon
    | BadgeLost
    | TierMoved
    | TierReviewed
    | StreakMoved
    | StreakReached
    | Celebrated
    | ChainCut
    | BoardScored
    | BonusWithheld
    | LotMoved
    | TierGranted
    | TierProgressed
    | PausePlanned
    | PauseDropped
    | Redated
    | AttributeChanged
    | TotalsMoved
    | Truncated,
    strawberry.union("Effect", description="Something that a record changed."),
]


@strawberry.type(description="A line of a member's journal: what happened, and all that it changed.")
class Record(Node):
    """A line of a member's journal."""

    seq: int = strawberry.field(description="Its number in the member's journal, from 1.")
    key: str | None = strawberry.field(
        description="The activity's key, #enrolment for a new member, #merge for a merge; null where time alone passed."
    )
    kind: str | None = strawberry.field(description="The kind of activity; null where time alone passed.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    effective_at: datetime = strawberry.field(
        description="When its effects came about: for what changed the past, such as a late activity, on arrival."
    )
    recorded_at: datetime = strawberry.field(description="When it was written.")
    reverses: str | None = strawberry.field(
        description="The key of the activity that it takes back, or a part of; null for what is no reversal."
    )
    reason: str | None = strawberry.field(
        description="The reason given for an adjustment, a reversal or a merge, or why a backfill was given up."
    )
    is_revision: bool = strawberry.field(
        description="It changed the past: a reversal, a late activity, or history judged again. Its effects are the "
        "difference that this made by now."
    )
    revised_from: datetime | None = strawberry.field(
        description="From when on the member's time was played again; null for what changed no past."
    )
    program_version: int = strawberry.field(description="The version of the program that decided it.")
    points: BigInt = strawberry.field(description="What it changed in points, over both accounts.")
    shown: strawberry.Private[record.Record]
    reading: strawberry.Private[Reading]

    @strawberry.field(description="All that it changed, causes before consequences.")
    def effects(self) -> list[Effect]:
        """All that it changed. Shown where it is asked for: a till that records a purchase seldom does."""
        told = self.shown.outcome.effects
        return [_show_effect(effect, place, self.shown, self.reading) for place, effect in enumerate(told)]

    @strawberry.field(
        description="Who asked for it: the id of staff or the name of an API key. Null where nobody is known, and for "
        "members, who are not told."
    )
    def by(self, info: Info) -> str | None:
        """Who asked for it, if the caller may know."""
        return (self.shown.by or None) if acting(info.context.principal) else None


def entry_place(entry_id: str) -> tuple[str, int, int] | None:
    """The (member_id, seq, place) that the local id of a ledger entry stands for."""
    match entry_id.split(":"):
        case [member_id, seq_text, place_text]:
            seq, place = number_in(seq_text), number_in(place_text)
            return (member_id, seq, place) if seq is not None and place is not None else None
    return None


def record_place(record_id: str) -> tuple[str, int] | None:
    """The (member_id, seq) that the local id of a record stands for."""
    match record_id.split(":"):
        case [member_id, seq_text] if (seq := number_in(seq_text)) is not None:
            return member_id, seq
    return None


def show_entry(entry: effects.Entry, place: int, of: record.Record, reading: Reading) -> LedgerEntry:
    """A ledger entry, which stands at ``place`` among the effects of the record ``of``."""
    return LedgerEntry(
        id=to_global_id(ENTRY_ID, f"{of.member_id}:{of.seq}:{place}"),
        at=of.outcome.at,
        account=Account(entry.account),
        points=BigInt(entry.points),
        activity_key=shown_key(of.activity),
        activity_kind=of.activity.kind if of.activity else None,
        why=show_why(entry.why, of, reading),
    )


def show_record(shown: record.Record, reading: Reading) -> Record:
    """A record as clients see it."""
    activity, outcome = shown.activity, shown.outcome
    return Record(
        id=to_global_id(RECORD_ID, f"{shown.member_id}:{shown.seq}"),
        seq=shown.seq,
        key=shown_key(activity),
        kind=activity.kind if activity else None,
        occurred_at=activity.occurred_at if activity else outcome.at,
        effective_at=outcome.at,
        recorded_at=shown.recorded_at,
        reverses=own_key(activity.reversal.key) if activity and activity.reversal else None,
        reason=activity.reason if activity else None,
        is_revision=shown.revised_from is not None,
        revised_from=shown.revised_from,
        program_version=shown.program_version,
        points=BigInt(sum(effect.points for effect in outcome.effects if isinstance(effect, effects.Entry))),
        shown=shown,
        reading=reading,
    )


def _show_effect(effect: effects.Effect, place: int, of: record.Record, reading: Reading) -> Effect:
    if isinstance(effect, effects.Entry):
        return show_entry(effect, place, of, reading)
    return show_other_effect(effect, of, reading)
