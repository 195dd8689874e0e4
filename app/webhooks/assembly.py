"""Puts together what sends to other systems, over one MongoDB."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import httpcore

from app.campaigns.store import MongoCampaigns
from app.networks import networks
from app.notices.assembly import Feed
from app.outbound import public_pool, url_problem
from app.settings import Settings
from app.stores.connection import Connection
from app.stores.programs import MongoPrograms
from app.stores.webhook_deliveries import MongoWebhookDeliveries
from app.stores.webhooks import MongoEndpoints
from app.webhooks.follower import MAX_AT_ONCE, Parts
from app.webhooks.message import Messages
from app.webhooks.sending import Sender
from app.webhooks.worker import WebhookWorker
from gamification.notices.notice import Notice
from gamification.notices.wording import Wording, worded
from gamification.program import Program
from gamification.schedule import Schedule
from gamification.webhooks.endpoints import MAX_ENDPOINTS
from gamification.webhooks.stores import WebhookStores


@dataclass(frozen=True, slots=True)
class Webhooks:
    """What a process has of it: the stores, for the API, and a worker where it is one, over a pool of its own."""

    stores: WebhookStores
    pool: Callable[[], httpcore.AsyncConnectionPool]
    worker: Callable[[httpcore.AsyncConnectionPool], WebhookWorker]


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
    deliveries = MongoWebhookDeliveries(connection)

    async def schedule() -> Schedule:
        await campaigns.current()  # So that the names of campaigns are known that notices tell of.
        return await programs.schedule()

    def word(notice: Notice, program: Program, language: str) -> Wording:
        return worded(notice, program, language, campaigns.names())

    def worker(pool: httpcore.AsyncConnectionPool) -> WebhookWorker:
        parts = Parts(feed.notices, endpoints, deliveries, Messages(schedule, word), Sender(pool, allowed), now)
        return WebhookWorker(connection, parts)

    return Webhooks(
        WebhookStores(endpoints, deliveries),
        lambda: public_pool(allowed, max_connections=MAX_ENDPOINTS * MAX_AT_ONCE),
        worker,
    )
