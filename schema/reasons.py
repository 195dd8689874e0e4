"""Reasons of what a member has reached: found by going back through the journal from its newest record."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from gamification.effects import (
    BadgeLost,
    BadgeWon,
    Completed,
    CompletionLost,
    Effect,
    Progressed,
    StreakMoved,
    TierMoved,
    Why,
)
from gamification.record import Record
from gamification.stores import Journal

MAX_RECORDS_BACK = 1_000
"""How far back reasons are looked for; what lies before has none."""
RECORDS_PER_READ = 100


@dataclass(frozen=True, slots=True)
class Reached:
    """Something that a member has reached, by its code; of a badge, its ``level``."""

    what: Literal["badge", "challenge", "streak", "tier"]
    code: str
    level: int = 0


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was reached, and the record that tells it."""

    why: Why
    record: Record


async def newest_first(journal: Journal, member_id: str) -> AsyncIterator[Record]:
    """The newest records of a member, at most ``MAX_RECORDS_BACK``.

    Raises:
        StoreUnavailable: the store did not answer in time.
    """
    before = None
    for _ in range(MAX_RECORDS_BACK // RECORDS_PER_READ):
        records = await journal.page(member_id, before, RECORDS_PER_READ)
        for record in records:
            yield record
        if len(records) < RECORDS_PER_READ:
            return
        before = records[-1].seq


async def look_back(journal: Journal, member_id: str, wanted: Collection[Reached]) -> Mapping[Reached, Reason]:
    """The reasons of these, as far as one is found."""
    open_, found = set(wanted), dict[Reached, Reason]()
    if not open_:
        return found
    async for record in newest_first(journal, member_id):
        found |= _told_by(record, open_)
        if not open_:
            break
    return found


def told_in(records: Iterable[Record], reached: Reached) -> Reason | None:
    """The reason of one of these, if the records, newest first, tell of it."""
    open_ = {reached}
    for record in records:
        told = _told_by(record, open_)
        if not open_:
            return told.get(reached)
    return None


def _told_by(record: Record, open_: set[Reached]) -> Mapping[Reached, Reason]:
    """What a record tells of; that is no longer ``open_`` then, also where it led to something else."""
    told = dict[Reached, Reason]()
    for effect in reversed(record.outcome.effects):
        subject = _subject(effect)
        for reached in [each for each in open_ if (each.what, each.code if each.what != "tier" else "") == subject]:
            open_.discard(reached)
            if _leads_to(effect, reached):
                told[reached] = Reason(effect.why, record)
    return told


def _subject(effect: Effect) -> tuple[str, str] | None:
    match effect:
        case BadgeWon(code) | BadgeLost(code):
            return "badge", code
        case Progressed(code) | Completed(code) | CompletionLost(code):
            return "challenge", code
        case StreakMoved(code):
            return "streak", code
        case TierMoved():
            return "tier", ""
        case _:
            return None


def _leads_to(effect: Effect, reached: Reached) -> bool:
    # Time may have moved a member on since their newest record, and has no record of that yet.
    match effect:
        case BadgeWon(_, level):
            return level == reached.level
        case BadgeLost(_, _, after):
            return after == reached.level
        case TierMoved(_, after):
            return after == reached.code
        case _:
            return True
