"""Closing where something is wrong: winners who cannot be recorded, and periods that are never closed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from app.boards import closing
from app.stores.connection import Connection
from gamification.requests import MemberNotFound, RecordRequest, RecordResult
from tests.app.boards.finale import APPLIED_AT, MONDAY, PROGRAM, WEEK_OVER, Clock, Finale

TIMEOUT_SECONDS = 10.0


@pytest.fixture
async def finale(database: AsyncIOMotorDatabase[dict[str, Any]]) -> Finale:
    """A game with the weekly board."""
    begun = Finale.over(Connection(database, TIMEOUT_SECONDS), Clock())
    await begun.begin()
    return begun


def won(ids: dict[str, str]) -> list[tuple[str, str, int]]:
    """The prizes of `Finale.compete`: who hides is passed over."""
    key = "#prize:weekly/2026-W20/"
    return sorted([(ids["ann"], key, 100), (ids["bob"], key, 50), (ids["cid"], key, 50)])


async def test_a_winner_who_cannot_be_recorded_keeps_no_prize_from_others(
    finale: Finale, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(closing, "PAY_BATCH", 2)
    ids = await finale.compete()
    names = finale.connection["members"]
    await names.update_one({"_id": ids["ann"]}, {"$set": {"profile.display_name": None}})
    finale.clock.at = WEEK_OVER
    for _ in range(2):
        with pytest.raises(ExceptionGroup) as raised:
            await finale.closer.close_due()
        [fault] = raised.value.exceptions
        assert isinstance(fault, closing.PrizesUnpaid)
        assert await finale.prizes() == [each for each in won(ids) if each[0] != ids["ann"]]
        assert [owed["member_id"] for owed in await finale.all_documents("prizes")] == [ids["ann"]]
    assert caplog.text.count(f"no prize for {ids['ann']} of weekly/2026-W20: ") == 1
    await names.update_one({"_id": ids["ann"]}, {"$set": {"profile.display_name": "ann"}})
    await finale.closer.close_due()
    assert await finale.prizes() == won(ids)
    assert await finale.all_documents("prizes") == []


async def test_a_prize_that_is_refused_is_kept_with_the_reason(
    finale: Finale, caplog: pytest.LogCaptureFixture
) -> None:
    ids = await finale.compete()
    await finale.connection["members"].update_one({"_id": ids["fay"]}, {"$set": {"state.scores.0.value": 10**6}})
    finale.clock.at = WEEK_OVER
    recorder = finale.recorder
    record_own = recorder.record_own

    async def without_fay(requests: Sequence[RecordRequest]) -> list[RecordResult]:
        await finale.connection["members"].delete_one({"_id": ids["fay"]})
        return await record_own(requests)

    recorder.record_own = without_fay  # type: ignore[method-assign]
    for _ in range(2):
        await finale.closer.close_due()
    [kept] = await finale.all_documents("prizes")
    assert (kept["member_id"], kept["rank"], kept["points"]) == (ids["fay"], 1, 100)
    assert kept["refused"] == str(MemberNotFound(ids["fay"]))
    assert caplog.text.count(f"no prize for {ids['fay']} of weekly/2026-W20: ") == 1
    key = "#prize:weekly/2026-W20/"
    assert await finale.prizes() == sorted([(ids["ann"], key, 50), (ids["bob"], key, 50)])
    [week] = [one for one in await finale.all_documents("board_periods") if one["_id"] == "weekly/2026-W20"]
    assert week["status"] == "paid"


async def test_periods_that_are_never_closed_are_told_once(finale: Finale, caplog: pytest.LogCaptureFixture) -> None:
    finale.clock.at = APPLIED_AT + timedelta(days=35)
    for _ in range(2):
        await Finale.over(finale.connection, finale.clock).closer.close_due()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        f"weekly/{week} has no final standings and pays no prizes: no process was there to close it in time"
        for week in ("2026-W19", "2026-W18")
    ]
    assert len(await finale.standings.closed_periods("weekly", 10)) == 3


async def test_periods_of_boards_that_a_program_takes_away_are_told_once(
    finale: Finale, caplog: pytest.LogCaptureFixture
) -> None:
    await finale.compete()
    without = PROGRAM.replace("period: week", "period: month")
    await finale.programs.apply(without, "tests", MONDAY + timedelta(days=1))
    finale.clock.at = WEEK_OVER
    for _ in range(2):
        await Finale.over(finale.connection, finale.clock).closer.close_due()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "weekly/2026-W20 has no final standings and pays no prizes: version 2 of the program has changed the board"
    ]
    assert await finale.prizes() == []


async def test_a_board_that_is_put_back_in_time_is_closed_and_pays(
    finale: Finale, caplog: pytest.LogCaptureFixture
) -> None:
    ids = await finale.compete()
    for number, text in enumerate((PROGRAM.replace("period: week", "period: month"), PROGRAM)):
        finale.clock.at = MONDAY + timedelta(days=1 + number)
        await finale.programs.apply(text, "tests", finale.clock.at)
        await Finale.over(finale.connection, finale.clock).closer.close_due()
    finale.clock.at = WEEK_OVER
    await Finale.over(finale.connection, finale.clock).closer.close_due()
    assert await finale.prizes() == won(ids)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
