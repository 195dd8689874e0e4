"""Puts the feed together, over one MongoDB and one Redis."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.boards.wire import Client
from app.live.background import Job
from app.live.hub import Hub
from app.notices.groups import FeedGroups
from app.notices.keeper import Keeper
from app.notices.positions import Positions
from app.notices.refill import Refill
from app.notices.relay import Relay
from app.notices.retention import Retention
from app.notices.streams import Streams
from app.stores.connection import Connection
from app.stores.notices import MongoNotices


@dataclass(frozen=True, slots=True)
class Feed:
    """What a process has of the feed."""

    notices: MongoNotices
    positions: Positions
    streams: Streams
    groups: FeedGroups
    refill: Refill
    relay: Relay
    keeper: Keeper

    def jobs(self) -> dict[str, Job]:
        """What runs in the background wherever the feed is to go on, by name."""
        return {**self.relay.jobs(), "notice refill": self.refill.run, "notice keeper": self.keeper.run}


def assemble_feed(connection: Connection, redis: Client, prefix: str, hub: Hub, now: Callable[[], datetime]) -> Feed:
    """All of it, over clients that are there already. Nothing runs yet."""
    positions, streams, groups = Positions(connection), Streams(redis, prefix), FeedGroups(connection)
    refill = Refill(positions, streams, groups)
    relay = Relay(positions, streams, refill, hub)
    return Feed(
        notices=MongoNotices(connection, relay.written),
        positions=positions,
        streams=streams,
        groups=groups,
        refill=refill,
        relay=relay,
        keeper=Keeper(positions, streams, groups, Retention(connection, positions), now),
    )
