"""The closing of periods: exact standings, prizes once, and what takes over from what was interrupted."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from app.boards import archive, closing
from app.boards.periods import LEASE_SECONDS
from app.stores.codec import MemberScores, Unreadable
from app.stores.connection import Connection
from gamification.boards.keys import BoardKey
from gamification.boards.listing import Row
from gamification.boards.ranking import ranks
from gamification.program import Board
from gamification.state import Score
from gamification.stores import StoreUnavailable
from tests.app.boards.finale import APPLIED_AT, MONDAY, PROGRAM, TIED, WEEK_OVER, WEEKLY, Clock, Finale, score

TIMEOUT_SECONDS = 10.0
VISIBILITIES = ("shown", "shown", "alias", "friends", "hidden")


@pytest.fixture
async def finale(database: AsyncIOMotorDatabase[dict[str, Any]]) -> Finale:
    """A game with the weekly board."""
    begun = Finale.over(Connection(database, TIMEOUT_SECONDS), Clock())
    await begun.begin()
    return begun


@pytest.fixture
async def tied(finale: Finale) -> Finale:
    """The same with boards of every way with ties."""
    await finale.programs.apply(PROGRAM + TIED, "tests", finale.clock())
    return finale


def won(ids: dict[str, str]) -> list[tuple[str, str, int]]:
    """The prizes of `Finale.compete`: who hides is passed over."""
    key = "#prize:weekly/2026-W20/"
    return sorted([(ids["ann"], key, 100), (ids["bob"], key, 50), (ids["cid"], key, 50)])


def rank_in(board: Board, row: Row) -> int:
    """The rank of a row by the board's way with ties."""
    return row.shared_rank if board.ties == "shared" else row.position


@pytest.mark.parametrize("seed", range(3))
async def test_final_standings_equal_a_plain_sort(tied: Finale, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(closing, "WRITE_BATCH", 17)
    monkeypatch.setattr(closing, "READ_BATCH", 13)
    rng = random.Random(seed)
    keys = [WEEKLY, BoardKey("columned", "2026-W20"), *(BoardKey("tied", "2026-W20", scope) for scope in ("a", "b/é"))]
    others = [BoardKey("weekly", "2026-W19"), BoardKey("weekly", "2026-W21")]

    def some_score(key: BoardKey) -> Score:
        columns = (rng.randrange(3), rng.randrange(2)) if key.board == "columned" else ()
        return score(key, rng.randrange(-2, 6), columns, rng.randrange(3))

    members = [
        (
            f"m{rng.getrandbits(64):x}",
            rng.choice(VISIBILITIES),
            [some_score(key) for key in [*keys, *others] if rng.random() < 0.7],
        )
        for _ in range(150)
    ]
    await tied.seed(members)
    # What the prizes are is another test's; these members have no journal.
    monkeypatch.setattr(closing, "prize_won", lambda board, row: None)
    tied.clock.at = WEEK_OVER
    await tied.closer.close_due()

    program = (await tied.programs.current()).program
    for key in keys:
        board = program.board_by_code[key.board]
        on_it = [
            (member_id, held, shown in ("shown", "alias"))
            for member_id, shown, scores in members
            for held in scores
            if (held.board, held.period, held.scope) == (key.board, key.period, key.scope)
        ]
        listed = [(member_id, held) for member_id, held, is_listed in on_it if is_listed]
        plain = ranks(board, listed)
        rows = (await tied.standings.top(key, 100)).rows
        assert [(row.position, row.member_id, row.value) for row in rows] == [
            (each.position, each.member_id, each.score.value) for each in plain
        ]
        assert [row.columns for row in rows] == [each.score.columns for each in plain]
        assert [row.reached_at for row in rows] == [each.score.reached_at for each in plain]
        assert [rank_in(board, row) for row in rows] == [each.rank for each in plain]
        for member_id, held, is_listed in on_it:
            if is_listed:
                continue
            [own] = [each for each in ranks(board, [*listed, (member_id, held)]) if each.member_id == member_id]
            row = (await tied.standings.rank_of(key, member_id)).row
            assert row is not None
            assert (rank_in(board, row), row.position, row.listed) == (own.rank, own.position, False)


async def test_prizes_are_paid_once_and_who_hides_is_passed_over(finale: Finale) -> None:
    ids = await finale.compete()
    before = (await finale.member(ids["ann"])).state
    finale.clock.at = WEEK_OVER - timedelta(seconds=2)
    await finale.closer.close_due()
    assert not await finale.standings.is_closed("weekly", "2026-W20")
    assert await finale.prizes() == []

    finale.clock.at = WEEK_OVER
    await finale.closer.close_due()
    await finale.closer.close_due()
    await Finale.over(finale.connection, finale.clock).closer.close_due()

    assert await finale.prizes() == won(ids)
    listed = ("ann", "bob", "cid", "eve", "fay")
    places = [
        (at, ids[name], value) for at, (name, value) in enumerate(zip(listed, (60, 50, 50, 30, 20), strict=True), 1)
    ]
    assert await finale.places() == places
    dan = await finale.standings.rank_of(WEEKLY, ids["dan"])
    assert dan.row is not None
    assert (dan.row.position, dan.row.listed, dan.total) == (4, False, 5)
    after = (await finale.member(ids["ann"])).state
    assert after.balance.available - before.balance.available == 100
    assert after.badges["champion"].level == 1
    assert after.totals.earned - before.totals.earned == 100
    assert await finale.all_documents("prizes") == []


async def test_shared_ranks_share_a_prize_in_each_scope(tied: Finale) -> None:
    tied.clock.at = MONDAY
    ids = {name: await tied.enrol(name) for name in ("ann", "bob", "cid")}
    for name, store, dollars in (("ann", "x", 9), ("bob", "x", 9), ("cid", "x", 8), ("cid", "y", 1)):
        await tied.buy(ids[name], f"{name} {store}", dollars, MONDAY, store=store)
    tied.clock.at = WEEK_OVER
    await tied.closer.close_due()
    prizes = [prize for prize in await tied.prizes() if prize[1].startswith("#prize:tied")]
    x, y = "#prize:tied/2026-W20/x", "#prize:tied/2026-W20/y"
    assert prizes == sorted([(ids["ann"], x, 7), (ids["bob"], x, 7), (ids["cid"], x, 3), (ids["cid"], y, 7)])


async def test_what_is_late_counts_until_the_closing_and_not_after(finale: Finale) -> None:
    ids = await finale.compete()
    finale.clock.at = WEEK_OVER - timedelta(seconds=2)
    await finale.buy(ids["fay"], "late", 45, MONDAY + timedelta(days=6))
    finale.clock.at = WEEK_OVER
    await finale.closer.close_due()
    rows, prizes = await finale.all_documents("standings"), await finale.prizes()
    assert (await finale.places())[:2] == [(1, ids["fay"], 65), (2, ids["ann"], 60)]

    await finale.buy(ids["eve"], "too late", 90, MONDAY + timedelta(days=6))
    await finale.closer.close_due()
    assert [(held.period, held.value) for held in (await finale.member(ids["eve"])).state.scores] == [("2026-W20", 120)]
    assert await finale.all_documents("standings") == rows
    assert await finale.prizes() == prizes


async def test_who_hides_before_the_closing_has_no_place_and_who_hides_after_keeps_the_prize(finale: Finale) -> None:
    ids = await finale.compete()
    await finale.appear(ids["ann"], "friends")
    finale.clock.at = WEEK_OVER
    await finale.closer.close_due()
    await finale.appear(ids["bob"], "hidden")
    await finale.closer.close_due()
    assert [(member_id, points) for member_id, _, points in await finale.prizes()] == sorted(
        [(ids["bob"], 100), (ids["cid"], 50), (ids["eve"], 50)]
    )
    assert ids["ann"] not in [member_id for _, member_id, _ in await finale.places()]
    own = (await finale.standings.rank_of(WEEKLY, ids["ann"])).row
    assert own is not None
    assert (own.position, own.listed) == (1, False)


async def test_a_period_without_scores_is_closed_and_not_looked_at_again(finale: Finale) -> None:
    finale.clock.at = WEEK_OVER
    await finale.closer.close_due()
    documents = await finale.all_documents("board_periods")
    week_20 = next(document for document in documents if document["_id"] == "weekly/2026-W20")
    assert (week_20["status"], week_20["listed"], week_20["unlisted"], week_20["prizes"]) == ("paid", 0, 0, 0)
    finale.clock.at += timedelta(days=1)
    await Finale.over(finale.connection, finale.clock).closer.close_due()
    assert await finale.all_documents("board_periods") == documents


async def test_after_a_long_time_the_last_three_are_closed_and_older_ones_are_not(finale: Finale) -> None:
    finale.clock.at = APPLIED_AT + timedelta(days=365)
    await finale.closer.close_due()
    closed = await finale.standings.closed_periods("weekly", 10)
    assert [each.period for each in closed] == ["2027-W16", "2027-W15", "2027-W14"]


async def test_what_ended_before_the_board_came_into_force_is_no_final(finale: Finale) -> None:
    ann = await finale.enrol("ann")
    await finale.buy(ann, "imported", 10, APPLIED_AT - timedelta(days=7))
    finale.clock.at = APPLIED_AT + timedelta(hours=1)
    await finale.closer.close_due()
    assert await finale.all_documents("board_periods") == []
    finale.clock.at = APPLIED_AT + timedelta(days=10)
    await finale.closer.close_due()
    # The week in which the program was applied ended after it.
    assert [each.period for each in await finale.standings.closed_periods("weekly", 10)] == ["2026-W18"]
    assert await finale.prizes() == []


class Interrupted:
    """Members whose scores are read in batches of one, with something done after so many of them."""

    def __init__(self, finale: Finale, after: int, then: Callable[[], Any]) -> None:
        self._members, self._after, self._then = finale.members, after, then
        self._done = False

    async def stream_scores(self, batch_size: int) -> AsyncIterator[Sequence[MemberScores | Unreadable]]:
        number = 0
        async for batch in self._members.stream_scores(1):
            yield batch
            number += 1
            if number == self._after and not self._done:
                self._done = True
                await self._then()


async def test_a_purchase_during_the_closing_counts_or_not_and_nothing_is_torn(finale: Finale) -> None:
    ids = await finale.compete()
    finale.clock.at = WEEK_OVER

    async def buy() -> None:
        for name in ("ann", "fay"):
            await finale.buy(ids[name], "meanwhile", 1000, MONDAY)

    await finale.with_members(Interrupted(finale, 3, buy)).close_due()
    # Ann had been read; for Fay it depends on how far the server had read ahead.
    places = await finale.places()
    assert sorted(member_id for _, member_id, _ in places) == sorted(ids[name] for name in ids if name != "dan")
    value = next(value for _, member_id, value in places if member_id == ids["fay"])
    in_order = ["fay", "ann", "bob", "cid", "eve"] if value == 1020 else ["ann", "bob", "cid", "eve", "fay"]
    values = {"ann": 60, "bob": 50, "cid": 50, "eve": 30, "fay": value}
    assert value in (20, 1020)
    assert places == [(at, ids[name], values[name]) for at, name in enumerate(in_order, 1)]
    paid = [(member_id, points) for member_id, _, points in await finale.prizes()]
    assert paid == sorted(zip([ids[name] for name in in_order], (100, 50, 50), strict=False))


async def test_one_who_loses_the_lease_neither_chooses_nor_leaves_anything(
    finale: Finale, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "WRITE_BATCH", 2)
    ids = await finale.compete()
    finale.clock.at = WEEK_OVER
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def stall() -> None:
        reached.set()
        await go_on.wait()

    slow = asyncio.create_task(finale.with_members(Interrupted(finale, 3, stall)).close_due())
    await asyncio.wait_for(reached.wait(), TIMEOUT_SECONDS)
    await finale.closer.close_due()
    assert not await finale.standings.is_closed("weekly", "2026-W20"), "the lease does not hold"
    finale.clock.at += timedelta(seconds=LEASE_SECONDS + 1)
    await finale.closer.close_due()
    rows, prizes = await finale.all_documents("standings"), await finale.prizes()
    assert (len(rows), prizes) == (6 + 1, won(ids))

    go_on.set()
    await slow
    assert await finale.all_documents("standings") == rows
    assert await finale.prizes() == prizes
    assert [one["status"] for one in await finale.all_documents("board_periods") if one["board"] == "weekly"] == [
        "paid"
    ] * 3


@pytest.mark.parametrize("by_itself", [False, True])
async def test_one_that_is_slow_under_an_expired_lease_cannot_choose_over_a_newer_run(
    finale: Finale, monkeypatch: pytest.MonkeyPatch, by_itself: bool
) -> None:
    """Whatever the clocks of two processes say, the run that was begun last is the only one that can be chosen."""
    monkeypatch.setattr(closing, "RENEW_SECONDS", 10**6)
    ids = await finale.compete()
    finale.clock.at = WEEK_OVER
    chosen: list[str] = []

    async def overtaken() -> None:
        finale.clock.at += timedelta(seconds=LEASE_SECONDS + 1)
        await (slow if by_itself else finale.closer).close_due()
        [week] = [one for one in await finale.all_documents("board_periods") if one["_id"] == "weekly/2026-W20"]
        chosen.append(week["run"])

    slow = finale.with_members(Interrupted(finale, 3, overtaken))
    await slow.close_due()
    rows = await finale.all_documents("standings")
    assert [row["run"] for row in rows] == [chosen[-1]] * (6 + 1)
    assert await finale.prizes() == won(ids)
    assert [at for at, *_ in await finale.places()] == [1, 2, 3, 4, 5]


async def test_prizes_are_those_of_the_closing_although_the_program_changes_before_they_are_paid(
    finale: Finale, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await finale.compete()
    finale.clock.at = WEEK_OVER

    async def away(requests: object) -> None:
        raise StoreUnavailable("MongoDB did not answer")

    with monkeypatch.context() as patched:
        patched.setattr(finale.recorder, "record_own", away)
        with pytest.raises(StoreUnavailable):
            await finale.closer.close_due()
    assert await finale.standings.is_closed("weekly", "2026-W20")
    assert await finale.prizes() == []
    later: datetime = finale.clock.at + timedelta(days=40)
    finale.clock.at = later
    other = Finale.over(finale.connection, finale.clock)
    await other.programs.apply(PROGRAM.replace("points: 100", "points: 999").replace("2-3", "2-5"), "tests", later)
    await other.closer.close_due()
    assert await finale.prizes() == won(ids)


async def test_a_fault_with_one_board_keeps_no_other_open(tied: Finale, monkeypatch: pytest.MonkeyPatch) -> None:
    await tied.compete()
    tied.clock.at = WEEK_OVER
    write = archive.MongoRuns.write

    async def faulty(self: archive.MongoRuns, run: str, rows: Any, owed: Any, totals: Any) -> None:
        if owed:
            raise RuntimeError("a fault")
        await write(self, run, rows, owed, totals)

    with monkeypatch.context() as patched:
        patched.setattr(archive.MongoRuns, "write", faulty)
        with pytest.raises(ExceptionGroup):
            await tied.closer.close_due()
    assert not await tied.standings.is_closed("weekly", "2026-W20")
    assert await tied.standings.is_closed("columned", "2026-W20")
    await tied.closer.close_due()
    assert await tied.standings.is_closed("weekly", "2026-W20")
    assert len(await tied.prizes()) == 3


async def test_a_score_that_was_begun_with_fewer_columns_has_its_place_as_the_ranking_has_it(tied: Finale) -> None:
    key = BoardKey("columned", "2026-W20")
    held = {"a": (100,), "b": (100, 40), "c": (100, -1), "d": (100, 0, 7), "e": ()}
    await tied.seed([(who, "shown", [score(key, 5, columns)]) for who, columns in held.items()])
    tied.clock.at = WEEK_OVER
    await tied.closer.close_due()
    board = (await tied.programs.current()).program.board_by_code["columned"]
    plain = ranks(board, [(who, score(key, 5, columns)) for who, columns in held.items()])
    assert [who for _, who, _ in await tied.places(key)] == ["b", "a", "d", "c", "e"]
    assert [each.member_id for each in plain] == ["b", "a", "d", "c", "e"]
    rows = (await tied.standings.among(key, list(held))).rows
    assert [row.member_id for row in rows] == ["b", "a", "d", "c", "e"]
