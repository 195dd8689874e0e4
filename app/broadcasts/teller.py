"""The teller: tells members of broadcasts, a page of them in one transaction, in bounded memory."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NoReturn

from app.broadcasts.crowd import Crowd
from app.broadcasts.store import MongoBroadcasts, Turn
from app.campaigns.store import MongoCampaigns
from app.stores.codec import NotReadable, read_state
from app.stores.connection import Connection, Document
from app.stores.notices import MongoNotices, notice_document
from app.stores.programs import MongoPrograms
from app.stores.transaction import Session, transact
from gamification.contention import Contended, insist
from gamification.fold import advance
from gamification.notices.broadcasts import Broadcast, is_in, may_get, message_audience
from gamification.schedule import Schedule
from gamification.state import State

PAGE_MEMBERS = 500
LOOK_SECONDS = 1.0
"""How often is looked for broadcasts that were made by other processes."""
MAX_UNPLACED = 1_000
"""How many notices may wait for their place in the feed before the next page, so that what is told at once is so."""
UNPLACED_SECONDS = 0.05
MEMBERS_PER_TURN = 25
"""After how many members that are judged whoever waits for the event loop gets a turn."""

IsFor = Callable[[State], bool]

log = logging.getLogger(__name__)


class Teller:
    """Any number may run at once and be killed anywhere; one at a time is at a broadcast."""

    def __init__(
        self,
        connection: Connection,
        broadcasts: MongoBroadcasts,
        notices: MongoNotices,
        programs: MongoPrograms,
        campaigns: MongoCampaigns,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._connection, self._broadcasts, self._notices = connection, broadcasts, notices
        self._programs, self._campaigns, self._now = programs, campaigns, now
        self._crowd, self._process = Crowd(connection), secrets.token_hex(8)
        self._made = asyncio.Event()

    def wake(self) -> None:
        """Note that there is a broadcast to tell. Returns at once."""
        self._made.set()

    async def run(self) -> NoReturn:
        """Tell all broadcasts, a page of each in turn, until cancelled.

        Raises:
            StoreUnavailable: a store did not answer in time. Running it again goes on from there.
        """
        while True:
            while await self.round():
                pass
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._made.wait()
            self._made.clear()

    async def round(self) -> bool:
        """Tell the next page of each broadcast that runs and nobody else is at; whether there was any.

        Raises:
            StoreUnavailable: a store did not answer in time. Doing it again goes on from there.
        """
        some = False
        running = await self._broadcasts.running()
        await self._crowd.keep(running)
        for code in running:
            turn = await self._broadcasts.take(code, self._process, self._now())
            if turn is not None:
                with suppress(Contended):  # Another process has taken it over.
                    some |= await self._tell_page(turn)
        return some

    async def _tell_page(self, turn: Turn) -> bool:
        """Tell the next members; False where it has to wait."""
        broadcast, now = turn.broadcast, self._now()
        if broadcast.expires_at is not None and broadcast.expires_at <= now:
            await self._broadcasts.finish(broadcast.code, now)
            return True
        schedule = await self._programs.schedule()
        is_for = await self._audience(broadcast, schedule, now)
        if is_for is None:
            return False
        await self._let_feed_follow()
        page = await self._crowd.page(broadcast.code, turn.cursor, PAGE_MEMBERS, whole=is_for is not everybody)
        told = [each["_id"] for each in await _chosen(page, is_for, schedule, now)]
        done_at = now if len(page) < PAGE_MEMBERS else None
        to = page[-1]["_id"] if page else turn.cursor
        documents = [notice_document(broadcast.to(member_id), 0) for member_id in told]

        def write(session: Session) -> bool:
            moved = self._broadcasts.move(turn, to, (len(page), len(told)), done_at, session)
            if moved:
                self._notices.write(documents, session)
            return moved

        if await insist(lambda: transact(self._connection, write)) and documents:
            self._notices.on_kept()
        return True

    async def _audience(self, broadcast: Broadcast, schedule: Schedule, now: datetime) -> IsFor | None:
        """Who is told; None where nobody is for now, or any more, as the campaign is paused or has ended."""
        program = schedule.at(now).program
        if broadcast.kind == "message":
            if not broadcast.audience:
                return everybody
            audience = message_audience(broadcast.audience)
            return lambda state: is_in(audience, state, program, now)
        campaign = (await self._campaigns.get([broadcast.subject])).get(broadcast.subject)
        if campaign is None or campaign.status == "ended":
            await self._broadcasts.finish(broadcast.code, now)
            return None
        if campaign.status != "running":
            return None
        places = (await self._campaigns.live([campaign.code]))[campaign.code].places
        return lambda state: may_get(campaign.terms, places, state, program, now)

    async def _let_feed_follow(self) -> None:
        """Wait until the feed has taken up most of what was written."""
        while True:
            with self._connection.answering():
                waiting = await self._notices.count_unplaced(MAX_UNPLACED + 1)
            if waiting <= MAX_UNPLACED:
                return
            await asyncio.sleep(UNPLACED_SECONDS)


def everybody(_state: State) -> bool:
    """The audience of what is for all."""
    return True


async def _chosen(page: Sequence[Document], is_for: IsFor, schedule: Schedule, now: datetime) -> Sequence[Document]:
    """Those who are told: not an account that was merged into another, which is told itself."""
    chosen: list[Document] = []
    for number, document in enumerate(page, start=1):
        if document["state"].get("merged_into") is not None:
            continue
        if is_for is everybody or any(is_for(state) for state in _state(document, schedule, now)):
            chosen.append(document)
        if number % MEMBERS_PER_TURN == 0 and is_for is not everybody:
            await asyncio.sleep(0)
    return chosen


def _state(document: Document, schedule: Schedule, now: datetime) -> Iterator[State]:
    """A member's state as of now; nothing where what is stored cannot be read."""
    try:
        yield advance(read_state(document["state"]), now, schedule)[0]
    except NotReadable:
        log.error("member %s is not told of a broadcast: the document cannot be read", document["_id"])
