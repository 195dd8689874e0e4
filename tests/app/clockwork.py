"""A shop whose points unlock after a day and expire two days later, with a clock that a test moves."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase

from app.boards.wire import connect as connect_redis
from app.embedded import StoreServers
from app.settings import Settings
from app.stores.api_keys import MongoApiKeys
from app.stores.connection import Connection
from app.stores.indexes import ensure_indexes
from app.wiring import Laurel, wire
from gamification.activity import Activity
from gamification.enrolment import Enrolled, EnrolRequest
from gamification.member import Profile
from gamification.requests import Recorded, RecordRequest
from tests.redis_servers import own_database

TIMEOUT_SECONDS = 10.0
BEGUN_AT = datetime(2026, 5, 1, tzinfo=UTC)
"""A midnight, for points unlock and expire when days begin."""
DAY = timedelta(days=1)
PROGRAM = """
code: shop
name: Shop
languages: [en]
time_zone: UTC
money: {currency: USD}
points: {name: points, pending_days: 1, expire_days: 2}
rules:
  - {code: dollars, name: dollars, on: purchase, earn: {points: 1, per_amount: 1}}
tiers:
  metric: spend
  window: lifetime
  levels:
    - {code: base, name: Base, threshold: 0}
    - {code: gold, name: Gold, threshold: 1000}
"""
RECORDS_OF_A_PURCHASE = 2
"""What time makes of each: its points unlock, and they expire."""
KEPT = ("members", "journal", "programs", "claims", "checkpoints")

Document = dict[str, Any]
Database = AsyncIOMotorDatabase[Document]


class Clock:
    """A clock that the test moves."""

    def __init__(self, at: datetime = BEGUN_AT) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


@dataclass(frozen=True, slots=True)
class Shop:
    """A wired Laurel over one database, and its clock."""

    laurel: Laurel
    database: Database
    clock: Clock

    async def sell(self, *names: str) -> list[str]:
        """Enrol members who buy for 10 dollars at once; their ids."""
        enrolments = [EnrolRequest(name, Profile(name), self.clock()) for name in names]
        enrolled = await self.laurel.game.enroller.enrol(enrolments)
        ids = [one.member.member_id for one in enrolled if isinstance(one, Enrolled)]
        await self.buy(*ids, key="first")
        return ids

    async def buy(self, *member_ids: str, key: str) -> None:
        """A purchase of 10 dollars by each."""
        activity = Activity(key, "purchase", self.clock(), 1000)
        made = await self.laurel.game.recorder.record([RecordRequest(member_id, activity) for member_id in member_ids])
        assert all(isinstance(one, Recorded) for one in made), made

    async def tick(self, at: datetime) -> None:
        """Let the clock do all that is due by an instant."""
        self.clock.at = at
        await self.laurel.clock.catch_up(at)

    async def due(self) -> Sequence[str]:
        """The members for whom something is due now."""
        version = (await self.laurel.programs.schedule()).newest_version
        return [due.member_id for due in await self.laurel.members.due(self.clock(), version, 1_000)]

    async def passed(self) -> list[tuple[str, datetime]]:
        """Whom time has changed, and when, as the journal has it."""
        found = self.database["journal"].find({"activity": None})
        return sorted([(one["member_id"], one["outcome"]["at"]) async for one in found])

    async def member(self, member_id: str) -> Document:
        """A member as they are stored."""
        found = await self.database["members"].find_one({"_id": member_id})
        assert found is not None
        return found


@asynccontextmanager
async def opened(database: Database, servers: StoreServers, clock: Clock) -> AsyncIterator[Shop]:
    """A process over a database, of which nothing runs in the background."""
    connection = Connection(database, TIMEOUT_SECONDS)
    await ensure_indexes(connection)
    redis = connect_redis(own_database(servers.redis_url), TIMEOUT_SECONDS, cluster=False)
    settings = Settings(redis_prefix=database.name)
    laurel = wire(settings, servers, connection, MongoApiKeys(database), {}, redis=redis, now=clock)
    yield Shop(laurel, database, clock)
    await redis.aclose()


async def copied(database: Database) -> Database:
    """A database of its own with the same members and journal."""
    copy: Database = database.client[f"test_{uuid4().hex}"]
    await ensure_indexes(Connection(copy, TIMEOUT_SECONDS))
    for name in KEPT:
        if documents := await database[name].find().to_list(None):
            await copy[name].insert_many(documents)
    return copy


async def told(database: Database) -> tuple[list[Document], list[Document]]:
    """All that the journal and the snapshots say, but for when it was recorded."""
    records = await database["journal"].find({}, {"recorded_at": 0}).sort("_id", 1).to_list(None)
    members = await database["members"].find().sort("_id", 1).to_list(None)
    return records, members


def client_of(servers: StoreServers, **options: Any) -> AsyncIOMotorClient[Document]:
    """A client of one's own."""
    return AsyncIOMotorClient(servers.mongo_url, tz_aware=True, tzinfo=UTC, **options)
