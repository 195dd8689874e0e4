"""`make bench`: starts everything itself over embedded servers in a folder of its own, measures, and prints a table.

Every figure is the median of several rounds, with the fastest and the slowest beside it, so that a noisy machine shows.
"""

import asyncio
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import uvloop
from rich.console import Console
from rich.progress import track
from rich.table import Table

from app.auth import Role
from app.cdnow.importing import LogImport
from app.cdnow.log import Purchase, read_log
from app.commands.credentials import minted
from app.commands.program import applied_from
from app.live.background import running
from app.settings import Settings
from app.web import HOME_QUERY, web_app
from app.wiring import Laurel, open_laurel
from gamification.fold import Applied, advance, apply
from gamification.program import Program
from gamification.requests import RecordRequest
from gamification.state import State

ROUNDS = 5
SINGLE_PURCHASES = 100
HOME_QUERIES = 300
LOG = Path("programs/cdnow/CDNOW_sample.txt")

Figures = dict[str, list[float]]


def fold_microseconds(purchases: list[Purchase], program: Program) -> float:
    """Compute alone: one purchase of the log through advance and apply."""
    histories: dict[str, list[Purchase]] = defaultdict(list)
    for purchase in purchases:
        histories[purchase.customer].append(purchase)
    begun = time.perf_counter()
    for history in histories.values():
        activities = [purchase.activity(timedelta(0)) for purchase in history]
        state = State.new(activities[0].occurred_at)
        for activity in activities:
            state, _ = advance(state, activity.occurred_at, program)
            applied = apply(state, activity, program)
            assert isinstance(applied, Applied)
            state = applied.state
    return (time.perf_counter() - begun) / len(purchases) * 1e6


async def import_rate(laurel: Laurel, purchases: list[Purchase], round_number: int) -> float:
    """Purchases a second through the record path in bulk, enrolments included, as customers not seen before."""
    fresh = [replace(purchase, customer=f"{round_number}{purchase.customer}") for purchase in purchases]
    importing = LogImport(laurel.game, fresh, timedelta(0))
    begun = time.perf_counter()
    await importing.run(lambda _: None)
    assert importing.recorded == len(purchases)
    return importing.recorded / (time.perf_counter() - begun)


async def rate_at(connections: int, count: int, one: Callable[[int], Awaitable[None]]) -> float:
    """How many a second, ``connections`` at a time."""
    numbers = iter(range(count))

    async def client() -> None:
        for number in numbers:
            await one(number)

    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(connections)))
    return count / (time.perf_counter() - begun)


async def measure(laurel: Laurel) -> Figures:
    """All figures, the kinds in turn in every round."""
    purchases, _ = read_log(LOG.read_bytes().splitlines(), datetime.now(UTC).date())  # noqa: ASYNC240 - before any clock
    figures: Figures = defaultdict(list)
    program = (await laurel.programs.current()).program
    authenticator = laurel.authenticator()
    transport = httpx.ASGITransport(web_app(laurel.game, authenticator, laurel.pings))
    async with httpx.AsyncClient(transport=transport, base_url="http://laurel") as http:
        for number in track(range(1, ROUNDS + 1), "Measuring", console=Console(stderr=True)):
            figures["fold, microseconds a purchase"].append(fold_microseconds(purchases, program))
            figures["log import, purchases a second"].append(await import_rate(laurel, purchases, number))
            await _served(laurel, http, purchases, number, figures)
    await authenticator.aclose()
    return figures


async def _served(
    laurel: Laurel, http: httpx.AsyncClient, purchases: list[Purchase], number: int, figures: Figures
) -> None:
    customers = list(dict.fromkeys(purchase.customer for purchase in purchases))[:SINGLE_PURCHASES]
    found = await laurel.members.by_enrolment_keys([f"cdnow-{number}{customer}" for customer in customers])
    members = [member.member_id for member, _ in found.values()]
    tokens = [minted(laurel.settings, Role.MEMBER, member_id) for member_id in members]
    sample = purchases[0].activity(timedelta(0))

    async def record(place: int, run: int) -> None:
        activity = replace(sample, key=f"bench-{run}-{place}", occurred_at=datetime.now(UTC))
        await laurel.game.recorder.record([RecordRequest(members[place % len(members)], activity)])

    async def home(place: int) -> None:
        headers = {"Authorization": f"Bearer {tokens[place % len(tokens)]}"}
        answer = await http.post("/graphql", json={"query": HOME_QUERY}, headers=headers)
        assert "errors" not in answer.json()

    for connections in (1, 16):
        rate = await rate_at(connections, SINGLE_PURCHASES, lambda place, run=connections: record(place, run))  # type: ignore[misc]
        figures[f"single purchases a second, {connections} at a time"].append(rate)
        figures[f"home queries a second in one process, {connections} at a time (client included)"].append(
            await rate_at(connections, HOME_QUERIES, home)
        )


async def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_laurel(Settings(data_dir=Path(folder))) as laurel:
            await applied_from(laurel, str(laurel.settings.program), datetime.now(UTC))
            async with running(laurel.jobs()):
                await laurel.live.until_ready()
                figures = await measure(laurel)
    table = Table("What", "Median", "Least", "Most", title=f"{ROUNDS} rounds")
    for what, values in figures.items():
        table.add_row(what, *(f"{value:,.0f}" for value in (statistics.median(values), min(values), max(values))))
    Console().print(table)


if __name__ == "__main__":
    uvloop.run(main())
