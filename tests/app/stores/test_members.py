"""Members are found by everything that is theirs alone, and change their profile one at a time."""

import asyncio

import pytest

from gamification.member import Member, Profile, Visibility
from gamification.stores import HandleTaken, ProfileChanges
from tests.app.stores.play import Play


def to_handle(handle: str | None) -> ProfileChanges:
    return ProfileChanges({"handle": handle}, {})


async def test_found_by_everything_that_is_theirs(play: Play) -> None:
    ann, bob = await play.enrol("Ann", handle="ann"), await play.enrol("Bob")
    assert await play.members.by_ids([ann.member_id, "nobody"]) == {ann.member_id: ann}
    assert await play.members.by_loyalty_numbers([bob.loyalty_number, "1"]) == {bob.loyalty_number: bob}
    assert await play.members.by_handle("ann") == ann
    assert await play.members.by_handle("bob") is None
    enrolled = await play.members.by_enrolment_keys(["Ann", "Eve"])
    assert [(key, member, len(digest)) for key, (member, digest) in enrolled.items()] == [("Ann", ann, 64)]
    assert await play.members.by_enrolment_keys(["Eve"]) == {}
    assert await play.members.count() == 2


async def test_none_are_found_by_nothing(play: Play) -> None:
    assert await play.members.by_ids([]) == {}
    assert await play.members.by_loyalty_numbers([]) == {}
    assert await play.members.by_enrolment_keys([]) == {}


async def test_only_the_given_fields_change(play: Play) -> None:
    ann = await play.enrol("Ann", handle="ann", language="en")
    changes = ProfileChanges({"display_name": "Anna", "language": None}, {"tier": False})
    changed = await play.members.change_profile(ann.member_id, changes)
    assert changed is not None
    assert (changed.profile, changed.visibility) == (Profile("Anna", handle="ann"), Visibility(tier=False))
    assert changed.state == ann.state
    assert await play.now(ann) == changed


async def test_no_changes_change_nothing(play: Play) -> None:
    ann = await play.enrol("Ann")
    assert await play.members.change_profile(ann.member_id, ProfileChanges({}, {})) == ann
    assert await play.members.change_profile("nobody", ProfileChanges({}, {})) is None


async def test_nobody_has_no_profile_and_takes_no_handle(play: Play) -> None:
    assert await play.members.change_profile("nobody", to_handle("free")) is None
    assert await play.members.save_showcase("nobody", ()) is None
    assert (await play.enrol("Ann", handle="free")).profile.handle == "free"


async def test_handle_is_let_go_and_may_be_taken(play: Play) -> None:
    ann, bob = await play.enrol("Ann", handle="ann"), await play.enrol("Bob")
    await play.members.change_profile(ann.member_id, to_handle("anna"))
    await play.members.change_profile(bob.member_id, to_handle("ann"))
    assert await play.members.by_handle("ann") == await play.now(bob)
    assert await play.members.by_handle("anna") == await play.now(ann)
    await play.members.change_profile(ann.member_id, to_handle(None))
    assert await play.members.by_handle("anna") is None
    assert await play.verify() == []


async def test_own_handle_may_be_set_again(play: Play) -> None:
    ann = await play.enrol("Ann", handle="ann")
    assert await play.members.change_profile(ann.member_id, to_handle("ann")) == ann


async def test_taken_handle_changes_nothing(play: Play) -> None:
    ann, bob = await play.enrol("Ann", handle="ann"), await play.enrol("Bob", handle="bob")
    with pytest.raises(HandleTaken):
        await play.members.change_profile(bob.member_id, ProfileChanges({"handle": "ann", "display_name": "X"}, {}))
    assert await play.now(bob) == bob
    assert await play.members.by_handle("bob") == bob
    assert await play.members.by_handle("ann") == ann


async def test_many_who_want_one_handle(play: Play) -> None:
    members = [await play.enrol(f"M{number}") for number in range(6)]

    async def want(member: Member) -> bool:
        try:
            await play.members.change_profile(member.member_id, to_handle("wanted"))
        except HandleTaken:
            return False
        return True

    won = await asyncio.gather(*map(want, members))
    assert won.count(True) == 1
    assert await play.members.by_handle("wanted") == await play.now(members[won.index(True)])
    assert await play.verify() == []


async def test_changes_and_purchases_of_one_member_at_once(play: Play) -> None:
    ann = await play.enrol("Ann")
    await asyncio.gather(
        *(play.buy(ann, f"p{number}") for number in range(5)),
        *(play.members.change_profile(ann.member_id, to_handle(f"ann{number}")) for number in range(3)),
    )
    now = await play.now(ann)
    assert now.state.totals.purchases == 5
    assert now.profile.handle in ("ann0", "ann1", "ann2")
    assert await play.verify() == []


async def test_showcase(play: Play) -> None:
    ann = await play.enrol("Ann")
    changed = await play.members.save_showcase(ann.member_id, ("b", "a"))
    assert changed is not None
    assert changed.showcase == ("b", "a")
    assert await play.now(ann) == changed


async def test_stream_goes_through_all_in_order_from_where_it_is_told(play: Play) -> None:
    for number in range(5):
        await play.enrol(f"M{number}")
    batches = [batch async for batch in play.members.stream(2)]
    assert list(map(len, batches)) == [2, 2, 1]
    ids = [member.member_id for batch in batches for member in batch]
    assert ids == sorted(ids)
    rest = [member.member_id async for batch in play.members.stream(10, after=ids[2]) for member in batch]
    assert rest == ids[3:]
