"""The stage: embedded stores, a shop full of members, and all servers beside each other over it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
from redis.asyncio import Redis
from rich.console import Console
from rich.progress import Progress

from app.auth import Role
from app.commands.program import applied_from
from app.embedded import StoreServers
from app.settings import Settings
from app.web import HOME_QUERY
from app.wiring import open_laurel
from benchmarks.load.requests import picked, token
from benchmarks.processes import ROOT, Serving, laurel, rival, serving
from benchmarks.shop.members import Shop, member_id

PROGRAM = Path(__file__).parent / "shop" / "program.yaml"
SECRET = "a secret that only this benchmark knows, of 32 bytes or more"
FILLING_TIMEOUT_SECONDS = 30.0
"""Of patience with the stores while the shop is filled; the servers that are measured have the usual one."""
READY_SECONDS = 60.0
POLL_SECONDS = 0.1

LAUREL, COMPARED = "laurel", "compared"
BY_THE_BOOK, BY_HAND, FIXED_BYTES = "by-the-book", "by-hand", "fixed-bytes"
RIVALS = frozenset({BY_THE_BOOK, BY_HAND, FIXED_BYTES})


@dataclass(frozen=True, slots=True)
class Shopfront:
    """A filled shop: the settings by which Laurel finds it, and how many members it has."""

    settings: Settings
    members: int

    @property
    def variables(self) -> Mapping[str, str]:
        """The settings as variables of the environment."""
        settings = self.settings
        assert settings.mongo_url is not None
        assert settings.redis_url is not None
        return {
            "LAUREL_MONGO_URL": settings.mongo_url,
            "LAUREL_REDIS_URL": settings.redis_url,
            "LAUREL_DATABASE": settings.database,
            "LAUREL_REDIS_PREFIX": settings.redis_prefix,
            "LAUREL_JWT_SECRET": SECRET,
            "LAUREL_PROGRAM": str(PROGRAM),
        }


async def fill_shop(servers: StoreServers, members: int, console: Console) -> Shopfront:
    """Fill a database of these stores with so many members, and build its boards."""
    name = f"bench_{members}"
    settings = Settings(
        mongo_url=servers.mongo_url,
        redis_url=servers.redis_url,
        database=name,
        redis_prefix=name,
        program=PROGRAM,
        jwt_secret=SECRET,
    )
    patient = settings.model_copy(update={"store_timeout_seconds": FILLING_TIMEOUT_SECONDS})
    async with open_laurel(patient) as opened, Redis.from_url(servers.redis_url) as redis:
        now = datetime.now(UTC)
        await applied_from(opened, str(PROGRAM), now)
        with Progress(console=console) as progress:
            filling = progress.add_task(f"Filling a shop with {members:,} members", total=members)
            await Shop(opened, redis, now).fill(members, lambda done: progress.advance(filling, done))
            placing = progress.add_task("Building Laurel's boards", total=members)
            assert await opened.live.rebuilder.rebuild(lambda done: progress.advance(placing, done))
    return Shopfront(settings, members)


@asynccontextmanager
async def served(shop: Shopfront, name: str, folder: Path = ROOT, workers: int = 1) -> AsyncIterator[Serving]:
    """A server over a shop: a rival by its name, or Laurel, also from the ``folder`` of another checkout."""
    if name in RIVALS:
        command, path = rival(name), "/graphql"
    else:
        command, path = laurel(folder, workers), "/health"
    async with serving(command, shop.variables, path, folder=folder) as server:
        yield server


@asynccontextmanager
async def all_servers(shop: Shopfront, compared: Path | None, workers: int) -> AsyncIterator[dict[str, Serving]]:
    """Every server over a shop, by name. ``compared`` is another checkout of Laurel to serve too.

    With more than one of ``workers``, Laurel is served once more, by so many processes.
    """
    async with AsyncExitStack() as stack:
        servers = {LAUREL: await stack.enter_async_context(served(shop, LAUREL))}
        if workers > 1:
            name = f"{LAUREL} x{workers}"
            servers[name] = await stack.enter_async_context(served(shop, name, workers=workers))
        if compared is not None:
            servers[COMPARED] = await stack.enter_async_context(served(shop, COMPARED, compared))
        for name in (BY_THE_BOOK, BY_HAND):
            servers[name] = await stack.enter_async_context(served(shop, name))
        [data] = (await home_answers(servers[LAUREL], picked(shop.members)[:1])).values()
        fixed = serving(rival(FIXED_BYTES), shop.variables, "/", given=orjson.dumps({"data": data}))
        servers[FIXED_BYTES] = await stack.enter_async_context(fixed)
        yield servers


async def home_answers(server: Serving, numbers: Sequence[int]) -> dict[int, Any]:
    """The data that a server answers the home query of these members with.

    Raises:
        ValueError: an answer has errors, or lacks ranks for longer than boards take to be there.
    """
    answers: dict[int, Any] = {}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        for number in numbers:
            answers[number] = await _home_answer(client, number)
    return answers


async def until_awake(server: Serving) -> None:
    """Wait until a server that was stopped for a while has ranks again: all it had asked meanwhile was not answered."""
    await home_answers(server, [0])


async def _home_answer(client: httpx.AsyncClient, number: int) -> Any:
    headers = {"Authorization": f"Bearer {token(SECRET, Role.MEMBER, member_id(number))}"}
    async with asyncio.timeout(READY_SECONDS):
        while True:
            response = await client.post("/graphql", json={"query": HOME_QUERY}, headers=headers)
            answer = response.json()
            if "errors" in answer:
                raise ValueError(f"an answer with errors: {response.text[:400]}")
            if answer["data"]["me"]["rank"]["rank"] is not None:
                return answer["data"]
            await asyncio.sleep(POLL_SECONDS)


async def require_equal_answers(servers: Mapping[str, Serving], members: int, sample: int) -> dict[int, Any]:
    """The data of a sample of members, which all servers that look at requests answer alike.

    Raises:
        ValueError: two servers differ; the message says who, about whom and where first.
    """
    numbers = picked(members)[:sample]
    expected = await home_answers(servers[LAUREL], numbers)
    for name, server in servers.items():
        if name in (LAUREL, FIXED_BYTES):
            continue
        for number, data in (await home_answers(server, numbers)).items():
            if data != expected[number]:
                where = first_difference(expected[number], data)
                raise ValueError(f"{name} differs from {LAUREL} about the member {number}: {where}")
    return expected


def first_difference(one: Any, other: Any, path: str = "data") -> str:
    """Where two values of JSON differ first."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return next(first_difference(one[key], other[key], f"{path}.{key}") for key in one if one[key] != other[key])
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        at = next(place for place in range(len(one)) if one[place] != other[place])
        return first_difference(one[at], other[at], f"{path}[{at}]")
    return f"{path}: {one!r} and {other!r}"


def run_name() -> str:
    """What the keys of this run's purchases begin with."""
    return f"bench-{secrets.token_hex(4)}"
