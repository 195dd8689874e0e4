"""`make bench BENCH=profiling`: where the processor time of home queries goes, package by package, in one process.

Requests are put to the application itself, 16 at a time, without sockets, under Python's own profiler. That makes
everything slower, and small functions most of all, so what it says is how the time is shared out, not how much it is.
"""

import asyncio
import cProfile
import pstats
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import uvloop
from rich.console import Console
from rich.table import Table
from starlette.types import ASGIApp, Message, Scope

from app.auth import Role
from app.embedded import embedded_servers
from app.live.background import running
from app.web import HOME_QUERY, web_app
from app.wiring import open_laurel
from benchmarks.load.requests import token
from benchmarks.shop.members import member_id
from benchmarks.stage import SECRET, fill_shop

MEMBERS = 2_000
REQUESTS = 1_000
TOGETHER = 16
SHOWN_FUNCTIONS = 15
_OWN = ("app", "schema", "gamification")
_ROOT = Path(__file__).parents[1]


async def ask(web: ASGIApp, authorization: str) -> bytes:
    """The answer to the home query with this ``Authorization`` header."""
    body = orjson.dumps({"query": HOME_QUERY})
    headers = {"host": "laurel", "authorization": authorization, "content-type": "application/json"}
    scope: Scope = {
        **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http"},
        **{"path": "/graphql", "raw_path": b"/graphql", "root_path": "", "query_string": b"", "state": {}},
        **{"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)},
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    answer: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        answer.append(message.get("body", b""))

    await web(scope, receive, send)
    return b"".join(answer)


async def ask_many(web: ASGIApp, authorizations: Sequence[str]) -> None:
    """A request with each of these headers, `TOGETHER` at a time."""
    left = iter(authorizations)

    async def client() -> None:
        for authorization in left:
            answer = await ask(web, authorization)
            assert b'"errors"' not in answer, answer

    await asyncio.gather(*(client() for _ in range(TOGETHER)))


def shares(stats: pstats.Stats) -> Mapping[str, float]:
    """Which part of the time each package has, without what it calls."""
    found: dict[str, float] = defaultdict(float)
    functions: Mapping[tuple[str, int, str], tuple[Any, ...]] = stats.stats  # type: ignore[attr-defined]
    for (file, _, _), (_, _, seconds, *_) in functions.items():
        found[_package(file)] += seconds
    total = sum(found.values())
    return {name: part / total for name, part in sorted(found.items(), key=lambda each: -each[1])}


def _package(file: str) -> str:
    _, inside, module = file.partition("site-packages/")
    if inside:
        return module.partition("/")[0]
    if file.startswith(str(_ROOT)):
        name = file.removeprefix(f"{_ROOT}/").partition("/")[0]
        return name if name in _OWN else "the benchmark"
    return "Python, and what is written in C"


async def main(console: Console) -> None:
    """Fill a shop, ask, and print."""
    with tempfile.TemporaryDirectory() as folder:
        async with embedded_servers(Path(folder)) as stores:
            shop = await fill_shop(stores, MEMBERS, console)
            async with open_laurel(shop.settings) as laurel, running(laurel.jobs()):
                await laurel.live.until_ready()
                authenticator = laurel.authenticator()
                web = web_app(laurel.game, authenticator, laurel.pings)
                everybody = [f"Bearer {token(SECRET, Role.MEMBER, member_id(each))}" for each in range(MEMBERS)]
                await ask_many(web, everybody)
                stats = await _profiled(lambda: ask_many(web, everybody[:REQUESTS]))
                await authenticator.aclose()
    table = Table("Package", "Part of the time", title=f"{REQUESTS:,} home queries, {TOGETHER} at a time")
    for name, part in shares(stats).items():
        if part >= 0.005:
            table.add_row(name, f"{part:.1%}")
    Console().print(table)
    stats.strip_dirs().sort_stats("tottime").print_stats(SHOWN_FUNCTIONS)


async def _profiled(work: Callable[[], Any]) -> pstats.Stats:
    profile = cProfile.Profile()
    profile.enable()
    await work()
    profile.disable()
    return pstats.Stats(profile)


if __name__ == "__main__":
    uvloop.run(main(Console(stderr=True)))
