"""Notices are written with their records or not at all, and a member's inbox is theirs alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from app.notices.positions import Positions
from app.stores import notices
from app.stores.journal import MongoJournal
from app.stores.notices import MongoNotices
from gamification.notices.posted import Mailbox, Posted
from gamification.stores import CommitConflict
from tests.app.notices.feed import notice
from tests.app.stores.play import NOW, Play

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def store(play: Play) -> MongoNotices:
    return MongoNotices(play.connection)


async def post(play: Play, store: MongoNotices, *named: tuple[str, str]) -> None:
    """Put notices of (id, member) in the feed, in this order."""
    for notice_id, member_id in named:
        await store.add([notice(notice_id, member_id)])
        await Positions(play.connection).assign()


def ids(page: Sequence[Posted]) -> list[str]:
    return [posted.notice.notice_id for posted in page]


async def test_notices_are_written_with_their_records(play: Play) -> None:
    told: list[str] = []
    journal = MongoJournal(play.connection, notices=MongoNotices(play.connection, lambda: told.append("kept")))
    ann = await play.enrol("Ann")
    commit = await play.fold(ann, "a")
    given = (
        notice("z", ann.member_id, values={"points": 5, "tier": "gold"}, expires_at=LATER),
        notice("a", ann.member_id),
    )
    await journal.commit([replace(commit, notices=given)])
    assert told == ["kept"]

    batch = await Positions(play.connection).assign()

    assert batch is not None
    assert [(entry.notice, entry.position) for entry in batch.entries] == [(given[0], 1), (given[1], 2)]
    assert await MongoNotices(play.connection).after(0, 10) == [Posted(given[0], 1), Posted(given[1], 2)]


async def test_a_commit_that_does_not_hold_tells_nothing(play: Play) -> None:
    told: list[str] = []
    journal = MongoJournal(play.connection, notices=MongoNotices(play.connection, lambda: told.append("kept")))
    ann = await play.enrol("Ann")
    commit = await play.fold(ann, "a")
    await journal.commit([commit])
    with pytest.raises(CommitConflict):
        await journal.commit([replace(commit, notices=(notice("z", ann.member_id),))])
    assert await play.connection["notices"].count_documents({}) == 0
    assert told == []


async def test_a_notice_of_a_commit_that_is_there_already_does_no_harm(play: Play, store: MongoNotices) -> None:
    await store.add([notice("ann:streak", at=LATER)])
    ann = await play.enrol("Ann")
    commit = await play.fold(ann, "a")
    await play.journal.commit([replace(commit, notices=(notice("ann:streak"), notice("ann:1:0")))])
    found = {each["_id"]: each["at"] async for each in play.connection["notices"].find()}
    assert found == {"ann:streak": LATER, "ann:1:0": NOW}


async def test_all_that_are_asked_for_by_their_ids_are_got(
    play: Play, store: MongoNotices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "MAX_PAGE_NOTICES", 2)
    asked = [f"n{number}" for number in range(5)]
    await post(play, store, *((notice_id, "ann") for notice_id in asked))
    await store.add([notice("unplaced")])
    found = await store.get(["none", *asked, "unplaced"])
    assert {notice_id: posted.position for notice_id, posted in found.items()} == dict(
        zip(asked, range(1, 6), strict=True)
    )


async def test_what_has_no_place_yet_is_in_no_list(play: Play, store: MongoNotices) -> None:
    await store.add([notice("one")])
    assert await store.after(0, 10) == []
    assert await store.inbox(Mailbox(("ann",)), None, 10) == []
    assert await store.since("ann", 0, 10) == []
    assert await store.get(["one"]) == {}
    assert await store.last() == 0
    assert await store.mark_all_read(Mailbox(("ann",)), 10, LATER) == 0
    assert await store.mark_read(Mailbox(("ann",)), ["one"], LATER) == []
    await Positions(play.connection).assign()
    assert await store.after(0, 10) == [Posted(notice("one"), 1)]
    assert await store.last() == 1


async def test_an_inbox_is_newest_first_and_of_one_member(play: Play, store: MongoNotices) -> None:
    await post(play, store, ("a1", "ann"), ("b1", "bob"), ("a2", "ann"), ("a3", "ann"))
    assert ids(await store.inbox(Mailbox(("ann",)), None, 2)) == ["a3", "a2"]
    assert ids(await store.inbox(Mailbox(("ann",)), 3, 2)) == ["a1"]
    assert ids(await store.since("ann", 1, 10)) == ["a2", "a3"]
    assert ids(await store.since("ann", 0, 2)) == ["a1", "a2"]
    assert ids(await store.after(1, 2)) == ["b1", "a2"]
    assert ids(list((await store.get(["a1", "b1", "none"])).values())) == ["a1", "b1"]


async def test_reading_is_noted_once_and_by_the_member_alone(play: Play, store: MongoNotices) -> None:
    await post(play, store, ("a1", "ann"), ("b1", "bob"), ("a2", "ann"))
    assert await store.count_unread(Mailbox(("ann",))) == 2

    marked = await store.mark_read(Mailbox(("ann",)), ["a1", "b1", "none"], NOW)

    assert [(each.notice.notice_id, each.read_at) for each in marked] == [("a1", NOW)]
    assert (await store.count_unread(Mailbox(("ann",))), await store.count_unread(Mailbox(("bob",)))) == (1, 1)
    [again] = await store.mark_read(Mailbox(("ann",)), ["a1"], LATER)
    assert again.read_at == NOW


async def test_all_up_to_a_place_is_read(play: Play, store: MongoNotices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "MAX_MARKED", 2)
    await post(play, store, *((f"a{number}", "ann") for number in range(1, 8)), ("b1", "bob"))
    await store.mark_read(Mailbox(("ann",)), ["a2"], NOW)
    assert await store.mark_all_read(Mailbox(("ann",)), 5, LATER) == 4
    assert await store.mark_all_read(Mailbox(("ann",)), 5, LATER) == 0
    read = {each.notice.notice_id: each.read_at for each in await store.after(0, 10)}
    assert read == {
        **dict.fromkeys(("a1", "a3", "a4", "a5"), LATER),
        "a2": NOW,
        **dict.fromkeys(("a6", "a7", "b1")),
    }


async def test_unread_ones_are_counted_to_a_bound(
    play: Play, store: MongoNotices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "MAX_COUNTED", 3)
    await post(play, store, *((f"a{number}", "ann") for number in range(5)))
    assert await store.count_unread(Mailbox(("ann",))) == 3
