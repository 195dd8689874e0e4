"""The clock of notices: finds members to whom time alone gives cause to tell something, and writes their notices.

Any number may run at once, and any of them may be killed at any moment: what a member is told, and when to look at them
next, is one transaction.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NoReturn

from app.stores.connection import Connection, Document
from app.stores.notice_dues import NoticeDue, NoticeDues
from app.stores.notices import ORDERS_PER_RECORD, MongoNotices, notice_document
from app.stores.programs import MongoPrograms
from app.stores.transaction import Session, transact
from gamification.contention import insist, is_outage
from gamification.member import Member
from gamification.notices.of_time import LOOK_BACK, due_notices, look_again_at
from gamification.schedule import Schedule
from gamification.stores import CommitConflict, StoreUnavailable

LOOK_SECONDS = 5.0
"""How often is looked for members, besides the moments at which one is due."""
MAX_LATE_SECONDS = 0.5
"""Up to this long after such a moment, so that clocks do not all wake at once, and time has been recorded before."""
PAGE_MEMBERS = 2_048
SHARE_MEMBERS = 512
"""How many of a page, chosen by chance, are looked at before the next one: other clocks are at some of it too."""
BATCH_MEMBERS = 64
"""How many members are looked at in one transaction."""
ASIDE_SECONDS = 60.0
"""How long a member who cannot be looked at is left alone, so that those after them are not stopped."""
MAX_ASIDE = 1_000
_AFTER_RECORDS = ORDERS_PER_RECORD // 2
"""What time tells comes after what the member's last record tells."""
_TICK = timedelta(milliseconds=1)

log = logging.getLogger(__name__)


class NoticeClock:
    """One clock of any number that run at once."""

    def __init__(
        self, connection: Connection, programs: MongoPrograms, notices: MongoNotices, now: Callable[[], datetime]
    ) -> None:
        self._connection, self._programs, self._notices, self._now = connection, programs, notices, now
        self._dues = NoticeDues(connection)
        self._aside: dict[str, float] = {}
        self.looked_at = 0
        """How many members this clock has looked at."""

    async def run(self) -> NoReturn:
        """Tell what is due again and again, until cancelled.

        Raises:
            StoreUnavailable: a store did not answer in time. Running it again goes on from there.
        """
        while True:
            until = self._now()
            await self.catch_up(until)
            await asyncio.sleep(await self._pause_seconds(until))

    async def catch_up(self, until: datetime) -> None:
        """Tell all that is due up to an instant.

        Raises:
            StoreUnavailable: a store did not answer in time. Calling it again goes on from there.
        """
        while share := await self._share(until):
            for first in range(0, len(share), BATCH_MEMBERS):
                await self._look(share[first : first + BATCH_MEMBERS], until)

    async def _share(self, until: datetime) -> Sequence[str]:
        page = await self._dues.due(until, PAGE_MEMBERS + len(self._aside))
        free = [each for each in page if self._aside.get(each, 0.0) <= _seconds()]
        return random.sample(free, min(len(free), SHARE_MEMBERS))

    async def _look(self, member_ids: Sequence[str], until: datetime) -> None:
        """Look at all of these, or at each alone if that fails, so that no one's fault is another's."""
        try:
            told = await insist(lambda: self._tell(member_ids, until))
        except StoreUnavailable as error:
            if is_outage(error):
                raise
            # Others write to one of them, again and again; the next look shows.
        except Exception as error:
            if len(member_ids) == 1:
                self._put_aside(member_ids[0], error)
                return
            for member_id in member_ids:
                await self._look([member_id], until)
        else:
            self.looked_at += len(member_ids)
            if told:
                self._notices.on_kept()

    async def _tell(self, member_ids: Sequence[str], until: datetime) -> int:
        """Write what these members are told, those who are due still, and when to look again; how many notices."""
        schedule = await self._programs.schedule()
        return await transact(self._connection, lambda session: self._write(member_ids, until, schedule, session))

    def _write(self, member_ids: Sequence[str], until: datetime, schedule: Schedule, session: Session) -> int:
        documents: list[Document] = []
        moved: dict[str, datetime | None] = {}
        for due in self._dues.read(member_ids, session):
            if due.due_at is None or due.due_at > until:
                continue  # Another clock was faster.
            if (due.due_by or 0) > schedule.newest_version:
                raise CommitConflict  # Another process knows a newer program; in a moment, so does this one.
            member = _sound(due)
            documents += _told(member, schedule, due.due_at, until)
            moved[member.member_id] = look_again_at(member, schedule, until)
        self._dues.move(moved, session)
        self._notices.write(documents, session)
        return len(documents)

    def _put_aside(self, member_id: str, error: Exception) -> None:
        """Leave a member alone for a while. It is logged the first time."""
        if member_id not in self._aside:
            log.error("what time tells member %s is not known; tried again in %.0f seconds", member_id, ASIDE_SECONDS)
            log.debug("why member %s was not looked at", member_id, exc_info=error)
            if len(self._aside) >= MAX_ASIDE:
                del self._aside[next(iter(self._aside))]
        self._aside[member_id] = _seconds() + ASIDE_SECONDS

    async def _pause_seconds(self, done_until: datetime) -> float:
        """How long there is nothing to do: until the next moment at which somebody is due, if that is soon."""
        due_at = await self._dues.next_at(done_until, done_until + timedelta(seconds=LOOK_SECONDS))
        if due_at is None:
            return LOOK_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 - it spreads clocks, and hides nothing
        return max((due_at - self._now()).total_seconds(), 0) + random.uniform(0, MAX_LATE_SECONDS)  # noqa: S311


def _sound(due: NoticeDue) -> Member:
    """The member.

    Raises:
        ValueError: what is stored of them cannot be read.
    """
    if isinstance(due.member, Member):
        return due.member
    raise ValueError(f"the document of member {due.member.member_id} cannot be read: {due.member.fault}")


def _told(member: Member, schedule: Schedule, due_at: datetime, until: datetime) -> Iterator[Document]:
    """What a member is told who was due then, and is of use still."""
    after = min(due_at - _TICK, until - LOOK_BACK)
    notices = due_notices(member, schedule.at(until), after, until)
    for order, notice in enumerate(notices, member.state.seq * ORDERS_PER_RECORD + _AFTER_RECORDS):
        if notice.expires_at is None or notice.expires_at > until:
            yield notice_document(notice, order)


def _seconds() -> float:
    return asyncio.get_running_loop().time()
