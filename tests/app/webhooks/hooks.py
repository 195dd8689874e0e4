"""A feed over the real store, endpoints that follow it, and workers that send."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpcore

from app.networks import networks
from app.notices.positions import Positions
from app.outbound import public_pool
from app.public_addresses import url_problem
from app.stores.connection import Connection
from app.stores.notices import MongoNotices
from app.stores.webhook_counts import MongoWebhookCounts
from app.stores.webhook_deliveries import MongoWebhookDeliveries
from app.stores.webhooks import MongoEndpoints
from app.webhooks.follower import Parts
from app.webhooks.message import Messages
from app.webhooks.sending import Sender
from app.webhooks.worker import WebhookWorker
from gamification.notices.notice import Notice, NoticeKind
from gamification.notices.wording import Wording
from gamification.program import Program
from gamification.schedule import Schedule
from gamification.webhooks.endpoints import Endpoint
from tests.app.push.post import program_of, until
from tests.app.webhooks.receiver import Receiver

LOOPBACK = networks("127.0.0.0/8")
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
Document = dict[str, Any]


def word(notice: Notice, _program: Program, language: str) -> Wording:
    """Words that tell what they were made of."""
    return Wording(f"{notice.kind} {language}", f"canary-text {notice.subject}", f"app://{notice.subject}")


class Hooks:
    """Everything over one database. ``ahead`` is how far its clock is ahead of the one on the wall."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.ahead = timedelta()
        self.notices = MongoNotices(connection)
        self.positions = Positions(connection)
        self.endpoints = MongoEndpoints(connection, lambda url: url_problem(url, LOOPBACK))
        self.deliveries = MongoWebhookDeliveries(connection)
        self.counts = MongoWebhookCounts(connection)
        self.schedule = Schedule.always(program_of())

    def now(self) -> datetime:
        moment = datetime.now(UTC) + self.ahead
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    async def tell(self, member_id: str, *subjects: str, kind: NoticeKind = "badge_won") -> None:
        """Notices of these subjects come into the feed, in this order."""
        await self.write([_notice(member_id, subject, kind) for subject in subjects])

    async def write(self, notices: Sequence[Notice]) -> None:
        await self.notices.add(notices)
        while await self.positions.assign() is not None:
            pass

    async def endpoint(self, url: str, *kinds: NoticeKind) -> Endpoint:
        made = await self.endpoints.create("shop", url, kinds, await self.notices.last(), self.now())
        assert isinstance(made, Endpoint), made
        return made

    async def known(self, endpoint: Endpoint) -> Endpoint:
        known = await self.endpoints.get(endpoint.endpoint_id)
        assert known is not None
        return known

    async def stored(self, endpoint: Endpoint) -> list[Document]:
        """The deliveries of an endpoint, in the order of the feed."""
        found = self.connection["webhook_deliveries"].find({"endpoint_id": endpoint.endpoint_id})
        return await found.sort("position", 1).to_list(None)

    async def states(self, endpoint: Endpoint) -> list[tuple[str, int, str]]:
        return [(one["state"], one["attempts"], one["reason"]) for one in await self.stored(endpoint)]

    def worker(self, pool: httpcore.AsyncConnectionPool) -> WebhookWorker:
        async def schedule() -> Schedule:
            return self.schedule

        sender = Sender(pool, LOOPBACK)
        messages = Messages(schedule, word)
        parts = Parts(self.notices, self.endpoints, self.deliveries, self.counts, messages, sender, self.now)
        return WebhookWorker(self.connection, parts)


@asynccontextmanager
async def at_work(
    hooks: Hooks, network: httpcore.AsyncNetworkBackend | None = None
) -> AsyncIterator[asyncio.Task[Any]]:
    """A worker that runs within the block."""
    async with public_pool(LOOPBACK, max_connections=50, network=network) as pool:
        task = asyncio.create_task(hooks.worker(pool).run())
        try:
            yield task
            if task.done() and not task.cancelled():
                task.result()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def _notice(member_id: str, subject: str, kind: NoticeKind) -> Notice:
    values: dict[str, str | int] = {"points": 25, "name": subject}
    return Notice(f"{member_id}:{subject}", member_id, kind, subject, AT, program_version=1, values=values)


def got(receiver: Receiver, count: int) -> Callable[[], bool]:
    """Whether a receiver got so many requests."""
    return lambda: len(receiver.received) >= count


__all__ = ["AT", "LOOPBACK", "Hooks", "at_work", "got", "until", "word"]
