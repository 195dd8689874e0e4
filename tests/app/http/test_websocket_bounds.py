"""GraphQL over WebSocket, over real sockets: whose connection it is, how much it may hold, and how it ends."""

import asyncio

import pytest
from websockets.asyncio.client import connect

from tests.app.http.live import COUNT, INIT, NEWS, Go, Live, eventually, next_of


class TestCredentials:
    async def test_from_the_payload_in_any_case(self, live: Live) -> None:
        for name in ("authorization", "Authorization", "AUTHORIZATION"):
            async with live.socket() as socket:
                await socket.send({**INIT, "payload": {name: "Bearer m-2"}})
                assert await socket.receive() == {"type": "connection_ack"}
                await socket.subscribe("{ who }")
                assert await socket.receive() == next_of({"who": "m-2"})

    async def test_the_header_wins(self, live: Live) -> None:
        async with live.ready("Bearer m-2", additional_headers={"Authorization": "Bearer m-1"}) as socket:
            await socket.subscribe("{ who }")
            assert await socket.receive() == next_of({"who": "m-1"})

    @pytest.mark.parametrize("way", ["header", "payload"])
    async def test_refused_ones(self, go: Go, way: str) -> None:
        live = await go()
        live.accounts.refused = "the token is malformed"
        headers = {"Authorization": "Bearer x"} if way == "header" else {}
        async with live.socket(additional_headers=headers) as socket:
            await socket.send(INIT if way == "header" else {**INIT, "payload": {"authorization": "Bearer x"}})
            assert await socket.closed() == (4403, "Forbidden: the token is malformed")
        await live.idle()

    async def test_those_that_cannot_be_judged_now(self, go: Go) -> None:
        live = await go()
        live.accounts.down = True
        async with live.socket() as socket:
            await socket.send({**INIT, "payload": {"authorization": "Bearer x"}})
            assert await socket.closed() == (1013, "Try again shortly")
        await live.idle()

    async def test_the_connection_ends_with_them(self, go: Go) -> None:
        live = await go()
        live.accounts.expire_in(0.3)
        async with live.ready("Bearer m-1") as socket:
            await socket.subscribe(NEWS)
            await eventually(lambda: live.sources.open == 1)
            assert await socket.closed() == (4403, "Forbidden: the token expired; connect again with a new one")
            await live.idle()
        assert live.accounts.asked == 1

    async def test_those_that_have_ended_while_the_client_waits(self, go: Go) -> None:
        live = await go(recheck_seconds=0.05)
        async with live.ready("Bearer m-1") as socket:
            await socket.subscribe(NEWS)
            await eventually(lambda: live.accounts.asked > 3)
            await socket.is_alive()
            live.accounts.refused = "the API key has been revoked"
            assert await socket.closed() == (4403, "Forbidden: the API key has been revoked")
            await live.idle()

    async def test_an_outage_closes_nothing(self, go: Go) -> None:
        live = await go(recheck_seconds=0.05)
        async with live.ready("Bearer m-1") as socket:
            live.accounts.down = True
            asked = live.accounts.asked
            await eventually(lambda: live.accounts.asked > asked + 2)
            await socket.is_alive()

    async def test_without_any_nothing_is_asked_again(self, go: Go) -> None:
        live = await go(recheck_seconds=0.02)
        async with live.ready() as socket:
            await asyncio.sleep(0.1)
            await socket.is_alive()
        assert live.accounts.asked == 1


class TestBounds:
    async def test_connections_of_one_member(self, go: Go) -> None:
        live = await go(max_connections_per_person=2)
        async with live.ready("Bearer m-1"), live.ready("Bearer m-2"):
            async with live.ready("Bearer m-1"), live.socket() as third:
                await third.send({**INIT, "payload": {"authorization": "Bearer m-1"}})
                assert await third.closed() == (4529, "You have too many connections")
            await eventually(lambda: live.connections.count == 2)
            async with live.ready("Bearer m-1") as again:
                await again.is_alive()
        await live.idle()

    async def test_connections_of_the_process(self, go: Go) -> None:
        live = await go(max_connections=1)
        async with live.socket() as first:
            await eventually(lambda: live.connections.count == 1)
            async with live.socket() as second:
                assert (await second.closed())[0] == 1013
            await first.send(INIT)
            assert await first.receive() == {"type": "connection_ack"}
        await live.idle()
        async with live.ready() as third:
            await third.is_alive()

    async def test_connections_without_credentials_leave_room(self, go: Go) -> None:
        live = await go(max_anonymous_connections=1)
        async with live.ready(), live.socket() as second:
            await second.send(INIT)
            assert (await second.closed())[0] == 4529
            async with live.ready("Bearer m-1") as member:
                await member.is_alive()

    async def test_a_client_that_does_not_read_is_dropped(self, go: Go) -> None:
        live = await go(send_timeout_seconds=0.3)
        async with live.ready(max_queue=1) as slow, live.ready() as other:
            await slow.subscribe("subscription { flood(characters: 10000) }")
            await other.subscribe(NEWS)
            await eventually(lambda: live.sources.open == 2)
            await eventually(lambda: live.sources.open == 1)  # the flood's source is closed
            assert live.sources.sent < 2_000, "what waits is bounded"
            await live.sources.publish()
            assert (await other.receive())["type"] == "next"

    async def test_the_code_reaches_a_client_that_reads_again(self, go: Go) -> None:
        live = await go(send_timeout_seconds=0.2)
        async with live.ready(max_queue=1) as slow:
            await slow.subscribe("subscription { flood(characters: 10000) }")
            await eventually(lambda: live.sources.opened == 1 and live.sources.open == 0)
            code = 0
            while not code:
                try:
                    await slow.receive()
                except Exception:
                    code = (await slow.closed())[0]
            assert code == 4508

    async def test_much_that_waits_drops_the_client_at_once(self, go: Go) -> None:
        live = await go(send_timeout_seconds=60, max_waiting_bytes=50_000)
        async with live.ready(max_queue=1) as slow:
            for number in range(10):
                await slow.subscribe("subscription { flood(characters: 10000) }", str(number))
            await eventually(lambda: live.sources.opened == 10 and live.sources.open == 0)
        await live.idle()


class TestEnds:
    @pytest.mark.parametrize("query", [NEWS, "{ slow }", "subscription { flood(characters: 100) }"])
    async def test_sources_end_with_the_connection(self, go: Go, query: str) -> None:
        live = await go()
        async with live.ready() as socket:
            await socket.subscribe(query)
            await eventually(lambda: live.sources.open == 1)
        await live.idle()

    async def test_sources_end_when_the_connection_is_cut(self, go: Go) -> None:
        live = await go()
        async with live.ready() as socket:
            await socket.subscribe(NEWS)
            await eventually(lambda: live.sources.open == 1)
            socket.connection.transport.abort()
            await live.idle()

    async def test_many_connections_leave_nothing(self, go: Go) -> None:
        live = await go()
        async with asyncio.TaskGroup() as group:
            for number in range(50):
                group.create_task(self.come_and_go(live, f"Bearer m-{number % 5}"))
        await live.idle()
        assert live.sources.opened == 100
        assert live.connections._by_principal == {}
        assert live.connections._ends == set()

    async def come_and_go(self, live: Live, authorization: str) -> None:
        async with live.ready(authorization) as socket:
            await socket.subscribe(NEWS, "a")
            await socket.subscribe(COUNT, "b")
            while (await socket.receive())["type"] != "complete":
                pass

    async def test_other_paths_take_no_websocket(self, live: Live) -> None:
        with pytest.raises(Exception, match="403"):
            async with connect(f"ws{live.url.removeprefix('http')}/other"):
                pass
