"""Quiet hours, bounds and what is told as one: what waits is decided about when its time has come."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import time, timedelta
from functools import partial
from typing import Any

import pytest

from app.push import resuming, sending, session
from app.push.providers.provider import Later
from app.push.rows import Rows
from app.stores.devices import MongoDevices
from gamification.delivery.hours import QuietHours
from gamification.delivery.preferences import Changes, Choice
from gamification.stores import StoreUnavailable
from tests.app.push.post import MINUTE, Document, Double, Office, at_work, program_of, session_of, until


def around(office: Office) -> QuietHours:
    """Quiet hours in UTC that it is the middle of."""
    now = office.now()
    return QuietHours((now - timedelta(hours=2)).time().replace(microsecond=0), _later(office))


def _later(office: Office) -> time:
    return (office.now() + timedelta(hours=2)).time().replace(microsecond=0)


async def test_what_comes_in_quiet_hours_waits_and_is_told_as_one_when_they_are_over(office: Office) -> None:
    await office.phones("ann")
    await office.preferences.change("ann", Changes(quiet=around(office)))
    double = Double()
    async with at_work(office, double):
        await office.tell("ann", "1", "2", collapse="badge_won")
        await office.tell("ann", "3", kind="birthday")
        await office.tell("ann", "4", collapse="badge_won")
        await until(lambda: _has(office, "waiting", 4))
        assert {one["reason"] for one in await office.stored()} == {"quiet_hours"}
        assert double.sent == []
        await office.preferences.change("ann", Changes(quiet=None))
        await office.deliveries.reconsider("ann", office.now())
        await until(lambda: _has(office, "sent", 2))
    assert double.sent == [("ann:3", "phone-ann", "3 x1"), ("ann:4", "phone-ann", "4 x3")]
    assert await office.states() == {
        "ann:1": "dropped collapsed",
        "ann:2": "dropped collapsed",
        "ann:3": "sent",
        "ann:4": "sent",
    }


async def test_who_lands_where_it_is_night_is_not_woken(office: Office) -> None:
    await office.phones("ann")
    quiet = around(office)
    await office.preferences.change("ann", Changes(quiet=quiet))
    await office.register("ann", "phone-ann", time_zone="Pacific/Auckland")
    double = Double()
    async with at_work(office, double):
        await office.tell("ann", "1")
        await until(lambda: double.notices == ["ann:1"])
        await office.register("ann", "phone-ann", time_zone="UTC", at=office.now() + MINUTE)
        await office.tell("ann", "2")
        await until(lambda: _has(office, "waiting", 1))
    assert double.notices == ["ann:1"]


async def test_no_more_is_sent_on_a_day_than_may_be_however_many_devices_there_are(office: Office) -> None:
    office.program = program_of(per_day=3, kinds={"badge_won": {"per_day": 2}})
    await office.phones("ann")
    await office.register("ann", "tablet-ann")
    double = Double()
    async with at_work(office, double):
        for number in range(4):
            await office.tell("ann", str(number))
            await until(partial(_has_rows, office, 2 * number + 2))
        await office.tell("ann", "4", "5", kind="birthday")
        await until(lambda: _has_rows(office, 12))
        await until(lambda: _has(office, "sent", 6))
    states = await office.states()
    assert states == {f"ann:{number}": "sent" if number in {0, 1, 4} else "dropped cap" for number in range(6)}


async def test_what_is_unwanted_is_noted_and_not_sent(office: Office) -> None:
    await office.phones("ann")
    await office.preferences.change("ann", Changes((Choice("push", "badge_won", on=False),)))
    await office.register("ann", "new-phone")
    double = Double()
    async with at_work(office, double):
        await office.tell("ann", "1")
        await office.tell("ann", "2", kind="birthday")
        await until(lambda: len(double.sent) == 2)
    assert {one["reason"] for one in await office.stored(notice_id="ann:1")} == {"unwanted"}
    assert double.notices == ["ann:2", "ann:2"]


async def test_what_waits_for_a_device_that_moves_or_is_removed_is_not_sent_to_it(office: Office) -> None:
    await office.phones("ann", "bob")
    removed = await office.register("ann", "old-phone")
    quiet = Changes(quiet=around(office))
    await office.preferences.change("ann", quiet)
    double = Double()
    async with at_work(office, double):
        await office.tell("ann", "1")
        await until(lambda: _has(office, "waiting", 2))
        await office.register("bob", "phone-ann")
        await office.devices.remove("ann", removed.device_id, office.now())
        await office.preferences.change("ann", Changes(quiet=None))
        await office.deliveries.reconsider("ann", office.now())
        await office.tell("bob", "2")
        await until(lambda: len(double.sent) == 2)
    assert sorted(double.sent) == [("bob:2", "phone-ann", "2 x1"), ("bob:2", "phone-bob", "2 x1")]
    reasons = sorted(one["reason"] for one in await office.stored(member_id="ann"))
    assert reasons == ["device_moved", "device_removed"]


async def test_what_is_written_as_its_device_moves_is_not_sent_to_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.phones("ann", "bob")
    insert = Rows.insert

    async def moved_before(rows: Rows, documents: list[Document]) -> set[str]:
        await office.register("bob", "phone-ann")
        return await insert(rows, documents)

    double = Double()
    async with at_work(office, double):
        monkeypatch.setattr(Rows, "insert", moved_before)
        await office.tell("ann", "1")
        await until(lambda: _has(office, "dropped", 1))
    assert (double.sent, await office.states()) == ([], {"ann:1": "dropped device_moved"})


async def test_whose_a_device_is_is_read_anew_right_before_what_was_in_hand_is_sent(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "FRESH_SECONDS", 0.05)
    await office.phones("ann", "bob", "cid")
    come_back = asyncio.Event()
    double = Double(until=come_back)
    async with at_work(office, double) as worker:
        sender = session_of(worker).sender
        monkeypatch.setattr(sender, "_in_flight", {"fcm": asyncio.Semaphore(1)})
        await office.tell("bob", "1")
        await until(lambda: double.at_once == 1)
        await office.tell("ann", "2")
        await office.tell("cid", "3")
        await until(lambda: len(sender._queues) == 3)
        await asyncio.sleep(2 * sending.FRESH_SECONDS)
        await office.register("bob", "phone-ann")
        come_back.set()
        await until(lambda: _has(office, "sent", 2))
    assert double.notices == ["bob:1", "cid:3"]
    assert (await office.states())["ann:2"] == "dropped device_moved"
    [cid] = await office.stored(member_id="cid")
    assert cid["attempts"] == 1


async def test_where_it_cannot_be_read_whose_a_device_is_nothing_is_sent_until_it_can(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "FRESH_SECONDS", -1.0)
    await office.phones("ann")
    asked: list[Sequence[str]] = []

    async def holders(devices: MongoDevices, device_ids: Sequence[str]) -> Mapping[str, str]:
        asked.append(device_ids)
        if len(asked) == 2:  # The first one is the planner's.
            raise StoreUnavailable("MongoDB did not answer")
        found: Mapping[str, str] = await read(devices, device_ids)
        return found

    read: Any = MongoDevices.holders
    monkeypatch.setattr(MongoDevices, "holders", holders)
    double = Double()
    async with at_work(office, double):
        await office.tell("ann", "1")
        await until(lambda: _has(office, "sent", 1))
    assert (double.notices, len(asked)) == (["ann:1"], 3)


async def test_what_has_waited_is_sent_before_what_comes_as_its_time_has_come(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.phones("ann")
    await office.preferences.change("ann", Changes(quiet=around(office)))
    double = Double()
    async with at_work(office, double):
        await office.tell("ann", "1", "2")
        await until(lambda: _has(office, "waiting", 2))
        monkeypatch.setattr(session, "LATE_SECONDS", 1.0)  # what is due lies there for a moment
        await office.preferences.change("ann", Changes(quiet=None))
        await office.deliveries.reconsider("ann", office.now())
        await office.tell("ann", "3")
        await until(lambda: _has(office, "sent", 3))
    assert double.notices == ["ann:1", "ann:2", "ann:3"]


async def test_what_was_queued_for_an_account_that_was_taken_apart_again_is_not_sent_to_its_device(
    office: Office,
) -> None:
    await office.phones("ann")
    await office.enrol("bob")
    await office.database["members"].update_one({"_id": "bob"}, {"$set": {"state.absorbed": ["ann"]}})
    double = Double(answer=lambda *_: Later(0.1, "Unavailable"))
    async with at_work(office, double):
        await office.tell("bob", "1")
        await until(lambda: len(double.sent) == 1)
        await office.database["members"].update_one({"_id": "bob"}, {"$set": {"state.absorbed": []}})
        await until(lambda: _has(office, "dropped", 1))
    assert (double.notices, await office.states()) == (["bob:1"], {"bob:1": "dropped device_moved"})


async def test_a_device_of_a_merged_account_is_found_for_every_member_of_a_batch(office: Office) -> None:
    await office.phones("ann")
    await office.enrol("bob")
    await office.database["members"].update_one({"_id": "bob"}, {"$set": {"state.absorbed": ["ann"]}})
    double = Double()
    async with at_work(office, double):
        await office.tell("ann", "1", stream=False)
        await office.tell("bob", "2", stream=False)
        await office.stream(await office.entries_after(0, 2))
        await until(lambda: len(double.sent) == 2)
    assert sorted(double.notices) == ["ann:1", "bob:2"]


async def test_what_a_merged_account_chose_holds_where_the_other_chose_nothing_until_that_is_undone(
    office: Office,
) -> None:
    await office.phones("ann", "bob")
    off = Choice("push", "badge_won", on=False), Choice("push", "birthday", on=False)
    await office.preferences.change("ann", Changes(off))
    await office.preferences.change("bob", Changes((Choice("push", "birthday", on=True),)))
    bob, members = {"_id": "bob"}, office.database["members"]
    await members.update_one(bob, {"$set": {"state.absorbed": ["ann"]}})
    double = Double()
    async with at_work(office, double):
        await office.tell("bob", "1")
        await office.tell("bob", "2", kind="birthday")
        await until(lambda: _has(office, "sent", 2))
        await members.update_one(bob, {"$set": {"state.absorbed": []}})
        await office.tell("bob", "3")
        await until(lambda: _has(office, "sent", 3))
    assert sorted((notice_id, token) for notice_id, token, _ in double.sent) == [
        ("bob:2", "phone-ann"),
        ("bob:2", "phone-bob"),
        ("bob:3", "phone-bob"),
    ]
    assert {one["reason"] for one in await office.stored(notice_id="bob:1")} == {"unwanted"}


async def test_what_speaks_the_texts_of_a_version_that_is_not_known_yet_waits_for_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming, "UNKNOWN_PAUSE", MINUTE / 600)
    await office.phones("ann")
    double = Double()
    async with at_work(office, double):
        await office.tell("ann", "1", program_version=2)
        await office.tell("ann", "2")
        await until(lambda: _has(office, "queued", 2))
        assert double.sent == []
        office.version = 2
        await until(lambda: len(double.sent) == 1)
        office.version = 1
        await until(lambda: _has(office, "sent", 2))
    assert double.notices == ["ann:1", "ann:2"]


async def test_the_bound_of_a_day_holds_where_two_are_decided_about_at_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.program = program_of(per_day=1)
    await office.phones("ann")
    await office.preferences.change("ann", Changes(quiet=around(office)))
    double = Double()
    told, has_begun = Rows.told, asyncio.Event()

    async def slowly(rows: Rows, *given: Any) -> Any:
        was = await told(rows, *given)
        monkeypatch.setattr(Rows, "told", told)
        has_begun.set()
        await asyncio.sleep(0.3)
        return was

    async with at_work(office, double):
        await office.tell("ann", "1")
        await until(lambda: _has(office, "waiting", 1))
        await office.preferences.change("ann", Changes(quiet=None))
        monkeypatch.setattr(Rows, "told", slowly)
        await office.tell("ann", "2")
        await has_begun.wait()
        await office.deliveries.reconsider("ann", office.now())
        await until(lambda: _has(office, "waiting", 0))
        await until(lambda: _has_rows(office, 2))
        await until(lambda: _has(office, "queued", 0))
    assert len(double.sent) == 1


async def test_what_speaks_for_others_is_queued_before_they_are_dropped(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.phones("ann")
    await office.preferences.change("ann", Changes(quiet=around(office)))
    write, wrote = Rows.write, []

    async def watched(rows: Rows, writes: list[Any]) -> None:
        await write(rows, writes)
        if writes:
            wrote.append(await office.states())

    async with at_work(office, Double()):
        await office.tell("ann", "1", "2", collapse="badge_won")
        await until(lambda: _has(office, "waiting", 2))
        monkeypatch.setattr(Rows, "write", watched)
        await office.preferences.change("ann", Changes(quiet=None))
        await office.deliveries.reconsider("ann", office.now())
        await until(lambda: _has(office, "sent", 1))
    assert wrote[0] == {"ann:1": "waiting quiet_hours", "ann:2": "queued"}


async def test_those_who_are_gone_are_told_nothing(office: Office) -> None:
    await office.register("ann", "phone-ann")
    double = Double()
    async with at_work(office, double):
        await office.tell("ann", "1")
        await office.phones("bob")
        await office.tell("bob", "2")
        await until(lambda: double.notices == ["bob:2"])
        await until(lambda: _is_acknowledged(office))
    assert [one["member_id"] for one in await office.stored()] == ["bob"]


async def test_what_a_worker_has_no_provider_for_is_left_to_one_that_has(office: Office) -> None:
    await office.phones("ann")
    await office.register("ann", "iphone", "apns")
    async with at_work(office, Double()):
        await office.tell("ann", "1")
        await until(lambda: _has(office, "sent", 1))
    assert [(one["state"], one["reason"]) for one in await office.stored(platform="apns")] == [("queued", "")]
    apple = Double("apns")
    async with at_work(office, apple):
        await until(lambda: _has(office, "sent", 2))
    assert apple.sent == [("ann:1", "iphone", "1 x1")]


async def _has(office: Office, state: str, count: int) -> bool:
    return len(await office.stored(state=state)) == count


async def _has_rows(office: Office, count: int) -> bool:
    return len(await office.stored()) == count


async def _is_acknowledged(office: Office) -> bool:
    return await office.pending() == 0
