"""One endpoint: follows the feed after its position, and sends what is due, as long as this worker has it."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.stores.notices import MongoNotices
from app.stores.webhook_counts import MongoWebhookCounts
from app.stores.webhook_deliveries import MongoWebhookDeliveries
from app.stores.webhooks import MongoEndpoints
from app.webhooks.counting import Tally
from app.webhooks.message import Messages, message_id
from app.webhooks.retrying import FAILING, pause_seconds
from app.webhooks.sending import GONE, Answer, Sender
from gamification.notices.posted import Posted
from gamification.stores import CommitConflict, StoreUnavailable
from gamification.webhooks.endpoints import DeliveryState, Disabling, Endpoint, WebhookDelivery

LOOK_SECONDS = 0.5
"""How often is looked for what is new and what is due."""
PAGE_NOTICES = 200
PAGE_DUE = 100
MAX_QUEUED = 5_000
"""How many deliveries of one endpoint wait, before the feed is followed no further for it; what comes then is later."""
MAX_AT_ONCE = 8
"""How many requests to one endpoint are under way. It is a single one while the endpoint fails."""
DRAIN_SECONDS = 2.0
"""How long requests under way may take when this is ended; those that take longer are sent again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What is needed to follow the feed and to send."""

    notices: MongoNotices
    endpoints: MongoEndpoints
    deliveries: MongoWebhookDeliveries
    counts: MongoWebhookCounts
    messages: Messages
    sender: Sender
    now: Callable[[], datetime]


class Follower:
    """Follows for one endpoint. ``is_mine`` says whether this worker has it for certain."""

    def __init__(self, endpoint: Endpoint, parts: Parts, is_mine: Callable[[], bool]) -> None:
        self._endpoint, self._parts, self._is_mine = endpoint, parts, is_mine
        self._works = endpoint.failing_since is None
        self._backlog: deque[tuple[WebhookDelivery, Posted | None]] = deque()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._members: dict[str, str] = {}
        """The member of each delivery under way: of one member, one at a time is."""
        self._look_at = self._due_at = 0.0
        self._tally = Tally(endpoint.endpoint_id, parts.counts, parts.now)

    async def run(self) -> None:
        """Follow until the endpoint is disabled, removed or another worker's, or this is cancelled.

        Raises:
            StoreUnavailable: a store did not answer in time. Another one goes on from what is written.
        """
        try:
            while self._is_mine():
                if _seconds() >= self._look_at and not await self._look():
                    return
                await self._begin_due()
                await self._wait()
                await self._tally.write()
        finally:
            await self._drain()
            with suppress(StoreUnavailable):
                await self._tally.write(at_once=True)

    async def _look(self) -> bool:
        """Read the endpoint and what comes after its position; whether it is to be followed further."""
        endpoint = await self._parts.endpoints.get(self._endpoint.endpoint_id)
        if endpoint is None or endpoint.disabled is not None:
            return False
        self._endpoint = endpoint
        more = await self._take()
        self._look_at = _seconds() + (0.0 if more else LOOK_SECONDS)
        return True

    async def _take(self) -> bool:
        """Make deliveries of what is new; whether there may be more of it."""
        endpoint, parts = self._endpoint, self._parts
        page = await parts.notices.after(endpoint.position, PAGE_NOTICES)
        if not page or await parts.deliveries.count_queued(endpoint.endpoint_id, MAX_QUEUED) >= MAX_QUEUED:
            return False
        wanted = [each for each in page if not endpoint.kinds or each.notice.kind in endpoint.kinds]
        try:
            await parts.deliveries.take(endpoint, wanted, page[-1].position, parts.now())
        except CommitConflict:
            return True
        self._due_at = 0.0
        return len(page) == PAGE_NOTICES

    async def _begin_due(self) -> None:
        """Begin as many requests as there may be, of what is due."""
        now = self._parts.now()
        if self._endpoint.paused_until is not None and now < self._endpoint.paused_until:
            self._backlog.clear()
            self._due_at = self._look_at
            return
        if not self._backlog and _seconds() >= self._due_at:
            await self._fetch(now)
        waiting: list[tuple[WebhookDelivery, Posted | None]] = []
        passed: set[str] = set()
        while self._backlog and len(self._under_way) < (MAX_AT_ONCE if self._works else 1):
            delivery, posted = self._backlog.popleft()
            if delivery.member_id in passed or delivery.member_id in self._members.values():
                waiting.append((delivery, posted))
                passed.add(delivery.member_id)
            else:
                self._begin(delivery, posted)
        self._backlog.extendleft(reversed(waiting))

    async def _fetch(self, now: datetime) -> None:
        known = set(self._under_way)  # As they are before the read, which may find them as they were.
        found = await self._parts.deliveries.due(self._endpoint.endpoint_id, now, PAGE_DUE + len(known))
        due = [each for each in found if each.delivery_id not in known]
        notices: Mapping[str, Posted] = await self._parts.notices.get([each.notice_id for each in due]) if due else {}
        self._backlog.extend((each, notices.get(each.notice_id)) for each in due)
        self._due_at = 0.0 if due else _seconds() + LOOK_SECONDS

    def _begin(self, delivery: WebhookDelivery, posted: Posted | None) -> None:
        self._members[delivery.delivery_id] = delivery.member_id
        self._under_way[delivery.delivery_id] = asyncio.create_task(self._deliver(delivery, posted))

    async def _wait(self) -> None:
        """Wait for requests to come back, and until it is time to look again."""
        until = self._look_at if self._backlog else min(self._look_at, self._due_at)
        seconds = max(until - _seconds(), 0.0)
        if not self._under_way:
            await asyncio.sleep(seconds)
            return
        await asyncio.wait(self._under_way.values(), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for delivery_id, task in list(self._under_way.items()):
            if task.done():
                del self._under_way[delivery_id], self._members[delivery_id]
                task.result()

    async def _deliver(self, delivery: WebhookDelivery, posted: Posted | None) -> None:
        if not self._is_mine():
            return
        if posted is None:
            await self._note(delivery, Answer(None, "notice_gone"), None)
            return
        endpoint, parts = self._endpoint, self._parts
        body = await parts.messages.of(posted)
        answer = await parts.sender.send(endpoint, message_id(delivery.notice_id), body, parts.now())
        if not answer.reason:
            await self._note(delivery, answer, None)
            if not self._works or endpoint.failing_since is not None or endpoint.paused_until is not None:
                await parts.endpoints.took(endpoint)
            self._works = True
            return
        self._works = False
        await self._note(delivery, answer, pause_seconds(delivery.attempts + 1, answer.after_seconds))
        await self._failed(endpoint, answer)

    async def _note(self, delivery: WebhookDelivery, answer: Answer, again_seconds: float | None) -> None:
        now = self._parts.now()
        state: DeliveryState = "sent" if not answer.reason else "failed" if again_seconds is None else "queued"
        is_noted = await self._parts.deliveries.settle(
            delivery,
            state=state,
            status=answer.status,
            reason=answer.reason,
            due_at=None if again_seconds is None else now + timedelta(seconds=again_seconds),
            now=now,
        )
        if is_noted and state != "queued":
            self._tally.note(state, answer.reason)

    async def _failed(self, endpoint: Endpoint, answer: Answer) -> None:
        now = self._parts.now()
        paused = None if answer.after_seconds is None else now + timedelta(seconds=answer.after_seconds)
        since = await self._parts.endpoints.failed(endpoint, now, paused)
        if answer.status == GONE:
            await self._disable(endpoint, "gone", now)
        elif now - since >= FAILING:
            await self._disable(endpoint, "failing", now)
        self._look_at = 0.0  # What was noted of it counts for the next request.

    async def _disable(self, endpoint: Endpoint, why: Disabling, now: datetime) -> None:
        if await self._parts.endpoints.disable(endpoint, why, now):
            log.warning("webhook endpoint %s is disabled: %s", endpoint.endpoint_id, why)

    async def _drain(self) -> None:
        """Let requests under way come back for a little while."""
        await ended(list(self._under_way.values()), DRAIN_SECONDS)


async def ended(tasks: Sequence[asyncio.Task[None]], seconds: float) -> None:
    """Wait for tasks, and cancel those that take longer; again where a driver takes the wish for something else."""
    left = set(tasks)
    try:
        if left and seconds > 0:
            _, left = await asyncio.wait(left, timeout=seconds)
    finally:
        for _ in range(3):
            for task in left:
                task.cancel()
            if left:
                _, left = await asyncio.wait(left, timeout=0.5)
        for task in tasks:
            if task.done() and not task.cancelled():
                task.exception()  # Somebody else goes on from what is written.


def _seconds() -> float:
    return asyncio.get_running_loop().time()
