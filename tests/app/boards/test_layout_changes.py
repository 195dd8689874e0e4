"""A version of the program that lays out the boards otherwise has them rebuilt when it comes into force."""

from datetime import timedelta
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from app.boards.placings import layout_of
from app.boards.watcher import NEW_LAYOUT_SECONDS
from app.embedded import StoreServers
from app.stores import programs
from gamification.program.source import read_program
from tests.app.clockwork import BEGUN_AT, DAY, PROGRAM, Clock, opened

BOARD = "boards:\n  - {code: best, name: Best, period: all_time, on: purchase, metric: amount, ties: first_to_reach}\n"
SHARED = PROGRAM + BOARD.replace("first_to_reach", "columns, columns: [{metric: count}]")


async def test_a_version_for_later_is_followed_when_it_comes_into_force(
    database: AsyncIOMotorDatabase[dict[str, Any]], servers: StoreServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "PROGRAM_CACHE_SECONDS", 0.0)
    async with opened(database, servers, Clock()) as shop:
        await shop.laurel.programs.apply(PROGRAM + BOARD, "tests", BEGUN_AT)
        await shop.laurel.programs.apply(SHARED, "tests", BEGUN_AT, from_at=BEGUN_AT + DAY)
        await shop.sell("ann", "bob")
        live, found = shop.laurel.live, []
        for at in (BEGUN_AT, BEGUN_AT + DAY, BEGUN_AT + DAY + timedelta(seconds=NEW_LAYOUT_SECONDS)):
            shop.clock.at = at
            await live.watcher.look()
            trusted = (await live.confidence.refresh()).trusted
            assert trusted is not None
            found.append((trusted.generation, trusted.layout))
        before, after = (layout_of(read_program(text)) for text in (PROGRAM + BOARD, SHARED))
        assert found == [(1, before), (1, before), (2, after)]
        assert live.confidence.doubt is None
