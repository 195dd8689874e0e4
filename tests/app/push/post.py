"""A post office: members with devices, notices that come in streams, workers over one database, and who got what."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from motor.motor_asyncio import AsyncIOMotorDatabase
from redis.asyncio import Redis

from app.clock import utc_now
from app.notices.entries import FIELDS, PARTITIONS, Entry, partition_of, stream_name
from app.push.providers.provider import Accepted, Device, DeviceKind, Outcome, Push
from app.push.session import PushStores, Session
from app.push.worker import PushWorker
from app.stores.connection import Connection
from app.stores.deliveries import MongoDeliveries
from app.stores.devices import MongoDevices
from app.stores.indexes import ensure_indexes
from app.stores.preferences import MongoPreferences
from gamification.delivery.devices import Platform, RegisteredDevice, Registration
from gamification.delivery.planning import COUNT
from gamification.notices.notice import Notice, NoticeKind
from gamification.notices.wording import Wording
from gamification.program import Program
from gamification.schedule import Schedule

TIMEOUT_SECONDS = 10.0
WAIT_SECONDS = 20.0
POLL_SECONDS = 0.01
PREFIX = "test"
Document = dict[str, Any]
Answer = Callable[[Push, Device], Outcome]


def program_of(**delivery: Any) -> Program:
    return Program.model_validate(
        {
            "code": "shop",
            "name": "Shop",
            "languages": ["en", "da"],
            "time_zone": "UTC",
            "money": {"currency": "USD"},
            "points": {"name": "points"},
            "delivery": {"per_day": 100, **delivery},
        }
    )


def word(notice: Notice, _program: Program, language: str) -> Wording:
    """Words that tell what they were made of."""
    return Wording(f"{notice.kind} {language}", f"{notice.subject} x{notice.values[COUNT]}")


def accept(_push: Push, _device: Device) -> Outcome:
    return Accepted("taken")


@dataclass
class Double:
    """A provider that answers as it is told, and keeps what it was sent: (notice id, token, text), in that order.

    It answers nothing before ``until`` is set, where that is given.
    """

    kind: DeviceKind = "fcm"
    answer: Answer = accept
    pause_seconds: float = 0.0
    until: asyncio.Event | None = None
    sent: list[tuple[str, str, str]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def send(self, push: Push, device: Device) -> Outcome:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.sent.append((push.notice_id, device.token, push.body))
            await asyncio.sleep(self.pause_seconds)
            if self.until is not None:
                await self.until.wait()
            return self.answer(push, device)
        finally:
            self.at_once -= 1

    @property
    def notices(self) -> list[str]:
        """The ids of what it was sent."""
        return [notice_id for notice_id, *_ in self.sent]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""


class Office:
    """Everything over one database and one Redis."""

    def __init__(self, database: AsyncIOMotorDatabase[Document], redis: Redis, now: Callable[[], datetime] = utc_now):
        self.database, self.redis, self.now = database, redis, now
        self.connection = Connection(database, TIMEOUT_SECONDS)
        self.deliveries = MongoDeliveries(self.connection)
        self.devices = MongoDevices(self.connection, self.deliveries)
        self.preferences = MongoPreferences(self.connection)
        self.program = program_of()
        self.position = 0
        self.version = 1
        """The only version of the program that is known."""
        self.ended: dict[str, datetime] = {}
        """When campaigns have ended, by what notices are about."""
        self._heads: dict[int, int] = {}

    async def stores(self) -> PushStores:
        return PushStores(
            self.connection,
            self.redis,
            PREFIX,
            self.devices,
            self.preferences,
            self.deliveries,
            self.notices,
            self.heed_ends,
            self.entries_after,
            self.last,
            self.schedule,
        )

    async def last(self) -> int:
        return self.position

    async def schedule(self) -> Schedule:
        return Schedule.always(self.program, self.version)

    async def notices(self, notice_ids: Sequence[str]) -> Mapping[str, Notice]:
        found = self.database["notices"].find({"_id": {"$in": list(notice_ids)}})
        return {document["_id"]: _notice(document) async for document in found}

    async def heed_ends(self, notices: Sequence[Notice]) -> Sequence[Notice]:
        return [replace(each, expires_at=self.ended.get(each.subject, each.expires_at)) for each in notices]

    async def entries_after(self, position: int, limit: int) -> Sequence[Entry]:
        found = self.database["notices"].find({"position": {"$gt": position}}).sort("position").limit(limit)
        return [Entry(_notice(one), one["position"], one["previous"]) async for one in found]

    async def enrol(self, *member_ids: str, **profile: str) -> None:
        await self.database["members"].insert_many(
            [{"_id": member_id, "profile": profile, "state": {"absorbed": []}} for member_id in member_ids]
        )

    async def register(
        self, member_id: str, token: str, platform: Platform = "fcm", at: datetime | None = None, **more: Any
    ) -> RegisteredDevice:
        registered = await self.devices.register(member_id, Registration(platform, token, **more), at or self.now())
        assert isinstance(registered, RegisteredDevice), registered
        return registered

    async def phones(self, *member_ids: str) -> None:
        """Members with one device each, whose token is ``phone-`` and their id."""
        await self.enrol(*member_ids)
        for member_id in member_ids:
            await self.register(member_id, f"phone-{member_id}")

    async def tell(
        self, member_id: str, *names: str, kind: NoticeKind = "badge_won", stream: bool = True, **more: Any
    ) -> list[Notice]:
        """Notices of these names come for a member, in this order, and are in the stream unless told otherwise."""
        told = []
        for name in names:
            notice = Notice(f"{member_id}:{name}", member_id, kind, name, more.get("at", self.now()), 1)
            for field_name in ("expires_at", "collapse", "values", "program_version"):
                if field_name in more:
                    setattr(notice, field_name, more[field_name])
            told.append(notice)
        await self.post(told, stream=stream)
        return told

    async def post(self, notices: Sequence[Notice], *, stream: bool = True) -> None:
        entries = []
        for notice in notices:
            self.position += 1
            partition = partition_of(notice.member_id)
            entries.append(Entry(notice, self.position, self._heads.get(partition, 0)))
            self._heads[partition] = self.position
        await self.database["notices"].insert_many([_document(entry) for entry in entries])
        if stream:
            await self.stream(entries)

    async def stream(self, entries: Sequence[Entry]) -> None:
        pipeline = self.redis.pipeline(transaction=False)
        for entry in entries:
            fields: dict[Any, Any] = dict(zip(FIELDS, entry.values(), strict=True))
            pipeline.xadd(stream_name(PREFIX, entry.partition), fields, id=f"{entry.position}-0")
        await pipeline.execute()

    async def stored(self, **query: Any) -> list[Document]:
        """The deliveries that there are, by their ids."""
        return await self.database["deliveries"].find(query).sort("_id", 1).to_list(None)

    async def states(self) -> dict[str, str]:
        """Every notice's state, and its reason where there is one; of members with one device."""
        return {one["notice_id"]: " ".join(filter(None, (one["state"], one["reason"]))) for one in await self.stored()}

    async def pending(self) -> int:
        """How many entries were read and are not acknowledged."""
        summaries = [await self.redis.xpending(stream_name(PREFIX, number), "push") for number in range(PARTITIONS)]
        return sum(summary["pending"] for summary in summaries)


@asynccontextmanager
async def at_work(office: Office, *doubles: Double) -> AsyncIterator[PushWorker]:
    """A worker that has all partitions, or its share of them, and runs within the block."""
    worker = PushWorker(await office.stores(), {double.kind: double for double in doubles}, word, now=office.now)
    task = asyncio.create_task(worker.run())

    async def is_reading() -> bool:
        if task.done():
            task.result()
        return bool(worker.session and worker.session.leases.held)

    await until(is_reading)
    try:
        yield worker
        if task.done():
            task.result()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def session_of(worker: PushWorker) -> Session:
    assert worker.session is not None
    return worker.session


async def until(condition: Callable[[], Any]) -> None:
    """Wait for a condition that may be a coroutine."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            met = condition()
            if await met if asyncio.iscoroutine(met) else met:
                return
            await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def opened(database: AsyncIOMotorDatabase[Document], redis: Redis) -> AsyncIterator[Office]:
    office = Office(database, redis)
    await ensure_indexes(office.connection)
    yield office


def _document(entry: Entry) -> Document:
    notice = entry.notice
    names = ("member_id", "kind", "subject", "at", "values", "expires_at", "collapse", "program_version")
    placed = {"position": entry.position, "previous": entry.previous}
    return {"_id": notice.notice_id, **{name: getattr(notice, name) for name in names}, **placed}


def _notice(document: Document) -> Notice:
    names = ("member_id", "kind", "subject", "values", "collapse", "program_version")
    times: Any = {
        name: value.replace(tzinfo=UTC) if (value := document[name]) else None for name in ("at", "expires_at")
    }
    return Notice(notice_id=document["_id"], **{name: document[name] for name in names}, **times)


MINUTE = timedelta(minutes=1)
