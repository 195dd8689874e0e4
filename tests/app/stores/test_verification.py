"""Every kind of tampering is found and named, and a sound journal never is, not even while it grows."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.stores.codec import Unreadable
from gamification.member import Member
from gamification.merging import Merged
from gamification.record import Record
from gamification.requests import MergeRequest
from tests.app.stores.play import NOW, PROGRAM, Play

Change = dict[str, Any]


@pytest.fixture
async def ann(play: Play) -> Member:
    """A member with four records, between two others."""
    for name in ("Aaa", "Ann", "Zoe"):
        member = await play.enrol(name, handle=name.lower())
        await play.buy(member, "a", "b", "c")
        if name == "Ann":
            ann = member
    return ann


async def found(play: Play, member_id: str) -> list[str]:
    """What is found, which is the same when only that member is looked at; nothing else is."""
    everywhere = [str(difference) for difference in await play.verify()]
    assert [str(difference) for difference in await play.verifier().verify_member(member_id)] == everywhere
    return everywhere


async def tamper(play: Play, ann: Member, seq: int, change: Change) -> None:
    changed = await play.connection["journal"].update_one({"member_id": ann.member_id, "seq": seq}, {"$set": change})
    assert changed.modified_count == 1


async def tamper_member(play: Play, ann: Member, change: Change) -> None:
    changed = await play.connection["members"].update_one({"_id": ann.member_id}, {"$set": change})
    assert changed.modified_count == 1


async def test_sound_journals_and_progress(play: Play, ann: Member) -> None:
    done: list[int] = []
    assert [difference async for difference in play.verifier().verify(done.append)] == []
    assert sum(done) == 3
    assert await play.verifier().verify_member(ann.member_id) == []


async def test_nobody(play: Play) -> None:
    assert [str(difference) for difference in await play.verifier().verify_member("nobody")] == [
        "nobody: member: there is no such member"
    ]


async def test_state(play: Play, ann: Member) -> None:
    await tamper_member(play, ann, {"state.totals.earned": 56, "state.challenges.third.completed": 2})
    [difference] = await found(play, ann.member_id)
    assert difference.startswith(f"{ann.member_id}: state: totals is Totals(earned=56, spent=0, ")
    assert ", replayed Totals(earned=55, spent=0, " in difference
    assert "; challenges is {'third': ChallengeState(" in difference


async def test_due_later_than_it_is(play: Play) -> None:
    expiring = PROGRAM.replace("{name: points}", "{name: points, expire_days: 30}")
    await play.programs.apply(expiring, "tests", NOW)
    ann = await play.enrol("Ann")
    await play.buy(ann, "a")
    stored = await play.now(ann)
    assert (stored.due_at, stored.due_by) == (datetime(2026, 5, 31, tzinfo=UTC), 2)
    for told in (None, NOW + timedelta(days=90)):
        await tamper_member(play, ann, {"due_at": told})
        assert await found(play, ann.member_id) == [
            f"{ann.member_id}: due: something is due at 2026-05-31 00:00:00+00:00; the member is down for {told}"
        ]
    # Sooner is how a profile that the game has to learn of is written, and what an older version said is not trusted.
    for sound in ({"due_at": NOW}, {"due_at": None, "due_by": 1}):
        await tamper_member(play, ann, sound)
        assert await found(play, ann.member_id) == []


async def test_balance(play: Play, ann: Member) -> None:
    await tamper_member(play, ann, {"state.balance.available": 1000})
    assert await found(play, ann.member_id) == [
        f"{ann.member_id}: balance: the entries sum to available 55, pending 0; "
        "the snapshot has available 1000, pending 0",
        f"{ann.member_id}: balance: the open lots come to Balance(available=55, pending=0); "
        "the snapshot has Balance(available=1000, pending=0)",
        f"{ann.member_id}: state: balance is Balance(available=1000, pending=0), "
        "replayed Balance(available=55, pending=0)",
    ]


async def test_outcome(play: Play, ann: Member) -> None:
    await tamper(play, ann, 2, {"outcome.balance.available": 11})
    assert await found(play, ann.member_id) == [
        f"{ann.member_id} record 2: outcome: balance is Balance(available=11, pending=0), "
        "replayed Balance(available=10, pending=0)"
    ]


async def test_entry(play: Play, ann: Member) -> None:
    await tamper(play, ann, 2, {"outcome.effects.0.points": 11})
    outcome, balance = await found(play, ann.member_id)
    assert outcome.startswith(f"{ann.member_id} record 2: outcome: effects is (Entry(account='available', points=11")
    assert balance == (
        f"{ann.member_id}: balance: the entries sum to available 56, pending 0; "
        "the snapshot has available 55, pending 0"
    )


async def test_activity(play: Play, ann: Member) -> None:
    await tamper(play, ann, 3, {"activity.amount_minor": 2000})
    differences = await found(play, ann.member_id)
    assert [difference.partition(": ")[2].partition(":")[0] for difference in differences] == [
        "outcome",
        "outcome",
        "state",
    ]


async def test_gap(play: Play, ann: Member) -> None:
    await play.connection["journal"].delete_one({"member_id": ann.member_id, "seq": 2})
    assert await found(play, ann.member_id) == [
        f"{ann.member_id} record 3: sequence: follows record 1",
        f"{ann.member_id}: balance: the entries sum to available 45, pending 0; "
        "the snapshot has available 55, pending 0",
    ]


async def test_snapshot_ahead_of_the_journal(play: Play, ann: Member) -> None:
    await play.connection["journal"].delete_one({"member_id": ann.member_id, "seq": 4})
    sequence, _, state = await found(play, ann.member_id)
    assert sequence == f"{ann.member_id}: sequence: the snapshot is at 4, the journal ends at 3"
    assert state.startswith(f"{ann.member_id}: state: seq is 4, replayed 3; ")


async def test_journal_ahead_of_the_snapshot(play: Play, ann: Member) -> None:
    older = await play.connection["members"].find_one({"_id": ann.member_id})
    assert older is not None
    await play.buy(ann, "d")
    await play.connection["members"].replace_one({"_id": ann.member_id}, older)
    assert (await found(play, ann.member_id))[0] == (
        f"{ann.member_id}: sequence: the snapshot is at 4, the journal ends at 5"
    )


async def test_number_given_twice(play: Play, ann: Member) -> None:
    await play.connection["journal"].drop_index("member_seq")
    await tamper(play, ann, 3, {"seq": 2})
    assert (await found(play, ann.member_id))[0] == f"{ann.member_id} record 2: sequence: follows record 2"


@pytest.mark.parametrize("orphan", ["0", "m3x", "zzz"])
async def test_journal_without_a_member(play: Play, ann: Member, orphan: str) -> None:
    records = await play.connection["journal"].find({"member_id": ann.member_id}).to_list(None)
    copies = [record | {"_id": f"{orphan}:{record['seq']}", "member_id": orphan} for record in records]
    await play.connection["journal"].insert_many(copies)
    assert await found(play, orphan) == [f"{orphan}: member: there are 4 records, but no such member"]


async def test_unknown_program(play: Play, ann: Member) -> None:
    await tamper(play, ann, 3, {"program_version": 7})
    assert await found(play, ann.member_id) == [f"{ann.member_id} record 3: program: version 7 is not known"]


async def test_each_record_is_judged_by_its_own_program(play: Play, ann: Member) -> None:
    await play.programs.apply(PROGRAM.replace("points: 1", "points: 3"), "tests", NOW)
    await play.buy(ann, "d")
    assert (await play.now(ann)).state.balance.available == 85
    assert await play.verify() == []
    await tamper(play, ann, 5, {"program_version": 1})
    assert (await found(play, ann.member_id))[0].startswith(f"{ann.member_id} record 5: outcome: ")


async def merged(play: Play, ann: Member) -> Member:
    """Zoe, whose account is merged into Ann's, who buys once more."""
    zoe = await play.members.by_handle("zoe")
    assert zoe is not None
    assert isinstance(await play.merger.change(MergeRequest(zoe.member_id, ann.member_id)), Merged)
    await play.buy(ann, "d")
    return zoe


async def test_merged_accounts(play: Play, ann: Member) -> None:
    zoe = await merged(play, ann)
    assert (await play.now(ann)).state.balance.available == 7 * 10 + 25
    assert await play.verify() == []
    assert await play.verifier().verify_member(ann.member_id) == []
    assert isinstance(await play.merger.change(MergeRequest(zoe.member_id, ann.member_id, undoes=True)), Merged)
    assert await play.verify() == []
    assert await play.verifier().verify_member(ann.member_id) == []


async def test_what_a_merged_account_did(play: Play, ann: Member) -> None:
    zoe = await merged(play, ann)
    await tamper(play, zoe, 3, {"activity.amount_minor": 2000})
    told = [str(difference) for difference in await play.verifier().verify_member(ann.member_id)]
    assert told[0].startswith(f"{ann.member_id} record 5: outcome: ")
    assert any(each.startswith(f"{ann.member_id}: state: ") for each in told)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"program_version": 7}, "program: version 7 is not known"),
        ({"outcome": None}, "sequence: of the 5 records of m5, which it merges, 2 can be read in order"),
        (
            {"grants": [{"campaign": "lost", "version": 1, "room": None, "places": None}]},
            "campaign: version 1 of lost is not known",
        ),
    ],
)
async def test_a_merged_account_that_cannot_be_played(play: Play, ann: Member, change: Change, said: str) -> None:
    zoe = await merged(play, ann)
    assert zoe.member_id == "m5"
    await tamper(play, zoe, 3, change)
    told = [str(difference) for difference in await play.verifier().verify_member(ann.member_id)]
    assert told == [f"{ann.member_id} record 5: {said}"]
    assert f"{ann.member_id} record 5: {said}" in [str(difference) for difference in await play.verify()]


async def test_a_merged_account_that_is_gone(play: Play, ann: Member) -> None:
    zoe = await merged(play, ann)
    await play.connection["journal"].delete_many({"member_id": zoe.member_id})
    told = [str(difference) for difference in await play.verifier().verify_member(ann.member_id)]
    assert told == [
        f"{ann.member_id} record 5: sequence: of the 5 records of m5, which it merges, 0 can be read in order"
    ]


async def test_unreadable_record(play: Play, ann: Member) -> None:
    await tamper(play, ann, 3, {"outcome": None})
    assert (await found(play, ann.member_id))[0] == (
        f"{ann.member_id} record 3: unreadable: outcome: Input should be a dictionary or an instance of Outcome"
    )


async def test_unreadable_member(play: Play, ann: Member) -> None:
    await tamper_member(play, ann, {"state.lots": 5})
    assert await found(play, ann.member_id) == [f"{ann.member_id}: unreadable: state.lots: Expected `array`, got `int`"]


@pytest.mark.parametrize(("owner", "said"), [(None, "nobody"), ("m1", "m1")])
async def test_claim_of_another_or_nobody(play: Play, ann: Member, owner: str | None, said: str) -> None:
    claims = play.connection["claims"]
    if owner is None:
        await claims.delete_one({"_id": "handle:ann"})
    else:
        await claims.update_one({"_id": "handle:ann"}, {"$set": {"member_id": owner}})
    assert await found(play, ann.member_id) == [f"{ann.member_id}: claim: handle ann belongs to {said}"]


async def test_purchase_between_reading_snapshot_and_journal(
    play: Play, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    history, late = play.journal.history, ["late", "later"]

    async def history_that_grows(member_id: str) -> AsyncIterator[Record | Unreadable]:
        if late:
            await play.buy(ann, late.pop())
        async for record in history(member_id):
            yield record

    monkeypatch.setattr(play.journal, "history", history_that_grows)
    assert await play.verifier().verify_member(ann.member_id) == []
    assert late == []


async def test_members_who_go_on_playing_are_no_difference(play: Play, ann: Member) -> None:
    async def go_on() -> None:
        for number in range(15):
            await play.buy(ann, f"more{number}")
            await play.enrol(f"New{number}")

    playing = asyncio.create_task(go_on())
    while not playing.done():
        assert await play.verify() == []
    await playing
    assert await play.verify() == []
