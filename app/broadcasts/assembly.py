"""Puts what tells of broadcasts together."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.broadcasts.campaigns import Herald
from app.broadcasts.store import MongoBroadcasts
from app.broadcasts.teller import Teller
from app.campaigns.store import MongoCampaigns
from app.live.background import Job
from app.live.hub import Hub
from app.stores.connection import Connection
from app.stores.notices import MongoNotices
from app.stores.programs import MongoPrograms


@dataclass(frozen=True, slots=True)
class Broadcasts:
    """What a process has of broadcasts."""

    store: MongoBroadcasts
    teller: Teller
    herald: Herald

    def jobs(self) -> dict[str, Job]:
        """What runs in the background wherever the feed does, by name."""
        return {"broadcasts": self.teller.run, "campaign notices": self.herald.run}


def assemble_broadcasts(
    connection: Connection,
    notices: MongoNotices,
    programs: MongoPrograms,
    campaigns: MongoCampaigns,
    *,
    hub: Hub,
    now: Callable[[], datetime],
) -> Broadcasts:
    """All of it, over what is there already. Nothing runs yet."""
    store = MongoBroadcasts(connection)
    teller = Teller(connection, store, notices, programs, campaigns, now=now)
    store.on_made = teller.wake
    return Broadcasts(store, teller, Herald(store, programs, campaigns, hub, now=now))
