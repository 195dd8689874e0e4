"""A commit is all or nothing, holds only on the snapshot it was made from, and leaves the profile alone."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from app.stores.blocking import blocking
from app.stores.codec import MemberScores
from app.stores.journal import MongoJournal
from app.stores.outbox import Changed
from app.stores.transaction import Session, transact
from gamification.member import Member
from gamification.stores import CommitConflict, ProfileChanges
from tests.app.stores.play import NOW, Play, renamed


async def contents(play: Play) -> Mapping[str, Any]:
    """Everything that a commit can change."""
    return {
        name: await play.connection[name].find().sort("_id", 1).to_list(None)
        for name in ("members", "journal", "claims")
    }


async def refused(play: Play, committing: Awaitable[None]) -> str | None:
    """What was taken; and nothing has changed."""
    before = await contents(play)
    with pytest.raises(CommitConflict) as caught:
        await committing
    assert await contents(play) == before
    return caught.value.taken


async def test_committed_records_and_snapshot_are_read_back_equal(play: Play) -> None:
    ann = await play.enrol("Ann")
    commit = await play.fold(ann, "a", "b")
    await play.journal.commit([commit])
    assert await play.now(ann) == commit.member
    assert await play.journal.by_keys([(ann.member_id, "a"), (ann.member_id, "nope"), ("m9", "b")]) == {
        (ann.member_id, "a"): commit.records[0]
    }
    assert [record.seq async for record in play.journal.history(ann.member_id)] == [1, 2, 3]
    stored = await play.connection["members"].find_one({"_id": ann.member_id})
    assert stored is not None
    assert (stored["due_at"], stored["enrolment_key"]) == (commit.due_at, "Ann")


async def test_no_commits_are_no_transaction(play: Play) -> None:
    before = await contents(play)
    await play.journal.commit([])
    assert await contents(play) == before


async def test_two_commits_of_one_member_at_once_are_a_mistake(play: Play) -> None:
    commit = await play.fold(await play.enrol("Ann"), "a")
    with pytest.raises(ValueError, match="one commit"):
        await play.journal.commit([commit, commit])


async def test_pages_go_back_from_the_newest(play: Play) -> None:
    ann, bob = await play.enrol("Ann"), await play.enrol("Bob")
    await play.buy(ann, *"abcde")
    await play.buy(bob, "a")

    async def page(before_seq: int | None, limit: int) -> list[int]:
        return [record.seq for record in await play.journal.page(ann.member_id, before_seq, limit)]

    assert await page(None, 4) == [6, 5, 4, 3]
    assert await page(3, 4) == [2, 1]
    assert await page(1, 4) == []
    assert await page(None, 100) == [6, 5, 4, 3, 2, 1]
    assert await play.journal.page("nobody", None, 4) == []


async def test_snapshot_that_has_moved_on(play: Play) -> None:
    ann = await play.enrol("Ann")
    late = await play.fold(ann, "late")
    await play.buy(ann, "first")
    assert await refused(play, play.journal.commit([late])) is None
    free = replace(late, records=(replace(late.records[0], seq=9),))
    assert await refused(play, play.journal.commit([free])) is None


async def test_member_who_is_gone(play: Play) -> None:
    ann = await play.enrol("Ann")
    commit = await play.fold(ann, "a")
    nobody = replace(commit, member=replace(commit.member, member_id="nobody"))
    assert await refused(play, play.journal.commit([nobody])) is None


async def test_key_that_is_taken(play: Play) -> None:
    ann = await play.enrol("Ann")
    await play.buy(ann, "a")
    again = await play.fold(await play.now(ann), "a")
    assert await refused(play, play.journal.commit([again])) == "key"


async def test_number_that_is_taken(play: Play) -> None:
    ann = await play.enrol("Ann")
    await play.buy(ann, "a")
    commit = await play.fold(await play.now(ann), "b")
    twice = replace(commit, records=(replace(commit.records[0], seq=2),))
    assert await refused(play, play.journal.commit([twice])) is None


@pytest.mark.parametrize("taken", ["enrolment_key", "loyalty_number", "handle", "external_id"])
async def test_identity_that_is_taken(play: Play, taken: str) -> None:
    await play.enrol("Bob")
    ann = replace(await play.enrol("Ann", handle="ann"), external_id="shop-1")
    fresh = await play.fold(replace(ann, member_id="m7", loyalty_number="7", external_id="shop-2"), "a")
    fresh = replace(fresh, member=renamed(fresh.member, "Eve"), enrolment_key="Eve", enrolment_hash="hash")
    profile = replace(fresh.member.profile, handle="eve")
    fresh = replace(fresh, member=replace(fresh.member, profile=profile))
    await play.journal.commit([fresh])

    new = replace(fresh.member, member_id="m8", loyalty_number="8", external_id="shop-3")
    new = replace(new, profile=replace(profile, handle="new"))
    changes: dict[str, Member] = {
        "enrolment_key": new,
        "loyalty_number": replace(new, loyalty_number="7"),
        "handle": replace(new, profile=profile),
        "external_id": replace(new, external_id="shop-2"),
    }
    records = tuple(replace(record, member_id="m8") for record in fresh.records)
    key = "Eve" if taken == "enrolment_key" else "New"
    commit = replace(fresh, member=changes[taken], records=records, enrolment_key=key)
    assert await refused(play, play.journal.commit([commit])) == taken


async def test_repeated_enrolment_says_so_and_not_that_its_handle_is_taken(play: Play) -> None:
    ann = await play.enrol("Ann", handle="ann")
    commit = await play.fold(replace(ann, member_id="m8"), "a")
    again = replace(commit, enrolment_key="Ann", enrolment_hash="hash")
    assert await refused(play, play.journal.commit([again])) == "enrolment_key"


async def test_one_conflict_undoes_the_commits_of_others(play: Play) -> None:
    ann, bob, eve = await play.enrol("Ann"), await play.enrol("Bob"), await play.enrol("Eve")
    await play.buy(bob, "b")
    commits = [await play.fold(ann, "a"), await play.fold(await play.now(bob), "b"), await play.fold(eve, "e")]
    assert await refused(play, play.journal.commit(commits)) == "key"
    await play.journal.commit([commits[0], commits[2]])
    assert await play.verify() == []


async def test_of_two_commits_at_once_one_wins(play: Play) -> None:
    ann = await play.enrol("Ann")
    commits = [await play.fold(ann, "a"), await play.fold(ann, "b")]
    results = await asyncio.gather(*(play.journal.commit([commit]) for commit in commits), return_exceptions=True)
    assert sorted(map(repr, results)) == ["CommitConflict('the snapshot has moved on')", "None"]
    assert await play.now(ann) == commits[results.index(None)].member
    assert await play.verify() == []


async def test_commit_that_meets_an_open_transaction_is_a_conflict(play: Play) -> None:
    ann = await play.enrol("Ann")
    commit, rival = await play.fold(ann, "a"), await play.fold(ann, "b")
    loop = asyncio.get_running_loop()

    def write(session: Session) -> None:
        blocking(play.connection["members"]).update_one(
            {"_id": ann.member_id}, {"$set": {"due_at": NOW}}, session=session
        )
        with pytest.raises(CommitConflict):
            asyncio.run_coroutine_threadsafe(play.journal.commit([rival]), loop).result(play.connection.timeout_seconds)

    await transact(play.connection, write)
    await play.journal.commit([commit])
    assert await play.verify() == []


async def test_of_a_profile_that_changed_meanwhile_nothing_is_told_but_the_revision(play: Play) -> None:
    told = list[Changed]()
    journal = MongoJournal(play.connection, on_written=told.extend)
    ann, bob = await play.enrol("Ann"), await play.enrol("Bob")
    commits = [await play.fold(ann, "a"), await play.fold(bob, "b")]
    await play.members.change_profile(ann.member_id, ProfileChanges({}, {"board": "hidden"}))
    await journal.commit(commits)
    known = MemberScores(bob.member_id, 2, "shown", None, ())
    assert sorted(told, key=lambda change: change.member_id) == [
        Changed(ann.member_id, 3),
        Changed(bob.member_id, 2, known),
    ]


async def test_profile_that_changed_meanwhile_survives_a_commit(play: Play) -> None:
    ann = await play.enrol("Ann")
    commit = await play.fold(ann, "a")
    await play.members.change_profile(ann.member_id, ProfileChanges({"display_name": "Anna"}, {"profile": True}))
    await play.members.save_showcase(ann.member_id, ("badge",))
    await play.journal.commit([commit])
    now = await play.now(ann)
    assert (now.profile.display_name, now.visibility.profile, now.showcase) == ("Anna", True, ("badge",))
    assert now.state == commit.state
