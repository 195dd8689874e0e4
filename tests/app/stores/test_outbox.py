"""The outbox: what is committed stays to be announced until it has been."""

from datetime import UTC, datetime, timedelta

import pytest
from pymongo.errors import BulkWriteError

from app.stores.outbox import Changed, Outbox, OutboxEntry
from app.stores.transaction import Session, transact
from tests.app.stores.play import Play

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def add(play: Play, at: datetime, *entries: tuple[str, int]) -> Outbox:
    outbox = Outbox(play.connection, lambda: at)

    def write(session: Session) -> None:
        outbox.add([Changed(*entry) for entry in entries], session)

    await transact(play.connection, write)
    return outbox


async def test_the_oldest_come_first_up_to_a_limit_and_a_time(play: Play) -> None:
    outbox = await add(play, AT + timedelta(seconds=2), ("ann", 4))
    await add(play, AT, ("ann", 3), ("bob", 7))
    await add(play, AT + timedelta(seconds=1), ("eve", 1))
    assert await outbox.pending(AT, 10) == []
    first = await outbox.pending(AT + timedelta(milliseconds=1), 10)
    assert sorted(first, key=lambda entry: entry.entry_id) == [
        OutboxEntry("ann:3", "ann", AT),
        OutboxEntry("bob:7", "bob", AT),
    ]
    ids = [entry.entry_id for entry in await outbox.pending(AT + timedelta(hours=1), 3)]
    assert (sorted(ids[:2]), ids[2]) == (["ann:3", "bob:7"], "eve:1")


async def test_what_is_done_is_gone_and_the_rest_stays(play: Play) -> None:
    outbox = await add(play, AT, ("ann", 3), ("bob", 7))
    await outbox.done([])
    await outbox.done(["ann:3", "eve:1"])
    await outbox.done(["ann:3"])
    assert await outbox.pending(AT + timedelta(hours=1), 10) == [OutboxEntry("bob:7", "bob", AT)]


async def test_a_revision_given_twice_fails_its_transaction(play: Play) -> None:
    outbox = await add(play, AT, ("ann", 3))
    with pytest.raises(BulkWriteError):
        await add(play, AT, ("bob", 1), ("ann", 3))
    assert await outbox.pending(AT + timedelta(hours=1), 10) == [OutboxEntry("ann:3", "ann", AT)]


async def test_what_is_not_committed_is_not_to_be_announced(play: Play) -> None:
    outbox = Outbox(play.connection, lambda: AT)

    def fail(session: Session) -> None:
        outbox.add([Changed("ann", 3)], session)
        raise LookupError

    with pytest.raises(LookupError):
        await transact(play.connection, fail)
    assert await outbox.pending(AT + timedelta(hours=1), 10) == []
