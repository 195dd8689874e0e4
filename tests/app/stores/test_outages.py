"""A store that is down, stalled or cut off: an answer in time, nothing half-done, and nothing left open."""

import asyncio
import threading
from collections.abc import Awaitable
from typing import Any

import pytest

from app.stores.blocking import blocking
from app.stores.claims import Claims
from app.stores.transaction import ABORT_TIMEOUT_SECONDS, Session, transact
from gamification.requests import Recorded, RecordRequest
from gamification.stores import CommitConflict, StoreUnavailable
from tests.app.stores.conftest import IMPATIENT_SECONDS, FailingCommands, KillableServer
from tests.app.stores.play import Play, purchase

MARGIN_SECONDS = 1.0
"""What a busy machine may add."""
COMMIT_BOUND_SECONDS = IMPATIENT_SECONDS + ABORT_TIMEOUT_SECONDS + MARGIN_SECONDS


async def unavailable(asking: Awaitable[Any], bound_seconds: float) -> None:
    async with asyncio.timeout(bound_seconds):
        with pytest.raises(StoreUnavailable, match="MongoDB did not") as caught:
            await asking
    assert caught.value.__cause__ is not None


async def test_killed_server_is_unavailable_in_time_and_nothing_is_half_done(
    killable: KillableServer, fragile: Play
) -> None:
    ann, bob = await fragile.enrol("Ann"), await fragile.enrol("Bob")
    await fragile.buy(ann, "before")
    commits = [await fragile.fold(await fragile.now(ann), "a"), await fragile.fold(bob, "b")]
    await killable.kill()

    await unavailable(fragile.journal.commit(commits), COMMIT_BOUND_SECONDS)
    await unavailable(fragile.members.by_ids([ann.member_id]), IMPATIENT_SECONDS + MARGIN_SECONDS)
    await unavailable(fragile.journal.page(ann.member_id, None, 5), IMPATIENT_SECONDS + MARGIN_SECONDS)

    await killable.start()
    after = await fragile.now(ann)
    assert [record.seq for record in await fragile.journal.page(ann.member_id, None, 9)] == [2, 1]
    assert (after.state.seq, after.state.balance.available) == (2, 10)
    assert await fragile.now(bob) == bob
    assert await fragile.verify() == []
    await fragile.journal.commit(commits)
    assert (await fragile.now(ann)).state.seq == 3


async def test_server_killed_within_a_transaction(killable: KillableServer, fragile: Play) -> None:
    ann, loop = await fragile.enrol("Ann"), asyncio.get_running_loop()

    def write(session: Session) -> None:
        members = blocking(fragile.connection["members"])
        members.update_one({"_id": ann.member_id}, {"$set": {"state.seq": 9}}, session=session)
        asyncio.run_coroutine_threadsafe(killable.kill(), loop).result(COMMIT_BOUND_SECONDS)

    await unavailable(transact(fragile.connection, write), 2 * COMMIT_BOUND_SECONDS)
    await killable.start()
    assert await fragile.now(ann) == ann
    await fragile.buy(ann, "a")
    assert await fragile.verify() == []


async def test_stalled_server_is_unavailable_in_time(killable: KillableServer, fragile: Play) -> None:
    ann = await fragile.enrol("Ann")
    commit = await fragile.fold(ann, "a")
    killable.pause()
    await unavailable(fragile.journal.commit([commit]), COMMIT_BOUND_SECONDS)
    # More callers at once than the driver has threads wait no longer for that.
    asked = [unavailable(fragile.members.by_ids(["m1"]), 2 * COMMIT_BOUND_SECONDS) for _ in range(40)]
    await asyncio.gather(*asked)


async def test_broken_connection_within_a_transaction_is_mended(play: Play, failing: FailingCommands) -> None:
    commit = await play.fold(await play.enrol("Ann"), "a")
    await failing.fail("insert", closeConnection=True)
    await play.journal.commit([commit])
    assert await play.now(commit.member) == commit.member
    assert await play.verify() == []


async def test_unknown_commit_is_sent_again(play: Play, failing: FailingCommands) -> None:
    commit = await play.fold(await play.enrol("Ann"), "a")
    # The driver sends a commit twice by itself; the third one is ours.
    await failing.fail("commitTransaction", times=2, closeConnection=True)
    await play.journal.commit([commit])
    assert await play.now(commit.member) == commit.member
    assert await play.verify() == []


async def test_commit_that_stays_unknown_is_unavailable_and_may_be_repeated(
    play: Play, impatient: Play, failing: FailingCommands
) -> None:
    ann = await play.enrol("Ann")
    commit = await impatient.fold(ann, "a")
    await failing.fail("commitTransaction", times=100, closeConnection=True)
    await unavailable(impatient.journal.commit([commit]), COMMIT_BOUND_SECONDS)
    await failing.stop()
    [result] = await play.recorder.record([RecordRequest(ann.member_id, purchase("a"))])
    assert isinstance(result, Recorded)
    assert result.record == commit.records[0]
    assert (await play.now(ann)).state.seq == 2
    assert await play.verify() == []


async def test_slow_answer_is_unavailable(impatient: Play, failing: FailingCommands) -> None:
    await failing.fail("find", times=2, blockConnection=True, blockTimeMS=4000)
    await unavailable(impatient.members.by_ids(["m1"]), IMPATIENT_SECONDS + MARGIN_SECONDS)


async def test_wrong_question_is_no_outage(play: Play, failing: FailingCommands) -> None:
    await failing.fail("find", errorCode=13)
    with pytest.raises(Exception, match="failCommand") as caught:
        await play.members.by_ids(["m1"])
    assert type(caught.value).__name__ == "OperationFailure"


async def test_cancelled_caller_leaves_nothing_written_and_nothing_open(play: Play) -> None:
    ann = await play.enrol("Ann")
    commit = await play.fold(ann, "a")
    written, cancelled = threading.Event(), threading.Event()

    def write(session: Session) -> None:
        members = blocking(play.connection["members"])
        members.update_one({"_id": ann.member_id}, {"$set": {"state.seq": 9}}, session=session)
        written.set()
        assert cancelled.wait(COMMIT_BOUND_SECONDS)
        members.find_one(session=session)

    writing = asyncio.create_task(transact(play.connection, write))
    assert await asyncio.to_thread(written.wait, COMMIT_BOUND_SECONDS)
    writing.cancel()
    await asyncio.sleep(0)  # So that it has heard of it.
    cancelled.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await play.now(ann) == ann
    # An open transaction would be a conflict.
    await play.journal.commit([commit])


async def test_body_that_fails_leaves_nothing_written_and_nothing_open(play: Play) -> None:
    ann = await play.enrol("Ann", handle="ann")
    commit = await play.fold(ann, "a")

    def write(session: Session) -> None:
        Claims(play.connection).release(("handle", "ann"), session)
        blocking(play.connection["members"]).delete_one({"_id": ann.member_id}, session=session)
        raise CommitConflict("nothing")

    with pytest.raises(CommitConflict, match="nothing"):
        await transact(play.connection, write)
    assert await play.members.by_handle("ann") == ann
    await play.journal.commit([commit])
