"""One tick, one read: who gets which answers, in how many reads, whatever goes wrong for others."""

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import batching
from app.batching import MAX_TURNS, MAX_UNDER_WAY, Batcher

MOST = 5
BOUND_SECONDS = 5.0
LONG_SECONDS = 3600.0
WHOSE: ContextVar[str] = ContextVar("whose", default="nobody's")


@dataclass
class Store:
    """Answers a number with its square, none below zero, and waits at the gate first."""

    asked: list[list[int]] = field(default_factory=list)
    contexts: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    fails_on: int | None = None

    def __post_init__(self) -> None:
        self.gate.set()

    async def read(self, questions: Sequence[int]) -> Mapping[int, int]:
        self.asked.append(list(questions))
        self.contexts.append(WHOSE.get())
        await self.gate.wait()
        if self.fails_on in questions:
            raise OSError(f"{self.fails_on} is cursed")
        return {one: one * one for one in questions if one >= 0}

    async def until_asked(self, times: int) -> None:
        async with asyncio.timeout(BOUND_SECONDS):
            while len(self.asked) < times:  # noqa: ASYNC110 - a list has no event
                await asyncio.sleep(0)


@pytest.fixture
async def store() -> Store:
    return Store()


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_is_asked_in_the_same_tick_is_one_read_and_each_gets_their_own(store: Store) -> None:
    batcher = Batcher(store.read, MOST)
    answers = await asyncio.gather(*map(batcher.ask, ([1, 2], [2, 3], [-1], [])))
    assert answers == [{1: 1, 2: 4}, {2: 4, 3: 9}, {}, {}]
    assert store.asked == [[1, 2, 3, -1]]
    assert batcher.reads == 1


async def test_what_is_asked_a_turn_later_comes_along_but_nobody_waits_for_ever(store: Store) -> None:
    batcher = Batcher(store.read, MOST)

    async def every_turn(first: int) -> None:
        asking = []
        for number in range(first, first + 2 * MAX_TURNS):
            asking.append(asyncio.ensure_future(batcher.ask([number % MOST])))
            await asyncio.sleep(0)
        await asyncio.gather(*asking)

    await every_turn(0)
    assert [sorted(questions) for questions in store.asked] == [list(range(MOST))] * len(store.asked)
    assert 2 <= len(store.asked) <= 4


async def test_nothing_is_kept_and_a_read_begins_after_it_is_asked_for(store: Store) -> None:
    """Whoever writes while a read is under way, and then asks, gets another read."""
    store.gate.clear()
    batcher = Batcher(store.read, MOST)
    before = asyncio.ensure_future(batcher.ask([1]))
    await store.until_asked(1)
    after = asyncio.ensure_future(batcher.ask([1]))
    await store.until_asked(2)
    store.gate.set()
    assert await before == await after == {1: 1}
    assert await batcher.ask([1]) == {1: 1}
    assert store.asked == [[1]] * 3


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.lists(st.lists(st.integers(-3, 12), max_size=2 * MOST), max_size=12), st.sampled_from([None, 2, 7]))
async def test_every_read_is_bounded_and_every_call_answered(calls: list[list[int]], fails_on: int | None) -> None:
    store = Store(fails_on=fails_on)
    batcher = Batcher(store.read, MOST)
    answers = await asyncio.gather(*map(batcher.ask, calls), return_exceptions=True)
    for questions, answer in zip(calls, answers, strict=True):
        if isinstance(answer, BaseException):
            # Somebody in the same read asked for what failed; who asked alone, and not for that, is untouched.
            assert isinstance(answer, OSError)
            assert any(fails_on in read and set(questions) <= set(read) for read in store.asked)
        else:
            assert fails_on not in questions
            assert answer == {one: one * one for one in questions if one >= 0}
    larger = [set(read) for read in store.asked if len(read) > MOST]
    assert all(read in [set(one) for one in calls] for read in larger), "only one call alone makes a larger read"
    assert all(len(read) == len(set(read)) for read in store.asked)


async def test_a_read_that_fails_does_so_for_its_own_members_only(store: Store) -> None:
    store.fails_on = 1
    batcher = Batcher(store.read, MOST)
    calls = [[1, 2], [2, 3, 4, 5], [6]]
    answers = await asyncio.gather(*map(batcher.ask, calls), return_exceptions=True)
    assert store.asked == [[1, 2, 3, 4, 5], [6]]
    assert [type(answer) for answer in answers] == [OSError, OSError, dict]
    store.fails_on = None
    assert await batcher.ask([1]) == {1: 1}


async def test_who_is_cancelled_harms_no_other(store: Store) -> None:
    store.gate.clear()
    batcher = Batcher(store.read, MOST)
    gone, stays = asyncio.ensure_future(batcher.ask([1])), asyncio.ensure_future(batcher.ask([1, 2]))
    await store.until_asked(1)
    gone.cancel()
    await asyncio.wait([gone])
    store.gate.set()
    assert await stays == {1: 1, 2: 4}
    assert gone.cancelled()


async def test_what_nobody_waits_for_any_more_is_not_asked(store: Store) -> None:
    batcher = Batcher(store.read, MOST)
    gone, stays = asyncio.ensure_future(batcher.ask([1])), asyncio.ensure_future(batcher.ask([2]))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == {2: 4}
    assert store.asked == [[2]]


async def test_while_reads_are_under_way_what_is_asked_gathers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "GATHER_SECONDS", LONG_SECONDS)
    store.gate.clear()
    batcher = Batcher(store.read, MOST)
    asking = []
    for number in range(MAX_UNDER_WAY + 3):
        asking.append(asyncio.ensure_future(batcher.ask([number])))
        await turns(5)
    assert store.asked == [[number] for number in range(MAX_UNDER_WAY)]
    store.gate.set()
    assert await asyncio.gather(*asking) == [{number: number**2} for number in range(MAX_UNDER_WAY + 3)]
    assert len(store.asked) == MAX_UNDER_WAY + 1


async def test_a_store_that_hangs_holds_nobody_up_for_long(store: Store) -> None:
    store.gate.clear()
    batcher = Batcher(store.read, MOST)
    asking = []
    for number in range(MAX_UNDER_WAY + 1):
        asking.append(asyncio.ensure_future(batcher.ask([number])))
        await turns(5)
    await store.until_asked(MAX_UNDER_WAY + 1)
    store.gate.set()
    await asyncio.gather(*asking)


async def test_a_read_for_many_goes_by_the_context_of_none(store: Store) -> None:
    """A deadline that the first who asked has set, as the driver's timeouts are, must not be that of the others."""
    batcher = Batcher(store.read, MOST)
    WHOSE.set("mine")
    await batcher.ask([1])
    assert store.contexts == ["nobody's"]
