"""Placing and reading: every read equals a plain sort, whatever came before and in which order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.boards.placing import Placing
from app.boards.requests import Among, AroundMe, RankOf, Top
from gamification.boards.keys import BoardKey
from gamification.boards.listing import MAX_SCORE, Place, Rows, Unavailable
from gamification.stores import StoreUnavailable
from tests.app.boards.conftest import Arena
from tests.app.boards.truth import NOW, WEEKLY, Truth, placing

BRACES = BoardKey("by-store", "2026-W20", "a}b/{c}:listed")
MEMBERS = ["ann", "bob", "cleo", "dan", "Änne", "eve", "a", "aa", "z:1"]

values = st.one_of(st.integers(-2, 2), st.sampled_from([MAX_SCORE, -MAX_SCORE, MAX_SCORE - 1, 1 - MAX_SCORE]))


@st.composite
def histories(draw: st.DrawFn) -> list[Placing]:
    """Each member's revisions, shuffled and some of them twice; one revision always says the same."""
    history: list[Placing] = []
    for key in (WEEKLY, BRACES):
        width = draw(st.integers(0, 3))
        for member_id in draw(st.lists(st.sampled_from(MEMBERS), unique=True)):
            for revision in range(1, draw(st.integers(1, 4)) + 1):
                value = draw(st.none() | values)
                columns = tuple(draw(values) for _ in range(width))
                reached_at = NOW + timedelta(milliseconds=draw(st.integers(0, 2)))
                one = Placing(key, member_id, revision, value, columns, reached_at, draw(st.booleans()))
                history += [one] * draw(st.sampled_from([1, 1, 1, 2]))
    return draw(st.permutations(history))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(), size=st.integers(1, 7))
async def test_every_read_equals_a_plain_sort(arena: Arena, history: list[Placing], size: int) -> None:
    await arena.empty()
    arena.truth = Truth()
    process = await arena.started()
    for first in range(0, len(history), size):
        await process.boards.place(history[first : first + size])
    arena.truth.take(history)
    await arena.assert_true(process)


async def test_shared_ranks_and_what_is_missing(arena: Arena) -> None:
    process = await arena.started()
    await process.boards.place(
        [placing("ann", 30, minute=2), placing("bob", 30, minute=1), placing("cleo", 20), placing("dan", 20, minute=1)]
    )
    [top, rank, first] = await process.boards.read([Top(WEEKLY, 10), RankOf(WEEKLY, "dan"), RankOf(WEEKLY, "bob")])
    assert [(row.member_id, row.position, row.shared_rank) for row in top.rows] == [
        ("bob", 1, 1),
        ("ann", 2, 1),
        ("cleo", 3, 3),
        ("dan", 4, 3),
    ]
    assert (rank.row.position, rank.row.shared_rank, rank.total) == (4, 3, 4)
    assert (rank.ahead.member_id, rank.ahead.value) == ("cleo", 20)
    assert (rank.higher.member_id, rank.higher.value) == ("ann", 30)
    assert (first.ahead, first.higher) == (None, None)


async def test_unlisted_member_holds_no_place_and_sees_the_one_they_would_have(arena: Arena) -> None:
    process = await arena.started()
    await process.boards.place(
        [placing("ann", 30), placing("hidden", 25, listed=False), placing("bob", 20), placing("cleo", 10)]
    )
    [top, around, rank, other, friends] = await process.boards.read(
        [
            Top(WEEKLY, 10),
            AroundMe(WEEKLY, "hidden", 1),
            RankOf(WEEKLY, "hidden"),
            RankOf(WEEKLY, "bob"),
            Among(WEEKLY, ("hidden", "bob", "nobody")),
        ]
    )
    assert [row.member_id for row in top.rows] == ["ann", "bob", "cleo"]
    assert [(row.member_id, row.position) for row in around.rows] == [("ann", 1), ("hidden", 2), ("bob", 2)]
    assert (rank.row.position, rank.row.shared_rank, rank.row.listed, rank.total) == (2, 2, False, 3)
    assert (other.row.position, other.ahead.member_id) == (2, "ann")
    assert [(row.member_id, row.position) for row in friends.rows] == [("hidden", 1), ("bob", 2)]


async def test_paging_goes_on_where_it_was_whoever_moves(arena: Arena) -> None:
    process = await arena.started()
    everyone = [placing(f"m{number:02}", 100 - number // 4, minute=number) for number in range(20)]
    await process.boards.place(everyone)
    [page] = await process.boards.read([Top(WEEKLY, 6)])
    last = page.rows[-1]
    assert last.member_id == "m05"
    # The last of the page goes to the top, one before it leaves, and one ties with it before and one behind.
    await process.boards.place(
        [
            placing("m05", 500, revision=2),
            placing("m00", None, revision=2),
            placing("new-a", 99, minute=4, revision=1),
            placing("new-z", 99, minute=6, revision=1),
        ]
    )
    [rest] = await process.boards.read([Top(WEEKLY, 100, last.place)])
    assert [row.member_id for row in rest.rows] == ["m06", "new-z", *(f"m{number:02}" for number in range(7, 20))]
    assert rest.rows[0].position == 1 + len({"m05", "m01", "m02", "m03", "new-a", "m04"})


async def test_revision_guards(arena: Arena) -> None:
    process = await arena.started()
    await process.boards.place([placing("ann", 5, revision=7)])
    await process.boards.place([placing("ann", 9, revision=6), placing("ann", 9, revision=7)])
    assert (await value_of(arena, "ann")) == 5
    await process.boards.place([placing("ann", None, revision=8), placing("ann", 6, revision=7)])
    assert (await value_of(arena, "ann")) is None
    await process.boards.place([placing("ann", 4, revision=9, listed=False)])
    [top, rank] = await process.boards.read([Top(WEEKLY, 10), RankOf(WEEKLY, "ann")])
    assert top == Rows((), 0)
    assert (rank.row.value, rank.row.listed) == (4, False)


async def test_times_of_all_centuries_are_in_order(arena: Arena) -> None:
    process = await arena.started()
    times = [datetime(year, 2, 28, 23, 59, 59, 999_000, tzinfo=UTC) for year in (1, 1904, 1969, 1970, 2026, 2999)]
    await process.boards.place(
        [Placing(WEEKLY, f"m{9 - number}", 1, 5, (), reached_at, True) for number, reached_at in enumerate(times)]
    )
    [top] = await process.boards.read([Top(WEEKLY, 10)])
    assert [row.reached_at for row in top.rows] == times


async def test_expired_board_is_forgotten_and_not_filled_again(arena: Arena) -> None:
    process = await arena.started()
    past, soon = BoardKey("weekly", "2026-W10"), BoardKey("weekly", "2026-W19")
    arena.expiries |= {past: NOW - timedelta(seconds=1), soon: NOW + timedelta(days=365_000)}
    await process.boards.place([placing("ann", 5, key=past), placing("ann", 5, key=soon), placing("ann", 5)])
    generation = await process.confidence.generation()
    expiries = [await arena.redis.expiretime(process.names.board(generation, key)[0]) for key in (past, soon, WEEKLY)]
    assert expiries == [-2, int(arena.expiries[soon].timestamp()), -1]


async def test_bounds_are_named_and_nothing_is_asked(arena: Arena) -> None:
    process = await arena.started()
    before = process.wire.pipelines
    for request in (Top(WEEKLY, 101), Top(WEEKLY, -1), AroundMe(WEEKLY, "ann", 51), Among(WEEKLY, ("a",) * 502)):
        with pytest.raises(ValueError, match="is not from 0 to"):
            await process.boards.read([request])
    with pytest.raises(ValueError, match="no place on a board"):
        Place(2**54, "")
    with pytest.raises(ValueError, match=r"larger than 2\^53"):
        placing("ann", MAX_SCORE + 1)
    assert process.wire.pipelines == before


async def test_placing_into_an_emptied_redis_is_refused(arena: Arena) -> None:
    process = await arena.started()
    await process.boards.place([placing("ann", 5)])
    await arena.empty()
    with pytest.raises(StoreUnavailable, match="emptied"):
        await process.boards.place([placing("ann", 6, revision=2)])
    [answer] = await process.boards.read([RankOf(WEEKLY, "ann")])
    assert isinstance(answer, Unavailable)
    assert process.confidence.suspected.is_set()


async def test_scripts_are_loaded_again_where_they_are_gone(arena: Arena) -> None:
    process = await arena.started()
    await process.boards.place([placing("ann", 5)])
    await arena.redis.script_flush()
    assert (await value_of(arena, "ann")) == 5
    await arena.redis.script_flush()
    await process.boards.place([placing("ann", 6, revision=2)])
    assert (await value_of(arena, "ann")) == 6


async def test_a_large_batch_over_many_boards(arena: Arena) -> None:
    process = await arena.started()
    keys = [BoardKey("weekly", "2026-W20", f"store {number}") for number in range(7)]
    many = [placing(f"m{number}", number % 50, key=keys[number % 7]) for number in range(3_000)]
    await process.boards.place(many)
    arena.truth.take(many)
    answers: list[Any] = await process.boards.read([Top(key, 100) for key in keys])
    assert answers == [arena.truth_top(key) for key in keys]


async def value_of(arena: Arena, member_id: str) -> int | None:
    [rank] = await arena.process().boards.read([RankOf(WEEKLY, member_id)])
    return rank.row.value if rank.row else None
