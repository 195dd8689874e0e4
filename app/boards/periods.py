"""The periods of boards that are closed, or are being closed: collection ``board_periods``.

``_id`` is ``weekly/2026-W20``. ``status`` goes from ``open`` to ``closed``, when the final standings of one ``run`` are
chosen for good, and to ``paid``; or to ``given_up``, if it never is closed. A lease keeps two processes from doing the
same work; that the outcome comes once, and is the same whoever brings it about, is owed to the conditions on every
change and not to the lease. Periods without any score are there too, so that they are not looked at again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from app.stores.connection import Connection, Document
from gamification.boards.closing import ClosedPeriod, Due
from gamification.boards.keys import BoardKey

LEASE_SECONDS = 60
"""How long a process that has fallen silent keeps others from a period."""
MAX_PAGE_PERIODS = 101
"""The largest page, and one more that tells whether there is a next one."""
MAX_REMEMBERED = 1_000
"""How many closed periods a process remembers the run of, which never changes."""

_CHOSEN = ("closed", "paid")


@dataclass(frozen=True, slots=True)
class Leased:
    """A period that one process works on. ``run`` is the last that was begun; ``closed_at`` is None until chosen."""

    board: str
    period: str
    holder: str
    run: str | None
    closed_at: datetime | None

    @property
    def period_id(self) -> str:
        """The ``_id`` of its document."""
        return period_id(self.board, self.period)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many members were listed and not listed on how many scopes, and how many prizes they won."""

    listed: int = 0
    unlisted: int = 0
    scopes: int = 0
    prizes: int = 0


class MongoBoardPeriods:
    """Keeps the periods. Each method raises ``StoreUnavailable`` where the store does not answer in time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._collection = connection["board_periods"]
        self._runs: dict[str, str] = {}

    async def paid(self, period_ids: Sequence[str]) -> Collection[str]:
        """Those of these periods with which nothing is left to do."""
        query = {"_id": {"$in": list(period_ids)}, "status": {"$in": ["paid", "given_up"]}}
        with self._connection.answering():
            found = await self._collection.find(query, {"_id": 1}).to_list(len(period_ids))
        return {document["_id"] for document in found}

    async def unpaid(self, limit: int) -> Sequence[tuple[str, str]]:
        """Some (board, period) that have been closed and whose prizes may not all be paid."""
        with self._connection.answering():
            found = await self._collection.find({"status": "closed"}, {"board": 1, "period": 1}).to_list(limit)
        return [(document["board"], document["period"]) for document in found]

    async def note(self, due: Due, now: datetime) -> None:
        """Make the document of a period that is to be closed, unless it is there."""
        fresh = {**_fresh(due, now), "status": "open"}
        with self._connection.answering():
            try:
                await self._collection.update_one(
                    {"_id": period_id(due.board.code, due.period.code)}, {"$setOnInsert": fresh}, upsert=True
                )
            except DuplicateKeyError:
                return  # Another process has just made it.

    async def give_up(self, due: Due, now: datetime) -> bool:
        """Note that a period is never closed; False where it has been, or where that is known."""
        never = {"_id": period_id(due.board.code, due.period.code), "status": "open"}
        change = {"$set": {"status": "given_up"}, "$setOnInsert": _fresh(due, now)}
        with self._connection.answering():
            try:
                await self._collection.update_one(never, change, upsert=True)
            except DuplicateKeyError:
                return False  # It is there, and not open.
        return True

    async def lease(self, board: str, period: str, holder: str, now: datetime) -> Leased | None:
        """Take the lease of a period; None if another has it, or nothing is left to do."""
        free = {"_id": period_id(board, period), "status": {"$ne": "paid"}, "leased_until": {"$lte": now}}
        with self._connection.answering():
            document: Document | None = await self._collection.find_one_and_update(
                free, {"$set": _lease(holder, now)}, return_document=ReturnDocument.AFTER
            )
        if document is None:
            return None
        return Leased(board, period, holder, document["run"], document.get("closed_at"))

    async def renew(self, leased: Leased, now: datetime) -> bool:
        """Keep the lease; False if another process has taken it since."""
        return await self._change(leased, _lease(leased.holder, now))

    async def release(self, leased: Leased, now: datetime) -> None:
        """Let go of the lease, if it is still held."""
        await self._change(leased, {"holder": None, "leased_until": now})

    async def begin(self, leased: Leased, run: str, now: datetime) -> bool:
        """Name the run that is about to be written; False if the lease is lost or the period has been closed."""
        return await self._change(leased, {"run": run, **_lease(leased.holder, now)}, status="open")

    async def close(self, leased: Leased, run: str, version: int, counts: Counts, now: datetime) -> bool:
        """Choose this run for good; False, and no change, if it is not the one that was last begun."""
        numbers = {"listed": counts.listed, "unlisted": counts.unlisted, "scopes": counts.scopes}
        outcome = {"status": "closed", "closed_at": now, "program_version": version, **numbers, "prizes": counts.prizes}
        return await self._change(leased, {**outcome, **_lease(leased.holder, now)}, status="open", run=run)

    async def settle(self, leased: Leased, now: datetime) -> None:
        """Note that all prizes are paid."""
        paid = {"status": "paid", "paid_at": now, "holder": None, "leased_until": now}
        await self._change(leased, paid, status="closed")

    async def last_run(self, leased: Leased) -> str | None:
        """The run that was begun last, chosen or not, whoever began it."""
        with self._connection.answering():
            document = await self._collection.find_one({"_id": leased.period_id}, {"run": 1})
        return document["run"] if document else None

    async def run_of(self, board: str, period: str) -> str | None:
        """The run whose standings are the final ones; None for a period that is not closed."""
        named = period_id(board, period)
        if named not in self._runs:
            with self._connection.answering():
                document = await self._collection.find_one({"_id": named}, {"status": 1, "run": 1})
            if document is None or document["status"] not in _CHOSEN:
                return None
            if len(self._runs) >= MAX_REMEMBERED:
                self._runs.clear()
            self._runs[named] = document["run"]
        return self._runs[named]

    async def closed(self, board: str, first: int, after: str | None) -> Sequence[ClosedPeriod]:
        """The closed periods of a board, newest first, ``after`` the one with a code; at most `MAX_PAGE_PERIODS`."""
        query: Document = {"board": board, "status": {"$in": _CHOSEN}}
        limit = min(first, MAX_PAGE_PERIODS)
        with self._connection.answering():
            if after is not None:
                passed = await self._collection.find_one({"_id": period_id(board, after)}, {"ends_at": 1})
                if passed is None:
                    return ()
                # Periods of one board that end together: of a week and of a month, where the program changed.
                beyond = {"ends_at": passed["ends_at"], "_id": {"$lt": passed["_id"]}}
                query["$or"] = [{"ends_at": {"$lt": passed["ends_at"]}}, beyond]
            in_order = self._collection.find(query).sort([("ends_at", DESCENDING), ("_id", DESCENDING)])
            found = await in_order.limit(limit).to_list(limit)
        return [ClosedPeriod(board, one["period"], one["starts_at"], one["ends_at"], one["closed_at"]) for one in found]

    async def _change(self, leased: Leased, change: Document, **condition: Any) -> bool:
        held = {"_id": leased.period_id, "holder": leased.holder, **condition}
        with self._connection.answering():
            result = await self._collection.update_one(held, {"$set": change})
        return bool(result.matched_count)


def period_id(board: str, period: str) -> str:
    """The ``_id`` of a period's document: ``weekly/2026-W20``."""
    return BoardKey(board, period).text.removesuffix("/")


def _fresh(due: Due, now: datetime) -> Document:
    known = {"board": due.board.code, "period": due.period.code}
    dates = {"starts_at": due.period.starts_at, "ends_at": due.ends_at}
    return {**known, **dates, "run": None, "holder": None, "leased_until": now}


def _lease(holder: str, now: datetime) -> Document:
    return {"holder": holder, "leased_until": now + timedelta(seconds=LEASE_SECONDS)}
