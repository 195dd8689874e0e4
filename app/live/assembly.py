"""Puts the boards and all that keeps them live together, over one MongoDB and one Redis."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.boards.confidence import Confidence
from app.boards.control import ControlHash
from app.boards.drift import DriftChecker
from app.boards.names import Names
from app.boards.placing import Placing
from app.boards.placings import MongoPlacings
from app.boards.reads import BoardReads
from app.boards.rebuilding import Rebuilder
from app.boards.redis_boards import RedisBoards
from app.boards.trust import MongoProjection
from app.boards.watcher import Watcher
from app.boards.wire import Client, Wire
from app.live.announcer import Announcer
from app.live.background import Job
from app.live.hints import HintChannels
from app.live.hub import Hub
from app.stores.connection import Connection
from app.stores.members import MongoMembers
from app.stores.outbox import Outbox
from gamification.stores import Programs, StoreUnavailable

POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Live:
    """What a process has of the boards, and what tells it and others of changes."""

    redis: Client
    placings: MongoPlacings
    boards: RedisBoards
    reads: BoardReads
    rebuilder: Rebuilder
    drift: DriftChecker
    hub: Hub
    announcer: Announcer
    watcher: Watcher
    confidence: Confidence

    async def until_ready(self) -> None:
        """Wait until the boards can be read and hints of other processes are heard; for ever, while Redis is away."""
        while not self.hub.hears or not await self._can_read():  # noqa: ASYNC110 - two things are waited for
            await asyncio.sleep(POLL_SECONDS)

    def jobs(self) -> dict[str, Job]:
        """What a serving process runs in the background, by name."""
        return {
            "announcer": self.announcer.run,
            "sweeper": self.announcer.sweep,
            "hub": self.hub.run,
            "boards watcher": self.watcher.run,
        }

    async def _can_read(self) -> bool:
        try:
            await self.confidence.generation()
        except StoreUnavailable:
            return False
        return True


def assemble(
    connection: Connection, redis: Client, prefix: str, programs: Programs, now: Callable[[], datetime]
) -> Live:
    """All of it, over clients that are there already. Nothing runs yet."""
    placings = MongoPlacings(MongoMembers(connection), programs, now)
    wire = Wire(redis)
    names = Names(prefix, cluster=wire.cluster)
    control, projection = ControlHash(wire, names), MongoProjection(connection)
    confidence = Confidence(projection)
    boards = RedisBoards(wire, names, confidence, placings.forgotten_at, now)
    reads = BoardReads(boards)

    def stream() -> AsyncIterator[Sequence[Placing]]:
        return placings.stream()

    rebuilder = Rebuilder(boards, control, projection, confidence, stream=stream, layout=placings.layout, now=now)
    drift = DriftChecker(wire, names, reread=placings.of, expires_at=placings.forgotten_at, now=now)
    hub = Hub(HintChannels(redis, prefix))
    return Live(
        redis=redis,
        placings=placings,
        boards=boards,
        reads=reads,
        rebuilder=rebuilder,
        drift=drift,
        hub=hub,
        announcer=Announcer(Outbox(connection, now), placings, boards, hub, now),
        watcher=Watcher(control, projection, confidence, rebuilder, layout=placings.layout, now=now),
        confidence=confidence,
    )
