"""The sort of contenders: its order, and that it ends in order whenever it is ended."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from app.boards.sorting import ContenderSort
from gamification.boards.closing import Contender

AT = datetime(2026, 5, 13, tzinfo=UTC)
BATCH = 1_000
PRIME = 99_991
"""Multiples of it, modulo the number of contenders, are in no order."""


def contenders(first: int, count: int) -> Sequence[Contender]:
    return [
        Contender("", f"m{number:06}", number * PRIME % 100_003, (), AT, listed=True)
        for number in range(first, first + count)
    ]


async def test_contenders_come_back_by_scope_and_total_order() -> None:
    given = [
        Contender("b", "m1", 9, (), AT, listed=True),
        Contender("a", "m2", 1, (5,), AT, listed=True),
        Contender("a", "m3", 1, (7,), AT, listed=False),
        Contender("a", "m4", 2, (-1,), AT, listed=True),
    ]
    async with ContenderSort() as sort:
        await sort.add(given[:2])
        await sort.add(given[2:])
        batches = [batch async for batch in sort.in_order(3)]
    assert batches == [[given[3], given[2], given[1]], [given[0]]]


@pytest.mark.parametrize("batches_before_the_end", [0, 1, 5])
async def test_ending_it_while_its_thread_is_at_work_closes_the_database_after_that(
    batches_before_the_end: int,
) -> None:
    """A database that is closed under a thread that is sorting takes the process down."""
    filled = asyncio.Event()
    sort = ContenderSort()

    async def work() -> None:
        async with sort:
            for number in range(60):
                await sort.add(contenders(number * BATCH, BATCH))
            if not batches_before_the_end:
                filled.set()
            number = 0
            async for _ in sort.in_order(BATCH):
                number += 1
                if number == batches_before_the_end:
                    filled.set()

    task = asyncio.create_task(work())
    await filled.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(RuntimeError, match="after shutdown"):
        await sort.add(contenders(0, 1))


async def test_everything_happens_in_one_thread() -> None:
    """Cursors are let go of in the thread that made them: every contender comes back, time and again."""
    for _ in range(5):
        async with ContenderSort() as sort:
            for number in range(20):
                await sort.add(contenders(number * BATCH, BATCH))
            found = [one.member_id async for batch in sort.in_order(BATCH) for one in batch]
        assert len(found) == len(set(found)) == 20 * BATCH
