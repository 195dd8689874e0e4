"""`python -m benchmarks.campaigns`: a flash campaign, 10,000 purchases at once, in one process and in two.

Every purchase goes the whole way, to the disk of the embedded MongoDB, with the bonus settled in the same transaction.
The same purchases without a campaign, and with one that has no budget, show what settling costs.
"""

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.clock import utc_now
from app.embedded import StoreServers, embedded_servers
from gamification.program.campaigns import Campaign
from tests.app.campaigns.arena import PROGRAM, Place, buy, crowd, differences, in_processes, run_campaign, split, terms

PURCHASES = 10_000
MEMBERS = 2_000
WARM_UP_PER_PROCESS = 500
CALLERS = (64, 256)
BUDGET = 40_000
"""Enough for a little more than half of the purchases."""
START_UP_SECONDS = 4.0
CONSOLE = Console(stderr=True)

CASES: Mapping[str, Campaign | None] = {
    "no campaign": None,
    "a campaign without budget": terms(),
    "budget, runs dry": terms(budget={"points": BUDGET}),
    "budget, lasts": terms(budget={"points": 100 * BUDGET}),
}


async def measure(servers: StoreServers, campaign: Campaign | None, processes: int, callers: int) -> Sequence[str]:
    """Purchases a second, the seconds for all of them, points given, and what verification found."""
    place = Place(servers.mongo_url, servers.redis_url, f"bench_{uuid4().hex}")
    async with place.opened() as laurel:
        await laurel.programs.apply(PROGRAM, "benchmark", utc_now())
        members = await crowd(laurel, MEMBERS)
        await buy(laurel, [(member, "warm") for member in members[:WARM_UP_PER_PROCESS]], callers)
        if campaign is not None:
            await run_campaign(laurel, campaign)
        purchases = [(member, f"k{number}") for number, member in product(range(PURCHASES // MEMBERS), members)]
        begin_at = time.time() + START_UP_SECONDS
        orders: list[Mapping[str, Any]] = [
            {"purchases": part, "callers": callers // processes, "begin_at": begin_at}
            for part in split(purchases, processes)
        ]
        reports = await in_processes(place, orders)
        seconds = max(each["ended_at"] for each in reports) - min(each["began_at"] for each in reports)
        given = sum(sum(each["given"].values()) for each in reports)
        found = await differences(laurel)
        await laurel.connection.client.drop_database(place.database)
    verdict = "all adds up" if not found else f"{len(found)} differences"
    return [f"{PURCHASES / seconds:,.0f}", f"{seconds:.1f}", f"{given:,}", verdict]


async def main() -> None:
    """Measure every case and print a table."""
    table = Table("campaign", "processes", "callers", "purchases/s", "seconds", "points given", "verification")
    rounds = [(name, processes, callers) for name in CASES for processes in (1, 2) for callers in CALLERS]
    with tempfile.TemporaryDirectory() as folder, Progress(console=CONSOLE) as progress:
        async with embedded_servers(Path(folder), mongo_url=None, redis_url=None) as servers:
            task = progress.add_task("campaigns", total=len(rounds))
            for name, processes, callers in rounds:
                progress.update(task, description=f"{name}, {processes} processes, {callers} callers")
                figures = await measure(servers, CASES[name], processes, callers)
                table.add_row(name, str(processes), str(callers), *figures)
                progress.advance(task)
    Console().print(table)


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit("usage: python -m benchmarks.campaigns")
    uvloop.run(main())
