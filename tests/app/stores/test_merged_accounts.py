"""Merged accounts over the stores: keys that both used, refunds that outlive the undoing, and accounts in turn."""

import pytest

from gamification.member import Member
from gamification.merging import CannotMerge, Merged
from gamification.requests import IdempotencyConflict, MergeRequest, Recorded, RecordRequest, ReverseRequest
from gamification.reversal import AlreadyReversed
from tests.app.stores.play import NOW, PROGRAM, Play, purchase


@pytest.fixture
async def accounts(play: Play) -> tuple[Member, Member]:
    """Ann's two accounts, each with a receipt of the same key: 100 and 40."""
    ann, other = await play.enrol("Ann"), await play.enrol("Anna")
    for member, amount in ((ann, 10_000), (other, 4_000)):
        [made] = await play.recorder.record([RecordRequest(member.member_id, purchase("r1", amount))])
        assert isinstance(made, Recorded)
    return ann, other


async def merge(play: Play, other: Member, member: Member) -> Merged:
    """Merge, which nothing stands in the way of."""
    merged = await play.merger.change(MergeRequest(other.member_id, member.member_id))
    assert isinstance(merged, Merged), merged
    return merged


async def undo(play: Play, other: Member, member: Member) -> Merged:
    """Take them apart again."""
    undone = await play.merger.change(MergeRequest(other.member_id, member.member_id, undoes=True))
    assert isinstance(undone, Merged), undone
    return undone


async def points(play: Play, member: Member) -> int:
    return (await play.now(member)).state.balance.available


async def test_a_key_that_both_used_is_that_of_the_account_that_is_named(
    play: Play, accounts: tuple[Member, Member]
) -> None:
    ann, other = accounts
    await merge(play, other, ann)
    assert await points(play, ann) == 140
    again = await play.recorder.record(
        [RecordRequest(ann.member_id, purchase("r1", 10_000)), RecordRequest(other.member_id, purchase("r2", 500))]
    )
    assert [isinstance(each, Recorded) and each.replayed for each in again] == [True, False]
    [refused] = await play.recorder.record([RecordRequest(other.member_id, purchase("r1", 10_000))])
    assert refused == IdempotencyConflict("r1")

    first = await play.recorder.reverse(ReverseRequest(ann.member_id, "r1"))
    assert isinstance(first, Recorded)
    assert await points(play, ann) == 45
    second = await play.recorder.reverse(ReverseRequest(other.member_id, "r1"))
    assert isinstance(second, Recorded)
    assert await points(play, ann) == 5
    for named in (ann, other):
        assert isinstance(await play.recorder.reverse(ReverseRequest(named.member_id, "r1")), AlreadyReversed)
    assert await play.verify() == []


async def test_what_was_taken_back_stays_so_when_they_are_two_again(
    play: Play, accounts: tuple[Member, Member]
) -> None:
    ann, other = accounts
    for _ in range(2):
        await merge(play, other, ann)
        if await points(play, ann) == 140:
            assert isinstance(await play.recorder.reverse(ReverseRequest(other.member_id, "r1")), Recorded)
        assert await points(play, ann) == 100
        await undo(play, other, ann)
        assert (await points(play, ann), await points(play, other)) == (100, 0)
    assert await play.verify() == []


async def test_an_account_that_was_given_back_can_go_elsewhere(play: Play, accounts: tuple[Member, Member]) -> None:
    ann, other = accounts
    third = await play.enrol("Third")
    await merge(play, other, ann)
    refused = await play.merger.change(MergeRequest(ann.member_id, third.member_id))
    assert isinstance(refused, CannotMerge)
    await undo(play, other, ann)
    await merge(play, ann, third)
    await merge(play, other, third)
    assert await points(play, third) == 140
    assert (await points(play, ann), await points(play, other)) == (0, 0)
    assert await play.verify() == []


async def test_time_passes_for_each_account(play: Play, accounts: tuple[Member, Member]) -> None:
    ann, other = accounts
    await merge(play, other, ann)
    await play.programs.apply(PROGRAM.replace("name: Shop", "name: New"), "test", NOW)
    version = (await play.programs.schedule()).newest_version
    await play.recorder.pass_time([ann.member_id, other.member_id])
    found = await play.connection["members"].find({}, {"due_by": 1}).to_list(None)
    assert {document["_id"]: document["due_by"] for document in found} == dict.fromkeys(
        (ann.member_id, other.member_id), version
    )
    assert await play.verify() == []
