"""Puts together the campaigns of a process, over one MongoDB and one Redis."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from app.boards.wire import Client
from app.campaigns.allowances import Allowances
from app.campaigns.figures import LiveFigures
from app.campaigns.filing import Filing
from app.campaigns.store import MongoCampaigns
from app.campaigns.watcher import CampaignWatcher
from app.live.background import Job
from app.live.hints import Hints
from app.live.hub import Hub
from app.stores.connection import Connection
from app.stores.programs import MongoPrograms
from schema.signals import CAMPAIGNS


@dataclass(frozen=True, slots=True)
class Campaigning:
    """What a process has of the campaigns."""

    allowances: Allowances
    store: MongoCampaigns
    watcher: CampaignWatcher
    figures: LiveFigures

    def jobs(self) -> dict[str, Job]:
        """What runs in the background while a process serves, by name."""
        return {"campaign watcher": self.watcher.run, "campaign figures": self.figures.run}


def assemble_campaigns(
    connection: Connection,
    redis: Client,
    prefix: str,
    programs: MongoPrograms,
    *,
    hub: Hub,
    now: Callable[[], datetime],
) -> Campaigning:
    """All of it, over clients that are there already. A program that is applied files its campaigns from now on."""
    allowances, figures = Allowances(connection), LiveFigures(redis, prefix)
    store = MongoCampaigns(connection, allowances, figures, partial(hub.announce, Hints(all=[CAMPAIGNS])), now)
    programs.filing = Filing(store)
    return Campaigning(allowances, store, CampaignWatcher(store, programs, figures, hub, now), figures)
