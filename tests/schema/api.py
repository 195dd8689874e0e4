"""The real application over the real stores of one database, asked over HTTP as its clients ask it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from motor.motor_asyncio import AsyncIOMotorDatabase

from app.auth import Role, create_api_key, mint_token
from app.boards.wire import connect
from app.clock import utc_now
from app.embedded import StoreServers
from app.live.background import running
from app.settings import Settings
from app.stores.api_keys import MongoApiKeys
from app.stores.connection import Connection
from app.web import web_app
from app.wiring import Laurel, wire
from gamification.activity import PURCHASE, Activity, LineItem
from gamification.enrolment import Enrolled, EnrolRequest
from gamification.member import Member, Profile
from gamification.requests import Recorded, RecordRequest
from schema.ids import to_global_id
from schema.principals import Scope
from schema.types.member import MEMBER_ID
from tests.redis_servers import own_database

Json = dict[str, Any]
Database = AsyncIOMotorDatabase[dict[str, Any]]

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
JOINED_AT = datetime(2026, 1, 15, 12, tzinfo=UTC)
TIMEOUT_SECONDS = 5.0
PROGRAMS = Path(__file__).parents[2] / "programs"
RECORD_SHOP = (PROGRAMS / "record-shop.yaml").read_text(encoding="utf-8")
COFFEE_BAR = (PROGRAMS / "coffee-bar.yaml").read_text(encoding="utf-8")
SECRET = "a secret that only these tests know, of 32 bytes or more"
SETTINGS = Settings(jwt_secret=SECRET, store_timeout_seconds=TIMEOUT_SECONDS)
TOKEN_SECONDS = 3600
WRITTEN = (
    *("members", "journal", "claims", "friendships", "friend_counts"),
    *("campaigns", "campaign_terms", "campaign_events", "allowances"),
    *("devices", "preferences", "deliveries"),
    *("notices", "webhook_endpoints", "webhook_deliveries"),
    "broadcasts",
)
"""The collections that a refused request leaves as they are."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone who sends requests."""

    name: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def speaking(self, languages: str) -> "Caller":
        """The same one with an Accept-Language header."""
        return Caller(self.name, {**self.headers, "Accept-Language": languages})


ANONYMOUS = Caller("anonymous")


def bearer(name: str, credentials: str) -> Caller:
    return Caller(name, {"Authorization": f"Bearer {credentials}"})


def signed(role: Role, subject: str) -> Caller:
    token = mint_token(SECRET, role, subject, TOKEN_SECONDS, issuer=SETTINGS.jwt_issuer, audience=SETTINGS.jwt_audience)
    return bearer(role.value, token)


def themself(member: Member) -> Caller:
    """The member as a caller."""
    return signed(Role.MEMBER, member.member_id)


def global_id(member: Member) -> str:
    return to_global_id(MEMBER_ID, member.member_id)


STAFF = signed(Role.STAFF, "staff-1")


class Clock:
    """Shows the time that it was set to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True, slots=True)
class Api:
    """An application that runs, with a way to ask it and a look into its database."""

    laurel: Laurel
    database: Database
    client: httpx.AsyncClient
    clock: Clock

    async def post(self, query: str, caller: Caller = ANONYMOUS, **variables: Any) -> httpx.Response:
        body = {"query": query, "variables": variables}
        return await self.client.post("/graphql", json=body, headers=dict(caller.headers))

    async def data(self, query: str, caller: Caller = ANONYMOUS, **variables: Any) -> Json:
        """The data of an answer without errors."""
        answer: Json = (await self.post(query, caller, **variables)).json()
        assert list(answer) == ["data"], answer
        return dict(answer["data"])

    async def result(self, mutation: str, caller: Caller = STAFF, **variables: Any) -> Any:
        """What the only root field of an answer without errors holds."""
        (value,) = (await self.data(mutation, caller, **variables)).values()
        return value

    async def errors(self, query: str, caller: Caller = ANONYMOUS, **variables: Any) -> list[Json]:
        """The errors of a request that is refused and writes nothing."""
        before = await self.contents()
        answer: Json = (await self.post(query, caller, **variables)).json()
        assert await self.contents() == before
        assert answer.get("errors"), answer
        return list(answer["errors"])

    async def codes(self, query: str, caller: Caller = ANONYMOUS, **variables: Any) -> list[str]:
        """The error codes of a request that is refused and writes nothing."""
        return [error["extensions"]["code"] for error in await self.errors(query, caller, **variables)]

    async def nothing_written(self, mutation: str, caller: Caller = STAFF, **variables: Any) -> Json:
        """What the only root field of an answer holds, of a call that writes nothing."""
        before = await self.contents()
        value: Json = await self.result(mutation, caller, **variables)
        assert await self.contents() == before
        return value

    async def contents(self) -> Mapping[str, Sequence[Json]]:
        """Everything that callers can write, document by document."""
        return {name: [document async for document in self.database[name].find().sort("_id")] for name in WRITTEN}

    async def enrol(self, name: str, *, joined_at: datetime = JOINED_AT, **profile: str | None) -> Member:
        """A new member, with ``name`` for a display name and as the key."""
        request = EnrolRequest(f"enrol-{name}", Profile(name, **profile), joined_at)
        (enrolled,) = await self.laurel.game.enroller.enrol([request])
        assert isinstance(enrolled, Enrolled)
        return enrolled.member

    async def record(self, member: Member, *activities: Activity) -> Member:
        """Record activities past the API; returns the member after the last of them."""
        recorded = await self.laurel.game.recorder.record([RecordRequest(member.member_id, one) for one in activities])
        last = recorded[-1]
        assert all(isinstance(result, Recorded) for result in recorded), recorded
        assert isinstance(last, Recorded)
        return last.member

    async def stored(self, member: Member) -> Member:
        """The member as they are stored now."""
        return (await self.laurel.members.by_ids([member.member_id]))[member.member_id]

    async def service(self, *scopes: Scope) -> Caller:
        """A service with a key that has these scopes, and maybe none."""
        text, key = create_api_key("till", frozenset(Scope), now=datetime.now(UTC))
        await self.laurel.api_keys.add(replace(key, scopes=frozenset(scopes)))
        return bearer("service", text)


def purchase(key: str, at: datetime, amount_minor: int, cds: int = 1) -> Activity:
    """A purchase of so many CDs for so many cents."""
    return Activity(key, PURCHASE, at, amount_minor, (LineItem("CD", cds, amount_minor, "cd"),) if cds else ())


@asynccontextmanager
async def served(
    database: Database,
    servers: StoreServers,
    program: str | None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    *,
    live: bool = False,
    wall_clock: bool | None = None,
) -> AsyncIterator[Api]:
    """An application over this database, with a program applied where one is given.

    ``live`` runs what a serving process does in the background, and begins when the boards are there. Then it goes by
    the wall clock, as the servers do, unless told. Several over the same database are like several processes.
    """
    clock = Clock()
    connection = Connection(database, timeout_seconds)
    settings = SETTINGS.model_copy(update={"redis_prefix": database.name})
    redis = connect(own_database(servers.redis_url), timeout_seconds, cluster=False)
    now = utc_now if (live if wall_clock is None else wall_clock) else clock
    laurel = wire(settings, servers, connection, MongoApiKeys(database), {}, redis=redis, now=now)
    if program is not None:
        await laurel.programs.apply(program, "tests", NOW)
    authenticator = laurel.authenticator()
    web = web_app(laurel.game, authenticator, laurel.pings)
    async with (
        aclosing(redis),
        aclosing(authenticator),
        httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://laurel") as client,
        running(laurel.jobs() if live else {}),
    ):
        if live:
            await laurel.live.until_ready()
        yield Api(laurel, database, client, clock)
