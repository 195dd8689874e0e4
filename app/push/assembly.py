"""Puts together what tells members on their devices, over one MongoDB and one Redis."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.boards.wire import Client
from app.campaigns.store import MongoCampaigns
from app.networks import networks
from app.notices.assembly import Feed
from app.push.providers.provider import Device, Provider
from app.push.providers.registration import registration_problem
from app.push.session import PushStores
from app.push.wording import words_of
from app.push.worker import PushWorker
from app.settings import Settings
from app.stores.connection import Connection
from app.stores.deliveries import MongoDeliveries
from app.stores.devices import Check, MongoDevices
from app.stores.preferences import MongoPreferences
from app.stores.programs import MongoPrograms
from gamification.activity import Problem
from gamification.delivery.devices import Platform
from gamification.delivery.stores import Telling
from gamification.notices.ended import heeding_ends
from gamification.notices.notice import Notice
from gamification.notices.wording import Wording
from gamification.program import Program
from gamification.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Pushing:
    """What a process has of it: the stores, for the API, and a worker where it is one."""

    telling: Telling
    worker: Callable[[Mapping[Platform, Provider]], PushWorker]


def assemble_push(
    settings: Settings,
    connection: Connection,
    redis: Client,
    feed: Feed,
    *,
    programs: MongoPrograms,
    campaigns: MongoCampaigns,
    now: Callable[[], datetime],
) -> Pushing:
    """All of it, over clients that are there already. Nothing runs yet."""
    deliveries = MongoDeliveries(connection)
    devices = MongoDevices(connection, deliveries, _check(settings))
    preferences = MongoPreferences(connection)

    async def schedule() -> Schedule:
        await campaigns.current()  # So that the names of campaigns are known that notices tell of.
        return await programs.schedule()

    async def notices(notice_ids: Sequence[str]) -> Mapping[str, Notice]:
        found = await feed.notices.get(notice_ids)
        return {each.notice_id: each for each in await heed_ends([posted.notice for posted in found.values()])}

    async def heed_ends(notices: Sequence[Notice]) -> Sequence[Notice]:
        return await heeding_ends(notices, campaigns.get)

    def word(notice: Notice, program: Program, language: str) -> Wording:
        return words_of(notice, program, language, campaigns.names())

    stores = PushStores(
        connection=connection,
        redis=redis,
        prefix=settings.redis_prefix,
        devices=devices,
        preferences=preferences,
        deliveries=deliveries,
        notices=notices,
        heed_ends=heed_ends,
        entries_after=feed.positions.entries,
        last=feed.notices.last,
        schedule=schedule,
    )
    return Pushing(
        Telling(devices, preferences, deliveries), lambda providers: PushWorker(stores, providers, word, now=now)
    )


def _check(settings: Settings) -> Check:
    allowed = networks(settings.outbound_allow)

    def check(device: Device) -> Problem | None:
        problem = registration_problem(device, allowed)
        return Problem(*problem) if problem else None

    return check
