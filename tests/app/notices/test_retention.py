"""Old notices go in the order of the feed, unless somebody who follows it waits for them."""

from datetime import datetime, timedelta

import pytest

from app.notices import retention
from app.notices.assembly import Feed
from app.notices.keeper import Keeper
from app.notices.retention import Retention
from gamification.notices.posted import Mailbox
from tests.app.notices.feed import Arena, Worker
from tests.app.stores.play import NOW

ANN = Mailbox(("ann",))
OLD = NOW + timedelta(days=400, milliseconds=1)


async def post(arena: Arena, feed: Feed, *member_ids: str, each: int = 1) -> None:
    await arena.commit(feed, member_ids, each)
    while await feed.relay.place_once():
        pass
    await feed.refill.look()


async def keep(arena: Arena, feed: Feed, at: datetime) -> list[int]:
    """Let the keeper do its work at an instant; the places of what is left."""
    sweeping = Retention(arena.connection, feed.positions)
    await Keeper(feed.positions, feed.streams, feed.groups, sweeping, lambda: at).keep()
    return [posted.position for posted in await feed.notices.after(0, 100)]


async def test_notices_are_kept_for_400_days_and_inboxes_and_the_feed_go_on(arena: Arena) -> None:
    feed = arena.process()
    await feed.refill.look()
    await post(arena, feed, "ann", "bob", each=2)
    assert await keep(arena, feed, OLD - timedelta(milliseconds=1)) == [1, 2, 3, 4]
    assert await feed.notices.count_unread(ANN) == 2
    assert await keep(arena, feed, OLD) == []
    assert await feed.notices.count_unread(ANN) == 0
    assert await feed.notices.inbox(ANN, 2, 10) == []
    assert await feed.notices.mark_all_read(ANN, 2, NOW) == 0

    await post(arena, feed, "ann")
    assert [posted.position for posted in await feed.notices.after(1, 10)] == [5]
    assert [posted.position for posted in await feed.notices.inbox(ANN, None, 10)] == [5]
    assert await feed.notices.last() == 5


async def test_what_a_group_has_not_acknowledged_is_kept(arena: Arena) -> None:
    feed = arena.process()
    await feed.refill.look()
    await feed.streams.register("mail")
    await post(arena, feed, "ann", each=3)
    worker = Worker(arena, feed, "mail")
    await worker.work(2)
    assert await keep(arena, feed, OLD) == [3]

    await arena.lose()
    await feed.refill.look()
    while await worker.work():
        pass
    assert sorted(entry.position for entry in worker.got) == [1, 2, 3]
    assert await keep(arena, feed, OLD) == []


@pytest.mark.parametrize(("disabled", "left"), [(None, [2, 3]), ("by_staff", [])])
async def test_what_an_endpoint_waits_for_is_kept(arena: Arena, disabled: str | None, left: list[int]) -> None:
    feed = arena.process()
    await feed.refill.look()
    await post(arena, feed, "ann", each=3)
    await arena.connection["webhook_endpoints"].insert_one({"slot": 0, "position": 1, "disabled": disabled})
    assert await keep(arena, feed, OLD) == left


async def test_a_sweep_is_bounded(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MAX_DROPPED", 2)
    feed = arena.process()
    await feed.refill.look()
    await post(arena, feed, "ann", each=5)
    assert [await keep(arena, feed, OLD) for _ in range(3)] == [[3, 4, 5], [5], []]
