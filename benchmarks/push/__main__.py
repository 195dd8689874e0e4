"""`make bench BENCH=push`: from a record to the provider, pushes a second, memory. See docs/benchmarks.md.

SENDS= says how many pushes the workers have before them, SECONDS= for how long purchases are made one by one.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx
import uvloop
from rich.console import Console
from rich.progress import Progress

from app.auth import Role
from app.embedded import embedded_servers
from app.settings import Settings
from app.wiring import Laurel, open_laurel
from benchmarks.load.requests import token
from benchmarks.machine import describe_machine
from benchmarks.options import number_of, options_of
from benchmarks.processes import Serving, laurel, serving
from benchmarks.push.report import Moment, Results
from benchmarks.push.stage import PhoneDouble, fill, phone_double, tell, token_of, until, workers
from schema.ids import to_global_id

SECRET = "a secret that only this benchmark knows, of 32 bytes or more"
PROGRAM = Path(__file__).with_name("program.yaml")
NAME = "bench_push"
WORKERS = 2
SENDS, MOST_SENDS = 100_000, 5_000_000
SENDS_PER_MEMBER = 2
"""As on a busy day; the program would let a member have more."""
SECONDS, MOST_SECONDS = 20, 600
PURCHASES_A_SECOND = 5
PATIENCE_SECONDS = 120.0
"""How long nothing may come before the benchmark gives up."""
SAMPLE_SECONDS = 0.5
PURCHASE = """mutation ($input: ActivityInput!) { recordActivity(input: $input) { __typename } }"""
CONSOLE = Console(stderr=True)


async def bench(sends: int, seconds: int) -> Results:
    """The whole benchmark."""
    machine = describe_machine()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        progress = stack.enter_context(Progress(console=CONSOLE))
        stores = await stack.enter_async_context(embedded_servers(folder / "stores"))
        double = await stack.enter_async_context(phone_double(folder))
        variables = {
            **double.variables,
            "LAUREL_MONGO_URL": stores.mongo_url,
            "LAUREL_REDIS_URL": stores.redis_url,
            "LAUREL_DATABASE": NAME,
            "LAUREL_REDIS_PREFIX": NAME,
            "LAUREL_JWT_SECRET": SECRET,
            "LAUREL_PROGRAM": str(PROGRAM),
        }
        settings = Settings(mongo_url=stores.mongo_url, redis_url=stores.redis_url, database=NAME, redis_prefix=NAME)
        opened = await stack.enter_async_context(open_laurel(settings))
        await opened.programs.apply(PROGRAM.read_text(encoding="utf-8"), "benchmark", datetime.now(UTC))
        real = seconds * PURCHASES_A_SECOND
        ids = await fill(opened, real, max(real, -(-sends // SENDS_PER_MEMBER)), progress)
        server = await stack.enter_async_context(serving(laurel(), variables, "/health"))
        async with workers(WORKERS, variables, opened):
            delays = await _lightly(server, double, ids[:real], progress)
        await tell(opened, ids, sends, progress)
        await _until_streamed(opened, progress)
        moments = await _backlog(variables, opened, double, sends, progress)
    return Results(machine, WORKERS, delays, moments)


async def _lightly(server: Serving, double: PhoneDouble, ids: Sequence[str], progress: Progress) -> list[float]:
    """Let members buy, one at a time; how long each waited for the provider's request, in milliseconds."""
    task = progress.add_task("Purchases one by one", total=len(ids))
    sent_at: dict[str, float] = {}
    headers = {"Authorization": f"Bearer {token(SECRET, Role.STAFF, 'till-1')}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", headers=headers) as client:
        for number, member_id in enumerate(ids):
            pause = asyncio.create_task(asyncio.sleep(1 / PURCHASES_A_SECOND))
            given = {"key": f"light-{number}", "memberId": to_global_id("Member", member_id), "amount": "20.00"}
            sent_at[token_of(number)] = time.monotonic()
            response = await client.post("/graphql", json={"query": PURCHASE, "variables": {"input": given}})
            assert response.json()["data"]["recordActivity"]["__typename"] == "RecordActivitySuccess", response.text
            progress.advance(task)
            await pause

    async def all_came() -> bool:
        return await double.count() >= len(ids)

    await until(all_came, PATIENCE_SECONDS)
    came_at = await double.times()
    return [(came_at[device] - at) * 1000 for device, at in sent_at.items()]


async def _until_streamed(opened: Laurel, progress: Progress) -> None:
    """Wait until the feed has given all notices their places, and they are in the streams."""
    notices = opened.connection["notices"]
    total = await notices.count_documents({})
    task = progress.add_task("Notices on their way to the streams", total=total)
    moved = time.monotonic()
    done = 0
    while done < total:
        before, done = done, total - await notices.count_documents({"position": None})
        progress.update(task, completed=done)
        moved = time.monotonic() if done > before else moved
        if time.monotonic() - moved > PATIENCE_SECONDS:
            raise TimeoutError(f"{total - done:,} notices do not get their places")
        await asyncio.sleep(SAMPLE_SECONDS)


async def _backlog(
    variables: Mapping[str, str], opened: Laurel, double: PhoneDouble, sends: int, progress: Progress
) -> list[Moment]:
    """Let workers send all that waits; how far they were at each moment, and how large."""
    task = progress.add_task(f"Pushes by {WORKERS} workers", total=sends)
    moments: list[Moment] = []
    before = await double.count()
    async with workers(WORKERS, variables, opened, ready=False) as crew:
        moved = time.monotonic()
        while not moments or moments[-1].sent < sends:
            sent = await double.count() - before
            moved = time.monotonic() if not moments or sent > moments[-1].sent else moved
            moments.append(Moment(time.monotonic(), sent, crew.megabytes()))
            progress.update(task, completed=sent)
            if time.monotonic() - moved > PATIENCE_SECONDS:
                raise TimeoutError(f"no push came for {PATIENCE_SECONDS:g} seconds, after {sent:,} of {sends:,}")
            await asyncio.sleep(SAMPLE_SECONDS)
    return moments


if __name__ == "__main__":
    asked = number_of(os.environ, "SENDS", SENDS, MOST_SENDS), number_of(os.environ, "SECONDS", SECONDS, MOST_SECONDS)
    results = uvloop.run(bench(*asked))
    results.print(Console())
    CONSOLE.print(f"Written: {' and '.join(map(str, results.write(options_of().folder)))}")
