"""Checkpoints: kept every hundred activities, made anew where the past changes, and never needed to be right."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from gamification.activity import Activity
from gamification.circumstances import Circumstances
from gamification.enrolment import Enrolled, EnrolRequest
from gamification.history import Checkpoint, Past
from gamification.member import Member, Profile
from gamification.member_fold import MemberFold
from gamification.playing import CHECKPOINT_ACTIVITIES
from gamification.record import Record
from gamification.recording import MAX_ITEMS_PER_CALL
from gamification.requests import Recorded, RecordRequest, ReverseRequest
from gamification.state import Moment, State
from gamification.stores import CommitConflict, TooLongPast
from tests.app.stores.play import NOW, PROGRAM, Play

JOINED_AT = NOW - timedelta(days=30)


def bought(number: int) -> Activity:
    """The purchase of a minute, counted from the day after joining, whose amount tells it from others."""
    return Activity(f"k{number:04}", "purchase", JOINED_AT + timedelta(days=1, minutes=number), 100 + number)


async def joined(play: Play, name: str = "Ann") -> Member:
    """A member who has been here for a month."""
    [result] = await play.enroller.enrol([EnrolRequest(name, Profile(name), JOINED_AT)])
    assert isinstance(result, Enrolled)
    return result.member


async def buy(play: Play, member: Member, numbers: Sequence[int]) -> None:
    """The purchases with these numbers, in the order given, in one commit or a few."""
    for first in range(0, len(numbers), MAX_ITEMS_PER_CALL):
        part = numbers[first : first + MAX_ITEMS_PER_CALL]
        results = await play.recorder.record([RecordRequest(member.member_id, bought(number)) for number in part])
        assert all(isinstance(result, Recorded) for result in results)


async def reverse(play: Play, member: Member, number: int) -> None:
    """Take a purchase back."""
    assert isinstance(await play.recorder.reverse(ReverseRequest(member.member_id, bought(number).key)), Recorded)


async def kept(play: Play, member: Member) -> Sequence[tuple[str, int]]:
    """The key of the newest activity behind each checkpoint and the number of the next record, in the order of time."""
    found = await play.connection["checkpoints"].find({"member_id": member.member_id}).sort("_id", 1).to_list(None)
    return [(each["state"]["newest"]["key"], each["next_seq"]) for each in found]


async def whole(play: Play, member: Member) -> Past:
    """A member's past from the beginning, as it is without checkpoints."""
    records = [record async for record in play.journal.history(member.member_id) if isinstance(record, Record)]
    return Past(Checkpoint(State.new(JOINED_AT), 1), tuple(records))


async def test_one_is_kept_every_hundred_records_in_order(play: Play) -> None:
    ann, bob = await joined(play), await joined(play, "Bob")
    await buy(play, ann, range(CHECKPOINT_ACTIVITIES * 2 + 50))
    await buy(play, bob, range(CHECKPOINT_ACTIVITIES - 2))
    # Record 1 is the enrolment, so record 100 is the purchase with number 98.
    assert await kept(play, ann) == [("k0098", 101), ("k0198", 201)]
    assert await kept(play, bob) == []
    await buy(play, bob, [500])
    assert await kept(play, bob) == [("k0500", 101)]


async def test_a_past_begins_at_the_last_one_before_the_moment(play: Play) -> None:
    ann = await joined(play)
    await buy(play, ann, range(250))

    async def begins(number: int) -> tuple[str | None, Sequence[int]]:
        past = await play.journal.past(ann.member_id, Moment(bought(number).occurred_at, bought(number).key))
        newest = past.start.state.newest
        return newest.key if newest else None, [past.records[0].seq, past.records[-1].seq]

    assert await begins(249) == ("k0198", [201, 251])
    assert await begins(199) == ("k0198", [201, 251])
    assert await begins(198) == ("k0098", [101, 251])
    assert await begins(98) == (None, [1, 251])
    past = await play.journal.past(ann.member_id, Moment(bought(249).occurred_at, bought(249).key))
    assert all(record.outcome.effects == () for record in past.records)
    with pytest.raises(CommitConflict):
        await play.journal.past("nobody", Moment(NOW, "k"))


async def test_those_after_a_change_of_the_past_are_made_anew_and_those_before_it_stay(play: Play) -> None:
    ann, bob = await joined(play), await joined(play, "Bob")
    await buy(play, ann, range(250))
    await buy(play, bob, range(110))
    first = await play.connection["checkpoints"].find_one({"member_id": ann.member_id, "next_seq": 101})
    await reverse(play, ann, 150)
    # A hundred activities on from the one that stays: 99 to 199 but for 150. Purchase 200 is record 202.
    assert await kept(play, ann) == [("k0098", 101), ("k0199", 202)]
    assert await play.connection["checkpoints"].find_one({"member_id": ann.member_id, "next_seq": 101}) == first
    assert await kept(play, bob) == [("k0098", 101)]
    await reverse(play, ann, 240)
    assert await kept(play, ann) == [("k0098", 101), ("k0199", 202)]
    # One that comes in late, before all of them: a hundred from the enrolment on are 98 purchases and the late one.
    await buy(play, ann, [-5])
    assert await kept(play, ann) == [("k0097", 100), ("k0198", 201)]
    assert await play.verify() == []


async def test_what_comes_late_is_not_behind_a_checkpoint_that_says_so(play: Play) -> None:
    """A checkpoint's ``next_seq`` is below the number of everything later in time, however late that came in."""
    ann = await joined(play)
    await buy(play, ann, [number for number in range(300) if number % 7])
    await buy(play, ann, [number for number in range(300) if not number % 7])
    await reverse(play, ann, 35)
    await reverse(play, ann, 3)
    assert await play.verify() == []
    records = [record for record in (await whole(play, ann)).records if record.activity is not None]
    checkpoints = await play.connection["checkpoints"].find({"member_id": ann.member_id}).to_list(None)
    assert len(checkpoints) >= 2
    for each in checkpoints:
        newest = Moment(each["state"]["newest"]["at"], each["state"]["newest"]["key"])
        later = [
            record.seq
            for record in records
            if record.activity is not None and Moment(record.placed_at, record.activity.key) > newest
        ]
        assert each["next_seq"] <= min(later)


@pytest.mark.parametrize("number", [-3, 40, 160, 249])
async def test_with_checkpoints_it_comes_to_the_same_as_without(play: Play, number: int) -> None:
    ann = await joined(play)
    await buy(play, ann, [each for each in range(250) if each != 120])
    await buy(play, ann, [120])
    await reverse(play, ann, 130)
    member, circumstances = await play.now(ann), Circumstances(
        await play.programs.schedule(), await play.campaigns.offers({"purchase"}), NOW
    )  # fmt: skip
    moment = Moment(bought(number).occurred_at, bought(number).key)
    short, long = await play.journal.past(ann.member_id, moment), await whole(play, ann)
    assert (short.start == long.start) is (number < 98)
    commits = []
    for past in (short, long):
        fold = MemberFold(member, circumstances, past)
        if number < 0:
            assert isinstance(await fold.add(RecordRequest(ann.member_id, bought(number)), None), Recorded)
        else:
            target = next(each for each in long.records if each.activity and each.activity.key == bought(number).key)
            request = ReverseRequest(ann.member_id, bought(number).key)
            assert isinstance(await fold.reverse(request, None, target), Recorded)
        commits.append(fold.commit())
    assert commits[0].member == commits[1].member
    assert commits[0].records == commits[1].records
    await play.journal.commit([commits[0]])
    assert await play.verify() == []


async def test_without_any_a_revision_comes_to_the_same(play: Play) -> None:
    ann, bob = await joined(play), await joined(play, "Bob")
    for member in (ann, bob):
        await buy(play, member, range(220))
    await play.connection["checkpoints"].delete_many({"member_id": bob.member_id})
    for member in (ann, bob):
        await reverse(play, member, 210)
    assert (await play.now(ann)).state == (await play.now(bob)).state
    assert await kept(play, bob) == []
    await reverse(play, bob, 0)
    await reverse(play, ann, 0)
    # Those of a history played from its beginning: the enrolment and purchases 1 to 99, then a hundred more.
    assert await kept(play, bob) == await kept(play, ann) == [("k0099", 102), ("k0199", 202)]
    assert await play.verify() == []


async def test_a_commit_that_is_refused_leaves_them_alone(play: Play) -> None:
    ann = await joined(play)
    await buy(play, ann, range(150))
    before = await play.connection["checkpoints"].find().to_list(None)
    results = await asyncio.gather(
        play.recorder.reverse(ReverseRequest(ann.member_id, "nope")),
        play.recorder.reverse(ReverseRequest(ann.member_id, bought(3).key, amount_minor=10**6, key="too much")),
    )
    assert not any(isinstance(result, Recorded) for result in results)
    assert await play.connection["checkpoints"].find().to_list(None) == before
    past = await whole(play, ann)
    fold = MemberFold(
        await play.now(ann),
        Circumstances(await play.programs.schedule(), await play.campaigns.offers(set()), NOW),
        past,
    )
    assert isinstance(await fold.reverse(ReverseRequest(ann.member_id, bought(3).key), None, past.records[4]), Recorded)
    await buy(play, ann, [150])
    with pytest.raises(CommitConflict):
        await play.journal.commit([fold.commit()])
    assert await play.connection["checkpoints"].find().to_list(None) == before


async def test_a_past_that_is_too_long_is_refused(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.stores.journal.MAX_PAST_RECORDS", 50)
    ann = await joined(play)
    await buy(play, ann, range(99))
    before = await play.now(ann)
    with pytest.raises(TooLongPast):
        await play.recorder.reverse(ReverseRequest(ann.member_id, bought(7).key))
    assert await play.now(ann) == before
    await buy(play, ann, [99])
    await reverse(play, ann, 99)
    assert (await play.now(ann)).state.seq == 102


async def test_a_backfill_of_too_long_a_past_is_given_up(
    play: Play, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("app.stores.journal.MAX_PAST_RECORDS", 50)
    ann = await joined(play)
    await buy(play, ann, range(99))
    before = (await play.now(ann)).state
    twice = PROGRAM.replace("earn: {points: 1", "earn: {points: 2")
    applied = await play.programs.apply(twice, "Bob", NOW, backfill=True)
    await buy(play, ann, [99])
    after = (await play.now(ann)).state
    made = await play.journal.since(ann.member_id, before.seq, 10)
    assert [(each.activity.kind, each.activity.reason) for each in made if each.activity] == [
        ("rejudgement", "not judged again: there are more records than can be worked out again"),
        ("purchase", None),
    ]
    assert made[0].outcome.effects == ()
    assert after.judged_by == applied.version > before.judged_by
    assert after.balance.available - before.balance.available == 2, "two for every whole dollar of 1.99"
    assert [ann.member_id in message for message in caplog.messages if "not judged again" in message] == [True]
    await play.recorder.pass_time([ann.member_id])
    assert (await play.now(ann)).state == after
    assert await play.verify() == []


async def test_a_late_purchase_is_not_refused_for_a_reversal_of_what_is_too_long_past(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    await play.programs.apply(f"{PROGRAM}reversals: {{policy: only_pending}}\n", "Bob", NOW)
    ann = await joined(play)
    await buy(play, ann, [*range(120), *range(121, 220)])
    await reverse(play, ann, 7)
    monkeypatch.setattr("app.stores.journal.MAX_PAST_RECORDS", 150)
    before = (await play.now(ann)).state
    await buy(play, ann, [120])
    after = (await play.now(ann)).state
    assert (after.activities - before.activities, after.balance.available - before.balance.available) == (1, 2)
    assert await play.verify() == []
