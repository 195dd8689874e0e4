"""Members for whom something is due are found by what their documents say, whatever has waited longest first."""

from datetime import datetime, timedelta

from app.stores.members import Due
from tests.app.stores.play import NOW, Play

HOUR = timedelta(hours=1)
LONG_AGO, SOON = NOW - 8 * HOUR, NOW + HOUR


async def put(play: Play, **dues: tuple[datetime | None, int | None]) -> None:
    documents = [{"_id": name, "due_at": due_at, "due_by": due_by} for name, (due_at, due_by) in dues.items()]
    await play.connection["members"].insert_many(documents)


async def test_who_has_waited_longest_comes_first_and_who_has_nothing_due_not_at_all(play: Play) -> None:
    await put(play, now=(NOW, 3), never=(None, 3), later=(SOON, 3), old=(LONG_AGO, 3), ahead=(SOON, 4))
    assert await play.members.due(NOW, 3, 10) == [Due("old", LONG_AGO, 3), Due("now", NOW, 3)]
    assert await play.members.due(NOW, 3, 1) == [Due("old", LONG_AGO, 3)]
    assert await play.members.due(LONG_AGO - HOUR, 3, 10) == []
    assert await play.members.count_due(NOW, 3) == 2


async def test_what_was_worked_out_by_an_older_version_is_due_after_that_and_each_once(play: Play) -> None:
    await put(play, both=(NOW, 2), behind=(SOON, 2), never=(None, 1), known=(SOON, 3))
    await play.connection["members"].insert_one({"_id": "ancient", "due_at": None})
    first, *others = await play.members.due(NOW, 3, 10)
    assert first == Due("both", NOW, 2)
    assert sorted(due.member_id for due in others) == ["ancient", "behind", "never"]
    assert {due.member_id for due in await play.members.due(NOW, 2, 10)} == {"both", "never", "ancient"}
    assert len(await play.members.due(NOW, 3, 2)) == 2
    assert await play.members.count_due(NOW, 3) == 4


async def test_the_next_instant_is_looked_for_no_further_than_asked(play: Play) -> None:
    await put(play, now=(NOW, 1), soon=(SOON, 1), later=(SOON + HOUR, 1), never=(None, 1))
    assert await play.members.next_due_at(NOW, SOON) == SOON
    assert await play.members.next_due_at(NOW, SOON - timedelta(milliseconds=1)) is None
    assert await play.members.next_due_at(SOON, SOON + 9 * HOUR) == SOON + HOUR


async def test_both_are_read_from_an_index(play: Play) -> None:
    await put(play, **{f"m{number}": (SOON, 3) for number in range(100)})
    for query in ({"due_at": {"$gt": LONG_AGO, "$lte": NOW}}, {"due_by": {"$lt": 3}}, {"due_by": None}):
        plan = str((await play.connection["members"].find(query).explain())["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in plan
        assert "COLLSCAN" not in plan


async def test_whoever_was_looked_after_meanwhile_is_left_out(play: Play) -> None:
    await put(play, done=(NOW, 3), known=(NOW, 2), same=(LONG_AGO, 3), gone=(NOW, 3))
    page = await play.members.due(NOW, 3, 10)
    assert len(page) == 4
    await play.connection["members"].update_one({"_id": "done"}, {"$set": {"due_at": None}})
    await play.connection["members"].update_one({"_id": "known"}, {"$set": {"due_by": 3}})
    await play.connection["members"].delete_one({"_id": "gone"})
    assert await play.members.still_due(page) == [Due("same", LONG_AGO, 3)]
