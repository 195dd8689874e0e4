"""What is committed comes to the boards: at once, or after whatever was in between, and is forgotten only then."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from unittest.mock import AsyncMock

import orjson
import pytest

from app.boards import scripts
from app.boards.placing import Placing
from app.clock import utc_now
from app.live import announcer as announcer_module
from app.live.announcer import MAX_WAITING, PASSED_OVER_FOR
from app.stores import journal
from app.stores.codec import MemberScores
from app.stores.connection import Connection
from app.stores.outbox import Changed
from app.stores.transaction import Session, transact
from gamification.member import Member
from gamification.program import Program
from gamification.requests import ReverseRequest
from gamification.stores import ProfileChanges, StoreUnavailable
from tests.app.live.shop import (
    ALL_TIME,
    WEEKLY,
    Shop,
    assert_all_is_right,
    buy,
    differences,
    position,
    top,
    until,
)
from tests.redis_servers import RedisServer
from tests.schema.api import Api

LATEST_SECONDS = 1.0
"""A rank is never more than this behind the record that caused it."""
MEMBERS = 12
PURCHASES_EACH = 8


async def test_a_purchase_in_one_process_is_on_the_boards_of_another_within_a_second(shop: Shop) -> None:
    till, phone = await shop.process(), await shop.process()
    ann, bob = await till.enrol("Ann"), await till.enrol("Bob")
    await buy(till, ann, "p1", 1_000)
    await buy(till, bob, "p2", 2_000)

    async def bob_leads() -> bool:
        return (await position(phone, bob), await position(phone, ann)) == (1, 2)

    await until(bob_leads, LATEST_SECONDS)
    await shop.quiet()
    assert await top(phone, ALL_TIME) == [bob.member_id, ann.member_id]
    assert await differences(phone) == []


async def test_what_a_process_could_not_announce_is_swept_by_another(shop: Shop) -> None:
    till, phone = await shop.process(live=False), await shop.process()
    ann = await till.enrol("Ann")
    await buy(till, ann, "p1", 1_000)

    async def ann_leads() -> bool:
        return await position(phone, ann) == 1

    await until(ann_leads)
    await assert_all_is_right(shop, phone)


async def test_boards_that_are_not_built_yet_are_no_warning(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    till, phone = await shop.process(live=False), await shop.process(live=False)
    await buy(till, await till.enrol("Ann"), "p1", 1_000)

    async def said() -> bool:
        return bool(caplog.records)

    with caplog.at_level(logging.INFO, "app.live.announcer"):
        sweeping = asyncio.create_task(phone.laurel.live.announcer.sweep())
        await until(said)
        sweeping.cancel()
    message = "what is recorded comes to boards and phones later: the boards are not built yet"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("INFO", message)]


async def test_what_a_clock_that_is_ahead_has_noted_is_swept_at_once(shop: Shop) -> None:
    till = await shop.process(live=False)
    await buy(till, await till.enrol("Ann"), "p1", 1_000)
    await shop.database["outbox"].update_many({}, {"$set": {"at": utc_now() + timedelta(hours=1)}})
    phone = await shop.process()
    await assert_all_is_right(shop, phone)


async def test_a_member_who_hides_leaves_the_public_order_and_comes_back(shop: Shop) -> None:
    till, phone = await shop.process(), await shop.process()
    ann, bob = await till.enrol("Ann"), await till.enrol("Bob")
    await buy(till, ann, "p1", 2_000)
    await buy(till, bob, "p2", 1_000)

    async def shows(*members: Member) -> bool:
        return await top(phone) == [member.member_id for member in members]

    await until(lambda: shows(ann, bob), LATEST_SECONDS)
    await till.laurel.members.change_profile(ann.member_id, ProfileChanges({}, {"board": "friends"}))
    await until(lambda: shows(bob), LATEST_SECONDS)
    assert await position(phone, ann) == 1
    await till.laurel.members.change_profile(ann.member_id, ProfileChanges({}, {"board": "shown"}))
    await until(lambda: shows(ann, bob), LATEST_SECONDS)
    await assert_all_is_right(shop, phone)


async def test_entries_that_come_while_others_are_announced_are_kept(shop: Shop) -> None:
    """A commit after these were placed must not lose its entry to the deletion that follows."""
    api = await shop.process(live=False)
    live = api.laurel.live
    await live.rebuilder.rebuild()
    ann = await api.enrol("Ann")
    await buy(api, ann, "p1", 1_000)
    placings = live.placings
    read, go_on = asyncio.Event(), asyncio.Event()
    as_of = placings.as_of

    async def held(members: Sequence[MemberScores]) -> Sequence[Placing]:
        found = await as_of(members)
        read.set()
        await go_on.wait()
        return found

    placings.as_of = held  # type: ignore[method-assign]
    announcing = asyncio.create_task(live.announcer.run())
    try:
        await read.wait()
        await buy(api, ann, "p2", 1_000)
        placings.as_of = as_of  # type: ignore[method-assign]
        assert await api.database["outbox"].count_documents({}) == 3
        go_on.set()
        await shop.quiet()
    finally:
        announcing.cancel()
    assert await differences(api) == []


async def test_a_member_that_cannot_be_read_does_not_hold_up_the_others(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    till, phone = await shop.process(live=False), await shop.process(live=False)
    ann, bob = await till.enrol("Ann"), await till.enrol("Bob")
    await buy(till, ann, "p1", 2_000)
    await buy(till, bob, "p2", 1_000)
    await shop.database["members"].update_one({"_id": ann.member_id}, {"$set": {"state.scores": "none"}})
    phone = await shop.process()
    await shop.quiet()
    assert await top(phone) == [bob.member_id]
    assert f"the member {ann.member_id} cannot be read and is on no board" in caplog.text


async def test_boards_are_told_by_a_commit_what_they_would_read(shop: Shop) -> None:
    till, told = await shop.process(live=False), list[Changed]()
    till.laurel.journal._on_written = told.extend
    members = till.laurel.members
    ann, bob = await till.enrol("Ann"), await till.enrol("Bob")
    await members.change_profile(bob.member_id, ProfileChanges({"alias": "Bobby"}, {"board": "alias"}))
    for who, key in ((ann, "p1"), (bob, "p2"), (ann, "p3")):
        await buy(till, who, key, 1_000)
    latest = {change.member_id: change.scores for change in told}
    read = await members.scores_of([ann.member_id, bob.member_id])
    assert latest == {one.member_id: one for one in read}
    assert all(one.scores for one in read if isinstance(one, MemberScores))
    assert [change.revision for change in told] == [1, 1, 2, 3, 3]


async def test_who_leaves_a_board_is_read_of_it(shop: Shop) -> None:
    till, told = await shop.process(), list[Changed]()
    ann = await till.enrol("Ann")
    await buy(till, ann, "p1", 1_000)
    await shop.quiet()
    announce = till.laurel.live.announcer.written

    def written(changes: Sequence[Changed]) -> None:
        told.extend(changes)
        announce(changes)

    till.laurel.journal._on_written = written
    await till.laurel.game.recorder.reverse(ReverseRequest(ann.member_id, "p1"))
    assert told == [Changed(ann.member_id, 3)]
    await shop.quiet()
    assert (await position(till, ann), await differences(till)) == (None, [])


async def test_of_several_entries_about_a_member_the_latest_counts(shop: Shop) -> None:
    till = await shop.process(live=False)
    await till.laurel.live.rebuilder.rebuild()
    ann, bob = await till.enrol("Ann"), await till.enrol("Bob")
    for number in range(3):
        await buy(till, ann, f"a{number}", 1_000)
        await buy(till, bob, f"b{number}", 500)
    await till.laurel.members.change_profile(bob.member_id, ProfileChanges({}, {"board": "hidden"}))
    announcer = till.laurel.live.announcer
    noted, announcer._waiting = announcer._waiting, {}
    newest_first = dict(reversed(noted.items()))
    await announcer._try(newest_first)
    assert (await top(till), await differences(till)) == ([ann.member_id], [])


async def test_more_than_a_process_keeps_in_mind_is_left_to_the_sweeper(shop: Shop) -> None:
    api = await shop.process(live=False)
    announcer = api.laurel.live.announcer
    announcer.written([Changed(f"m{number}", 1) for number in range(MAX_WAITING + 5)])
    announcer.written([Changed("one more", 1)])
    assert len(announcer._waiting) == MAX_WAITING


async def shopping(api: Api, members: list[Member], rng: random.Random) -> None:
    async def shop_as(member: Member) -> None:
        for number in range(PURCHASES_EACH):
            await buy(api, member, f"p{number}", rng.randrange(100, 5_000))

    await asyncio.gather(*(shop_as(member) for member in members))


async def test_redis_emptied_at_random_moments_while_members_shop(shop: Shop) -> None:
    rng = random.Random(5)
    till, phone = await shop.process(), await shop.process()
    members = [await till.enrol(f"m{number}") for number in range(MEMBERS)]
    task = asyncio.create_task(shopping(till, members, rng))
    while not task.done():
        await till.laurel.live.redis.flushdb()
        await asyncio.wait([task], timeout=rng.uniform(0, 0.4))
    await task
    await assert_all_is_right(shop, phone)
    assert len(await top(phone)) == MEMBERS


@pytest.mark.parametrize("fault", ["paused", "killed"])
async def test_redis_away_while_members_shop_and_then_back(shop: Shop, own_redis: RedisServer, fault: str) -> None:
    rng = random.Random(6)
    away = shop.beside(own_redis.url)
    till, phone = await away.process(), await away.process()
    members = [await till.enrol(f"m{number}") for number in range(MEMBERS)]
    await buy(till, members[0], "before", 1_000)
    await away.quiet()
    if fault == "paused":
        own_redis.pause()
    else:
        await own_redis.kill()
    await shopping(till, members, rng)
    assert not await away.outbox_is_empty()
    assert await position(phone, members[1]) is None
    with pytest.raises(StoreUnavailable):
        await phone.laurel.live.boards.place(await phone.laurel.live.placings.of([members[0].member_id]))
    if fault == "paused":
        own_redis.resume()
    else:
        await own_redis.start()
    await assert_all_is_right(away, phone)
    assert len(await top(phone, WEEKLY)) == MEMBERS


async def test_what_cannot_be_announced_does_not_stop_what_comes_after_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(announcer_module, "MAX_BATCH", 2)
    api, other = await shop.process(live=False), await shop.process(live=False)
    live = other.laurel.live
    await live.rebuilder.rebuild()
    members = [await api.enrol(name) for name in ("Ann", "Bob", "Cid")]
    for member in members:
        await buy(api, member, "p1", 1_000)
    ann, of = members[0].member_id, live.placings.of

    async def faulty(member_ids: Sequence[str]) -> object:
        if ann in member_ids:
            raise RuntimeError("a fault")
        return await of(member_ids)

    monkeypatch.setattr(live.placings, "of", faulty)
    clock = utc_now() + timedelta(seconds=1)
    monkeypatch.setattr(live.announcer, "_now", lambda: clock)

    async def left() -> set[str]:
        return {entry["member_id"] async for entry in api.database["outbox"].find()}

    while await live.announcer._sweep_once():
        pass
    assert await left() == {ann}
    assert caplog.text.count(f"{ann}:2 cannot be announced") == 1

    monkeypatch.setattr(live.placings, "of", of)
    assert await live.announcer._sweep_once() == 0
    clock += PASSED_OVER_FOR
    assert await live.announcer._sweep_once() == 2
    assert await left() == set()
    assert await differences(api) == []


async def test_a_noted_entry_that_cannot_be_announced_does_not_stop_the_announcer(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    till, phone = await shop.process(live=False), await shop.process()
    ann, bob = await till.enrol("Ann"), await till.enrol("Bob")
    placings = phone.laurel.live.placings._placings

    def faulty(members: Sequence[MemberScores], program: Program) -> Sequence[Placing]:
        if any(one.member_id == ann.member_id for one in members):
            raise RuntimeError("a fault")
        return placings(members, program)

    monkeypatch.setattr(phone.laurel.live.placings, "_placings", faulty)
    for member in (ann, bob):
        await buy(phone, member, "p1", 1_000)

    async def bob_leads() -> bool:
        return await top(phone) == [bob.member_id]

    await until(bob_leads, LATEST_SECONDS)


async def test_what_is_in_hand_is_left_to_the_announcer_by_the_sweeper_of_its_process(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcer_module, "SWEPT_AFTER", timedelta(0))
    till, phone = await shop.process(live=False), await shop.process(live=False)
    await till.enrol("Ann")
    assert [await each.laurel.live.announcer._sweep_once() for each in (till, phone)] == [0, 1]


async def test_what_could_not_be_announced_is_in_hand_no_more(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcer_module, "SWEPT_AFTER", timedelta(0))
    till = await shop.process(live=False)
    await till.enrol("Ann")
    announcer = till.laurel.live.announcer
    with pytest.MonkeyPatch.context() as away:
        away.setattr(announcer_module, "RETRY_SECONDS", 0.0)
        away.setattr(till.laurel.live.boards, "place", AsyncMock(side_effect=StoreUnavailable("Redis is away")))
        noted, announcer._waiting = announcer._waiting, {}
        await announcer._try(noted)
    assert (announcer._in_hand, await announcer._sweep_once()) == (set(), 1)


async def test_purchases_that_arrive_together_are_one_transaction_and_one_pipeline(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = await shop.process()
    members = [await till.enrol(f"Member {number}") for number in range(MEMBERS)]
    await shop.quiet()
    transactions: list[object] = []

    async def counted(connection: Connection, body: Callable[[Session], object]) -> object:
        transactions.append(body)
        return await transact(connection, body)

    monkeypatch.setattr(journal, "transact", counted)
    wire = till.laurel.live.boards._wire
    run = AsyncMock(wraps=wire.run)
    monkeypatch.setattr(wire, "run", run)
    read = AsyncMock(side_effect=AssertionError("the commit has told what boards need"))
    monkeypatch.setattr(till.laurel.live.placings, "of", read)
    await asyncio.gather(*(buy(till, member, "p1", 1_000) for member in members))
    assert len(transactions) == 1
    await shop.quiet()
    pipelines = [call.args[0] for call in run.await_args_list]
    placing = [[call for call in calls if call.script is scripts.PLACE] for calls in pipelines]
    (placed,) = filter(None, placing)
    assert {len(orjson.loads(call.arguments[1])) // 5 for call in placed} == {MEMBERS}
