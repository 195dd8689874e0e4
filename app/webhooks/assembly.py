"""Puts together what sends to other systems, over one MongoDB."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from app.campaigns.store import MongoCampaigns
from app.networks import networks
from app.notices.assembly import Feed
from app.public_addresses import url_problem
from app.settings import Settings
from app.stores.connection import Connection
from app.stores.programs import MongoPrograms
from app.stores.webhook_counts import MongoWebhookCounts
from app.stores.webhook_deliveries import MongoWebhookDeliveries
from app.stores.webhooks import MongoEndpoints
from app.webhooks.message import Messages
from gamification.notices.notice import Notice
from gamification.notices.wording import Wording, worded
from gamification.program import Program
from gamification.schedule import Schedule
from gamification.webhooks.endpoints import MAX_ENDPOINTS
from gamification.webhooks.stores import WebhookStores

if TYPE_CHECKING:  # What sends is loaded where it is used: it is some megabytes, and processes that serve do without.
    import httpcore

    from app.webhooks.worker import WebhookWorker


@dataclass(frozen=True, slots=True)
class Webhooks:
    """What a process has of it: the stores, for the API, and a worker where it is one, over a pool of its own."""

    stores: WebhookStores
    pool: "Callable[[], httpcore.AsyncConnectionPool]"
    worker: "Callable[[httpcore.AsyncConnectionPool], WebhookWorker]"


def assemble_webhooks(
    settings: Settings,
    connection: Connection,
    feed: Feed,
    *,
    programs: MongoPrograms,
    campaigns: MongoCampaigns,
    now: Callable[[], datetime],
) -> Webhooks:
    """All of it, over clients that are there already. Nothing runs yet."""
    allowed = networks(settings.outbound_allow)
    endpoints = MongoEndpoints(connection, lambda url: url_problem(url, allowed))
    deliveries, counts = MongoWebhookDeliveries(connection), MongoWebhookCounts(connection)

    async def schedule() -> Schedule:
        await campaigns.current()  # So that the names of campaigns are known that notices tell of.
        return await programs.schedule()

    def word(notice: Notice, program: Program, language: str) -> Wording:
        return worded(notice, program, language, campaigns.names())

    def pool() -> "httpcore.AsyncConnectionPool":
        from app.outbound import public_pool
        from app.webhooks.follower import MAX_AT_ONCE

        return public_pool(allowed, max_connections=MAX_ENDPOINTS * MAX_AT_ONCE)

    def worker(pool: "httpcore.AsyncConnectionPool") -> "WebhookWorker":
        from app.webhooks.follower import Parts
        from app.webhooks.sending import Sender
        from app.webhooks.worker import WebhookWorker

        messages, sender = Messages(schedule, word), Sender(pool, allowed)
        parts = Parts(feed.notices, endpoints, deliveries, counts, messages, sender, now)
        return WebhookWorker(connection, parts)

    return Webhooks(WebhookStores(endpoints, deliveries, counts), pool, worker)
