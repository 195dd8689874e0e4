"""One person's accounts: what is asked of one that was merged into another, asked of the one that goes on.

Whatever is reported for an account keeps its name there (`absorbed_key`). So it can be told whose it is: a key that
both have used means that of the account that is named, and when the two are taken apart, each has its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from gamification.absorbed import places_of
from gamification.activity import own_key
from gamification.history import absorbed_key
from gamification.member import Member
from gamification.record import Record
from gamification.requests import PassTime, Recorded, RecordRequest, Request, Result, ReverseRequest
from gamification.stores import CommitConflict, Journal, Members


def looked_up(request: Request) -> Iterator[tuple[str, str]]:
    """The (member_id, key) of every record that plays a part in what is asked."""
    match request:
        case RecordRequest():
            yield request.member_id, request.activity.key
        case ReverseRequest():
            yield request.member_id, request.record_key
            yield request.member_id, request.activity_key


async def as_one(
    store: Members, journal: Journal, requests: Sequence[Request], members: Mapping[str, Member]
) -> tuple[Sequence[Request], Mapping[str, Member], Mapping[tuple[str, str], Record]]:
    """Take accounts that were merged for the one that goes on, also where a key was used with either.

    Returns the requests as they are asked of it, the members whom they are then about, and the records that the journal
    has of what they look up.

    Raises:
        CommitConflict: what was read of the members no longer holds.
        StoreUnavailable: a store did not answer in time.
    """
    into = {member_id: each.state.merged_into or member_id for member_id, each in members.items()}
    named = [each.member_id for each in requests]
    requests = [_led_to(each, into.get(each.member_id, each.member_id)) for each in requests]
    members = await store.by_ids(list({*into.values(), *(each.member_id for each in requests)}))
    for member_id, one in into.items():
        if member_id != one and (one not in members or member_id not in members[one].state.absorbed):
            raise CommitConflict  # They have just been taken apart again.
    accounts = {member_id: (member_id, *each.state.absorbed) for member_id, each in members.items()}
    lookups = [
        (place, (one, key))
        for asked, each in zip(named, requests, strict=True)
        for one, key in looked_up(each)
        for who in dict.fromkeys((asked, *accounts.get(one, ())))  # The account that was named comes first.
        for place in places_of(one, who, own_key(key))
    ]
    found = await journal.by_keys(list(dict.fromkeys(place for place, _ in lookups)))
    known: dict[tuple[str, str], Record] = {}
    for place, asked_for in lookups:
        if place in found:
            known.setdefault(asked_for, found[place])
    return requests, members, known


async def with_first_results(journal: Journal, results: Sequence[Result]) -> list[Result]:
    """The results, where a retry is of what another account recorded for this one, with what that one recorded.

    Raises:
        StoreUnavailable: a store did not answer in time.
    """
    firsts = {
        (each.record.member_id, each.record.seq): (each.record.first_in, _key_there(each.record))
        for each in results
        if isinstance(each, Recorded) and each.replayed and each.record.first_in
    }
    found = await journal.by_keys(list(dict.fromkeys(firsts.values()))) if firsts else {}
    return [
        replace(each, record=found[place])
        if isinstance(each, Recorded)
        and (place := firsts.get((each.record.member_id, each.record.seq), ("", ""))) in found
        else each
        for each in results
    ]


def _key_there(record: Record) -> str:
    """The key that a record which an account has taken over has with the one that recorded it first."""
    assert record.activity is not None, "time alone is taken over by nobody"
    return absorbed_key(record.member_id, record.activity.key)


def _led_to(request: Request, member_id: str) -> Request:
    """What is asked for an account, as it is asked of the one that this was merged into: under the account's name."""
    if isinstance(request, PassTime) or request.member_id == member_id:
        return request  # Time passes for each account by itself.
    named = partial(absorbed_key, request.member_id)
    if isinstance(request, RecordRequest):
        activity = replace(request.activity, key=named(request.activity.key))
        return replace(request, member_id=member_id, activity=activity)
    key = None if request.key is None else named(request.key)
    return replace(request, member_id=member_id, key=key, activity_key=named(request.activity_key))
