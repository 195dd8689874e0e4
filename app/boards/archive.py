"""The final standings of closed periods, collection ``standings``, and the prizes still to be paid, ``prizes``.

Everything belongs to a ``run``: one attempt at drawing up one period's standings. Which run counts says the period's
document (`app.boards.periods`); rows of any other run are never read, and are deleted.

In both collections ``_id`` is ``run:member_id:scope``; in the first, one document of each scope has no member and tells
its ``total``. Both are sharded by ``_id``, hashed: a member's own row lies on one shard, and a page asks every shard
for the few rows that its index has.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from pymongo import ASCENDING

from app.boards.periods import MongoBoardPeriods
from app.stores.connection import Collection, Connection, Document
from gamification.boards.closing import ClosedPeriod
from gamification.boards.keys import BoardKey
from gamification.boards.listing import MAX_AMONG, MAX_EACH_SIDE, MAX_ROWS, Place, Rank, Row, Rows, ranked_among

DELETE_BATCH = 10_000
MAX_POSITION_CHARS = 12

_NOBODY = Rows((), 0)


@dataclass(frozen=True, slots=True)
class OwedPrize:
    """A prize of the final standings that is still to be paid."""

    member_id: str
    scope: str
    rank: int
    points: int
    badge: str | None


class MongoStandings:
    """Implements `gamification.stores.Standings`: reads what has been closed.

    Each method raises ``StoreUnavailable`` where the store does not answer in time, and ``ValueError`` where it is
    asked for more than its bound.
    """

    def __init__(self, connection: Connection, periods: MongoBoardPeriods) -> None:
        self._connection = connection
        self._periods = periods
        self._rows = connection["standings"]

    async def is_closed(self, board: str, period: str) -> bool:
        """Whether a period has final standings."""
        return await self._periods.run_of(board, period) is not None

    async def closed_periods(self, board: str, first: int, after: str | None = None) -> Sequence[ClosedPeriod]:
        """The closed periods of a board, newest first, after the one with the code ``after``; at most 101."""
        return await self._periods.closed(board, first, after)

    async def top(self, key: BoardKey, first: int, after: Place | None = None) -> Rows:
        """The first listed members, or those after a place; at most 100. A place of another store has none after it."""
        _require(first, MAX_ROWS)
        run = await self._periods.run_of(key.board, key.period)
        if run is None:
            return _NOBODY
        passed = _position(after) if after else 0
        with self._connection.answering():
            total = await self._total(run, key.scope)
            rows = () if passed is None else await self._listed(run, key.scope, passed + 1, passed + first)
        return Rows(tuple(rows), total)

    async def around(self, key: BoardKey, member_id: str, each_side: int) -> Rows:
        """A member, and up to 50 listed ones before and after; no rows where the member is not on the board."""
        _require(each_side, MAX_EACH_SIDE)
        run = await self._periods.run_of(key.board, key.period)
        if run is None:
            return _NOBODY
        with self._connection.answering():
            total = await self._total(run, key.scope)
            own = await self._own(run, key.scope, member_id)
            if own is None:
                return Rows((), total)
            first, last = own.position - each_side, own.position + each_side - (0 if own.listed else 1)
            others = await self._listed(run, key.scope, first, last)
        before = [row for row in others if row.position < own.position]
        after = [row for row in others if row.position >= own.position and row.member_id != member_id]
        return Rows((*before, own, *after), total)

    async def rank_of(self, key: BoardKey, member_id: str) -> Rank:
        """Where one member stood."""
        run = await self._periods.run_of(key.board, key.period)
        if run is None:
            return Rank(None, 0)
        with self._connection.answering():
            total = await self._total(run, key.scope)
            own = await self._own(run, key.scope, member_id)
            if own is None:
                return Rank(None, total)
            ahead = await self._at(run, key.scope, own.position - 1)
            # As many as have a higher value are before the first who has not.
            higher = await self._at(run, key.scope, own.shared_rank - 1)
        return Rank(own, total, ahead, higher)

    async def among(self, key: BoardKey, member_ids: Sequence[str]) -> Rows:
        """Those of up to 501 members who are on the board, listed or not, ranked among themselves."""
        _require(len(member_ids), MAX_AMONG)
        run = await self._periods.run_of(key.board, key.period)
        if run is None:
            return _NOBODY
        ids = [_row_id(run, member_id, key.scope) for member_id in dict.fromkeys(member_ids)]
        with self._connection.answering():
            total = await self._total(run, key.scope)
            found = await self._rows.find({"_id": {"$in": ids}}).to_list(len(ids))
        return Rows(ranked_among(map(_row, found)), total)

    async def _own(self, run: str, scope: str, member_id: str) -> Row | None:
        found = await self._rows.find_one({"_id": _row_id(run, member_id, scope)})
        return _row(found) if found else None

    async def _listed(self, run: str, scope: str, first: int, last: int) -> list[Row]:
        query = {"run": run, "scope": scope, "listed": True, "position": {"$gte": first, "$lte": last}}
        found = await self._rows.find(query).sort("position", ASCENDING).to_list(max(last - first + 1, 1))
        return [_row(document) for document in found]

    async def _at(self, run: str, scope: str, position: int) -> Row | None:
        return next(iter(await self._listed(run, scope, position, position)), None) if position > 0 else None

    async def _total(self, run: str, scope: str) -> int:
        found = await self._rows.find_one({"_id": _total_id(run, scope)})
        return int(found["total"]) if found else 0


class MongoRuns:
    """Writes runs and deletes them. Each method raises ``StoreUnavailable`` where the store does not answer in time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = connection["standings"]
        self._prizes = connection["prizes"]

    async def write(
        self,
        run: str,
        rows: Sequence[tuple[str, Row]],
        owed: Sequence[OwedPrize],
        totals: Sequence[tuple[str, int]],
    ) -> None:
        """Add rows, each with its scope, the prizes that they have won, and how many are listed in scopes."""
        documents = [_row_document(run, scope, row) for scope, row in rows]
        documents += [{"_id": _total_id(run, scope), "run": run, "total": total} for scope, total in totals]
        prizes = [_prize_document(run, prize) for prize in owed]
        with self._connection.answering():
            if documents:
                await self._rows.insert_many(documents, ordered=False)
            if prizes:
                await self._prizes.insert_many(prizes, ordered=False)

    async def delete(self, run: str) -> AsyncIterator[int]:
        """Delete all that belongs to a run, in batches; after each, how much that was."""
        for collection in (self._rows, self._prizes):
            while deleted := await self._delete_some(collection, run):
                yield deleted

    async def owed(self, run: str, limit: int, after: OwedPrize | None = None) -> Sequence[OwedPrize]:
        """Some of the prizes of a run that are neither settled nor refused, those that come after one."""
        begins = _row_id(run, after.member_id, after.scope) if after else f"{run}:"
        query: Document = {"_id": {"$gt": begins, "$lt": f"{run};"}, "refused": {"$exists": False}}
        with self._connection.answering():
            found = await self._prizes.find(query).sort("_id", ASCENDING).to_list(limit)
        return [OwedPrize(one["member_id"], one["scope"], one["rank"], one["points"], one["badge"]) for one in found]

    async def refused(self, run: str, prize: OwedPrize, why: str) -> None:
        """Note that a prize cannot be recorded: it is kept, with the reason in ``refused``, and owed no more."""
        with self._connection.answering():
            await self._prizes.update_one(
                {"_id": _row_id(run, prize.member_id, prize.scope)}, {"$set": {"refused": why}}
            )

    async def settled(self, run: str, prizes: Sequence[OwedPrize]) -> None:
        """Forget prizes that stand in the journal."""
        ids = [_row_id(run, prize.member_id, prize.scope) for prize in prizes]
        with self._connection.answering():
            await self._prizes.delete_many({"_id": {"$in": ids}})

    async def _delete_some(self, collection: Collection, run: str) -> int:
        with self._connection.answering():
            found = await collection.find({"run": run}, {"_id": 1}).limit(DELETE_BATCH).to_list(DELETE_BATCH)
            if found:
                await collection.delete_many({"_id": {"$in": [document["_id"] for document in found]}})
        return len(found)


def _row_id(run: str, member_id: str, scope: str) -> str:
    # Neither runs nor member ids hold a colon.
    return f"{run}:{member_id}:{scope}"


def _total_id(run: str, scope: str) -> str:
    return _row_id(run, "", scope)  # No member has an empty id.


def _row_document(run: str, scope: str, row: Row) -> Document:
    return {
        "_id": _row_id(run, row.member_id, scope),
        "run": run,
        "scope": scope,
        "listed": row.listed,
        "position": row.position,
        "shared_rank": row.shared_rank,
        "member_id": row.member_id,
        "value": row.value,
        "columns": list(row.columns),
        "reached_at": row.reached_at,
    }


def _row(document: Document) -> Row:
    value, position = document["value"], document["position"]
    return Row(
        member_id=document["member_id"],
        value=value,
        columns=tuple(document["columns"]),
        reached_at=document["reached_at"],
        listed=document["listed"],
        position=position,
        shared_rank=document["shared_rank"],
        place=Place(value, str(position)),
    )


def _prize_document(run: str, prize: OwedPrize) -> Document:
    named = {"run": run, "member_id": prize.member_id, "scope": prize.scope, "rank": prize.rank}
    return {"_id": _row_id(run, prize.member_id, prize.scope), **named, "points": prize.points, "badge": prize.badge}


def _position(place: Place) -> int | None:
    fits = len(place.tie) <= MAX_POSITION_CHARS and place.tie.isascii() and place.tie.isdigit()
    return int(place.tie) if fits else None


def _require(number: int, most: int) -> None:
    if not 0 <= number <= most:
        raise ValueError(f"{number} is not from 0 to {most}")
