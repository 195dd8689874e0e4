"""The tops of boards for many at once.

However many watch a board, it is read a few times a second. Who asks for it once reads it anew, and is told who was in
its first rows the last time, so that the members in them need not wait for the answer.
"""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from gamification.boards.keys import BoardKey
from gamification.boards.listing import Row, Rows, Unavailable
from gamification.member import Member
from gamification.stores import Boards, Members
from schema.sharing import SharedAnswers

T = TypeVar("T")

MAX_ROWS = 20
READ_PAUSE_SECONDS = 0.25
"""How long after one read of a board the next one begins at the earliest."""
MAX_FEEDS = 1_000
"""How many boards' last reads are remembered, for the pause."""
MAX_GUESSES = 256
"""Of how many boards it is remembered who was in the first rows: some 2 MB at most."""


@dataclass(frozen=True, slots=True)
class Top:
    """The first rows of a board, each with its member, and how many are listed in all."""

    rows: tuple[tuple[Row, Member | None], ...]
    total: int
    number: int
    """Of the read; another read has another one."""
    shown: dict[Hashable, "asyncio.Task[Any]"] = field(default_factory=dict, compare=False)
    """What those who see the same make of it, once for all of them."""

    async def shown_as(self, what: Hashable, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What ``make`` returned for whoever was first to ask for ``what``, which says all that it depends on."""
        making: asyncio.Task[T] | None = self.shown.get(what)
        if making is None:
            making = self.shown[what] = asyncio.create_task(make())
        return await asyncio.shield(making)


@dataclass(slots=True)
class _Feed:
    began: float = -READ_PAUSE_SECONDS
    waiting: asyncio.Task[Top | Unavailable] | None = None
    reading: set[asyncio.Task[Top | Unavailable]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Last:
    rows: Rows
    looks: dict[Hashable, Any] = field(default_factory=dict)


class Tops:
    """Reads tops for a process."""

    def __init__(self, boards: Boards, members: Members) -> None:
        self._boards, self._members = boards, members
        self._feeds: dict[BoardKey, _Feed] = {}
        self._last: OrderedDict[BoardKey, _Last] = OrderedDict()
        self._numbers = itertools.count(1)
        self.answers = SharedAnswers()

    def first_rows(self, key: BoardKey, first: int) -> "asyncio.Future[Rows | Unavailable]":
        """The first rows of a board, from a read that begins after this call and is under way when it returns."""
        found = asyncio.ensure_future(self._boards.top(key, first))
        found.add_done_callback(partial(self._remember, key))
        return found

    def probably_in(self, key: BoardKey, first: int) -> Sequence[str]:
        """The ids of those who were in the first rows when this process last read them.

        They are good for nothing but reading them ahead: who is in the rows, and who of them may be shown, is told by
        what is read after it was asked for.
        """
        last = self._last.get(key)
        return [row.member_id for row in last.rows.rows[:first]] if last else ()

    def looks(self, key: BoardKey, rows: Sequence[Row]) -> dict[Hashable, Any]:
        """What was made of these very rows, by all that it depends on; for whoever else is shown the same read."""
        last = self._last.get(key)
        return last.looks if last is not None and last.rows.rows is rows else {}

    async def read(self, key: BoardKey) -> Top | Unavailable:
        """The first `MAX_ROWS` rows, from a read that begins after this call and that all who wait share.

        Raises:
            StoreUnavailable: the members' store did not answer in time.
        """
        feed = self._feeds.setdefault(key, _Feed())
        if feed.waiting is None:
            feed.waiting = asyncio.create_task(self._read(key, feed))
            feed.reading.add(feed.waiting)
            feed.waiting.add_done_callback(feed.reading.discard)
        return await asyncio.shield(feed.waiting)

    async def _read(self, key: BoardKey, feed: _Feed) -> Top | Unavailable:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(feed.began + READ_PAUSE_SECONDS - loop.time())
        feed.began, feed.waiting = loop.time(), None
        self._forget_idle()
        found = await self._boards.top(key, MAX_ROWS)
        if isinstance(found, Unavailable):
            return found
        members = await self._members.by_ids([row.member_id for row in found.rows])
        return Top(tuple((row, members.get(row.member_id)) for row in found.rows), found.total, next(self._numbers))

    def _remember(self, key: BoardKey, found: "asyncio.Future[Rows | Unavailable]") -> None:
        if found.cancelled() or found.exception() is not None or isinstance(rows := found.result(), Unavailable):
            return
        last = self._last.get(key)
        if last is None or last.rows is not rows:
            self._last[key] = _Last(rows)
        self._last.move_to_end(key)
        if len(self._last) > MAX_GUESSES:
            self._last.popitem(last=False)

    def _forget_idle(self) -> None:
        if len(self._feeds) > MAX_FEEDS:
            idle = [key for key, feed in self._feeds.items() if feed.waiting is None]
            for key in idle[: len(self._feeds) - MAX_FEEDS]:
                del self._feeds[key]
