"""The clock: finds members for whom something is due, and lets time pass for them in the journal.

It changes no meaning, for what is due is reckoned in whenever a member is read. Any number of processes may do it at
once, and any of them may be killed at any moment: who finds nothing due any more writes nothing.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NoReturn

from app.stores.members import Due, MongoMembers
from app.stores.programs import MongoPrograms
from gamification.contention import is_outage
from gamification.group_commit import MAX_MEMBERS_PER_COMMIT, MAX_WRITERS
from gamification.recording import Recorder
from gamification.stores import StoreUnavailable

LOOK_SECONDS = 5.0
"""How often is looked whether something is due, besides the moments at which something is."""
MAX_LATE_SECONDS = 0.25
"""Up to this long after such a moment, so that the clocks of several processes do not all wake at once."""
PAGE_MEMBERS = 4_096
SHARE_MEMBERS = 2_048
"""How many of a page, chosen by chance, are handled before the next look: other clocks are at some of the page too."""
REPORT_SECONDS = 60.0
BATCH_MEMBERS, WRITERS = MAX_MEMBERS_PER_COMMIT, MAX_WRITERS
"""How many members are given to the recorder together, and how many times at once: as it writes them."""
ASIDE_SECONDS = 60.0
"""How long a member who cannot be handled is left alone, so that those after them are not stopped."""
MAX_ASIDE = 1_000
"""How many such members a process keeps in mind; those beyond are tried again sooner."""

log = logging.getLogger(__name__)


class ClockWorker:
    """One clock of any number that run at once."""

    def __init__(
        self,
        members: MongoMembers,
        programs: MongoPrograms,
        recorder: Recorder,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._members, self._programs, self._recorder, self._now = members, programs, recorder, now
        self.handled = 0
        """How many members this clock has let time pass for."""
        self.records = 0
        """How many records came of it."""
        self._reported = (0, 0)
        self._reported_at = float("-inf")
        self._done: set[Due] = set()
        self._aside: dict[str, float] = {}

    @property
    def aside(self) -> int:
        """How many members could not be handled and are left alone for now."""
        return sum(until > _seconds() for until in self._aside.values())

    async def run(self) -> NoReturn:
        """Do what is due again and again, until cancelled. What is being written then is written to its end.

        Raises:
            StoreUnavailable: a store did not answer in time. Running it again goes on from there.
        """
        while True:
            until = self._now()
            await self.catch_up(until)
            await self._report(until)
            await asyncio.sleep(await self._pause_seconds(until))

    async def catch_up(self, until: datetime, progress: Callable[[int], None] = lambda _: None) -> None:
        """Do all that is due up to an instant; ``progress`` hears of every few members that are done.

        Raises:
            StoreUnavailable: a store did not answer in time. Calling it again goes on from there.
        """
        while share := await self._share(until):
            self._done = set()
            await self._handle(share, progress)
            await self._report(until, more=True)

    async def count_due(self, until: datetime) -> int:
        """For how many members something is to be done, up to an instant.

        Raises:
            StoreUnavailable: a store did not answer in time.
        """
        return await self._members.count_due(until, await self._newest_version())

    async def _share(self, until: datetime) -> Sequence[Due]:
        """Some of those for whom something is due; empty if there are none, or none who can be handled."""
        page = await self._members.due(until, await self._newest_version(), PAGE_MEMBERS + len(self._aside))
        for due in page:
            if due in self._done:
                self._put_aside(due.member_id, "it has just been done and is due still")
        free = [due for due in page if self._aside.get(due.member_id, 0.0) <= _seconds()]
        return random.sample(free, min(len(free), SHARE_MEMBERS))

    async def _handle(self, dues: Sequence[Due], progress: Callable[[int], None]) -> None:
        """Let time pass for these members, as many commits at once as are written at once."""
        batches = _batches(dues)

        async def write() -> None:
            for batch in batches:
                # Another clock may have done some of them since the page was read, and what is read twice is cheaper.
                if still_due := await self._members.still_due(batch):
                    await self._let_pass(still_due)
                progress(len(batch))

        writers = [asyncio.create_task(write()) for _ in range(WRITERS)]
        try:
            await asyncio.gather(*writers)
        finally:
            for writer in writers:
                if not writer.cancelling():  # To be told twice would end the wait for what is being written.
                    writer.cancel()
            await asyncio.wait(writers)

    async def _let_pass(self, dues: Sequence[Due]) -> None:
        """Let time pass for all of these, or for each alone if that fails, so that no one's fault is another's."""
        try:
            made = await _to_its_end(self._recorder.pass_time([due.member_id for due in dues]))
            self.records += made
            self.handled += len(dues)
            self._done.update(dues)
        except StoreUnavailable as error:
            if is_outage(error):
                raise
            # Others write to one of them, again and again. They let time pass for that one, and the next look shows.
        except Exception as error:
            if len(dues) == 1:
                self._put_aside(dues[0].member_id, "it has failed", error)
                return
            for due in dues:
                await self._let_pass([due])

    def _put_aside(self, member_id: str, why: str, error: Exception | None = None) -> None:
        """Leave a member alone for a while. It is logged the first time."""
        if member_id not in self._aside:
            message = "time cannot be let pass for member %s, which is tried again in %.0f seconds: %s"
            log.error(message, member_id, ASIDE_SECONDS, why, exc_info=error)
            if len(self._aside) >= MAX_ASIDE:
                del self._aside[next(iter(self._aside))]
        self._aside[member_id] = _seconds() + ASIDE_SECONDS

    async def _pause_seconds(self, done_until: datetime) -> float:
        """How long there is nothing to do: until the next moment at which something is due, if that is soon."""
        due_at = await self._members.next_due_at(done_until, done_until + timedelta(seconds=LOOK_SECONDS))
        if due_at is None:
            return LOOK_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 - it spreads clocks, and hides nothing
        return max((due_at - self._now()).total_seconds(), 0) + random.uniform(0, MAX_LATE_SECONDS)  # noqa: S311

    async def _report(self, until: datetime, *, more: bool = False) -> None:
        """Log what was done since the last time, once in a while; with ``more``, only if there is more to do."""
        if (self.handled, self.records) == self._reported or _seconds() - self._reported_at < REPORT_SECONDS:
            return
        rest = await self.count_due(until) if more else 0
        if more and not rest:
            return
        members, records = self.handled - self._reported[0], self.records - self._reported[1]
        to_go = f"; {rest:,} members to go" if rest else ""
        log.info("time has passed for %s members and made %s records%s", f"{members:,}", f"{records:,}", to_go)
        self._reported, self._reported_at = (self.handled, self.records), _seconds()

    async def _newest_version(self) -> int:
        return (await self._programs.schedule()).newest_version


def _batches(dues: Sequence[Due]) -> Iterator[Sequence[Due]]:
    """As many members at a time as one commit takes."""
    for first in range(0, len(dues), BATCH_MEMBERS):
        yield dues[first : first + BATCH_MEMBERS]


def _seconds() -> float:
    return asyncio.get_running_loop().time()


async def _to_its_end(writing: Coroutine[Any, Any, int]) -> int:
    """What ``writing`` comes to. If the caller is cancelled, that goes on when it has ended.

    So no transaction is left open, which would keep others from its members for a while.
    """
    task = asyncio.ensure_future(writing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # Looked at, since nobody else will.
        raise
