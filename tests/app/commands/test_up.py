from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.clock import utc_now
from app.commands import up
from app.commands.program import apply_first_program
from app.commands.up import import_example
from app.stores.imports import Import
from app.wiring import Laurel

LOG = b"00004 0001 19970101  2   29.33\n00021 0002 19970103  3   63.34\n"
SHIFTED_DAYS = 10_000


@pytest.fixture
async def laurel(wired: Laurel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Laurel:
    """A Laurel with a program, whose example is a short log."""
    (tmp_path / "log.txt").write_bytes(LOG)
    monkeypatch.setattr(up, "EXAMPLE_LOG", tmp_path / "log.txt")
    await apply_first_program(wired)
    return wired


async def bought_at(laurel: Laurel) -> list[datetime]:
    """When all purchases happened."""
    found = laurel.connection["journal"].find({"activity.kind": "purchase"})
    return sorted([row["activity"]["occurred_at"] async for row in found])


@pytest.mark.parametrize("shift_days", [0, SHIFTED_DAYS])
async def test_an_import_that_was_cut_short_is_gone_on_with_as_it_was_begun(laurel: Laurel, shift_days: int) -> None:
    await laurel.imports.put(Import("cdnow:log.txt", shift_days, started_at=utc_now()))
    await import_example(laurel)
    first = datetime(1997, 1, 1, 12, tzinfo=UTC) + timedelta(days=shift_days)
    assert await bought_at(laurel) == [first, first + timedelta(days=2)]
    known = await laurel.imports.get("cdnow:log.txt")
    assert known is not None
    assert known.shift_days == shift_days
    assert known.completed_at is not None


async def test_the_first_import_ends_yesterday_and_happens_once(laurel: Laurel, tmp_path: Path) -> None:
    before = utc_now().date()
    await import_example(laurel)
    _, last = await bought_at(laurel)
    assert last.date() in {today - timedelta(days=1) for today in (before, utc_now().date())}
    (tmp_path / "log.txt").unlink()
    await import_example(laurel)
    assert len(await bought_at(laurel)) == 2


async def test_another_log_does_not_stand_in_for_the_example(laurel: Laurel) -> None:
    await laurel.imports.put(Import("cdnow:other.txt", 0, started_at=utc_now(), completed_at=utc_now()))
    await import_example(laurel)
    assert len(await bought_at(laurel)) == 2
