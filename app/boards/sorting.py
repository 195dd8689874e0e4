"""Sorting the contenders of a period, as many as there may be, on the disk.

SQLite does the sorting, in a database of its own that has no name and is gone when it is closed: it keeps what does not
fit into a few megabytes in temporary files.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self, TypeVar

from gamification.boards.closing import Contender
from gamification.program.boards import MAX_COLUMNS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

# On one board all have equally many columns.
_CREATE = "CREATE TABLE contenders (scope, value, column_1, column_2, column_3, reached_at, member_id, listed)"
_INSERT = "INSERT INTO contenders VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_IN_ORDER = """SELECT * FROM contenders
    ORDER BY scope, value DESC, column_1 DESC, column_2 DESC, column_3 DESC, reached_at, member_id"""

_Result = TypeVar("_Result")
_Line = tuple[str, int, int | None, int | None, int | None, int, str, int]


class ContenderSort:
    """Takes contenders in any order and gives them back by scope and total order; an async context manager.

    Times are kept to the millisecond. Memory is bounded, whatever their number.
    """

    def __init__(self) -> None:
        # All work with the database, closing it too, is done in one thread: what is cancelled goes on in its thread,
        # and a database that is closed under it takes the process down.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="contender sort")
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.execute(_CREATE).close()
        self._database.execute("BEGIN").close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._database.interrupt()
        closed = self._thread.submit(self._database.close)
        self._thread.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(closed))

    async def add(self, contenders: Sequence[Contender]) -> None:
        """Take some more."""
        await self._in_thread(lambda: self._insert(contenders))

    async def in_order(self, batch_size: int) -> AsyncIterator[Sequence[Contender]]:
        """All of them in order, in batches."""
        found = await self._in_thread(lambda: self._database.execute(_IN_ORDER))
        while lines := await self._in_thread(lambda: found.fetchmany(batch_size)):
            yield [_contender(line) for line in lines]

    def _insert(self, contenders: Sequence[Contender]) -> None:
        # A cursor that is let go of in another thread, while this one is at work, is a misuse of SQLite.
        self._database.executemany(_INSERT, [_line(one) for one in contenders]).close()

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _line(one: Contender) -> _Line:
    first, second, third = (*one.columns, *[None] * MAX_COLUMNS)[:MAX_COLUMNS]
    reached_at = (one.reached_at - _EPOCH) // _MILLISECOND
    return one.scope, one.value, first, second, third, reached_at, one.member_id, one.listed


def _contender(line: _Line) -> Contender:
    scope, value, first, second, third, reached_at, member_id, listed = line
    columns = tuple(column for column in (first, second, third) if column is not None)
    return Contender(scope, member_id, value, columns, _EPOCH + reached_at * _MILLISECOND, bool(listed))
