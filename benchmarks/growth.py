"""`make bench BENCH=growth`: Laurel over a small shop and a large one (MEMBERS=, 500,000 unless told), turn by turn.

Both lie in the same embedded stores, and the endpoint by hand goes with each, so that what the stores lose can be told
from what Laurel loses.
"""

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from rich.progress import Progress

from app.embedded import embedded_servers
from benchmarks.__main__ import CONSOLE, run
from benchmarks.generator import generator
from benchmarks.goals import growth_goals
from benchmarks.machine import describe_machine
from benchmarks.measuring import Turn, alternating
from benchmarks.options import MEMBERS, SAMPLE, Options, options_of
from benchmarks.report import Results
from benchmarks.stage import BY_HAND, LAUREL, SECRET, fill_shop, require_equal_answers, run_name, served

LARGE = 500_000


async def grow(options: Options) -> Results:
    """Measure Laurel over `MEMBERS` and over as many as the options say."""
    if options.members == MEMBERS:
        raise SystemExit(f"MEMBERS must be another number than {MEMBERS}, beside which it is measured")
    machine = describe_machine()
    homes: dict[str, Turn] = {}
    tills: dict[str, Turn] = {}
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        stores = await stack.enter_async_context(embedded_servers(Path(folder)))
        for members in (MEMBERS, options.members):
            shop = await fill_shop(stores, members, CONSOLE)
            servers = {name: await stack.enter_async_context(served(shop, name)) for name in (LAUREL, BY_HAND)}
            expected = await require_equal_answers(servers, members, SAMPLE)
            load = await stack.enter_async_context(generator(SECRET, members, run_name(), expected))
            homes |= {_name(name, members): Turn(server, load, "home") for name, server in servers.items()}
            tills[_name(LAUREL, members)] = Turn(servers[LAUREL], load, "purchase-0")
        idle = {name: turn.server.megabytes() for name, turn in homes.items()}
        with Progress(console=CONSOLE) as progress:
            rounds = [
                await alternating("home", homes, options, progress),
                await alternating("purchases", tills, options, progress),
            ]
        loaded = {name: turn.server.megabytes() for name, turn in homes.items()}
    goals = growth_goals(_name(LAUREL, MEMBERS), _name(LAUREL, options.members), rounds)
    return Results(options, machine, rounds, goals, idle, loaded)


def _name(server: str, members: int) -> str:
    return f"{server}, {members:,}"


if __name__ == "__main__":
    run(grow(options_of(members=LARGE)), "growth")
