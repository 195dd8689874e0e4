"""The one place where everything is put together: settings in, use cases over real stores out."""

import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import OperationFailure
from redis.asyncio import Redis

from app.auth import Authenticator, build_authenticator, load_or_create_secret
from app.clock import utc_now
from app.embedded import StoreServers, embedded_servers, running_servers
from app.http.health import Ping
from app.operator_error import OperatorError
from app.settings import Settings
from app.stores.api_keys import MongoApiKeys
from app.stores.connection import Connection, Document, connect
from app.stores.imports import MongoImports
from app.stores.indexes import ensure_indexes
from app.stores.journal import MongoJournal
from app.stores.members import MongoMembers
from app.stores.programs import MongoPrograms
from gamification.enrolment import Enroller, Identities
from gamification.member import LOYALTY_NUMBER_DIGITS
from gamification.program.source import read_program
from gamification.recording import Recorder
from gamification.stores import Stores, StoreUnavailable
from schema.context import Game


@dataclass(frozen=True, slots=True)
class Laurel:
    """A wired Laurel: the game over its stores, and what the process itself needs of them."""

    settings: Settings
    servers: StoreServers
    connection: Connection
    game: Game
    members: MongoMembers
    journal: MongoJournal
    programs: MongoPrograms
    imports: MongoImports
    api_keys: MongoApiKeys
    pings: dict[str, Ping]

    @property
    def icons(self) -> Path:
        """The folder of badge icons beside the program's file."""
        return self.settings.program.parent / "icons"

    def authenticator(self) -> Authenticator:
        """What tells who sent a request.

        Raises:
            OperatorError: the settings name no usable way to verify a token.
        """
        return build_authenticator(self.settings, self.api_keys, generated_secret=generated_secret(self.settings))


def generated_secret(settings: Settings) -> str | None:
    """The token secret that is made for a machine of one's own; None where the settings bring one or real servers."""
    embedded = settings.mongo_url is None
    return load_or_create_secret(settings.data_dir) if embedded and not settings.jwt_jwks_url else None


@asynccontextmanager
async def open_laurel(settings: Settings, *, beside: bool = False) -> AsyncIterator[Laurel]:
    """Laurel over the servers of the settings, embedded ones being started; closed when the block ends.

    ``beside`` lets a command use the embedded servers of a Laurel that runs already.

    Raises:
        OperatorError: the servers cannot be started or have ended, the data folder is in use, or the MongoDB of the
            settings does not answer.
        StoreUnavailable: MongoDB did not answer within the block.
    """
    shared = running_servers(settings.data_dir) if beside and settings.mongo_url is None else None
    if shared is not None:
        async with _over(shared, settings) as laurel:
            yield laurel
        return
    async with embedded_servers(
        settings.data_dir, mongo_url=settings.mongo_url, redis_url=settings.redis_url
    ) as servers:
        try:
            async with _over(servers, settings) as laurel:
                yield laurel
        except StoreUnavailable as error:
            if ended := servers.failure():
                raise ended from error
            raise


@asynccontextmanager
async def open_existing(settings: Settings) -> AsyncIterator[Laurel]:
    """As ``open_laurel`` for a command beside it, but only where there is something to open.

    Raises:
        OperatorError: there is no data folder; and as ``open_laurel``.
        StoreUnavailable: MongoDB did not answer within the block.
    """
    require_data(settings)
    async with open_laurel(settings, beside=True) as laurel:
        yield laurel


def require_data(settings: Settings) -> None:
    """Check that the embedded MongoDB, if it is that, has data: an empty one would answer every question wrongly.

    Raises:
        OperatorError: it has none.
    """
    if settings.mongo_url is None and not (settings.data_dir / "mongo").is_dir():
        raise OperatorError(
            f"there is no data in {settings.data_dir}; run `make run` first, or set LAUREL_DATA_DIR or LAUREL_MONGO_URL"
        )


@asynccontextmanager
async def _over(servers: StoreServers, settings: Settings) -> AsyncIterator[Laurel]:
    client = connect(servers.mongo_url, settings.store_timeout_seconds)
    redis = Redis.from_url(servers.redis_url, socket_timeout=settings.store_timeout_seconds)
    try:
        database = client[settings.database]
        connection = Connection(database, settings.store_timeout_seconds)
        await _require_answer(client, connection, settings.mongo_url)
        await ensure_indexes(connection)
        yield wire(
            settings,
            servers,
            connection,
            MongoApiKeys(database),
            {
                "mongodb": lambda: client.admin.command("ping"),
                "redis": redis.ping,
            },
        )
    finally:
        await redis.aclose()
        client.close()


async def _require_answer(client: AsyncIOMotorClient[Document], connection: Connection, url: str | None) -> None:
    """Ask MongoDB for a sign of life, since making indexes has more patience than whoever mistyped a URL."""
    try:
        with connection.answering():
            await client.admin.command("ping")
    except (StoreUnavailable, OperationFailure) as error:
        if url is None:
            raise
        # What is told is the host alone: before it may stand a password.
        host = re.split("[/?]", url.partition("://")[2])[0].rpartition("@")[2]
        why = (
            "refuses the user or the password"
            if isinstance(error, OperationFailure)
            else (f"did not answer within {connection.timeout_seconds:g} seconds")
        )
        raise OperatorError(f"LAUREL_MONGO_URL: MongoDB at {host} {why}") from error


def wire(
    settings: Settings,
    servers: StoreServers,
    connection: Connection,
    api_keys: MongoApiKeys,
    pings: dict[str, Ping],
    *,
    now: Callable[[], datetime] = utc_now,
) -> Laurel:
    """Laurel over a connection that is there already. Its indexes have been ensured, and whoever made it closes it."""
    members, journal = MongoMembers(connection), MongoJournal(connection)
    programs = MongoPrograms(connection, read_program)
    stores = Stores(members, journal, programs)
    tolerance = timedelta(seconds=settings.future_tolerance_seconds)
    identities = Identities(
        member_id=lambda: uuid4().hex, serial=lambda: secrets.randbelow(10 ** (LOYALTY_NUMBER_DIGITS - 1))
    )
    game = Game(
        stores=stores,
        recorder=Recorder(stores, now, tolerance),
        enroller=Enroller(stores, now, tolerance, identities),
        now=now,
    )
    imports = MongoImports(connection)
    return Laurel(settings, servers, connection, game, members, journal, programs, imports, api_keys, pings)
