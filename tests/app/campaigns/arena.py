"""A shop with campaigns and crowds that buy at once: in this process, or in others that `python -m` starts."""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from redis.asyncio.cluster import RedisCluster

from app.boards.drift import Difference as BoardDifference
from app.boards.wire import connect as connect_redis
from app.campaigns.allowances import left_of
from app.clock import utc_now
from app.embedded import StoreServers
from app.live.background import running
from app.settings import Settings
from app.stores.api_keys import MongoApiKeys
from app.stores.claims import Claims
from app.stores.codec import record_id
from app.stores.connection import Connection, connect
from app.stores.indexes import ensure_indexes
from app.verification import Difference, Verifier
from app.wiring import Laurel, wire
from gamification.activity import Activity
from gamification.campaigning import CampaignState, Left
from gamification.effects import Entry
from gamification.enrolment import MAX_ENROLMENTS_PER_CALL, Enrolled, EnrolRequest
from gamification.member import Profile
from gamification.program.campaigns import Campaign
from gamification.requests import Recorded, RecordRequest, ReverseRequest
from gamification.stores import StoreUnavailable

TIMEOUT_SECONDS = 10.0
WAIT_SECONDS = 90.0
POLL_SECONDS = 0.02
EVERY_REDIS = pytest.mark.parametrize("redis_kind", ["embedded", "installed", "cluster"], indirect=True)
"""Runs a test over each kind of Redis there is."""
PROGRAM = """
code: shop
name: Shop
languages: [en]
time_zone: UTC
money: {currency: USD}
points: {name: points}
rules:
  - {code: dollars, name: dollars, on: purchase, earn: {points: 1, per_amount: 1}}
"""
WITH_BOARDS = f"""{PROGRAM}
boards:
  - {{code: weekly, name: Weekly, on: purchase, metric: points, period: week}}
  - {{code: ever, name: Ever, on: purchase, metric: amount, period: all_time}}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a Laurel's data is."""

    mongo_url: str
    redis_url: str
    database: str
    cluster: bool = False
    timeout_seconds: float = TIMEOUT_SECONDS

    @asynccontextmanager
    async def opened(self, now: Callable[[], datetime] = utc_now) -> AsyncIterator[Laurel]:
        """A Laurel with its own connections, as another process has them. Nothing runs in its background."""
        client = connect(self.mongo_url, self.timeout_seconds)
        redis = connect_redis(self.redis_url, self.timeout_seconds, cluster=self.cluster)
        try:
            database = client[self.database]
            connection = Connection(database, self.timeout_seconds)
            await ensure_indexes(connection)
            settings = Settings(redis_prefix=self.database)
            servers = StoreServers(self.mongo_url, self.redis_url)
            yield wire(settings, servers, connection, MongoApiKeys(database), {}, redis=redis, now=now)
        finally:
            await redis.aclose()
            client.close()

    @asynccontextmanager
    async def serving(self, *, everything: bool = False) -> AsyncIterator[Laurel]:
        """The same, with what a serving process runs for campaigns, or with everything that it runs."""
        async with self.opened() as laurel, running(laurel.jobs()) if everything else watched(laurel):
            yield laurel


@asynccontextmanager
async def watched(laurel: Laurel) -> AsyncIterator[None]:
    """Run what a serving process runs for its campaigns."""
    jobs = {
        "campaign watcher": laurel.campaigning.watcher.run,
        "campaign figures": laurel.campaigning.figures.run,
        "hub": laurel.live.hub.run,
    }
    async with running(jobs):
        yield


def terms(code: str = "flash", **fields: Any) -> Campaign:
    """A campaign that has run for an hour; every purchase brings 7 points unless ``fields`` say otherwise."""
    sound = {"code": code, "name": code, "headline": code, "starts_at": utc_now() - timedelta(hours=1)}
    return Campaign.model_validate({**sound, "effect": {"bonus": 7}, **fields})


async def run_campaign(laurel: Laurel, campaign: Campaign) -> CampaignState:
    """Start a campaign as staff do."""
    made = await laurel.campaigning.store.create(campaign, "staff", "ann", utc_now(), draft=False)
    assert isinstance(made, CampaignState)
    return made


async def crowd(laurel: Laurel, count: int) -> Sequence[str]:
    """The ids of so many new members."""
    requests = [EnrolRequest(f"e{number}", Profile(f"Member {number}"), utc_now()) for number in range(count)]
    ids: list[str] = []
    for first in range(0, count, MAX_ENROLMENTS_PER_CALL):
        for result in await laurel.game.enroller.enrol(requests[first : first + MAX_ENROLMENTS_PER_CALL]):
            assert isinstance(result, Enrolled)
            ids.append(result.member.member_id)
    return ids


async def buy(
    laurel: Laurel, purchases: Sequence[tuple[str, str]], callers: int, refusals: list[str] | None = None
) -> Sequence[Recorded]:
    """Purchases of 10 dollars by (member id, key), by so many callers at once, each tried until it is recorded."""
    waiting = list(reversed(purchases))
    results: list[Recorded] = []

    async def caller() -> None:
        while waiting:
            member_id, key = waiting.pop()
            results.append(await buy_one(laurel, member_id, key, refusals))

    await asyncio.gather(*(caller() for _ in range(callers)))
    return results


async def buy_one(laurel: Laurel, member_id: str, key: str, refusals: list[str] | None = None) -> Recorded:
    """One purchase, tried again with the same key while the store does not answer, which joins the refusals."""
    request = RecordRequest(member_id, Activity(key, "purchase", utc_now(), 1000), timed=False)
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            try:
                [result] = await laurel.game.recorder.record([request])
            except StoreUnavailable as error:
                if refusals is not None:
                    refusals.append(str(error))
                await asyncio.sleep(POLL_SECONDS)
                continue
            assert isinstance(result, Recorded), result
            return result


async def take_back(laurel: Laurel, member_id: str, key: str, own: str | None = None) -> Recorded:
    """A reversal of a whole purchase, which nothing forbids; a retry of it if ``own``, its own key, was used before."""
    result = await laurel.game.recorder.reverse(ReverseRequest(member_id, key, own))
    assert isinstance(result, Recorded), result
    return result


def bonus(recorded: Recorded) -> int:
    """The points that campaigns gave."""
    return sum(
        effect.points
        for effect in recorded.record.outcome.effects
        if isinstance(effect, Entry) and effect.why.source == "campaign"
    )


async def announced(laurel: Laurel) -> bool:
    """Whether nothing that was committed is still to be announced."""
    return await laurel.connection["outbox"].count_documents({}) == 0


async def shows(laurel: Laurel, code: str, expected: Left) -> bool:
    """Whether the live figures say that so much is left. A busy machine may be too slow for them."""
    state = (await laurel.campaigning.store.get([code]))[code]
    try:
        figures = await laurel.campaigning.figures.read([code])
    except StoreUnavailable:
        return False
    return figures[code].left(state) == expected


async def emptied(laurel: Laurel) -> None:
    """Let Redis, or every server of a cluster, lose everything."""
    redis = laurel.live.redis
    if isinstance(redis, RedisCluster):
        await redis.flushall(target_nodes=RedisCluster.PRIMARIES)
    else:
        await redis.flushdb()


async def left(laurel: Laurel, code: str = "flash") -> Left:
    """What MongoDB says is left."""
    state = (await laurel.campaigning.store.get([code]))[code]
    return left_of(state.terms, await laurel.campaigning.store.slices([code]))


async def differences(laurel: Laurel) -> Sequence[Difference]:
    """What verification finds: journals against snapshots, and journal against allowances."""
    claims = Claims(laurel.connection)
    verifier = Verifier(laurel.members, laurel.journal, laurel.programs, laurel.campaigning.store, claims)
    return [difference async for difference in verifier.verify()]


async def given_by_campaign(laurel: Laurel) -> Mapping[str, Mapping[str, int]]:
    """The points that each campaign gave to each member, by the journal."""
    given: dict[str, Counter[str]] = {}
    async for document in laurel.connection["journal"].find():
        for effect in document["outcome"]["effects"]:
            if effect["kind"] == "entry" and effect["why"]["source"] == "campaign":
                given.setdefault(effect["why"]["code"], Counter())[document["member_id"]] += effect["points"]
    return given


async def boards_differ(laurel: Laurel) -> Sequence[BoardDifference]:
    """How the boards differ from MongoDB."""
    return [difference async for difference in laurel.live.drift.compare(laurel.live.placings.stream())]


async def in_processes(place: Place, orders: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Run ``main`` in a process for each order, all at once; what each reports."""
    processes = [await spawned(place, order) for order in orders]
    reports: list[Mapping[str, Any]] = []
    for process in processes:
        output, _ = await process.communicate()
        assert process.returncode == 0
        reports.append(json.loads(output.decode().splitlines()[-1]))
    return reports


async def spawned(place: Place, order: Mapping[str, Any]) -> asyncio.subprocess.Process:
    """A process that runs ``main`` with an order."""
    command = (sys.executable, "-m", "tests.app.campaigns.arena")
    pipe = asyncio.subprocess.PIPE
    layout = "cluster" if place.cluster else "single"
    process = await asyncio.create_subprocess_exec(
        *command, place.mongo_url, place.redis_url, place.database, layout, stdin=pipe, stdout=pipe
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(order).encode())
    process.stdin.write_eof()
    return process


async def main(place: Place, order: Mapping[str, Any]) -> None:
    """Buy as ordered and report the points that campaigns gave, by ``member_id:key``, and what was refused at first."""
    refusals: list[str] = []
    async with place.serving(everything=order.get("everything", False)) as laurel:
        purchases = [(member, key) for member, key in order["purchases"]]
        await asyncio.sleep(order.get("begin_at", 0) - time.time())
        began_at = time.time()
        results = await buy(laurel, purchases, order["callers"], refusals)
        ended_at = time.time()
        given = {record_id(result.record): bonus(result) for result in results}
    print(json.dumps({"given": given, "refusals": refusals, "began_at": began_at, "ended_at": ended_at}))


async def until_async(condition: Any, seconds: float = WAIT_SECONDS) -> None:
    """Wait until what ``condition`` returns, awaited, is true."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what is waited for is in a store
            await asyncio.sleep(POLL_SECONDS)


def split(purchases: Sequence[tuple[str, str]], parts: int) -> Sequence[Sequence[tuple[str, str]]]:
    """The purchases dealt out."""
    return [purchases[part::parts] for part in range(parts)]


if __name__ == "__main__":
    mongo_url, redis_url, database, layout = sys.argv[1:]
    asyncio.run(main(Place(mongo_url, redis_url, database, cluster=layout == "cluster"), json.load(sys.stdin)))
