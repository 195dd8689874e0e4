"""Reading the final standings: every read equals the plain sort, and stays within its bounds."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase

from app.boards import closing
from app.stores.connection import Connection
from gamification.boards.keys import BoardKey
from gamification.boards.listing import Place, Rank, Row, Rows
from tests.app.boards.finale import APPLIED_AT, MONDAY, PROGRAM, WEEK_OVER, WEEKLY, Clock, Finale, score

TIMEOUT_SECONDS = 10.0
NOBODY = Rows((), 0)
STORES = PROGRAM.replace("    period: week", "    period: week\n    by: activity.attributes.store")

Contest = Sequence[tuple[str, str, int, int]]
"""Member id, how they appear, value, and the second in which it was reached."""


@pytest.fixture
async def finale(database: AsyncIOMotorDatabase[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Finale:
    begun = Finale.over(Connection(database, TIMEOUT_SECONDS), Clock())
    monkeypatch.setattr(closing, "prize_won", lambda board, row: None)
    return begun


async def contest(finale: Finale, key: BoardKey, members: Contest) -> None:
    """Let these members stand on a board and close it."""
    await finale.begin(STORES if key.scope else PROGRAM)
    held = [(member_id, shown, [score(key, value, (), second)]) for member_id, shown, value, second in members]
    # The same members on another scope and in another period, which must not show.
    elsewhere = [BoardKey("weekly", "2026-W20", "elsewhere"), BoardKey("weekly", "2026-W19", key.scope)]
    await finale.seed([(id_, shown, [*own, *(score(other, 99) for other in elsewhere)]) for id_, shown, own in held])
    finale.clock.at = WEEK_OVER
    await finale.closer.close_due()


def plain(members: Contest) -> list[Row]:
    """Every row by a plain sort, those who are not listed at the places that they would have."""
    in_order = sorted(members, key=lambda one: (-one[2], one[3], one[0]))
    listed = [one for one in in_order if one[1] in ("shown", "alias")]
    rows = []
    for one in in_order:
        member_id, shown, value, second = one
        position = 1 + sum((-other[2], other[3], other[0]) < (-value, second, member_id) for other in listed)
        shared_rank = 1 + sum(other[2] > value for other in listed)
        at = MONDAY + timedelta(seconds=second)
        place = Place(value, str(position))
        rows.append(Row(member_id, value, (), at, shown in ("shown", "alias"), position, shared_rank, place))
    return rows


@pytest.mark.parametrize(("seed", "scope"), [(1, ""), (2, "b/é:1"), (3, "")])
async def test_every_read_equals_the_plain_sort(finale: Finale, seed: int, scope: str) -> None:
    rng = random.Random(seed)
    visibilities = ("shown", "shown", "alias", "friends", "hidden")
    members = [(f"m{n:02}", rng.choice(visibilities), rng.randrange(6), rng.randrange(4)) for n in range(40)]
    key = BoardKey("weekly", "2026-W20", scope)
    await contest(finale, key, members)
    rows = plain(members)
    listed, total = [row for row in rows if row.listed], sum(row.listed for row in rows)

    assert await finale.standings.top(key, 100) == Rows(tuple(listed), total)
    for at, row in enumerate(listed, 1):
        assert await finale.standings.top(key, 3, row.place) == Rows(tuple(listed[at : at + 3]), total)
    for row in rows:
        ahead = [other for other in listed if other.position < row.position]
        higher = [other for other in listed if other.value > row.value]
        rank = Rank(row, total, ahead[-1] if ahead else None, higher[-1] if higher else None)
        assert await finale.standings.rank_of(key, row.member_id) == rank
        after = [other for other in listed if other.position >= row.position and other is not row]
        around = Rows((*ahead[-2:], row, *after[:2]), total)
        assert await finale.standings.around(key, row.member_id, 2) == around
    some = rng.sample(rows, 12)
    among = (await finale.standings.among(key, [*(row.member_id for row in some), "nobody"])).rows
    in_order = sorted(some, key=lambda row: (-row.value, row.reached_at, row.member_id))
    assert [row.member_id for row in among] == [row.member_id for row in in_order]
    assert [row.position for row in among] == list(range(1, 13))
    assert [row.shared_rank for row in among] == [1 + sum(o.value > row.value for o in some) for row in in_order]


async def test_who_is_not_on_it_and_what_is_not_closed(finale: Finale) -> None:
    await contest(finale, WEEKLY, [("ann", "shown", 5, 0), ("bob", "hidden", 7, 0)])
    ann = Row("ann", 5, (), MONDAY, listed=True, position=1, shared_rank=1, place=Place(5, "1"))
    standings = finale.standings
    assert await standings.is_closed("weekly", "2026-W20")
    assert await standings.rank_of(WEEKLY, "nobody") == Rank(None, 1)
    assert await standings.around(WEEKLY, "nobody", 5) == Rows((), 1)
    assert await standings.top(WEEKLY, 5) == Rows((ann,), 1)
    for key in (BoardKey("weekly", "2026-W21"), BoardKey("monthly", "2026-05")):
        assert not await standings.is_closed(key.board, key.period)
        assert await standings.top(key, 5) == NOBODY
        assert await standings.around(key, "ann", 5) == NOBODY
        assert await standings.among(key, ["ann"]) == NOBODY
        assert await standings.rank_of(key, "ann") == Rank(None, 0)


@pytest.mark.parametrize("tie", ["", "x", "-1", "9" * 13, "²", "00ff:m1"])
async def test_a_place_of_another_store_has_none_after_it(finale: Finale, tie: str) -> None:
    await contest(finale, WEEKLY, [("ann", "shown", 5, 0)])
    assert await finale.standings.top(WEEKLY, 5, Place(5, tie)) == Rows((), 1)


async def test_reads_have_bounds(finale: Finale) -> None:
    for asking in (
        finale.standings.top(WEEKLY, 101),
        finale.standings.top(WEEKLY, -1),
        finale.standings.around(WEEKLY, "ann", 51),
        finale.standings.among(WEEKLY, ["ann"] * 502),
    ):
        with pytest.raises(ValueError, match="is not from 0 to"):
            await asking


async def test_closed_periods_newest_first_page_by_page(finale: Finale) -> None:
    await finale.begin()
    for week in range(1, 7):
        finale.clock.at = APPLIED_AT + timedelta(weeks=week)
        await finale.closer.close_due()
    first = await finale.standings.closed_periods("weekly", 4)
    assert [each.period for each in first] == ["2026-W23", "2026-W22", "2026-W21", "2026-W20"]
    rest = await finale.standings.closed_periods("weekly", 4, after="2026-W20")
    assert [each.period for each in rest] == ["2026-W19", "2026-W18"]
    assert (rest[0].starts_at, rest[0].ends_at) == (MONDAY - timedelta(weeks=1), MONDAY)
    assert rest[0].closed_at == APPLIED_AT + timedelta(weeks=2)
    assert await finale.standings.closed_periods("weekly", 4, after="2026-W18") == []
    assert await finale.standings.closed_periods("weekly", 4, after="2020-W01") == ()
    assert await finale.standings.closed_periods("monthly", 4) == []
