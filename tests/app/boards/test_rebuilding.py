"""Rebuilds: reads go on, what is placed meanwhile is in, and nothing half-built is ever shown."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence

import pytest

from app.boards.placing import Placing
from app.boards.rebuilding import RebuildInterrupted
from app.boards.requests import RankOf, Top
from app.boards.trust import LEASE_SECONDS
from app.boards.watcher import CLEAN_AFTER_SECONDS
from gamification.boards.keys import BoardKey
from gamification.boards.listing import Unavailable
from gamification.stores import StoreUnavailable
from tests.app.boards.conftest import Arena, Process
from tests.app.boards.truth import WEEKLY, placing

EVERYONE = [placing(f"m{number:03}", number % 17, minute=number) for number in range(120)]


class Held:
    """A stream that stops in the middle until the test lets it go on."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def stream(self) -> AsyncIterator[Sequence[Placing]]:
        placings = [one for one in self._arena.truth.held.values() if one.value is not None]
        middle = len(placings) // 2
        yield placings[:middle]
        self.reached.set()
        await self.go_on.wait()
        yield placings[middle:]


async def build(arena: Arena) -> Process:
    arena.truth.take(EVERYONE)
    return await arena.started()


async def begin(arena: Arena, process: Process) -> tuple[Held, "asyncio.Task[bool]"]:
    held = Held(arena)
    arena.stream = held.stream  # type: ignore[method-assign]
    task = asyncio.create_task(arena.process().rebuilder.rebuild())
    await asyncio.wait([task, asyncio.create_task(held.reached.wait())], return_when=asyncio.FIRST_COMPLETED)
    assert not task.done()
    return held, task


async def generations(arena: Arena, process: Process) -> set[int | None]:
    return {process.names.generation_of(name) async for name in process.wire.names("laurel:g*")}


async def test_first_rebuild_shows_the_truth(arena: Arena) -> None:
    process = arena.process()
    [before] = await process.boards.read([Top(WEEKLY, 5)])
    assert before == Unavailable("the boards are not built yet")
    arena.truth.take(EVERYONE)
    await process.watcher.look()
    await arena.assert_true(process)


async def test_reads_and_writes_go_on_during_a_rebuild(arena: Arena) -> None:
    process = await build(arena)
    await process.boards.place(EVERYONE[:1])  # From now on it knows where to write, until it is told otherwise.
    held, rebuild = await begin(arena, process)
    changes = [
        placing("m000", 99, revision=2),  # Has been streamed.
        placing("m119", 98, revision=2),  # Is streamed later, by then older than what is there.
        placing("m001", None, revision=2),
        placing("m118", 5, revision=2, listed=False),
        placing("new", 50),
    ]
    await process.boards.place(changes)
    arena.truth.take(changes)
    await arena.assert_true(process)
    held.go_on.set()
    assert await rebuild is True
    await arena.assert_true(process)
    assert (await process.confidence.generation()) == 2


async def test_who_has_left_is_not_brought_back_by_a_late_placing(arena: Arena) -> None:
    process = await build(arena)
    left = placing("m000", None, revision=3)
    await process.boards.place([left])
    arena.truth.take([left])
    held, rebuild = await begin(arena, process)
    await arena.process().boards.place([placing("m000", 40, revision=2)])
    held.go_on.set()
    assert await rebuild is True
    await arena.assert_true(process)


async def test_swap_is_fenced(arena: Arena) -> None:
    process = await build(arena)
    assert await process.control.begin(2)
    assert await process.control.begin(3)
    assert not await process.control.begin(3)
    before = await process.control.read()
    assert before is not None
    assert not await process.control.swap(2, "stale", 0)
    assert not await process.control.swap(3, "lossy", before.writes + 1)
    assert await process.control.read() == before
    assert await process.control.swap(3, "right", before.writes)
    after = await process.control.read()
    assert after is not None
    assert after.targets == ("right", 3, None)


async def test_redis_that_goes_back_during_a_rebuild_is_noticed(arena: Arena) -> None:
    process = await build(arena)

    async def going_back() -> AsyncIterator[Sequence[Placing]]:
        dumps = await arena.dump()
        yield EVERYONE[:60]
        await arena.go_back(dumps)
        yield EVERYONE[60:]

    arena.stream = going_back  # type: ignore[method-assign]
    with pytest.raises(RebuildInterrupted):
        await arena.process().rebuilder.rebuild()
    assert (await process.projection.get()).upcoming is None
    control = await process.control.read()
    assert control is not None
    assert (control.current, control.building) == (1, None)


async def test_rebuild_drops_what_should_not_be_there_and_old_generations_go(arena: Arena) -> None:
    process = await build(arena)
    await process.boards.place([placing("ghost", 7), placing("ghost", 7, key=BoardKey("gone", "all"))])
    assert await process.rebuilder.rebuild() is True
    await arena.assert_true(process)
    [ghost] = await process.boards.read([RankOf(WEEKLY, "ghost")])
    assert ghost.row is None
    await process.watcher.look()
    assert await generations(arena, process) == {1, 2}
    arena.clock.move(CLEAN_AFTER_SECONDS + 1)
    await process.watcher.look()
    assert await generations(arena, process) == {2}
    await arena.assert_true(process)


async def test_one_process_rebuilds_at_a_time(arena: Arena) -> None:
    process = await build(arena)
    held, rebuild = await begin(arena, process)
    assert await process.rebuilder.rebuild() is False
    held.go_on.set()
    assert await rebuild is True


async def test_a_process_that_lost_its_lease_cannot_swap(arena: Arena) -> None:
    process = await build(arena)
    held, stale = await begin(arena, process)
    arena.clock.move(LEASE_SECONDS + 1)
    arena.stream = arena.truth.stream  # type: ignore[method-assign]
    assert await process.rebuilder.rebuild() is True
    generation = await process.confidence.generation()
    held.go_on.set()
    with pytest.raises(RebuildInterrupted):
        await stale
    assert (await process.control.read()).current == generation  # type: ignore[union-attr]
    await arena.assert_true(process)


async def test_rebuilder_that_dies_in_the_middle_is_followed_by_another(arena: Arena) -> None:
    process = await build(arena)
    await arena.empty()
    # What a killed process leaves: a lease that nobody renews, and a generation half-built.
    generation = await process.projection.lease("dead", 0, arena.clock())
    assert generation == 2
    await process.control.begin(generation)
    await process.boards.fill(generation, [placing("m003", 9_999, revision=1)])
    await process.watcher.look()
    [answer] = await process.boards.read([Top(WEEKLY, 5)])
    assert answer == Unavailable("Redis has been emptied")
    arena.clock.move(LEASE_SECONDS + 1)
    await process.watcher.look()
    assert process.confidence.doubt is None
    await arena.assert_true(process)
    assert await generations(arena, process) == {3}


async def test_a_stream_that_fails_leaves_the_current_boards_as_they_are(arena: Arena) -> None:
    process = await build(arena)

    async def failing() -> AsyncIterator[Sequence[Placing]]:
        for batch in (EVERYONE[:10], None):
            if batch is None:
                raise StoreUnavailable("MongoDB did not answer")
            yield batch

    arena.stream = failing  # type: ignore[method-assign]
    before = await process.control.read()
    with pytest.raises(StoreUnavailable):
        await arena.process().rebuilder.rebuild()
    after = await process.control.read()
    assert before is not None
    assert after is not None
    assert after.targets == before.targets
    await arena.assert_true(process)


async def test_what_is_lost_during_a_rebuild_is_not_swapped_in(arena: Arena) -> None:
    process = await build(arena)
    held, rebuild = await begin(arena, process)
    await arena.empty()
    held.go_on.set()
    with pytest.raises(RebuildInterrupted):
        await rebuild
    assert await process.control.read() is None
    [answer] = await process.boards.read([Top(WEEKLY, 5)])
    assert isinstance(answer, Unavailable)


async def test_process_that_ends_between_swap_and_confirmation(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    process, dying = await build(arena), arena.process()

    async def end(*_: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(dying.projection, "confirm", end)
    with pytest.raises(asyncio.CancelledError):
        await dying.rebuilder.rebuild()
    await arena.assert_true(process)
    await process.watcher.look()
    known = await process.projection.get()
    assert known.trusted is not None
    assert (known.trusted.generation, known.upcoming, process.confidence.doubt) == (2, None, None)


async def test_emptied_at_random_moments_while_placing_and_rebuilding_ends_equal_to_the_truth(arena: Arena) -> None:
    chance = random.Random(7)
    process, other = await build(arena), arena.process()
    outbox: list[Placing] = []

    async def play() -> None:
        for number in range(60):
            member_id = f"m{chance.randrange(120):03}"
            value = chance.choice([None, *range(40)])
            one = placing(member_id, value, revision=number + 2, listed=chance.random() < 0.8)
            arena.truth.take([one])
            outbox.append(one)
            await asyncio.sleep(0)
            try:
                await chance.choice([process, other]).boards.place(list(outbox))
                outbox.clear()
            except StoreUnavailable:
                await process.watcher.look()

    async def empty() -> None:
        for _ in range(8):
            for _ in range(chance.randrange(60)):
                await asyncio.sleep(0.0005)
            await arena.empty()

    async def rebuild() -> None:
        for _ in range(6):
            await other.watcher.look()
            try:
                await other.rebuilder.rebuild()
            except StoreUnavailable:
                await asyncio.sleep(0.001)

    await asyncio.gather(play(), empty(), rebuild())
    for one in (process, other):
        await one.watcher.look()
        assert one.confidence.doubt is None
    await process.boards.place(outbox)
    await arena.assert_true(process)
    await arena.assert_true(other)
