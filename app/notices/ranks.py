"""Ranks: tells members who have come among the first of a board, or left them, by what Redis shows.

Collection ``rank_tops`` has one document for each board in its running period: who was among the first when that was
looked at last, and its ``number``. A look notes who is and writes the notices in one transaction, only where the number
is still the one that it has read. So any number of processes may look, and each move is told once.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from pymongo.errors import DuplicateKeyError

from app.boards.reads import BoardReads
from app.stores.blocking import blocking
from app.stores.connection import Connection, Document
from app.stores.members import MongoMembers
from app.stores.notices import MongoNotices, notice_document
from app.stores.programs import MongoPrograms
from app.stores.transaction import Session, transact
from gamification.boards.keys import BoardKey
from gamification.boards.listing import MAX_ROWS, Row, Rows, Unavailable
from gamification.boards.periods import period_at
from gamification.contention import Contended, insist
from gamification.notices.notice import Notice
from gamification.notices.of_ranks import Ranked, Tops, moved, rank_notices, tops_of, tops_wanted
from gamification.schedule import Edition
from gamification.stores import CommitConflict, StoreUnavailable

COLLECTION = "rank_tops"
GATHER_SECONDS = 1.0
"""For how long changes of boards are gathered before these are looked at."""
SWEEP_SECONDS = 30.0
"""How often all boards are looked at, for what a process that was killed has left."""
MAX_CHANGED = 2_000
"""Of how many boards a process keeps in mind that they have changed; those on top are left to the sweep."""
MAX_SWEPT = 2_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Look:
    """The first of a board as they are now, and its document as it was."""

    ranked: Ranked
    rows: Mapping[str, Row]
    now: Tops
    before: Tops | None


class RankWatch:
    """One of any number that run at once."""

    def __init__(
        self,
        connection: Connection,
        reads: BoardReads,
        members: MongoMembers,
        notices: MongoNotices,
        programs: MongoPrograms,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._connection, self._tops, self._reads = connection, connection[COLLECTION], reads
        self._members, self._notices, self._programs, self._now = members, notices, programs, now
        self._changed: dict[BoardKey, None] = {}
        self._came = asyncio.Event()

    def placed(self, keys: Iterable[BoardKey]) -> None:
        """Note that members were placed on these boards. Returns at once."""
        for key in keys:
            if len(self._changed) < MAX_CHANGED:
                self._changed[key] = None
        self._came.set()

    async def run(self) -> NoReturn:
        """Look at boards that have changed, a moment later, and at all of them now and then, until cancelled."""
        loop = asyncio.get_running_loop()
        swept_at = float("-inf")
        while True:
            try:
                if loop.time() - swept_at >= SWEEP_SECONDS:
                    await self.sweep()
                    swept_at = loop.time()
                changed, self._changed = list(self._changed), {}
                await self.look(changed)
            except StoreUnavailable as error:
                log.debug("ranks were not looked at: %s", error)
            await asyncio.sleep(GATHER_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311
            with suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_SECONDS):
                    await self._came.wait()
            self._came.clear()

    async def sweep(self) -> None:
        """Look at all boards of running periods, as far as they are known, and drop those whose period is over.

        Raises:
            StoreUnavailable: a store did not answer in time.
        """
        now = self._now()
        edition = (await self._programs.schedule()).at(now)
        with self._connection.answering():
            await self._tops.delete_many({"ends_at": {"$lte": now}})
            if not tops_wanted(edition.program.notices):
                return
            known = await self._tops.find({}, {"_id": 1}).limit(MAX_SWEPT).to_list(MAX_SWEPT)
        keys = dict.fromkeys(BoardKey.parse(document["_id"]) for document in known)
        for board in edition.program.boards:
            period = period_at(board, now, edition.program.time_zone)
            if period is not None and board.by is None:
                keys[BoardKey(board.code, period.code)] = None
        await self.look(list(keys))

    async def look(self, keys: Collection[BoardKey]) -> None:
        """Tell what has moved on these boards. One that cannot be read now is left for another time.

        Raises:
            StoreUnavailable: MongoDB did not answer in time.
        """
        if not keys:
            return
        edition = (await self._programs.schedule()).at(self._now())
        if not tops_wanted(edition.program.notices):
            return
        for key in keys:
            with suppress(Contended):  # Others look at it.
                if await insist(lambda key=key: self._look(key, edition)):  # type: ignore[misc]
                    self._notices.on_kept()

    async def _look(self, key: BoardKey, edition: Edition) -> bool:
        """Look at one board; whether there was anything to tell."""
        look = await self._seen(key, edition)
        if look is None or look.now == look.before:
            return False
        notices = await self._told(look) if look.before is not None else ()

        def write(session: Session) -> None:
            self._note(look, session)
            self._notices.write([notice_document(notice, 0) for notice in notices], session)

        await transact(self._connection, write)
        return bool(notices)

    async def _seen(self, key: BoardKey, edition: Edition) -> _Look | None:
        program, now = edition.program, self._now()
        board = program.board_by_code.get(key.board)
        period = period_at(board, now, program.time_zone) if board is not None else None
        if board is None or board.friends_only or period is None or period.code != key.period:
            return None
        with self._connection.answering():
            document = await self._tops.find_one({"_id": key.text})
        first = await self._first(key, tops_wanted(program.notices))
        if isinstance(first, Unavailable):
            return None
        ranked = Ranked(key, board, period.ends_at, edition, now, document["number"] if document else 0)
        rows = {row.member_id: row for row in first.rows}
        return _Look(ranked, rows, tops_of(first.rows, first.total, program.notices), _read(document))

    async def _first(self, key: BoardKey, wanted: int) -> Rows | Unavailable:
        """The first so many of a board."""
        rows: list[Row] = []
        while True:
            page = await self._reads.top(key, min(wanted - len(rows), MAX_ROWS), rows[-1].place if rows else None)
            if isinstance(page, Unavailable):
                return page
            rows += page.rows
            if not page.rows or len(rows) >= wanted:
                return Rows(tuple(rows), page.total)

    async def _told(self, look: _Look) -> Sequence[Notice]:
        """The notices of those who have moved."""
        assert look.before is not None, "there is nothing to tell of what is seen for the first time"
        came, left = moved(look.before, look.now)
        members = await self._members.by_ids([*came, *left]) if came or left else {}
        gained = {member_id: look.rows[member_id] for member_id in came}
        lost: dict[str, Row] = {}
        for member_id in left:
            rank = await self._reads.rank_of(look.ranked.key, member_id)
            if isinstance(rank, Unavailable):
                raise StoreUnavailable(rank.reason)
            if rank.row is not None and rank.row.listed:
                lost[member_id] = rank.row
        return [
            *rank_notices("rank_gained", gained, members, look.ranked),
            *(rank_notices("rank_lost", lost, members, look.ranked) if lost else ()),
        ]

    def _note(self, look: _Look, session: Session) -> None:
        """Note who is among the first, if nobody has since it was read.

        Raises:
            CommitConflict: somebody has.
        """
        key, number = look.ranked.key, look.ranked.number
        change = {
            "ends_at": look.ranked.ends_at,
            "gaining": sorted(look.now.gaining),
            "losing": sorted(look.now.losing),
            "is_crowded": look.now.is_crowded,
            "number": number + 1,
        }
        tops = blocking(self._tops)
        found = tops.find_one({"_id": key.text}, {"number": 1}, session=session)
        if (found["number"] if found else 0) != number:
            raise CommitConflict
        try:
            tops.update_one({"_id": key.text}, {"$set": change}, upsert=True, session=session)
        except DuplicateKeyError as error:  # Another process has just seen it for the first time.
            raise CommitConflict from error


def _read(document: Document | None) -> Tops | None:
    if document is None:
        return None
    return Tops(frozenset(document["gaining"]), frozenset(document["losing"]), document["is_crowded"])
