"""GraphQL over WebSocket, over real sockets: every code with which a connection is closed, and pings."""

import asyncio
import json
from urllib.parse import urlsplit

import pytest
from websockets.typing import Subprotocol

from tests.app.http.live import INIT, NEWS, WAIT_SECONDS, Go, Live, live_server

HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


class TestCloseCodes:
    @pytest.mark.parametrize("offered", [["graphql-ws"], ["nothing-known", "graphql-ws"], None])
    async def test_other_subprotocols_are_not_acceptable(self, live: Live, offered: list[str] | None) -> None:
        protocols = None if offered is None else [Subprotocol(name) for name in offered]
        async with live.socket(subprotocols=protocols) as socket:
            assert await socket.closed() == (4406, "Connect with the subprotocol graphql-transport-ws")

    async def test_it_is_chosen_among_several(self, live: Live) -> None:
        offered = [Subprotocol("graphql-ws"), Subprotocol("graphql-transport-ws")]
        async with live.ready(subprotocols=offered) as socket:
            assert socket.connection.subprotocol == "graphql-transport-ws"

    async def test_an_operation_before_the_acknowledgement(self, live: Live) -> None:
        async with live.socket() as socket:
            await socket.subscribe('mutation { write(text: "too early") }')
            assert (await socket.closed())[0] == 4401
        assert "too early" not in live.sources.written

    async def test_no_initialisation_in_time(self, go: Go) -> None:
        live = await go(init_timeout_seconds=0.1)
        async with live.socket() as socket:
            await socket.send({"type": "ping"})  # is no initialisation
            assert await socket.receive() == {"type": "pong"}
            assert await socket.closed() == (4408, "Connection initialisation timeout")
        await live.idle()

    async def test_an_id_that_is_in_use(self, live: Live) -> None:
        async with live.ready() as socket:
            await socket.subscribe(NEWS, "twice")
            await socket.subscribe(NEWS, "twice")
            assert await socket.closed() == (4409, "Subscriber for twice already exists")
        await live.idle()

    async def test_a_long_id_still_fits_into_the_close_frame(self, live: Live) -> None:
        async with live.ready() as socket:
            await socket.subscribe(NEWS, "ü" * 500)
            await socket.subscribe(NEWS, "ü" * 500)
            code, reason = await socket.closed()
            assert (code, reason) == (4409, "Subscriber for " + "ü" * 54)

    async def test_a_second_initialisation(self, live: Live) -> None:
        async with live.ready() as socket:
            await socket.send(INIT)
            assert await socket.closed() == (4429, "Too many initialisation requests")

    async def test_two_initialisations_at_once(self, live: Live) -> None:
        async with live.socket() as socket:
            await socket.send(INIT)
            await socket.send(INIT)
            assert await socket.receive() == {"type": "connection_ack"}
            assert (await socket.closed())[0] == 4429

    async def test_a_message_that_is_too_large(self, live: Live) -> None:
        async with live.ready() as socket:
            await socket.send(json.dumps({"type": "ping", "payload": {"a": "x" * 65_000}}))
            assert (await socket.receive())["type"] == "pong"
            await socket.send(json.dumps({"type": "ping", "payload": {"a": "x" * 66_000}}))
            assert (await socket.closed())[0] == 1009

    @pytest.mark.parametrize(
        "message",
        [
            "",
            "{",
            "null",
            "3",
            '"ping"',
            "[]",
            '[{"type": "ping"}]',
            "{}",
            '{"type": null}',
            '{"type": 1}',
            '{"type": ["ping"]}',
            '{"type": "start"}',
            '{"type": "connection_ack"}',
            '{"type": "next", "id": "1", "payload": {}}',
            '{"type": "ping", "payload": []}',
            '{"type": "ping", "payload": "x"}',
            '{"type": "pong", "payload": 0}',
            '{"type": "connection_init", "payload": []}',
            '{"type": "connection_init", "payload": "x"}',
            '{"type": "connection_init", "payload": {"authorization": 3}}',
            '{"type": "connection_init", "payload": {"authorization": "a", "Authorization": "b"}}',
            '{"type": "complete"}',
            '{"type": "complete", "id": 1}',
            '{"type": "complete", "id": ""}',
            '{"type": "subscribe", "id": "1"}',
            '{"type": "subscribe", "id": "1", "payload": null}',
            '{"type": "subscribe", "id": "1", "payload": []}',
            '{"type": "subscribe", "id": "1", "payload": "{ who }"}',
            '{"type": "subscribe", "id": "1", "payload": {}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": null}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": ["{ who }"]}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": "{ who }", "variables": []}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": "{ who }", "operationName": 1}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": "{ who }", "extensions": "x"}}',
            '{"type": "subscribe", "payload": {"query": "{ who }"}}',
            '{"type": "subscribe", "id": 1, "payload": {"query": "{ who }"}}',
            '{"type": "ping", "payload": {"a": 1e999}}{',
            '{"type": "ping", "payload": {"a": ' + "[" * 30_000 + "]" * 30_000 + "}}",
            '{"type": "ping", "payload": {"a": ' + "[" * 64 + "]" * 64 + "}}",
            '{"type": "ping", "payload": {"a": NaN}}',
            '{"type": "ping", "payload": {"a": "\\ud800"}}',
            b"",
            b'{"type": "ping"}',
        ],
    )
    async def test_what_is_no_message(self, live: Live, message: str | bytes) -> None:
        for initialise in (False, True):
            async with live.ready() if initialise else live.socket() as socket:
                await socket.send(message)
                code, reason = await socket.closed()
                assert code == 4400, reason
                assert reason

    @pytest.mark.parametrize("payload", [None, {}, {"other": ["anything"]}, {"authorization": None}])
    async def test_an_initialisation_may_say_nothing(self, live: Live, payload: object) -> None:
        async with live.socket() as socket:
            await socket.send({**INIT, "payload": payload})
            assert await socket.receive() == {"type": "connection_ack"}

    async def test_invalid_utf_8_has_a_code_of_websocket_itself(self, live: Live) -> None:
        async with live.ready() as socket:
            await socket.connection.send(b'{"type": "\xff"}', text=True)
            assert (await socket.closed())[0] == 1007


class TestPing:
    async def test_pings_are_answered_at_any_time(self, live: Live) -> None:
        async with live.socket() as socket:
            await socket.send({"type": "ping"})
            assert await socket.receive() == {"type": "pong"}
            await socket.send({"type": "pong", "payload": {"unasked": True}})
            await socket.send(INIT)
            assert await socket.receive() == {"type": "connection_ack"}
            await socket.is_alive()

    async def test_a_client_that_answers_pings_stays(self) -> None:
        async with live_server(ws_ping_interval=0.05, ws_ping_timeout=0.5) as live, live.ready() as socket:
            await asyncio.sleep(0.7)  # longer than a ping that is not answered would be borne
            await socket.is_alive()

    async def test_one_that_does_not_is_closed_and_cut(self) -> None:
        async with live_server(ws_ping_interval=0.1, ws_ping_timeout=0.2) as live:
            address = urlsplit(live.url)
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.write(HANDSHAKE)
            await reader.readuntil(b"\r\n\r\n")
            assert (await reader.readexactly(2))[:1] == b"\x89", "a ping"
            await reader.readexactly(4)
            closing = await asyncio.wait_for(reader.readexactly(4), WAIT_SECONDS)
            assert (closing[:1], int.from_bytes(closing[2:4])) == (b"\x88", 1011)
            await live.idle()
            writer.close()
