"""Absorbed accounts: which ones records merge into a member's, and whole histories together with theirs."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from gamification.activity import MERGE, UNMERGE
from gamification.history import Checkpoint, Past
from gamification.member import Member
from gamification.record import Record
from gamification.state import State
from gamification.stores import Journal


def absorbed_ids(records: Iterable[Record]) -> Collection[str]:
    """The ids of the accounts that these records merge into the member's, each once; also of those given back since."""
    activities = (record.activity for record in records if record.activity is not None)
    return dict.fromkeys(str(each.attributes["member"]) for each in activities if each.kind == MERGE)


def still_absorbed(records: Iterable[Record]) -> Collection[str]:
    """The ids of the accounts that are merged into the member's after these records, each once."""
    held: dict[str, None] = {}
    for activity in (record.activity for record in records if record.activity is not None):
        if activity.kind == MERGE:
            held[str(activity.attributes["member"])] = None
        elif activity.kind == UNMERGE:
            held.pop(str(activity.attributes["member"]), None)
    return held


def size_of(past: Past) -> int:
    """How many records a past has, with those of absorbed accounts."""
    return sum(1 for _ in past.all_records)


async def whole_pasts(journal: Journal, members: Sequence[Member], limit: int) -> Mapping[str, Past]:
    """The whole pasts of the first of these members, up to the one with whom it would be more than ``limit`` records.

    Those of absorbed accounts count. The members must come in the order of their ids.

    Raises:
        StoreUnavailable: the store did not answer in time.
    """
    read = await journal.histories([each.member_id for each in members], limit) if members else {}
    pasts: dict[str, Past] = {}
    for member in members:
        records = read.get(member.member_id)
        if records is None:
            break
        limit -= len(records)
        absorbed = await _absorbed(journal, records, limit)
        if absorbed is None:
            break
        limit -= sum(map(len, absorbed.values()))
        pasts[member.member_id] = Past(Checkpoint(State.new(member.enrolled_at), 1), tuple(records), absorbed)
    return pasts


async def _absorbed(journal: Journal, records: Sequence[Record], limit: int) -> Mapping[str, Sequence[Record]] | None:
    """All records of the accounts that these merge, and of those that had been merged into them; None if too many."""
    absorbed: dict[str, Sequence[Record]] = {}
    wanted = list(absorbed_ids(records))
    while wanted:
        read = await journal.histories(wanted, limit) if limit > 0 else {}
        if len(read) < len(wanted):
            return None
        absorbed.update(read)
        limit -= sum(map(len, read.values()))
        found = (other for each in read.values() for other in absorbed_ids(each))
        wanted = [other for other in dict.fromkeys(found) if other not in absorbed]
    return absorbed
