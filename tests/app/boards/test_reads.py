"""One tick, one pipeline."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from redis.exceptions import ResponseError

from app.boards import scripts
from app.boards.calls import Call
from app.boards.reads import BoardReads
from app.boards.requests import Among, AroundMe, RankOf, Top
from app.boards.scripts import Script
from gamification.boards.keys import BoardKey
from gamification.boards.listing import Rank, Rows
from tests.app.boards.conftest import Arena
from tests.app.boards.truth import WEEKLY, placing

DAILY = BoardKey("daily", "2026-05-14")


async def nested(reads: BoardReads, depth: int) -> object:
    """Ask a few turns of the event loop later, as a resolver does that lies deeper."""
    for _ in range(depth):
        await asyncio.sleep(0)
    return await reads.read(RankOf(WEEKLY, "bob"))


async def test_all_that_is_asked_in_a_few_turns_is_one_pipeline(arena: Arena) -> None:
    process = await arena.started()
    await process.boards.place([placing("ann", 5), placing("bob", 4), placing("ann", 9, key=DAILY)])
    reads = BoardReads(process.boards)
    before = process.wire.pipelines
    top, rank, around, friends, *late = await asyncio.gather(
        reads.read(Top(WEEKLY, 10)),
        reads.read(RankOf(DAILY, "ann")),
        reads.read(AroundMe(WEEKLY, "ann", 1)),
        reads.read(Among(WEEKLY, ("bob",))),
        nested(reads, 0),
        nested(reads, 1),
        nested(reads, 2),
    )
    assert (process.wire.pipelines - before, reads.pipelines) == (1, 1)
    assert isinstance(top, Rows)
    assert isinstance(rank, Rank)
    assert [row.member_id for row in top.rows] == ["ann", "bob"]
    assert rank.row is not None
    assert rank.row.value == 9
    assert around == top
    assert isinstance(friends, Rows)
    assert [row.position for row in friends.rows] == [1]
    assert [answer.row.position for answer in late if isinstance(answer, Rank) and answer.row] == [2, 2, 2]


async def test_control_is_asked_last_so_that_it_held_for_all_before(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = await arena.started()
    await process.boards.place([placing("ann", 5)])
    sent: list[list[Script]] = []
    run = process.wire.run_each

    async def recorded(calls: Sequence[Call], timeout_seconds: float) -> list[Any]:
        sent.append([call.script for call in calls])
        return await run(calls, timeout_seconds)

    monkeypatch.setattr(process.wire, "run_each", recorded)
    await process.boards.read([Top(WEEKLY, 1), RankOf(WEEKLY, "ann")])
    assert sent == [[scripts.TOP, scripts.RANK, scripts.READ_CONTROL]]
    sent.clear()
    await process.boards.place([placing("ann", 6, revision=2)])
    in_order = [[scripts.PLACE, scripts.COUNT_WRITE]]
    # The servers of a cluster are not in step, so there the question waits for the answers.
    assert sent == ([[scripts.PLACE], [scripts.COUNT_WRITE]] if process.wire.cluster else in_order)


async def test_one_who_asks_wrongly_or_goes_away_spoils_nothing_for_others(arena: Arena) -> None:
    process = await arena.started()
    await process.boards.place([placing("bob", 4)])
    reads = BoardReads(process.boards)
    gone = reads.read(Top(WEEKLY, 10))
    right = reads.read(RankOf(WEEKLY, "bob"))
    with pytest.raises(ValueError, match="101 is not from 0 to 100"):
        await reads.read(Top(WEEKLY, 101))
    gone.cancel()
    answer = await right
    assert isinstance(answer, Rank)
    assert answer.row is not None
    assert (answer.row.position, reads.pipelines) == (1, 1)


async def test_a_board_that_is_broken_spoils_nothing_for_those_who_ask_for_others(arena: Arena) -> None:
    process = await arena.started()
    await process.boards.place([placing("ann", 5), placing("bob", 4), placing("ann", 9, key=DAILY)])
    generation = await process.confidence.generation()
    listed, *_ = process.names.board(generation, DAILY)
    await arena.redis.delete(listed)
    await arena.redis.set(listed, "no sorted set")
    await arena.redis.hset(process.names.board(generation, WEEKLY)[2], "bob", "7 L nonsense tie")
    reads = BoardReads(process.boards)
    top, broken, torn, rank, unknown = await asyncio.gather(
        reads.read(Top(WEEKLY, 1)),
        reads.read(Top(DAILY, 10)),
        reads.read(Among(WEEKLY, ("ann", "bob"))),
        reads.read(RankOf(WEEKLY, "ann")),
        reads.read(RankOf(WEEKLY, "bob")),
        return_exceptions=True,
    )
    assert isinstance(top, Rows)
    assert [row.member_id for row in top.rows] == ["ann"]
    assert isinstance(broken, ResponseError)
    assert isinstance(torn, ValueError)
    assert isinstance(rank, Rank)
    assert rank.row is not None
    assert rank.row.member_id == "ann"
    assert isinstance(unknown, ResponseError | ValueError)
    assert reads.pipelines == 1
