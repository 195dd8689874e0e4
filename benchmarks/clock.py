"""`python -m benchmarks.clock [--json] [MEMBERS]`: what a round of the clock costs, with nothing due and with 1,000.

Runs on the embedded server. The members are put there directly, each as a real one was stored, so that only the clock
is measured: its looks, and what it writes to the disk.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import uvloop
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import monitoring
from rich.console import Console
from rich.progress import track
from rich.table import Table

from app.embedded import embedded_servers
from tests.app.clockwork import BEGUN_AT, DAY, PROGRAM, RECORDS_OF_A_PURCHASE, Clock, Document, Shop, client_of, opened

MEMBERS = 100_000
DUE = (0, 1_000)
ROUNDS = 5
BATCH = 2_000
WEEK_LATER = BEGUN_AT + 7 * DAY
LATER = timedelta(days=300)
CONSOLE = Console(stderr=True)


class Reads(monitoring.CommandListener):
    """Counts the commands that are sent, and the members that they answer with."""

    def __init__(self) -> None:
        self.commands = self.members = 0

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.commands += 1

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        cursor = event.reply.get("cursor", {})
        if str(cursor.get("ns", "")).endswith(".members"):
            self.members += len(cursor.get("firstBatch", cursor.get("nextBatch", ())))

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing fails."""


class Crowd:
    """Members in any number, each like one who enrolled and bought on the first day."""

    def __init__(self, shop: Shop, template: Document) -> None:
        self._shop, self._template = shop, template
        self._number = 0

    async def add(self, count: int, *, due: bool) -> None:
        """Add members for whom something is due by now, or is in some months."""
        documents = self._documents(due=due)
        for _ in range(0, count, BATCH):
            await self._shop.database["members"].insert_many(list(islice(documents, min(BATCH, count))))

    def _documents(self, *, due: bool) -> Iterator[Document]:
        while True:
            self._number += 1
            later = {} if due else {"due_at": WEEK_LATER + LATER + timedelta(seconds=self._number)}
            name = f"m{self._number:07}"
            yield {**self._template, "_id": name, "loyalty_number": name, "enrolment_key": name, **later}


async def crowded(shop: Shop, members: int) -> Crowd:
    """A shop with so many members for whom nothing is due."""
    await shop.laurel.programs.apply(PROGRAM, "benchmark", BEGUN_AT)
    [one] = await shop.sell("template")
    crowd = Crowd(shop, await shop.member(one))
    for _ in track(range(0, members, BATCH), f"Adding {members:,} members", console=CONSOLE):
        await crowd.add(BATCH, due=False)
    await shop.tick(WEEK_LATER)
    return crowd


async def measure(shop: Shop, crowd: Crowd, reads: Reads, due: int) -> Mapping[str, Any]:
    """Some rounds with so many members due: seconds, and what a round sends and reads."""
    clock, seconds = shop.laurel.clock, []
    for _ in range(ROUNDS):
        if due:
            await crowd.add(due, due=True)
        handled, records = clock.handled, clock.records
        reads.commands = reads.members = 0
        begun = time.perf_counter()
        await clock.catch_up(WEEK_LATER)
        seconds.append(time.perf_counter() - begun)
        assert (clock.handled - handled, clock.records - records) == (due, due * RECORDS_OF_A_PURCHASE)
    figures = {"median": statistics.median(seconds), "least": min(seconds), "most": max(seconds)}
    return {"due": due, "seconds": figures, "commands": reads.commands, "members_read": reads.members}


async def main(members: int, *, as_json: bool) -> None:
    """Measure and print."""
    reads = Reads()
    with tempfile.TemporaryDirectory() as folder:
        async with embedded_servers(Path(folder)) as servers:
            client: AsyncIOMotorClient[Document] = client_of(servers, event_listeners=[reads])
            async with opened(client["bench_clock"], servers, Clock()) as shop:
                crowd = await crowded(shop, members)
                rounds = [await measure(shop, crowd, reads, due) for due in DUE]
            client.close()
    if as_json:
        Console(soft_wrap=True, highlight=False).print(json.dumps({"members": members, "rounds": rounds}))
    else:
        Console().print(_table(members, rounds))


def _table(members: int, rounds: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("Due", "Median s", "Least s", "Most s", "Commands", "Members read", title=f"{members:,} members")
    for each in rounds:
        seconds = (f"{each['seconds'][which]:.3f}" for which in ("median", "least", "most"))
        table.add_row(f"{each['due']:,}", *seconds, f"{each['commands']:,}", f"{each['members_read']:,}")
    return table


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--json"]
    uvloop.run(main(int(arguments[0]) if arguments else MEMBERS, as_json="--json" in sys.argv))
