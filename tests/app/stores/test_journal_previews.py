"""What a preview reads of the journal: who was active, and their whole histories, within bounds."""

from datetime import timedelta

from tests.app.stores.play import NOW, Play


async def test_who_was_active_since_in_order_and_page_by_page(play: Play) -> None:
    ids = sorted([(await play.enrol(name)).member_id for name in ("Ann", "Ben", "Cat")])
    journal = play.journal
    assert await journal.active_since(NOW - timedelta(days=1), "", 10) == ids
    assert await journal.active_since(NOW - timedelta(days=1), "", 2) == ids[:2]
    assert await journal.active_since(NOW - timedelta(days=1), ids[1], 2) == ids[2:]
    assert await journal.active_since(NOW + timedelta(days=1), "", 10) == []


async def test_histories_are_whole_or_left_out(play: Play) -> None:
    ann, ben = await play.enrol("Ann"), await play.enrol("Ben")
    for member in (ann, ben):
        await play.journal.commit([await play.fold(member, "a", "b")])
    ids = [ann.member_id, ben.member_id]
    whole = {member_id: [record async for record in play.journal.history(member_id)] for member_id in ids}
    records = sum(len(each) for each in whole.values())
    assert await play.journal.histories(ids, records) == whole
    first = min(ids)
    assert await play.journal.histories(ids, records - 1) == {first: whole[first]}
    assert await play.journal.histories(ids, 1) == {}
    assert await play.journal.histories([], 10) == {}
