"""`make bench`: Laurel beside its rivals over the same members, in alternating rounds. See docs/benchmarks.md."""

import asyncio
import signal
import tempfile
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.progress import Progress

from app.embedded import embedded_servers
from benchmarks.figures import Rounds, Spread
from benchmarks.fold import fold_microseconds
from benchmarks.generator import generator
from benchmarks.goals import goals_of
from benchmarks.machine import describe_machine
from benchmarks.measuring import Turn, alternating
from benchmarks.options import SAMPLE, Options, options_of
from benchmarks.plot import draw
from benchmarks.processes import Serving, offers_workers
from benchmarks.replaying import replay_seconds, start_seconds
from benchmarks.report import Results
from benchmarks.stage import (
    BY_HAND,
    BY_THE_BOOK,
    FIXED_BYTES,
    SECRET,
    Shopfront,
    all_servers,
    fill_shop,
    require_equal_answers,
    run_name,
)

CONSOLE = Console(stderr=True)


WORKERS = 2


async def bench(options: Options) -> Results:
    """The whole benchmark."""
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as folder:
        async with embedded_servers(Path(folder)) as stores:
            shop = await fill_shop(stores, options.members, CONSOLE)
            workers = WORKERS if await offers_workers() else 1
            async with all_servers(shop, options.compared, workers) as servers:
                idle = {name: server.megabytes() for name, server in servers.items()}
                home, purchases = await _measured(shop, servers, options)
                loaded = {name: server.megabytes() for name, server in servers.items()}
            CONSOLE.print("Measuring how long starting and replaying take")
            others = await _others(shop)
    return Results(options, machine, [home, purchases], goals_of(home, purchases), idle, loaded, others)


async def _measured(shop: Shopfront, servers: Mapping[str, Serving], options: Options) -> tuple[Rounds, Rounds]:
    expected = await require_equal_answers(servers, shop.members, SAMPLE)
    CONSOLE.print(f"All answer alike about {len(expected)} members")
    async with generator(SECRET, shop.members, run_name(), expected) as load:
        with Progress(console=CONSOLE) as progress:
            homes = {
                name: Turn(server, load, "any" if name == FIXED_BYTES else "home") for name, server in servers.items()
            }
            # Laurel sells to one half of the members, and the rival to the other.
            tills = {
                name: Turn(server, load, "purchase-1" if name == BY_THE_BOOK else "purchase-0")
                for name, server in servers.items()
                if name not in (BY_HAND, FIXED_BYTES)
            }
            home = await alternating("home", homes, options, progress)
            return home, await alternating("purchases", tills, options, progress)


async def _others(shop: Shopfront) -> dict[str, Spread]:
    seconds, purchases = await replay_seconds()
    rate = Spread(*(purchases / each for each in (seconds.median, seconds.most, seconds.least)))
    starts = await start_seconds(shop.variables)
    return {
        **{f"laurel serve to its first answer, {how}, s": spread for how, spread in starts.items()},
        f"laurel replay of {purchases:,} purchases, embedded stores included, s": seconds,
        "laurel replay, purchases/s": rate,
        "fold alone, microseconds a purchase": fold_microseconds(),
    }


def run(measuring: Coroutine[Any, Any, Results], name: str) -> None:
    """Measure, print and write. A signal to stop ends all processes that were started."""

    async def until_stopped() -> Results:
        task = asyncio.ensure_future(measuring)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    results = uvloop.run(until_stopped())
    results.print(Console())
    file = results.write(name)
    picture = file.with_suffix(".png")
    draw(results, picture)
    CONSOLE.print(f"Written: {file} and {picture}")


if __name__ == "__main__":
    run(bench(options_of()), "serving")
