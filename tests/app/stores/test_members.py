"""Members are found by everything that is theirs alone, and change their profile one at a time."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.stores.members import MongoMembers
from app.stores.outbox import Changed
from gamification.member import Member, Profile, Visibility
from gamification.stores import HandleTaken, ProfileChanges, UnfitProfile
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


async def test_a_member_from_before_there_were_boards_is_shown_on_them(play: Play) -> None:
    ann = await play.enrol("Ann")
    without = {"profile.alias": "", "visibility.board": "", "profile_revision": ""}
    await play.connection["members"].update_one({"_id": ann.member_id}, {"$unset": without})
    assert await play.now(ann) == ann
    changed = await play.members.change_profile(ann.member_id, ProfileChanges({}, {"board": "friends"}))
    assert changed == replace(ann, visibility=Visibility(board="friends"), profile_revision=1)
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
    assert await play.members.change_profile(ann.member_id, to_handle("ann")) == replace(ann, profile_revision=1)


async def test_every_change_makes_a_revision_and_an_entry_in_the_outbox(play: Play) -> None:
    told: list[Sequence[Changed]] = []
    members = MongoMembers(play.connection, told.append)
    ann = await play.enrol("Ann")
    assert (ann.profile_revision, ann.revision) == (0, 1)
    await play.connection["outbox"].delete_many({})
    for name, handle in (("Anna", "ann"), ("Anne", "ann")):
        await members.change_profile(ann.member_id, ProfileChanges({"display_name": name, "handle": handle}, {}))
    await members.change_profile(ann.member_id, ProfileChanges({}, {"board": "hidden"}))
    now = await play.now(ann)
    assert (now.profile_revision, now.revision, now.visibility.board) == (3, 4, "hidden")
    entries = await play.connection["outbox"].find().sort("_id", 1).to_list(None)
    assert [(one["_id"], one["member_id"]) for one in entries] == [
        (f"{ann.member_id}:{revision}", ann.member_id) for revision in (2, 3, 4)
    ]
    assert told == [[Changed(ann.member_id, revision)] for revision in (2, 3, 4)]


async def test_what_does_not_change_anything_makes_no_revision_and_tells_nobody(play: Play) -> None:
    told: list[Sequence[Changed]] = []
    members = MongoMembers(play.connection, told.append)
    ann, _ = await play.enrol("Ann"), await play.enrol("Bob", handle="bob")
    await play.connection["outbox"].delete_many({})
    await members.change_profile(ann.member_id, ProfileChanges({}, {}))
    await members.change_profile("nobody", ProfileChanges({"display_name": "X"}, {}))
    with pytest.raises(HandleTaken):
        await members.change_profile(ann.member_id, to_handle("bob"))
    with pytest.raises(UnfitProfile, match="alias is needed where boards show the alias"):
        await members.change_profile(ann.member_id, ProfileChanges({"display_name": "X"}, {"board": "alias"}))
    assert await play.now(ann) == ann
    assert await play.connection["outbox"].find().to_list(None) == []
    assert told == []


async def test_an_alias_and_its_use_cannot_part_however_they_change_at_once(play: Play) -> None:
    for number in range(5):
        ann = await play.enrol(f"Ann{number}")
        await play.members.change_profile(ann.member_id, ProfileChanges({"alias": "Vinyl Fox"}, {}))
        changes = (ProfileChanges({"alias": None}, {}), ProfileChanges({}, {"board": "alias"}))
        results = await asyncio.gather(
            *(play.members.change_profile(ann.member_id, one) for one in changes), return_exceptions=True
        )
        assert [isinstance(one, UnfitProfile) for one in results].count(True) == 1, results
        now = await play.now(ann)
        assert (now.profile.alias, now.visibility.board) in ((None, "shown"), ("Vinyl Fox", "alias"))
        assert now.profile_revision == 2


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
