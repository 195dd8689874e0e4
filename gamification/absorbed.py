"""Absorbed accounts: which ones records merge into a member's, and whole histories together with theirs."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from gamification.activity import MERGE, UNMERGE, own_key
from gamification.history import Checkpoint, Past, absorbed_key, account_of, changed_key
from gamification.member import Member
from gamification.record import Outcome, Record
from gamification.requests import REVERSAL_KEY
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


def recorded_for(member_id: str, records: Iterable[Record]) -> Sequence[Record]:
    """What these records, from the beginning on, tell of an absorbed account's activities since it was merged.

    That is what was reported for it, and what was taken back of its activities.
    """
    since: list[Record] = []
    for record in records:
        activity = record.activity
        if activity is None:
            continue
        if activity.kind == MERGE and activity.attributes["member"] == member_id:
            since.clear()
        elif changed_key(activity).startswith(absorbed_key(member_id, "")):
            since.append(record)
    return since


def taken_over(told: Record, account: Member, outcome: Outcome, known_version: int) -> Record:
    """The account's own record of what another one recorded for it. It tells no effect, and stands where that did."""
    assert told.activity is not None, "time alone is reported by nobody"
    taken = told.activity.reversal
    from_at = told.placed_at if taken is None else told.revised_from
    assert from_at is not None, "a reversal says from when it changes the past"
    return replace(
        told,
        member_id=account.member_id,
        seq=account.state.seq + 1,
        activity=replace(
            told.activity,
            key=key_taken_over(told, account.member_id),
            reversal=taken and replace(taken, key=own_key(taken.key)),
        ),
        outcome=outcome,
        known_version=known_version,
        revised_from=max(from_at, account.enrolled_at),
        regrants=(),
        settlements=(),
        kept=(),
        first_in=told.member_id,
        stands_at=None if taken is None else told.placed_at,
    )


def key_taken_over(told: Record, account: str) -> str:
    """The key that an account has for what another one recorded for it.

    It is that of a caller who named this account, so that a retry finds it here. A reversal that did not name it has
    one of ours, since its own may mean something else here.
    """
    assert told.activity is not None, "time alone is reported by nobody"
    taken = told.activity.reversal
    if taken is None or account_of(told.activity.key) == account:
        return own_key(told.activity.key)
    return f"{REVERSAL_KEY}{own_key(taken.key)}:{told.member_id}:{told.seq}"


def places_of(one: str, account: str, key: str) -> Iterator[tuple[str, str]]:
    """Where the journal may have what an account's key names, as (member_id, key).

    Its own journal may, and so may that of ``one``, the account that goes on, under the account's name.
    """
    if account != one:
        yield one, absorbed_key(account, key)
    yield account, key


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
