"""Versions of the program: numbered without gaps, never changed, read once."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from unittest.mock import AsyncMock, Mock

import pytest

from app.operator_error import OperatorError
from app.stores import programs as module
from app.stores.connection import Document
from app.stores.programs import MongoPrograms
from gamification.activity import EARLIEST
from gamification.program.faults import ProgramFaults
from gamification.program.source import read_program
from gamification.stores import StoreUnavailable
from tests.app.stores.play import NOW, PROGRAM, Play


def text(number: int) -> str:
    return PROGRAM.replace("name: Shop", f"name: Shop {number}")


HOUR = timedelta(hours=1)


def another(play: Play, reader: Mock | None = None, at: datetime = NOW) -> MongoPrograms:
    """The same store in another process."""
    return MongoPrograms(play.connection, reader or read_program, lambda: at)


async def in_force(play: Play, *instants: datetime) -> list[int]:
    """The version that a process of each instant goes by."""
    return [(await another(play, at=instant).current()).version for instant in instants]


async def spans(play: Play) -> list[tuple[int, datetime, bool]]:
    """Every version with the instant from which it is in force, and whether it judges history again."""
    schedule = await another(play).schedule()
    return [(edition.version, edition.from_at, edition.backfills) for edition in schedule.editions]


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


async def test_a_version_for_later_waits_for_its_time(play: Play) -> None:
    assert (await play.programs.apply(text(2), "Bob", NOW, from_at=NOW + HOUR)).version == 2
    assert (await play.programs.current()).version == 1
    millisecond = timedelta(milliseconds=1)
    assert await in_force(play, NOW, NOW + HOUR - millisecond, NOW + HOUR) == [1, 1, 2]
    assert await spans(play) == [(1, NOW, False), (2, NOW + HOUR, False)]
    assert (await play.programs.schedule()).changes_after(NOW) == NOW + HOUR


async def test_a_later_version_takes_the_place_of_one_that_was_to_come(play: Play) -> None:
    await play.programs.apply(text(2), "Bob", NOW, from_at=NOW + 2 * HOUR)
    await play.programs.apply(text(3), "Bob", NOW, from_at=NOW + HOUR)
    assert await in_force(play, NOW, NOW + HOUR, NOW + 3 * HOUR) == [1, 3, 3]


async def test_the_first_version_is_in_force_from_the_beginning_and_no_other_need_be(play: Play) -> None:
    assert await in_force(play, NOW - 1000 * HOUR) == [1]
    await play.connection["programs"].delete_many({})
    for how in ({"from_at": NOW + HOUR}, {"backfill": True}):
        with pytest.raises(OperatorError, match="the first program is in force from the beginning"):
            await another(play).apply(text(1), "Bob", NOW, **how)
    assert await play.connection["programs"].count_documents({}) == 0


async def test_history_is_judged_again_since_an_instant_or_the_beginning(play: Play) -> None:
    await play.programs.apply(text(2), "Bob", NOW, from_at=NOW - HOUR, backfill=True)
    assert await in_force(play, NOW - 2 * HOUR, NOW - HOUR, NOW) == [1, 2, 2]
    assert (await play.programs.schedule()).backfilled == 2
    await play.programs.apply(text(3), "Bob", NOW, backfill=True)
    assert await in_force(play, NOW - 2 * HOUR, NOW) == [3, 3]
    assert await spans(play) == [(1, NOW, False), (2, NOW - HOUR, True), (3, EARLIEST, True)]


@pytest.mark.parametrize(
    ("from_at", "backfill", "message"),
    [
        (NOW - HOUR, False, r"2026-05-01T11:00:00\+0000 is past.*add --backfill .*or leave out --from"),
        (NOW + HOUR, True, "is to come; apply the program without --backfill"),
        (EARLIEST - HOUR, True, "nothing happened before 1970-01-01"),
    ],
)
async def test_an_instant_that_does_not_fit_is_refused(
    play: Play, from_at: datetime, backfill: bool, message: str
) -> None:
    with pytest.raises(OperatorError, match=message):
        await play.programs.apply(text(2), "Bob", NOW, from_at=from_at, backfill=backfill)
    assert await spans(play) == [(1, NOW, False)]


async def test_the_same_text_makes_a_version_only_where_it_is_in_force_from_another_instant(play: Play) -> None:
    for _ in range(2):
        assert (await play.programs.apply(PROGRAM, "Bob", NOW, from_at=NOW + HOUR)).version == 2
        assert (await play.programs.apply(PROGRAM, "Bob", NOW + HOUR)).version == 2
    for _ in range(2):
        assert (await play.programs.apply(PROGRAM, "Bob", NOW, backfill=True)).version == 3
    assert await spans(play) == [(1, NOW, False), (2, NOW + HOUR, False), (3, EARLIEST, True)]


async def test_a_version_from_before_there_was_a_schedule_is_in_force_since_it_was_applied(play: Play) -> None:
    await play.programs.apply(text(2), "Bob", NOW + HOUR)
    await play.connection["programs"].update_many({}, {"$unset": {"from_at": 1, "backfills": 1}})
    assert await spans(play) == [(1, NOW, False), (2, NOW + HOUR, False)]
    assert await in_force(play, NOW, NOW + HOUR) == [1, 2]


async def test_a_schedule_is_read_once_and_then_only_what_is_new(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROGRAM_CACHE_SECONDS", 0.0)
    reader = Mock(side_effect=read_program)
    programs = another(play, reader)
    first = await programs.schedule()
    assert await programs.schedule() is first
    await play.programs.apply(text(2), "Bob", NOW)
    second, *others = await asyncio.gather(*(programs.schedule() for _ in range(20)))
    assert second.newest_version == 2
    assert set(map(id, others)) == {id(second)}
    assert second.editions[0] is first.editions[0]
    assert reader.call_count == 2


async def test_whoever_applies_a_version_goes_by_it_at_once(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROGRAM_CACHE_SECONDS", 60.0)
    programs = another(play)
    await programs.schedule()
    applied, _ = await asyncio.gather(programs.apply(text(2), "Bob", NOW), programs.schedule())
    assert await programs.current() == applied


async def test_a_version_of_another_process_is_known_at_once_where_it_is_hinted(play: Play) -> None:
    other = another(play)
    assert (await other.current()).version == 1
    play.programs.tell_others = AsyncMock(side_effect=other.forget)
    await play.programs.apply(text(2), "Bob", NOW)
    assert (await other.current()).version == 2


async def test_a_schedule_that_was_being_read_at_the_hint_is_read_again(play: Play) -> None:
    other = another(play)
    beyond = other._beyond

    async def read_just_before(version: int) -> Sequence[Document]:
        found = await beyond(version)
        await play.programs.apply(text(2), "Bob", NOW)
        other.forget()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(other, "_beyond", read_just_before)
        assert (await other.current()).version == 1
    assert (await other.current()).version == 2


async def test_others_that_cannot_be_told_do_not_hold_a_version_up(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TELL_SECONDS", 0.01)
    for hindered in (AsyncMock(side_effect=StoreUnavailable("Redis is away")), asyncio.Event().wait):
        play.programs.tell_others = hindered  # type: ignore[assignment]
        applied = await play.programs.apply(text(2), "Bob", NOW)
        assert applied.version == 2


async def test_a_serving_process_comes_to_know_a_version_before_anybody_asks(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROGRAM_CACHE_SECONDS", 3600.0)
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.01)
    other = another(play)
    assert (await other.schedule()).newest_version == 1
    await play.programs.apply(text(2), "Bob", NOW)
    assert (await other.schedule()).newest_version == 1
    refreshing = asyncio.create_task(other.keep_fresh())
    async with asyncio.timeout(10.0):
        while (await other.schedule()).newest_version == 1:  # noqa: ASYNC110 - it is the refresher that is waited for
            await asyncio.sleep(0.01)
    refreshing.cancel()
    await asyncio.wait([refreshing])
