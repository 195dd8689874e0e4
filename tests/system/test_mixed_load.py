"""Minutes of a mixed load, with clients that go away, slow ones, and stores that die and come back.

Nothing leaks, no answer is another member's or wrong by a point, and no purchase is lost or counted twice.
"""

import asyncio
import json
import os
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.auth import Role, mint_token
from app.embedded.binaries import find_redis_binary
from app.web import HOME_QUERY
from schema.ids import local_id
from schema.types.member import MEMBER_ID
from tests.mongo_servers import MongoServer, mongo_server
from tests.redis_servers import RedisServer, redis_server
from tests.system.installation import (
    POLL_SECONDS,
    SECRET,
    TOKEN_SECONDS,
    Command,
    Ended,
    Installation,
    serving,
    staff_token,
    until,
)
from tests.system.mixed_load import Load, Shopper

SHOPPERS = 24
WARM_UP_SECONDS = 30.0
LOAD_SECONDS = 150.0
MIN_OF_EACH = 10
"""How often everything has to have happened at least, for the run to say something."""
SPARE_TASKS = 6
"""How many tasks more there may be after the load than before: one for each connection to Redis that is still open."""
MAX_GROWTH = 1.15
"""Of resident memory, from after the warm-up to the end."""
MAX_FILES = 260
"""Open files at the end: the pool of connections to MongoDB has up to 100, and that of Redis as many as it needed."""
PROGRAM = """code: mixed
name: Mixed
languages: [en, da]
time_zone: UTC
money: {currency: USD, decimals: 2}
points: {name: points}
rules:
  - {code: dollars, name: A point per dollar, on: purchase, earn: {points: 1, per_amount: 1}}
tiers:
  metric: spend
  window: lifetime
  levels:
    - {code: bronze, name: Bronze, threshold: 0}
    - {code: gold, name: Gold, threshold: 500}
challenges:
  - {code: ten, title: Ten, on: purchase, measure: count, target: 10, reward: {points: 0}}
badges:
  - {code: spender, name: Spender, rarity: common, earned: {measure: member.spend}, levels: [10, 100, 1000]}
boards:
  - {code: weekly, name: This week, on: purchase, metric: points, period: week}
"""
ENROL = """mutation ($key: String!, $name: String!, $handle: String!) {
    enrolMember(input: {key: $key, displayName: $name, handle: $handle}) {
        ... on EnrolMemberSuccess { member { id loyaltyNumber } } ... on Error { code message } } }"""


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds."""

    tasks: int
    objects: int
    resident_bytes: int
    files: int


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
async def test_a_mixed_load_leaks_nothing_and_every_answer_is_right(
    laurel: Installation, tmp_path: Path, seed: int
) -> None:
    program = tmp_path / "mixed.yaml"
    program.write_text(PROGRAM)
    async with (
        mongo_server(tmp_path / "mongo") as mongo,
        redis_server(find_redis_binary(), tmp_path / "redis") as redis,
    ):
        laurel.set_variables(
            LAUREL_MONGO_URL=mongo.url,
            LAUREL_REDIS_URL=redis.url,
            LAUREL_JWT_SECRET=SECRET,
            LAUREL_PROGRAM=str(program),
            LAUREL_STORE_TIMEOUT_SECONDS="2",
        )
        async with serving(laurel, "serve", module="tests.system.counting_process") as served:
            chance = random.Random(seed)
            staff = staff_token()
            shoppers = [await _enrolled(served.ask, staff, number) for number in range(SHOPPERS)]
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
            base_url = served.client.base_url
            async with httpx.AsyncClient(base_url=base_url, timeout=60, limits=limits) as client:
                await Load(client, HOME_QUERY, staff, shoppers, chance).run(WARM_UP_SECONDS, _nothing)
                before = await _held(served.command)
                load = Load(client, HOME_QUERY, staff, shoppers, chance)
                await load.run(LOAD_SECONDS, lambda: _disturb(load, mongo, redis))
            await _until_quiet(served.command, before.tasks + SPARE_TASKS)
            after = await _held(served.command)
            print(f"seed {seed}: {before} {after} {dict(load.seen)}")
            assert after.resident_bytes <= before.resident_bytes * MAX_GROWTH, (before, after)
            assert after.files <= MAX_FILES, (before, after)
            assert min(load.seen[what] for what in ("looked", "bought", "gone", "slow")) >= MIN_OF_EACH
            for shopper in shoppers:
                found = await served.ask("{ me { points { available } } }", shopper.token)
                assert found == {"me": {"points": {"available": shopper.points}}}
        assert await laurel.run("verify") == Ended(0, f"{SHOPPERS} members verified, no differences\n", "")


async def _nothing() -> None:
    """No disturbance."""


async def _disturb(load: Load, mongo: MongoServer, redis: RedisServer) -> None:
    """Kill a store every few seconds, and let it come back soon."""
    while not load.over.is_set():
        await asyncio.sleep(load.chance.uniform(2, 8))
        store = load.chance.choice((mongo, redis))
        await store.kill()
        await asyncio.sleep(load.chance.uniform(0, 1.5))
        await store.start()
        load.seen[type(store).__name__] += 1


async def _enrolled(
    ask: Callable[..., Awaitable[dict[str, dict[str, dict[str, str]]]]], staff: str, number: int
) -> Shopper:
    name = f"Member {number}"
    answer = await ask(ENROL, staff, key=f"m{number}", name=name, handle=f"member_{number}")
    member = answer["enrolMember"]["member"]
    member_id = local_id(MEMBER_ID, member["id"])
    assert member_id is not None
    token = mint_token(SECRET, Role.MEMBER, member_id, TOKEN_SECONDS, issuer="laurel", audience="laurel")
    return Shopper(member["id"], name, member["loyaltyNumber"], token)


async def _held(command: Command) -> Held:
    pid, lines = command.process.pid, len(command.printed.splitlines())
    os.kill(pid, signal.SIGUSR1)
    await until(lambda: len(command.printed.splitlines()) > lines)
    counted = json.loads(command.printed.splitlines()[-1])
    return Held(counted["tasks"], counted["objects"], *_of_process(Path("/proc") / str(pid)))


def _of_process(facts: Path) -> tuple[int, int]:
    status = (facts / "status").read_text()
    resident = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))
    return resident, len(list((facts / "fd").iterdir()))


async def _until_quiet(command: Command, most_tasks: int) -> None:
    async with asyncio.timeout(60):
        while (await _held(command)).tasks > most_tasks:  # noqa: ASYNC110 - another process sets no event of ours
            await asyncio.sleep(POLL_SECONDS)
