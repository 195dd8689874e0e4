"""The one place where everything is put together: settings in, use cases over real stores out."""

import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import OperationFailure

from app.auth import ApiKeyVerifier, Authenticator, build_authenticator, load_or_create_secret
from app.boards.archive import MongoRuns, MongoStandings
from app.boards.closing import PeriodCloser
from app.boards.periods import MongoBoardPeriods
from app.boards.wire import Client
from app.boards.wire import connect as connect_redis
from app.broadcasts.assembly import Broadcasts, assemble_broadcasts
from app.campaigns.assembly import Campaigning, assemble_campaigns
from app.clock import utc_now
from app.clock_worker import ClockWorker
from app.embedded import StoreServers, embedded_servers, running_servers
from app.http.health import Ping
from app.live.assembly import Live, assemble
from app.live.background import Job
from app.live.caches import dropping
from app.live.hints import Hints
from app.notices.assembly import Feed, assemble_feed
from app.notices.clock import NoticeClock
from app.notices.ranks import RankWatch
from app.operator_error import OperatorError
from app.push.assembly import Pushing, assemble_push
from app.settings import Settings
from app.stores.api_keys import MongoApiKeys
from app.stores.connection import Connection, Document, connect
from app.stores.friends import MongoFriendships
from app.stores.imports import MongoImports
from app.stores.indexes import ensure_indexes
from app.stores.journal import MongoJournal
from app.stores.keys import MongoKeys
from app.stores.members import MongoMembers
from app.stores.programs import MongoPrograms
from app.webhooks.assembly import Webhooks, assemble_webhooks
from gamification.enrolment import Enroller, Identities
from gamification.member import LOYALTY_NUMBER_DIGITS
from gamification.merging import Merger
from gamification.program.source import read_program
from gamification.recording import Recorder
from gamification.stores import Stores, StoreUnavailable
from schema.campaign_feed import CampaignFeed
from schema.context import Game
from schema.sealed_cursors import SealedCursors
from schema.signals import API_KEYS, PROGRAM
from schema.tops import Tops


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
    campaigning: Campaigning
    closer: PeriodCloser
    clock: ClockWorker
    imports: MongoImports
    api_keys: MongoApiKeys
    api_key_verifier: ApiKeyVerifier
    pings: dict[str, Ping]
    live: Live
    feed: Feed
    push: Pushing
    webhooks: Webhooks
    notice_clock: NoticeClock
    broadcasts: Broadcasts
    ranks: RankWatch

    def jobs(self) -> dict[str, Job]:
        """What runs in the background while this process serves, by name."""
        return {
            **self.live.jobs(),
            **self.feeding(),
            "period closer": self.closer.run,
            "rank notices": self.ranks.run,
            "program refresher": self.programs.keep_fresh,
            **self.campaigning.jobs(),
            "campaign feed": self.game.campaign_feed.run,
            **dropping(self.live.hub, {PROGRAM: self.programs.forget, API_KEYS: self.api_key_verifier.forget}),
            **(self.clocks() if self.settings.serve_clock else {}),
        }

    def feeding(self) -> dict[str, Job]:
        """What brings notices to the feed, by name."""
        return {**self.feed.jobs(), **self.broadcasts.jobs()}

    def clocks(self) -> dict[str, Job]:
        """What does in time what time brings about, by name."""
        return {"clock": self.clock.run, "notice clock": self.notice_clock.run}

    @property
    def icons(self) -> Path:
        """The folder of badge icons beside the program's file."""
        return self.settings.program.parent / "icons"

    def authenticator(self) -> Authenticator:
        """What tells who sent a request.

        Raises:
            OperatorError: the settings name no usable way to verify a token.
        """
        return build_authenticator(
            self.settings, self.api_key_verifier, generated_secret=generated_secret(self.settings)
        )


def generated_secret(settings: Settings) -> str | None:
    """The token secret that is made for a machine of one's own; None where the settings bring one or real servers."""
    embedded = settings.mongo_url is None
    return load_or_create_secret(settings.data_dir) if embedded and not settings.jwt_jwks_url else None


@asynccontextmanager
async def open_laurel(settings: Settings, *, beside: bool = False) -> AsyncIterator[Laurel]:
    """Laurel over the servers of the settings, embedded ones being started; closed when the block ends.

    ``beside`` lets a command, or a worker, use the embedded servers of a Laurel that runs already.

    Raises:
        OperatorError: the servers cannot be started or have ended, the data folder is in use, or the MongoDB of the
            settings does not answer.
        StoreUnavailable: MongoDB did not answer within the block.
    """
    embedded = settings.mongo_url is None or settings.redis_url is None
    shared = running_servers(settings.data_dir) if beside and embedded else None
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
    redis = connect_redis(servers.redis_url, settings.store_timeout_seconds, cluster=settings.redis_cluster)
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
            redis=redis,
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
    redis: Client,
    now: Callable[[], datetime] = utc_now,
) -> Laurel:
    """Laurel over connections that are there already. The indexes have been ensured; whoever made them closes them."""
    programs = MongoPrograms(connection, read_program, now)
    live = assemble(connection, redis, settings.redis_prefix, programs, now)
    feed = assemble_feed(connection, redis, settings.redis_prefix, live.hub, now)
    members = MongoMembers(connection, live.announcer.written, now)
    campaigning = assemble_campaigns(connection, redis, settings.redis_prefix, programs, hub=live.hub, now=now)
    campaigns = campaigning.store
    journal = MongoJournal(connection, campaigning.allowances, live.announcer.written, feed.notices)
    programs.tell_others = partial(live.hub.announce, Hints(all=[PROGRAM]))
    broadcasts = assemble_broadcasts(connection, feed.notices, programs, campaigns, hub=live.hub, now=now)
    ranks = RankWatch(connection, live.reads, members, feed.notices, programs, now=now)
    live.announcer.on_placed = ranks.placed
    periods = MongoBoardPeriods(connection)
    standings = MongoStandings(connection, periods)
    stores = Stores(
        members, journal, programs, campaigns, MongoFriendships(connection), live.reads, standings, feed.notices,
        broadcasts.store,
    )  # fmt: skip
    push = assemble_push(settings, connection, redis, feed, programs=programs, campaigns=campaigns, now=now)
    webhooks = assemble_webhooks(settings, connection, feed, programs=programs, campaigns=campaigns, now=now)
    tolerance = timedelta(seconds=settings.future_tolerance_seconds)
    recorder = Recorder(stores, now, tolerance)
    game = Game(
        stores=stores,
        recorder=recorder,
        enroller=Enroller(stores, now, tolerance, _identities()),
        merger=Merger(stores, now),
        signals=live.hub,
        tops=Tops(live.reads, members),
        cursors=SealedCursors(MongoKeys(connection).cursor_key),
        campaign_feed=CampaignFeed(campaigns, live.hub),
        telling=push.telling,
        webhooks=webhooks.stores,
        now=now,
    )
    return Laurel(
        settings,
        servers,
        connection,
        game,
        members,
        journal,
        programs,
        campaigning,
        PeriodCloser(periods, MongoRuns(connection), members, programs, recorder, now=now),
        ClockWorker(members, programs, recorder, now=now),
        MongoImports(connection),
        api_keys,
        ApiKeyVerifier(api_keys),
        pings,
        live,
        feed,
        push,
        webhooks,
        NoticeClock(connection, programs, feed.notices, now),
        broadcasts,
        ranks,
    )


def _identities() -> Identities:
    """Ids and serial numbers of new members, which nobody can guess."""
    return Identities(
        member_id=lambda: uuid4().hex, serial=lambda: secrets.randbelow(10 ** (LOYALTY_NUMBER_DIGITS - 1))
    )
