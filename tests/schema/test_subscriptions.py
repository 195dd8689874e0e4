"""myEvents and leaderboardChanges over real sockets against the wired application."""

import asyncio
import random
import socket
import time
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import jwt
import pytest
from redis.asyncio import Redis
from websockets.exceptions import ConnectionClosed

from app.clock import utc_now
from app.embedded import StoreServers
from app.http.subscriptions import StreamLimits
from app.live.hints import Hints
from gamification.member import Member
from schema.connections import encode_cursor
from tests.app.http.live import Socket, eventually
from tests.app.live.shop import Shop
from tests.redis_servers import RedisServer, embedded_binary, redis_server
from tests.schema.api import (
    ANONYMOUS,
    RECORD_SHOP,
    SECRET,
    SETTINGS,
    STAFF,
    Api,
    Caller,
    Database,
    bearer,
    purchase,
    served,
    themself,
)
from tests.schema.listening import BOARD, Door, buy, listening

MY_EVENTS = """subscription ($after: String, $boards: [String!]) {
  myEvents(after: $after, boards: $boards) {
    __typename cursor
    ... on Recorded { record { seq } points { available } }
    ... on RankMoved { board rank { state rank score total missing } }
  }
}"""
NEW_YORK = ZoneInfo("America/New_York")
TODAY = utc_now().astimezone(NEW_YORK).date()
PURCHASES = 30
WATCHERS = 100
PRICES = (500, 1000, 1500)


def _narrow(url: str) -> socket.socket:
    """A connection that takes little ahead of who reads it."""
    host, _, port = url.rpartition("/")[2].partition(":")
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect((host, int(port)))
    narrow.setblocking(False)
    return narrow


def expiring_soon(member: Member) -> Caller:
    """The member with a token whose last second of grace runs."""
    now = int(time.time())
    expires = now - SETTINGS.jwt_leeway_seconds + 2
    claims = {"iss": SETTINGS.jwt_issuer, "aud": SETTINGS.jwt_audience, "sub": member.member_id, "role": "member"}
    return bearer("member", jwt.encode({**claims, "iat": now - 60, "exp": expires}, SECRET, algorithm="HS256"))


def _week(day: datetime) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


class TestRecords:
    async def test_they_are_told_from_the_first_event_on(self, shop: Api, door: Door) -> None:
        ann, bob = await shop.enrol("Ann"), await shop.enrol("Bob")
        async with door.subscribed(MY_EVENTS, themself(ann)) as events:
            began = await events.next()
            assert began["__typename"] == "EventsBegan"
            for number in (1, 2):
                await buy(shop, bob, f"p{number}")
                member = await buy(shop, ann, f"p{number}")
                told = await events.next()
                assert (told["__typename"], told["record"]["seq"]) == ("Recorded", member.state.seq)
                assert told["points"]["available"] == member.state.balance.available
            await events.is_quiet()
        async with door.streamed(MY_EVENTS, themself(ann), after=began["cursor"]) as stream:
            assert [(await stream.next())["record"]["seq"] for _ in range(2)] == [ann.state.seq + 1, ann.state.seq + 2]

    async def test_many_that_came_meanwhile_come_in_batches(
        self, shop: Api, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("schema.subscriptions.my_events.RECORDS_PER_READ", 3)
        ann = await shop.enrol("Ann")
        for number in range(7):
            last = await buy(shop, ann, f"p{number}")
        beginning = encode_cursor(f"events:{ann.member_id}", "0")
        async with door.subscribed(MY_EVENTS, themself(ann), after=beginning) as events:
            told = [await events.next() for _ in range(last.state.seq)]
            assert [event["record"]["seq"] for event in told] == list(range(1, last.state.seq + 1))
            assert told[-1]["points"]["available"] == last.state.balance.available
            await buy(shop, ann, "next")
            assert (await events.next())["record"]["seq"] == last.state.seq + 1

    async def test_who_is_gone_hears_that_it_is_over(self, shop: Api, door: Door) -> None:
        ann = await shop.enrol("Ann")
        async with door.subscribed(MY_EVENTS, themself(ann)) as events:
            await events.next()
            await shop.database["members"].delete_one({"_id": ann.member_id})
            shop.laurel.live.hub.wake(Hints(members=[ann.member_id]))
            assert await events.socket.receive() == {"type": "complete", "id": "1"}
        async with door.subscribed(MY_EVENTS, themself(ann)) as events:
            assert await events.socket.receive() == {"type": "complete", "id": "1"}


class TestRefusals:
    @pytest.mark.parametrize("caller", [ANONYMOUS, STAFF], ids=lambda caller: caller.name)
    async def test_only_members_and_the_connection_stays(self, door: Door, caller: Caller) -> None:
        async with door.socket(caller) as socket:
            await socket.subscribe(MY_EVENTS)
            code = "UNAUTHENTICATED" if caller is ANONYMOUS else "FORBIDDEN"
            assert (await socket.error())["extensions"]["code"] == code
            await socket.is_alive()

    async def test_cursors_of_nobody_and_of_others(self, shop: Api, door: Door) -> None:
        ann, bob = await shop.enrol("Ann"), await shop.enrol("Bob")
        listed = f"events:{ann.member_id}"
        for cursor in (
            "forged",
            encode_cursor(listed, "-1"),
            encode_cursor(listed, str(ann.state.seq + 1)),
            encode_cursor(listed, "9" * 30),
            encode_cursor(f"events:{bob.member_id}", "0"),
        ):
            async with door.subscribed(MY_EVENTS, themself(ann), after=cursor) as events:
                assert await events.error_code() == "INVALID_CURSOR", cursor

    async def test_boards_that_cannot_be_watched(self, shop: Api, door: Door) -> None:
        ann = await shop.enrol("Ann")
        for boards in ([f"board{number}" for number in range(6)], ["no-such-board"]):
            async with door.subscribed(MY_EVENTS, themself(ann), boards=boards) as events:
                assert await events.error_code() == "BAD_USER_INPUT"
        for first in (0, 21):
            async with door.subscribed(BOARD, board="weekly", first=first) as events:
                assert await events.error_code() == "BAD_USER_INPUT"
        async with door.subscribed(BOARD, board="no-such-board") as events:
            assert await events.error_code() == "BAD_USER_INPUT"


class TestRanks:
    async def test_they_are_told_at_first_and_when_they_differ(self, shop: Api, door: Door) -> None:
        ann, bob = await shop.enrol("Ann"), await shop.enrol("Bob")
        await buy(shop, ann, "p1", 2000)
        async with door.subscribed(MY_EVENTS, themself(ann), boards=["all-time", "all-time"]) as events:
            assert (await events.next())["__typename"] == "EventsBegan"
            seen = await events.next()
            while seen["rank"]["rank"] != 1:  # the board may still be a moment behind
                seen = await events.next()
            assert (seen["board"], seen["rank"]["total"], seen["rank"]["missing"]) == ("all-time", 1, None)
            await events.is_quiet(0.7)
            await buy(shop, bob, "p1", 3000)
            overtaken = await events.next()
            assert (overtaken["__typename"], overtaken["rank"]["rank"], overtaken["rank"]["total"]) == (
                "RankMoved",
                2,
                2,
            )
            await buy(shop, bob, "p2", 0)  # of which Ann sees nothing
            await events.is_quiet(0.7)

    async def test_the_next_period_follows_at_the_border(self, fresh: Database, servers: StoreServers) -> None:
        async with AsyncExitStack() as stack:
            shop = await stack.enter_async_context(served(fresh, servers, RECORD_SHOP, live=True, wall_clock=False))
            door = await stack.enter_async_context(listening(shop))
            monday = datetime.combine(TODAY + timedelta(days=7 - TODAY.weekday()), datetime.min.time(), NEW_YORK)
            shop.clock.now = monday - timedelta(seconds=1)
            ann = await shop.enrol("Ann")
            await shop.record(ann, purchase("p1", shop.clock.now, 2000))
            own = await stack.enter_async_context(door.subscribed(MY_EVENTS, themself(ann), boards=["weekly"]))
            top = await stack.enter_async_context(door.subscribed(BOARD, board="weekly"))
            await own.next()
            moved, board = await own.next(), await top.next()
            while moved["rank"]["rank"] != 1:
                moved = await own.next()
            while not board["nodes"]:
                board = await top.next()
            assert board["period"]["code"] == _week(monday - timedelta(days=1))
            shop.clock.now = monday
            board, moved = await top.next(), await own.next()
            assert (board["period"]["code"], board["nodes"]) == (_week(monday), [])
            assert (moved["rank"]["state"], moved["rank"]["rank"]) == ("LIVE", None)
            await shop.record(ann, purchase("p2", monday, 1000))
            told = [await own.next() for _ in range(2)]
            assert {event["__typename"] for event in told} == {"Recorded", "RankMoved"}
            assert [(row["rank"], row["score"]) for row in (await top.next())["nodes"]] == [(1, 10.0)]


class TestConnections:
    async def test_they_end_with_the_token(self, shop: Api, door: Door) -> None:
        ann = await shop.enrol("Ann")
        async with door.subscribed(MY_EVENTS, expiring_soon(ann)) as events:
            await events.next()
            assert (await events.socket.closed())[0] == 4403

    @pytest.mark.soak
    async def test_a_client_that_does_not_read_is_dropped_and_can_come_back(self, shop: Api) -> None:
        ann = await shop.enrol("Ann")
        now = utc_now()
        ann = await shop.record(ann, *(purchase(f"p{number}", now, 1000) for number in range(100)))
        aliases = " ".join(f"text{number}: text" for number in range(45))
        wide = f"effects {{ ... on LedgerEntry {{ why {{ {aliases} }} }} }}"
        query = MY_EVENTS.replace("record { seq }", f"record {{ seq {wide} }}")
        beginning = encode_cursor(f"events:{ann.member_id}", "0")
        async with listening(shop, StreamLimits(send_timeout_seconds=0.3)) as door:
            async with door.socket(themself(ann), max_queue=1, sock=_narrow(door.url)) as slow:
                for number in range(40):
                    await slow.subscribe(query, str(number), variables={"after": beginning})
                await eventually(lambda: door.connections is not None and door.connections.count == 0)
                assert await self._code_of_the_end(slow) == 4508
            async with door.subscribed(MY_EVENTS, themself(ann), after=beginning) as events:
                assert [(await events.next())["record"]["seq"] for _ in range(3)] == [1, 2, 3]

    async def _code_of_the_end(self, socket: Socket) -> int | None:
        try:
            while True:
                await socket.receive()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


class TestResuming:
    """Purchases go on all the time while the client is dropped at random moments and comes back with its cursor."""

    async def told(
        self, door: Door, caller: Caller, *, seqs: list[int], cursor: str, until: int, rng: random.Random
    ) -> str:
        """Listen until a random moment or the end; the cursor of the last event."""
        async with door.subscribed(MY_EVENTS, caller, after=cursor) as events:
            deadline = asyncio.get_running_loop().time() + rng.uniform(0, 0.15)
            try:
                async with asyncio.timeout_at(deadline):
                    while not seqs or seqs[-1] < until:
                        event = await events.next()
                        seqs.append(event["record"]["seq"])
                        cursor = event["cursor"]
            except TimeoutError:
                events.socket.connection.transport.abort()
        return str(cursor)

    @pytest.mark.parametrize("trouble", ["none", "flushed", "away"])
    async def test_every_record_once_and_in_order(
        self, fresh: Database, servers: StoreServers, trouble: str, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        rng = random.Random(trouble)
        async with AsyncExitStack() as stack:
            redis = await stack.enter_async_context(redis_server(embedded_binary(), tmp_path_factory.mktemp("redis")))
            shop = Shop(fresh, servers, stack).beside(redis.url)
            processes = [await shop.process() for _ in range(2)]
            doors = [await stack.enter_async_context(listening(process)) for process in processes]
            ann = await processes[0].enrol("Ann")
            last = ann.state.seq + PURCHASES
            buying = asyncio.create_task(self._buy_all(processes, ann, rng))
            seqs: list[int] = []
            cursor = encode_cursor(f"events:{ann.member_id}", str(ann.state.seq))
            async with asyncio.timeout(30):
                while not seqs or seqs[-1] < last:
                    if trouble != "none" and rng.random() < 0.3:
                        await self._trouble(redis, trouble)
                    cursor = await self.told(
                        rng.choice(doors), themself(ann), seqs=seqs, cursor=cursor, until=last, rng=rng
                    )
            await buying
            assert seqs == list(range(ann.state.seq + 1, last + 1))

    async def test_without_redis_it_goes_on_within_seconds(
        self, fresh: Database, servers: StoreServers, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        async with AsyncExitStack() as stack:
            redis = await stack.enter_async_context(redis_server(embedded_binary(), tmp_path_factory.mktemp("redis")))
            shop = Shop(fresh, servers, stack).beside(redis.url)
            writer, reader = [await shop.process() for _ in range(2)]
            door = await stack.enter_async_context(listening(reader))
            ann = await writer.enrol("Ann")
            async with door.subscribed(MY_EVENTS, themself(ann)) as events:
                await events.next()
                await redis.kill()
                member = await buy(writer, ann, "p1")
                async with asyncio.timeout(8):
                    assert (await events.next())["record"]["seq"] == member.state.seq

    async def _buy_all(self, processes: list[Api], ann: Member, rng: random.Random) -> None:
        for number in range(PURCHASES):
            await buy(rng.choice(processes), ann, f"p{number}", rng.choice(PRICES))
            await asyncio.sleep(rng.uniform(0, 0.05))

    async def _trouble(self, redis: RedisServer, trouble: str) -> None:
        if trouble == "flushed":
            async with Redis.from_url(redis.url) as client:
                await client.flushall()
        else:
            await redis.kill()
            await redis.start()
