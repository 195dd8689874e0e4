"""Prizes are paid exactly once: by processes that work at once, and by those that go on where one was killed."""

import asyncio
import signal
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase

from app.boards.periods import LEASE_SECONDS
from app.embedded import StoreServers
from app.stores.connection import Connection
from app.stores.indexes import ensure_indexes
from tests.app.boards.finale import MONDAY, WEEK_OVER, Clock, Finale
from tests.system.closing_process import FORKS, TIMEOUT_SECONDS, exit_code

MAX_WRITES = 60
LEASES = timedelta(seconds=LEASE_SECONDS + 1)
Database = AsyncIOMotorDatabase[dict[str, Any]]
Mongo = AsyncIOMotorClient[dict[str, Any]]


class Template:
    """A contest that is over and not closed yet, to be copied."""

    def __init__(self, mongo: Mongo, ids: dict[str, str], documents: dict[str, list[dict[str, Any]]]) -> None:
        self.ids = ids
        self._mongo, self._documents = mongo, documents

    async def copy(self) -> Finale:
        """The contest in a database of its own."""
        database = self._mongo[f"test_{uuid4().hex}"]
        finale = Finale.over(Connection(database, TIMEOUT_SECONDS), Clock(WEEK_OVER))
        await ensure_indexes(finale.connection)
        for name, documents in self._documents.items():
            await database[name].insert_many(documents)
        return finale

    async def drop(self, finale: Finale) -> None:
        await self._mongo.drop_database(finale.connection["members"].database.name)

    async def assert_closed_once(self, finale: Finale) -> None:
        """One archive, complete; every prize in its winner's journal and balance, once; nothing left over."""
        key = "#prize:weekly/2026-W20/"
        winners = {self.ids["ann"]: 100, self.ids["bob"]: 50, self.ids["cid"]: 50}
        assert await finale.prizes() == sorted((member_id, key, points) for member_id, points in winners.items())
        names = ("ann", "bob", "cid", "eve", "fay")
        assert [(at, member_id) for at, member_id, _ in await finale.places()] == list(
            enumerate((self.ids[name] for name in names), 1)
        )
        assert len(await finale.all_documents("standings")) == len(self.ids) + 1  # and the total
        assert await finale.all_documents("prizes") == []
        [period] = [one for one in await finale.all_documents("board_periods") if one["_id"] == "weekly/2026-W20"]
        assert (period["status"], period["listed"], period["unlisted"], period["prizes"]) == ("paid", 5, 1, 3)
        paid = await finale.all_documents("journal")
        times = {one["activity"]["occurred_at"] for one in paid if one["activity"]["kind"] == "prize"}
        assert times == {period["closed_at"]}
        for name, dollars in zip(self.ids, (60, 50, 50, 40, 30, 20), strict=True):
            state = (await finale.member(self.ids[name])).state
            assert state.balance.available == dollars + winners.get(self.ids[name], 0)


@pytest.fixture
async def template(mongo: Mongo, database: Database) -> Template:
    finale = Finale.over(Connection(database, TIMEOUT_SECONDS), Clock(MONDAY - timedelta(hours=1)))
    await finale.begin()
    ids = await finale.compete()
    # Weeks that ended before are settled.
    finale.clock.at = MONDAY + timedelta(days=1)
    await finale.closer.close_due()
    kept = ("members", "journal", "programs", "board_periods")
    return Template(mongo, ids, {name: await finale.all_documents(name) for name in kept})


async def test_killed_between_any_two_steps_it_is_gone_on_with(
    servers: StoreServers, mongo: Mongo, template: Template, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(1, MAX_WRITES):
        finale = await template.copy()
        name = finale.connection["members"].database.name
        code = await exit_code(servers.mongo_url, name, WEEK_OVER, kill_before=number)
        if code == 0:
            await template.assert_closed_once(finale)
            await template.drop(finale)
            break
        assert code == -signal.SIGKILL
        # A server drops what a killed process has left open after a minute; here at once.
        await mongo.admin.command("killAllSessions", [])
        finale.clock.at = WEEK_OVER + LEASES
        await finale.closer.close_due()
        await template.assert_closed_once(finale)
        await template.drop(finale)
    assert [line for line in caplog.messages if line.startswith("no prize")] == []
    # Lease, run, three batches of rows and two of prizes that are owed, the choice, two payments, the end.
    assert 12 <= number < MAX_WRITES


@pytest.mark.parametrize("skew", [timedelta(0), LEASES])
async def test_processes_at_once_close_and_pay_once(servers: StoreServers, template: Template, skew: timedelta) -> None:
    """With clocks that agree the lease keeps them apart; with clocks that are far apart they all work at once."""
    for _ in range(3):
        finale = await template.copy()
        name = finale.connection["members"].database.name
        together = FORKS.Barrier(3)
        codes = await asyncio.gather(
            *(exit_code(servers.mongo_url, name, WEEK_OVER + n * skew, together=together) for n in range(3))
        )
        assert codes == [0, 0, 0]
        finale.clock.at = WEEK_OVER + 4 * LEASES
        await finale.closer.close_due()
        await template.assert_closed_once(finale)
        await template.drop(finale)
