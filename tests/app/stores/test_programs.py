"""Versions of the program: numbered without gaps, never changed, read once."""

import asyncio
from unittest.mock import Mock

import pytest

from app.stores import programs as module
from app.stores.programs import MongoPrograms
from gamification.program.faults import ProgramFaults
from gamification.program.source import read_program
from gamification.stores import StoreUnavailable
from tests.app.stores.play import NOW, PROGRAM, Play


def text(number: int) -> str:
    return PROGRAM.replace("name: Shop", f"name: Shop {number}")


def another(play: Play, reader: Mock | None = None) -> MongoPrograms:
    """The same store in another process."""
    return MongoPrograms(play.connection, reader or read_program)


async def test_none_applied_yet_is_said(play: Play) -> None:
    await play.connection["programs"].delete_many({})
    with pytest.raises(StoreUnavailable, match="laurel program apply"):
        await another(play).current()


async def test_versions_count_up_and_stay(play: Play) -> None:
    second = await play.programs.apply(text(2), "Bob", NOW)
    assert (second.version, second.source, second.applied_at) == (2, text(2), NOW)
    assert second.program.name.read("en") == "Shop 2"
    other = another(play)
    assert await other.current() == second
    assert [applied.version for applied in await other.all_versions()] == [1, 2]
    first = await another(play).version(1)
    assert first is not None
    assert first.source == PROGRAM
    assert await other.version(3) is None
    stored = await play.connection["programs"].find_one({"_id": 2})
    assert stored is not None
    assert (stored["applied_by"], len(stored["digest"])) == ("Bob", 64)


async def test_same_text_makes_no_version_but_an_older_one_does(play: Play) -> None:
    assert (await play.programs.apply(PROGRAM, "Bob", NOW)).version == 1
    assert (await another(play).apply(PROGRAM, "Bob", NOW)).version == 1
    assert (await play.programs.apply(text(2), "Bob", NOW)).version == 2
    assert (await play.programs.apply(PROGRAM, "Bob", NOW)).version == 3


async def test_faulty_text_is_refused(play: Play) -> None:
    with pytest.raises(ProgramFaults):
        await play.programs.apply("code: 7", "Bob", NOW)
    assert len(await play.programs.all_versions()) == 1


async def test_those_who_apply_at_once_get_one_version_each(play: Play) -> None:
    applied = await asyncio.gather(*(another(play).apply(text(number), "Bob", NOW) for number in range(2, 8)))
    assert sorted(version.version for version in applied) == [2, 3, 4, 5, 6, 7]
    for version in applied:
        assert await another(play).version(version.version) == version


async def test_a_version_is_read_once_and_all_who_ask_share_it(play: Play) -> None:
    reader = Mock(side_effect=read_program)
    programs = another(play, reader)
    versions = await asyncio.gather(*(programs.current() for _ in range(20)))
    assert len(set(map(id, versions))) == 1
    await programs.version(1)
    await programs.all_versions()
    await programs.apply(text(2), "Bob", NOW)
    assert (await programs.current()).version == 2
    assert reader.call_count == 2


async def test_another_process_learns_of_a_version_when_its_cache_ends(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROGRAM_CACHE_SECONDS", 60.0)
    lasting = another(play)
    await lasting.current()
    monkeypatch.setattr(module, "PROGRAM_CACHE_SECONDS", 0.0)
    fleeting = another(play)
    await fleeting.current()
    await play.programs.apply(text(2), "Bob", NOW)
    assert (await lasting.current()).version == 1
    assert (await fleeting.current()).version == 2
