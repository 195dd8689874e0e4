"""The clock writes what is due, reads nobody else, and lets no member stand in the way of the others."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from app import clock_worker
from app.embedded import StoreServers
from app.stores import programs
from gamification.contention import Contended
from gamification.stores import Commit, ProfileChanges, StoreUnavailable
from tests.app.clockwork import BEGUN_AT, DAY, PROGRAM, RECORDS_OF_A_PURCHASE, Clock, Shop, client_of, opened

GENEROUS = PROGRAM.replace("threshold: 1000", "threshold: 10")
"""Whoever has bought once is gold."""
WAIT_SECONDS = 20.0
POLL_SECONDS = 0.01


class Commands(CommandListener):
    """The commands that a client sends."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.sent.append((event.command_name, dict(event.command)))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """What comes of a command is asserted elsewhere."""

    def failed(self, event: CommandFailedEvent) -> None:
        """What comes of a command is asserted elsewhere."""

    def take(self) -> Counter[tuple[str, Any]]:
        """How often each command was sent to each collection since the last time."""
        sent, self.sent = self.sent, []
        return Counter((name, command[name]) for name, command in sent)

    def read_ids(self) -> set[str]:
        """The members who were read by their ids."""
        filters = [command["filter"] for name, command in self.sent if name == "find" and command["find"] == "members"]
        return {one for each in filters for one in each.get("_id", {}).get("$in", ())}


@pytest.fixture
async def commands() -> Commands:
    return Commands()


@pytest.fixture
async def shop(
    database: AsyncIOMotorDatabase[dict[str, Any]],
    servers: StoreServers,
    commands: Commands,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Shop]:
    monkeypatch.setattr(programs, "PROGRAM_CACHE_SECONDS", 0.0)
    client = client_of(servers, event_listeners=[commands])
    async with opened(client[database.name], servers, Clock()) as shop:
        await shop.laurel.programs.apply(PROGRAM, "tests", BEGUN_AT)
        yield shop
    client.close()


async def test_what_is_due_is_written_with_the_instant_at_which_it_was_due(shop: Shop) -> None:
    ann, bob = await shop.sell("ann", "bob")
    await shop.tick(BEGUN_AT + DAY)
    assert await shop.passed() == sorted([(ann, BEGUN_AT + DAY), (bob, BEGUN_AT + DAY)])
    await shop.buy(bob, key="second")
    await shop.tick(BEGUN_AT + 9 * DAY)
    days = {ann: (1, 3), bob: (1, 2, 3, 4)}
    assert await shop.passed() == sorted((member, BEGUN_AT + day * DAY) for member in days for day in days[member])
    assert (shop.laurel.clock.handled, shop.laurel.clock.records, await shop.due()) == (4, 6, [])
    assert (await shop.member(ann))["due_at"] is None


async def test_only_those_for_whom_something_is_due_are_read(shop: Shop, commands: Commands) -> None:
    early = await shop.sell("ann", "bob", "cid")
    shop.clock.at = BEGUN_AT + 2 * DAY
    await shop.sell(*(f"late-{number}" for number in range(20)))
    commands.take()
    await shop.tick(BEGUN_AT + 2 * DAY)
    assert commands.read_ids() == set(early)
    commands.take()
    await shop.tick(BEGUN_AT + 2 * DAY)
    looks = commands.take()
    assert looks == {("find", "members"): 3, ("find", "programs"): 1}, "three looks into indexes, and the versions"


async def test_many_are_written_together(shop: Shop, commands: Commands) -> None:
    for part in range(4):
        await shop.sell(*(f"m{part}-{number}" for number in range(50)))
    commands.take()
    await shop.tick(BEGUN_AT + DAY)
    assert commands.take()["commitTransaction", 1] == 4, "200 members, 64 at a time"
    assert len(await shop.passed()) == 200
    assert (shop.laurel.clock.handled, shop.laurel.clock.records) == (200, 200)


async def test_a_new_threshold_reaches_those_who_do_nothing(shop: Shop) -> None:
    [ann] = await shop.sell("ann")
    await shop.laurel.programs.apply(GENEROUS, "tests", BEGUN_AT + DAY / 2)
    assert await shop.due() == [ann]
    await shop.tick(BEGUN_AT + DAY / 2)
    assert await shop.passed() == [(ann, BEGUN_AT + DAY / 2)]
    stored = await shop.member(ann)
    assert (stored["state"]["standing"]["tier"], stored["due_by"]) == ("gold", 2)
    assert await shop.due() == []


async def test_a_version_for_later_takes_effect_when_it_comes_into_force(shop: Shop) -> None:
    [ann] = await shop.sell("ann")
    await shop.laurel.programs.apply(GENEROUS, "tests", BEGUN_AT, from_at=BEGUN_AT + DAY / 2)
    await shop.tick(BEGUN_AT)
    stored = await shop.member(ann)
    assert (stored["state"]["standing"]["tier"], stored["due_by"]) == ("base", 2)
    assert stored["due_at"] == BEGUN_AT + DAY / 2, "it is worked out anew, though nothing is written"
    assert await shop.passed() == []
    await shop.tick(BEGUN_AT + DAY)
    assert await shop.passed() == [(ann, BEGUN_AT + DAY / 2), (ann, BEGUN_AT + DAY)]
    assert (await shop.member(ann))["state"]["standing"]["since"] == BEGUN_AT + DAY / 2


async def test_the_game_learns_of_a_profile_though_whoever_changed_it_has_ended(shop: Shop) -> None:
    ann, bob = await shop.sell("ann", "bob")
    await shop.tick(BEGUN_AT)
    await shop.laurel.members.change_profile(bob, ProfileChanges({"display_name": "Robert"}, {}))
    await shop.laurel.members.change_profile(ann, ProfileChanges({"birthday": "1990-05-20"}, {}))
    assert await shop.due() == [ann]
    await shop.tick(BEGUN_AT)
    assert ((await shop.member(ann))["state"]["birthday"], await shop.due()) == ("1990-05-20", [])
    shop.clock.at = later = BEGUN_AT + DAY / 2
    await shop.laurel.members.change_profile(ann, ProfileChanges({"time_zone": "Asia/Tokyo"}, {}))
    await shop.tick(later)
    assert (await shop.member(ann))["state"]["time_zone"] == "Asia/Tokyo"


async def test_a_commit_that_has_read_an_older_profile_leaves_the_member_due(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    [ann] = await shop.sell("ann")
    commit, changes = shop.laurel.journal.commit, ProfileChanges({"birthday": "1990-05-20"}, {})

    async def change_before(commits: Sequence[Commit]) -> None:
        monkeypatch.undo()
        await shop.laurel.members.change_profile(ann, changes)
        await commit(commits)

    monkeypatch.setattr(shop.laurel.journal, "commit", change_before)
    await shop.buy(ann, key="second")
    assert (await shop.member(ann))["state"]["birthday"] == ""
    assert await shop.due() == [ann]
    await shop.tick(BEGUN_AT)
    assert (await shop.member(ann))["state"]["birthday"] == "1990-05-20"


async def test_a_member_who_cannot_be_read_stops_nobody_and_is_told_once(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    ann, bob, cid = await shop.sell("ann", "bob", "cid")
    spoilt = {"$set": {"state.balance.available": "many"}}
    await shop.database["members"].update_one({"_id": bob}, spoilt)
    for day in (1, 3):
        await shop.tick(BEGUN_AT + day * DAY)
        assert {member for member, at in await shop.passed() if at == BEGUN_AT + day * DAY} == {ann, cid}
    assert (await shop.due(), shop.laurel.clock.aside) == ([bob], 1)
    told = [record.getMessage() for record in caplog.records if record.name == clock_worker.__name__]
    assert told == [f"time cannot be let pass for member {bob}, which is tried again in 60 seconds: it has failed"]


async def test_a_member_who_was_put_aside_is_tried_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    [ann] = await shop.sell("ann")
    members = shop.database["members"]
    await members.update_one({"_id": ann}, {"$set": {"state.balance.pending": "many"}})
    monkeypatch.setattr(clock_worker, "ASIDE_SECONDS", 0.05)
    async with asyncio.timeout(WAIT_SECONDS):
        trying = asyncio.create_task(shop.tick(BEGUN_AT + DAY))
        while ann not in shop.laurel.clock._aside:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(POLL_SECONDS)
        await members.update_one({"_id": ann}, {"$set": {"state.balance.pending": 10}})
        while await shop.due():
            await trying
            trying = asyncio.create_task(shop.tick(BEGUN_AT + DAY))
        await trying
    assert await shop.passed() == [(ann, BEGUN_AT + DAY)]


async def test_who_stays_due_whatever_is_done_is_not_tried_on_and_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    [ann] = await shop.sell("ann")
    tries: list[Sequence[str]] = []

    async def in_vain(member_ids: Sequence[str]) -> int:
        tries.append(member_ids)
        return 0

    monkeypatch.setattr(shop.laurel.game.recorder, "pass_time", in_vain)
    await shop.tick(BEGUN_AT + DAY)
    assert tries == [[ann]]
    assert shop.laurel.clock.aside == 1
    assert "it has just been done and is due still" in caplog.text


async def test_contention_is_tried_again_and_an_outage_is_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = shop.laurel.game.recorder
    [ann] = await shop.sell("ann")
    faults: list[StoreUnavailable] = [Contended("others are faster"), Contended("again"), StoreUnavailable("away")]
    let_pass = recorder.pass_time

    async def at_last(member_ids: Sequence[str]) -> int:
        if faults:
            raise faults.pop(0)
        return await let_pass(member_ids)

    monkeypatch.setattr(recorder, "pass_time", at_last)
    with pytest.raises(StoreUnavailable, match="away"):
        await shop.tick(BEGUN_AT + DAY)
    assert (faults, await shop.passed(), shop.laurel.clock.aside) == ([], [], 0)
    await shop.tick(BEGUN_AT + DAY)
    assert await shop.passed() == [(ann, BEGUN_AT + DAY)]


async def test_what_is_being_written_when_it_is_told_to_end_is_written_to_its_end(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = shop.laurel.game.recorder
    await shop.sell(*(f"m{number}" for number in range(5)))
    monkeypatch.setattr(clock_worker, "BATCH_MEMBERS", 1)
    began: list[str] = []
    ended: list[str] = []
    both_began = asyncio.Event()
    let_pass = recorder.pass_time

    async def noted(member_ids: Sequence[str]) -> int:
        began.extend(member_ids)
        if len(began) == clock_worker.WRITERS:
            both_began.set()
        await both_began.wait()
        if member_ids == began[-1:]:
            await asyncio.sleep(POLL_SECONDS)  # One ends later than the other.
        records = await let_pass(member_ids)
        ended.extend(member_ids)
        return records

    monkeypatch.setattr(recorder, "pass_time", noted)
    working = asyncio.create_task(shop.tick(BEGUN_AT + DAY))
    await both_began.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert len(began) == clock_worker.WRITERS, "nothing was begun after it"
    assert sorted(ended) == sorted(began) == [member for member, _ in await shop.passed()]


async def test_it_wakes_by_itself_when_something_is_due(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    await shop.sell("ann", "bob")
    soon = BEGUN_AT + DAY
    shop.clock.at = soon - DAY / 86_400
    with caplog.at_level(logging.INFO, clock_worker.__name__):
        running = asyncio.create_task(shop.laurel.clock.run())
        async with asyncio.timeout(clock_worker.LOOK_SECONDS - 1):
            await asyncio.sleep(0.1)
            shop.clock.at = soon
            while not caplog.messages:  # noqa: ASYNC110 - a log sets no event
                await asyncio.sleep(POLL_SECONDS)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert caplog.messages == ["time has passed for 2 members and made 2 records"]
    assert len(await shop.passed()) == 2


async def test_a_clock_that_stood_still_for_a_week_comes_to_the_same(shop: Shop) -> None:
    members = await shop.sell("ann", "bob")
    await shop.tick(BEGUN_AT + 7 * DAY)
    assert len(await shop.passed()) == len(members) * RECORDS_OF_A_PURCHASE
    assert {at for _, at in await shop.passed()} == {BEGUN_AT + DAY, BEGUN_AT + 3 * DAY}
