"""Recording and enrolling over the real stores: once per key, whatever happens at the same time."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from gamification.enrolment import AlreadyTaken, Enrolled, EnrolRequest
from gamification.member import Profile
from gamification.requests import IdempotencyConflict, MemberNotFound, Recorded, RecordRequest, RecordResult
from tests.app.stores.play import NOW, Play, purchase


async def everything(play: Play) -> list[Any]:
    return [
        await play.connection[name].find().sort("_id", 1).to_list(None) for name in ("members", "journal", "claims")
    ]


async def test_same_key_and_input_is_answered_with_the_first_result(play: Play) -> None:
    ann = await play.enrol("Ann")
    request = RecordRequest(ann.member_id, purchase("a"))
    [first] = await play.recorder.record([request])
    before = await everything(play)
    [second] = await play.recorder.record([request])
    assert isinstance(first, Recorded)
    assert isinstance(second, Recorded)
    assert (first.replayed, second.replayed) == (False, True)
    assert second.record == first.record
    assert await everything(play) == before


async def test_same_key_with_other_input_is_refused(play: Play) -> None:
    ann = await play.enrol("Ann")
    await play.buy(ann, "a")
    before = await everything(play)
    assert await play.recorder.record([RecordRequest(ann.member_id, purchase("a", 999))]) == [IdempotencyConflict("a")]
    assert await everything(play) == before


async def test_two_members_may_use_one_key(play: Play) -> None:
    ann, bob = await play.enrol("Ann"), await play.enrol("Bob")
    requests = [RecordRequest(member.member_id, purchase("a")) for member in (ann, bob)]
    results = await play.recorder.record(requests)
    assert [isinstance(result, Recorded) and not result.replayed for result in results] == [True, True]


async def test_twenty_at_once_to_one_member_all_land_once(play: Play) -> None:
    ann = await play.enrol("Ann")
    requests = [RecordRequest(ann.member_id, purchase(f"k{number % 10}")) for number in range(20)]

    async def insist(request: RecordRequest) -> RecordResult:
        return (await play.recorder.record([request]))[0]

    results = await asyncio.gather(*map(insist, requests))
    assert all(isinstance(result, Recorded) for result in results)
    assert sum(isinstance(result, Recorded) and not result.replayed for result in results) == 10
    now = await play.now(ann)
    assert (now.state.seq, now.state.totals.purchases, now.state.balance.available) == (11, 10, 125)
    assert await play.verify() == []


async def test_batch_in_which_one_member_conflicts_lands_whole(play: Play) -> None:
    members = [await play.enrol(f"M{number}") for number in range(5)]
    requests = [RecordRequest(member.member_id, purchase("batch")) for member in members]
    batch, _ = await asyncio.gather(
        play.recorder.record([*requests, RecordRequest("nobody", purchase("batch"))]),
        play.buy(members[2], "b1", "b2", "b3"),
    )
    assert [type(result) for result in batch] == [Recorded] * 5 + [MemberNotFound]
    assert [(await play.now(member)).state.totals.purchases for member in members] == [1, 1, 4, 1, 1]
    assert await play.verify() == []


async def test_enrolling_at_once_by_one_key_makes_one_member(play: Play) -> None:
    request = EnrolRequest("Ann", Profile("Ann", handle="ann"), NOW, external_id="shop-1")
    results = await asyncio.gather(*(play.enroller.enrol([request]) for _ in range(6)))
    enrolled = [result for [result] in results if isinstance(result, Enrolled)]
    assert len(enrolled) == 6
    assert len({result.member.member_id for result in enrolled}) == 1
    assert [result.replayed for result in enrolled].count(False) == 1
    assert await play.members.count() == 1
    assert await play.verify() == []


async def test_what_another_has_is_refused_and_the_rest_of_the_batch_enrolled(play: Play) -> None:
    await play.enrol("Ann", handle="ann")
    requests = [
        EnrolRequest("Bob", Profile("Bob", handle="ann"), NOW),
        EnrolRequest("Eve", Profile("Eve", handle="eve"), NOW),
        EnrolRequest("Ann", Profile("Other"), NOW),
    ]
    taken, eve, reused = await play.enroller.enrol(requests)
    assert taken == AlreadyTaken("handle")
    assert isinstance(eve, Enrolled)
    assert await play.members.by_handle("eve") == eve.member
    assert reused == IdempotencyConflict("Ann")
    assert await play.members.by_enrolment_keys(["Bob"]) == {}
    assert await play.members.count() == 2
    assert await play.verify() == []


async def test_a_clock_that_is_ahead_pushes_nothing_after_it_into_the_future(play: Play) -> None:
    ann = await play.enrol("Ann")
    ahead = replace(purchase("ahead"), occurred_at=NOW + timedelta(seconds=250))
    [first] = await play.recorder.record([RecordRequest(ann.member_id, ahead)])
    [second] = await play.recorder.record([RecordRequest(ann.member_id, purchase("next"), timed=False)])
    assert isinstance(first, Recorded)
    assert isinstance(second, Recorded)
    assert (first.record.outcome.at, second.record.outcome.at) == (NOW, NOW)
    assert first.record.activity == ahead
    assert await play.verifier().verify_member(ann.member_id) == []
