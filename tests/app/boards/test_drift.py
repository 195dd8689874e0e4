"""The drift checker finds every kind of difference, and none where there is none."""

from collections.abc import AsyncIterator, Sequence

from app.boards.drift import DriftChecker
from app.boards.placing import Placing
from gamification.boards.keys import BoardKey
from tests.app.boards.conftest import Arena, Process
from tests.app.boards.truth import NOW, WEEKLY, placing

OTHER = BoardKey("by-store", "2026-W20", "a/b}")


def checker(arena: Arena, process: Process) -> DriftChecker:
    async def reread(member_ids: Sequence[str]) -> Sequence[Placing]:
        return [one for (_, member_id), one in arena.truth.held.items() if member_id in member_ids]

    return DriftChecker(
        process.wire,
        process.names,
        reread=reread,
        expires_at=arena.expiries.get,
        now=arena.clock,
        settle_seconds=0,
    )


async def differences(arena: Arena, process: Process) -> set[tuple[str, ...]]:
    found = [one async for one in checker(arena, process).compare(arena.truth.stream())]
    assert len(found) == len(set(found))
    return {(one.key.text, one.member_id, one.what) for one in found}


async def build(arena: Arena) -> Process:
    placings = [placing(f"m{number:03}", number % 5, key=key) for key in (WEEKLY, OTHER) for number in range(110)]
    placings += [placing("shy", 3, listed=False), placing("gone", None, revision=4)]
    arena.truth.take(placings)
    process = await arena.started()
    await process.boards.place(placings)
    return process


async def test_nothing_is_found_where_nothing_is_wrong(arena: Arena) -> None:
    process = await build(arena)
    assert await differences(arena, process) == set()


async def test_every_kind_of_difference_is_found(arena: Arena) -> None:
    process = await build(arena)
    arena.truth.take(
        [
            placing("m001", 77, revision=2),
            placing("m002", 2, revision=2, listed=False),
            placing("m003", 3, revision=2, minute=1),
            placing("m004", None, revision=2),
            placing("m005", None, revision=2, key=OTHER),
            placing("new", 1, key=BoardKey("new", "all")),
        ]
    )
    await process.boards.place([placing("ghost", 5, key=OTHER), placing("ghost", 5, key=BoardKey("ghosts", "all"))])
    listed, unlisted, members = process.names.board(await process.confidence.generation(), WEEKLY)
    moved = placing("m006", 0).entry
    assert moved is not None
    await arena.redis.zincrby(listed, 1, moved.ordered)
    await arena.redis.zadd(unlisted, {"000000000000:stray": -4})
    await arena.redis.hdel(members, "m007")
    found = [one async for one in checker(arena, process).compare(arena.truth.stream()) if one.key == WEEKLY]
    since, listed_with = f"since {NOW.isoformat()}", "in the public order with"
    assert {one.member_id: one.detail for one in found if one.what != "extra"} == {
        "m001": f"is {listed_with} 1 {since}, should be {listed_with} 77 {since}",
        "m002": f"is {listed_with} 2 {since}, should be among those without a public place with 2 {since}",
        "m003": f"is {listed_with} 3 {since}, should be {listed_with} 3 since 2026-05-14T12:01:00+00:00",
        "m006": f"should be {listed_with} 1 {since}, is at another place",
        "m007": f"should be {listed_with} 2 {since}, is missing there",
    }
    assert {one.member_id: one.detail for one in found if one.what == "extra"} == {
        "m004": f"is {listed_with} 4 {since}, should not be there",
        "m007": "has a row in the public order that should not be there",
        "stray": "has a row among those without a public place that should not be there",
    }
    assert await differences(arena, process) == {
        (WEEKLY.text, "m001", "different"),
        (WEEKLY.text, "m002", "different"),
        (WEEKLY.text, "m003", "different"),
        (WEEKLY.text, "m004", "extra"),
        (OTHER.text, "m005", "extra"),
        ("new/all/", "new", "missing"),
        (OTHER.text, "ghost", "extra"),
        ("ghosts/all/", "ghost", "extra"),
        (WEEKLY.text, "m006", "different"),
        (WEEKLY.text, "stray", "extra"),
        (WEEKLY.text, "m007", "missing"),
        # Its row has been left behind.
        (WEEKLY.text, "m007", "extra"),
    }


async def test_what_moves_meanwhile_is_no_difference(arena: Arena) -> None:
    process = await build(arena)
    stale = [batch async for batch in arena.truth.stream()]
    changes = [placing(one.member_id, 40, revision=2, key=one.key) for one in stale[0]]
    changes += [placing(one.member_id, None, revision=2, key=one.key) for one in stale[1]]
    changes.append(placing("new", 4))
    await process.boards.place(changes)
    arena.truth.take(changes)

    async def expected() -> AsyncIterator[Sequence[Placing]]:
        for batch in stale:
            yield batch

    assert [one async for one in checker(arena, process).compare(expected())] == []
