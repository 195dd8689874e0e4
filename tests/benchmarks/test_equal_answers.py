"""The benchmark over a small shop: Laurel and its rivals answer alike, and wrong answers are found out."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
import uvicorn
from motor.motor_asyncio import AsyncIOMotorClient
from redis.asyncio import Redis
from starlette.types import ASGIApp

from app.auth import Role
from app.embedded import StoreServers
from app.web import HOME_QUERY, web_app
from benchmarks.load.connection import WrongAnswer
from benchmarks.load.requests import HomeQueries, Purchases, token
from benchmarks.load.rounds import Round, run
from benchmarks.servers.by_hand import ByHand
from benchmarks.servers.by_the_book import application
from benchmarks.servers.rivals import JOURNAL
from benchmarks.servers.stores import PROGRAM, Stores
from benchmarks.shop.members import Shop, card, member_id
from benchmarks.stage import first_difference
from tests.redis_servers import own_database
from tests.schema.api import SECRET, Api, served

MEMBERS, LIVES = 50, 10
CONNECTIONS = 4
SECONDS, REQUESTS = 60.0, 20
"""At most."""


@pytest.fixture(scope="module")
async def shop(mongo: AsyncIOMotorClient[dict[str, Any]], servers: StoreServers) -> AsyncIterator[Api]:
    """A shop that all tests here share, for it takes a while to fill."""
    database = mongo[f"test_{uuid4().hex}"]
    async with served(database, servers, PROGRAM.read_text(encoding="utf-8"), live=True) as api:
        async with Redis.from_url(own_database(servers.redis_url)) as redis:
            await Shop(api.laurel, redis, datetime.now(UTC)).fill(MEMBERS, lambda _: None, LIVES)
        assert await api.laurel.live.rebuilder.rebuild()
        yield api
    await mongo.drop_database(database.name)


@pytest.fixture(scope="module")
async def rivals(shop: Api, servers: StoreServers) -> AsyncIterator[Stores]:
    variables = {
        "LAUREL_MONGO_URL": servers.mongo_url,
        "LAUREL_REDIS_URL": own_database(servers.redis_url),
        "LAUREL_DATABASE": shop.database.name,
        "LAUREL_JWT_SECRET": SECRET,
    }
    async with aclosing(Stores(variables)) as stores:
        yield stores


async def homes(web: ASGIApp) -> Mapping[int, Any]:
    """The data of the home query of every member, who all ask at once."""
    transport = httpx.ASGITransport(web)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        answers = await asyncio.gather(*(_home(client, number) for number in range(MEMBERS)))
    assert all(list(answer) == ["data"] for answer in answers), answers
    return {number: answer["data"] for number, answer in enumerate(answers)}


async def _home(client: httpx.AsyncClient, number: int) -> Any:
    headers = {"Authorization": f"Bearer {token(SECRET, Role.MEMBER, member_id(number))}"}
    return (await client.post("/graphql", json={"query": HOME_QUERY}, headers=headers)).json()


@asynccontextmanager
async def port_of(web: Any) -> AsyncIterator[int]:
    """Serves on a free port."""
    server = uvicorn.Server(uvicorn.Config(web, port=0, log_config=None, lifespan="off", ws="none", loop="none"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn sets no event
        await asyncio.sleep(0.005)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


async def test_laurel_and_its_rivals_answer_alike(shop: Api, rivals: Stores) -> None:
    authenticator = shop.laurel.authenticator()
    async with aclosing(authenticator):
        laurel = await homes(web_app(shop.laurel.game, authenticator, shop.laurel.pings))
    by_the_book, by_hand = await homes(application(rivals)), await homes(ByHand(rivals, HOME_QUERY))
    for number in range(MEMBERS):
        for rival in (by_the_book[number], by_hand[number]):
            assert rival == laurel[number], first_difference(laurel[number], rival)
    assert_full(laurel)


def assert_full(answers: Mapping[int, Any]) -> None:
    """The answers are as many-sided as those of real members, and differ from each other."""
    for number, home in answers.items():
        me = home["me"]
        assert me["loyaltyNumber"] == card(number)
        assert len(me["badges"]["nodes"]) == 12
        assert len(me["challenges"]["nodes"]) == 8
        assert me["rank"]["total"] == MEMBERS
        assert len(home["leaderboard"]["nodes"]) == 10
        assert len(home["campaigns"]) == 2
    assert len({home["me"]["rank"]["rank"] for home in answers.values()}) == MEMBERS
    assert len({home["me"]["points"]["available"] for home in answers.values()}) > LIVES / 2
    assert {home["me"]["tier"]["current"]["name"] for home in answers.values()} >= {"Bookworm", "Læsehest"}
    states = {each["progress"]["state"] for home in answers.values() for each in home["me"]["challenges"]["nodes"]}
    assert states >= {"ACTIVE", "LOCKED", "COMPLETED"}
    rows = [row["member"] for row in answers[0]["leaderboard"]["nodes"]]
    assert None in rows
    assert any(rows)


async def test_a_round_of_home_queries_and_one_of_purchases(shop: Api, rivals: Stores) -> None:
    expected = await homes(ByHand(rivals, HOME_QUERY))
    authenticator = shop.laurel.authenticator()
    async with (
        aclosing(authenticator),
        port_of(web_app(shop.laurel.game, authenticator, shop.laurel.pings)) as laurel,
        port_of(application(rivals)) as book,
    ):
        for port in (laurel, book):
            work = Round(HomeQueries(SECRET, MEMBERS, expected), 0, 0.0, SECONDS, REQUESTS)
            figures = await run(work, port, CONNECTIONS, SECONDS)
            assert figures.answers == figures.all_answers == work.number == REQUESTS
            assert 0 < figures.p50_ms <= figures.p99_ms
            assert figures.rate > 0
        for half, (port, journal) in enumerate(((laurel, "journal"), (book, JOURNAL))):
            work = Round(Purchases(SECRET, MEMBERS, "run", half), 0, 0.0, SECONDS, REQUESTS)
            await run(work, port, CONNECTIONS, SECONDS)
            recorded = await shop.database[journal].distinct("activity.key")
            assert len(recorded) == REQUESTS


def test_a_wrong_answer_is_found_out() -> None:
    queries = HomeQueries(SECRET, MEMBERS, {})
    own = card(queries_number := next(iter(queries.numbers)))
    queries.check(0, f'{{"data": {{"me": {{"loyaltyNumber": "{own}"}}}}}}'.encode())
    with pytest.raises(WrongAnswer, match="somebody else"):
        queries.check(1, f'{{"data": {{"me": {{"loyaltyNumber": "{own}"}}}}}}'.encode())
    with pytest.raises(WrongAnswer, match="with errors"):
        queries.check(0, f'{{"data": {{"me": {{"loyaltyNumber": "{own}"}}}}, "errors": [{{}}]}}'.encode())
    strict = HomeQueries(SECRET, MEMBERS, {queries_number: {"me": {"loyaltyNumber": own}}})
    with pytest.raises(WrongAnswer, match="not what it was"):
        strict.check(0, orjson.dumps({"data": {"me": {"loyaltyNumber": own, "displayName": "?"}}}))
