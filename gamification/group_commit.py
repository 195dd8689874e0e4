"""Group commit: what arrives for different members at the same time is written together.

One transaction for many members costs little more than one for a single member, and members who write at once to the
same campaign then meet in one place instead of in each other's way.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import count, islice
from operator import attrgetter
from typing import Generic, TypeVar

from gamification.contention import is_outage
from gamification.stores import StoreUnavailable

MAX_MEMBERS_PER_COMMIT = 64
MAX_ITEMS_PER_COMMIT = 500
MAX_ITEMS_PER_MEMBER = 10
"""How many items of one member go into one commit: each may mean playing their history again while others wait."""
MAX_WRITERS = 2
"""How many commits of a process are under way at once: while one waits for the disk, another is worked out."""
MIN_ITEMS_BESIDE = 16
"""How many items must wait for one commit to begin beside another: a few are written sooner, and with less work, if all
that has come goes together as soon as the one under way is done."""
MAX_PATIENCE_SECONDS = 0.05
"""After what time it begins for fewer as well: the one under way may have much to play again."""
MAX_WAITING = 20_000
"""How many items may wait to be written; what comes on top is refused, for it would only wait in vain."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[_Item, _Result]):
    number: int
    member_id: str
    item: _Item
    result: asyncio.Future[_Result]


class GroupCommit(Generic[_Item, _Result]):
    """Gathers items and gives them to ``commit``, those of one member in order and never in two commits at once.

    ``commit`` answers for each item, in that order. If it raises, its members are tried one by one, so that a fault
    with one of them is not that of the others; only an outage is everybody's.
    """

    def __init__(self, commit: Callable[[Sequence[_Item]], Awaitable[Sequence[_Result]]]) -> None:
        self._commit = commit
        self._waiting: dict[str, deque[_Waiting[_Item, _Result]]] = {}  # by member, who has waited longest first
        self._count = 0
        self._numbers = count()
        self._busy: set[str] = set()
        self._writers: set[asyncio.Task[None]] = set()
        self._overdue: asyncio.TimerHandle | None = None

    async def write(self, items: Sequence[tuple[str, _Item]]) -> list[_Result]:
        """Write (member_id, item) pairs; a result for each, in that order.

        Raises:
            StoreUnavailable: too many items are waiting already, and none of these was written; or as ``commit``.
        """
        if self._count + len(items) > MAX_WAITING:
            raise StoreUnavailable(f"{self._count} activities are waiting to be written; try again shortly")
        loop = asyncio.get_running_loop()
        waiting: list[_Waiting[_Item, _Result]] = [
            _Waiting(next(self._numbers), member_id, item, loop.create_future()) for member_id, item in items
        ]
        for each in waiting:
            self._waiting.setdefault(each.member_id, deque()).append(each)
        self._count += len(waiting)
        self._start_writer()
        return list(await asyncio.gather(*(each.result for each in waiting)))

    def _start_writer(self) -> None:
        if not self._waiting or len(self._writers) >= MAX_WRITERS:
            return
        if not self._writers or self._count >= MIN_ITEMS_BESIDE:
            self._begin_writing()
        elif self._overdue is None:
            self._overdue = asyncio.get_running_loop().call_later(MAX_PATIENCE_SECONDS, self._begin_writing)

    def _begin_writing(self) -> None:
        self._be_patient_anew()
        writer = asyncio.create_task(self._write_batches())
        self._writers.add(writer)
        writer.add_done_callback(self._writers.discard)

    def _be_patient_anew(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    async def _write_batches(self) -> None:
        while batch := self._next_batch():
            self._be_patient_anew()  # Whoever has waited is among these, or for somebody who is being written.
            self._start_writer()
            members = {each.member_id for each in batch}
            self._busy |= members
            try:
                await self._write(batch)
            except asyncio.CancelledError:
                _refuse(batch, StoreUnavailable("the process is ending"))
                raise
            finally:
                self._busy -= members

    def _next_batch(self) -> list[_Waiting[_Item, _Result]]:
        """The next items for one commit; empty if all that waits is for members who are being written."""
        batch: list[_Waiting[_Item, _Result]] = []
        while not batch and (members := self._next_members()):
            for still_to_come, member_id in zip(reversed(range(len(members))), members, strict=True):
                own = self._waiting.pop(member_id)
                # Whoever has much to write leaves room for the others, and comes after all who wait with the rest.
                room = min(MAX_ITEMS_PER_COMMIT - len(batch) - still_to_come, MAX_ITEMS_PER_MEMBER)
                taken = [own.popleft() for _ in range(min(len(own), room))]
                if own:
                    self._waiting[member_id] = own
                self._count -= len(taken)
                batch += [each for each in taken if not each.result.done()]  # Or whoever asked has gone.
        return sorted(batch, key=attrgetter("number"))

    def _next_members(self) -> list[str]:
        """Those who have waited longest of all who are not being written."""
        free = (member_id for member_id in self._waiting if member_id not in self._busy)
        return list(islice(free, MAX_MEMBERS_PER_COMMIT))

    async def _write(self, batch: Sequence[_Waiting[_Item, _Result]]) -> None:
        error = await self._try(batch)
        if error is None:
            return
        by_member: dict[str, list[_Waiting[_Item, _Result]]] = {}
        for each in batch:
            by_member.setdefault(each.member_id, []).append(each)
        if is_outage(error) or len(by_member) == 1:
            _refuse(batch, error)
            return
        for own in by_member.values():
            error = await self._try(own)
            if error is not None:
                # With the store away, each of the others would only wait in vain, one after the other.
                _refuse(batch if is_outage(error) else own, error)
                if is_outage(error):
                    return

    async def _try(self, batch: Sequence[_Waiting[_Item, _Result]]) -> Exception | None:
        """Commit these and answer them; or what went wrong, and then nobody has an answer yet."""
        try:
            results = await self._commit([each.item for each in batch])
        except Exception as error:
            return error
        for each, result in zip(batch, results, strict=True):
            if not each.result.done():
                each.result.set_result(result)
        return None


def _refuse(batch: Sequence[_Waiting[_Item, _Result]], error: Exception) -> None:
    for each in batch:
        if not each.result.done():
            each.result.set_exception(error)
