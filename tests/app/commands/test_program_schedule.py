"""`laurel program apply --from --backfill`: what it says, and from when the version is in force."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from app.embedded import StoreServers
from tests.app.clockwork import PROGRAM
from tests.redis_servers import own_database
from tests.system.installation import Ended, Installation, installed

IN_COPENHAGEN = PROGRAM.replace("time_zone: UTC", "time_zone: Europe/Copenhagen")
NEVER_SEEN = "2099-07-01"
"""A day that is to come whenever this runs, with daylight saving time."""
Database = AsyncIOMotorDatabase[dict[str, Any]]


@pytest.fixture
async def shop(tmp_path: Path, database: Database, servers: StoreServers) -> AsyncIterator[Installation]:
    """An installation over the shared servers, with the first version applied."""
    async with installed(tmp_path) as installation:
        installation.set_variables(
            LAUREL_MONGO_URL=servers.mongo_url,
            LAUREL_REDIS_URL=own_database(servers.redis_url),
            LAUREL_REDIS_PREFIX=database.name,
            LAUREL_DATABASE=database.name,
        )
        first = await apply(installation, IN_COPENHAGEN)
        assert first == Ended(0, "version 1 of shop is in force\n", "")
        yield installation


async def apply(installation: Installation, text: str, *options: str) -> Ended:
    path = installation.folder / "program.yaml"
    path.write_text(text, encoding="utf-8")
    return await installation.run("program", "apply", str(path), *options)


async def spans(database: Database) -> list[tuple[int, str, bool]]:
    found = database["programs"].find().sort("_id", 1)
    return [(one["_id"], f"{one['from_at']:%Y-%m-%dT%H:%M}", one["backfills"]) async for one in found]


async def test_a_version_comes_into_force_on_a_day_of_the_programs_calendar(
    shop: Installation, database: Database
) -> None:
    later = await apply(shop, IN_COPENHAGEN + "\n# 2", "--from", NEVER_SEEN)
    told = "version 2 of shop comes into force at 2099-07-01T00:00:00+02:00; until then version 1 is in force\n"
    assert later == Ended(0, told, "")
    assert (await spans(database))[1:] == [(2, "2099-06-30T22:00", False)]
    sooner = await apply(shop, IN_COPENHAGEN + "\n# 3", "--from", "2099-01-01T12:00:00Z")
    assert sooner.stdout.splitlines() == [
        "version 3 of shop comes into force at 2099-01-01T13:00:00+01:00; until then version 1 is in force",
        "version 2, which was to come at 2099-07-01T00:00:00+02:00, never comes into force",
    ]
    assert (await spans(database))[2:] == [(3, "2099-01-01T12:00", False)]


async def test_history_is_judged_again_only_where_that_is_asked_for(shop: Installation, database: Database) -> None:
    past = await apply(shop, IN_COPENHAGEN + "\n# 2", "--from", "2026-01-01")
    assert (past.code, past.stdout) == (1, "")
    assert past.stderr.startswith("laurel: 2025-12-31T23:00:00+0000 is past, and what happened since has been judged; ")
    assert len(await spans(database)) == 1
    since = await apply(shop, IN_COPENHAGEN + "\n# 2", "--from", "2026-01-01", "--backfill")
    clock = "laurel up, or laurel worker clock"
    judged = f"the clock judges again what happened since 2026-01-01T00:00:00+01:00: {clock}\n"
    assert since == Ended(0, f"version 2 of shop is in force\n{judged}", "")
    everything = await apply(shop, IN_COPENHAGEN + "\n# 3", "--backfill")
    assert everything == Ended(0, f"version 3 of shop is in force\nthe clock judges again what happened: {clock}\n", "")
    assert (await spans(database))[1:] == [(2, "2025-12-31T23:00", True), (3, "1970-01-01T00:00", True)]


@pytest.mark.parametrize("instant", ["soon", "2026-02-30", "0001-01-01"])
async def test_what_is_no_instant_is_refused(shop: Installation, database: Database, instant: str) -> None:
    refused = await apply(shop, IN_COPENHAGEN + "\n# 2", "--from", instant)
    assert (refused.code, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"laurel: --from: '{instant}' is no instant; give one such as 2026-12-01T00:00:00Z, 2026-12-01T00:00 or"
        " 2026-12-01\n"
    )
    assert len(await spans(database)) == 1
