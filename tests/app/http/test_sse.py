"""GraphQL over server-sent events, over real sockets."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.app.http.live import COUNT, NEWS, WAIT_SECONDS, Go, Live, eventually
from tests.app.http.live_schema import SECRET

EVENTS = {"Accept": "text/event-stream"}
COMPLETE = ("complete", None)


@dataclass(slots=True)
class Stream:
    """A response as its events; comments are left out, and counted."""

    response: httpx.Response
    lines: AsyncIterator[str]
    comments: int = 0

    async def event(self) -> tuple[str, Any] | None:
        """The next event's name and data; None at the end of the stream."""
        name, data = "", ""
        async with asyncio.timeout(WAIT_SECONDS):
            async for line in self.lines:
                if line.startswith(":"):
                    self.comments += 1
                elif line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data:"):
                    data = line.removeprefix("data:").strip()
                elif name:
                    return name, json.loads(data) if data else None
        return None

    async def rest(self) -> list[tuple[str, Any]]:
        events = []
        while (event := await self.event()) is not None:
            events.append(event)
        return events


@asynccontextmanager
async def stream(
    live: Live, query: str, *, get: bool = False, request_id: str = "", **headers: str
) -> AsyncIterator[Stream]:
    headers["X-Request-Id"] = request_id
    request: dict[str, Any] = {"params": {"query": query}} if get else {"json": {"query": query}}
    method = "GET" if get else "POST"
    async with (
        httpx.AsyncClient(timeout=WAIT_SECONDS) as client,
        client.stream(method, f"{live.url}/graphql", headers={**EVENTS, **headers}, **request) as response,
    ):
        yield Stream(response, response.aiter_lines())


def of(data: object) -> tuple[str, Any]:
    return ("next", {"data": data})


@pytest.mark.parametrize("get", [False, True])
async def test_a_subscription_runs_to_its_end(live: Live, get: bool) -> None:
    async with stream(live, COUNT, get=get) as events:
        assert events.response.status_code == 200
        assert events.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert events.response.headers["Cache-Control"] == "no-store, no-transform"
        assert events.response.headers["X-Request-Id"]
        assert await events.rest() == [of({"count": 1}), of({"count": 2}), COMPLETE]
    await live.idle()


async def test_a_query_is_one_event(live: Live) -> None:
    async with stream(live, "{ who }", get=True, Authorization="Bearer m-1") as events:
        assert await events.rest() == [of({"who": "m-1"}), COMPLETE]


async def test_a_mutation_is_one_event_by_post_only(live: Live) -> None:
    async with stream(live, 'mutation { write(text: "by get") }', get=True) as events:
        assert events.response.status_code == 405
    async with stream(live, 'mutation { write(text: "by post") }') as events:
        assert await events.rest() == [of({"write": "by post"}), COMPLETE]
    assert live.sources.written == ["by post"]


async def test_an_event_comes_when_it_happens(live: Live) -> None:
    async with stream(live, NEWS) as events:
        for _ in range(3):
            await eventually(lambda: live.sources.open == 1)
            await live.sources.publish()
            assert await events.event() == of({"news": {"number": live.sources.number}})
    await live.idle()


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/graphql-response+json"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_plain_request_is_told_what_to_do(live: Live, method: str, accept: str) -> None:
    opened = live.sources.opened
    body: dict[str, Any] = {"params": {"query": NEWS}} if method == "GET" else {"json": {"query": NEWS}}
    async with httpx.AsyncClient() as client:
        response = await client.request(method, f"{live.url}/graphql", headers={"Accept": accept}, **body)
    (error,) = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (400, "NO_SUBSCRIPTIONS")
    assert "Accept: text/event-stream" in error["message"]
    assert "graphql-transport-ws" in error["message"]
    assert live.sources.opened == opened


async def test_a_client_that_takes_both_gets_json_unless_it_subscribes(live: Live) -> None:
    both = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed"
    async with httpx.AsyncClient(headers={"Accept": both}) as client:
        response = await client.post(f"{live.url}/graphql", json={"query": "{ who }"})
        assert response.json() == {"data": {"who": "nobody"}}
        response = await client.post(f"{live.url}/graphql", json={"query": COUNT})
        assert response.headers["Content-Type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription ($n: Int!) { count(upTo: $n) }", "BAD_USER_INPUT"),
        ("subscription { news { " + "number " * 500 + "} }", "QUERY_TOO_MANY_FIELDS"),
        ("subscription { forbidden }", "FORBIDDEN"),
    ],
)
async def test_an_operation_that_does_not_run_is_an_event(live: Live, query: str, code: str) -> None:
    async with stream(live, query) as events:
        assert events.response.status_code == 200
        (name, body), last = await events.rest()
        assert (name, list(body), last) == ("next", ["errors"], COMPLETE)
        assert [error["extensions"]["code"] for error in body["errors"]] == [code]


async def test_a_request_that_is_none_is_refused_before_the_stream(live: Live) -> None:
    async with httpx.AsyncClient(headers=EVENTS) as client:
        response = await client.post(f"{live.url}/graphql", json=[])
        assert (response.status_code, response.headers["Content-Type"]) == (400, "application/json; charset=utf-8")


async def test_a_source_that_fails_is_masked_and_logged_once(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    async with stream(live, "subscription { breaks(after: 1) }", request_id="req-7") as events:
        first, (name, body), last = await events.rest()
    assert (first, name, last) == (of({"breaks": 0}), "next", COMPLETE)
    assert [error["extensions"] for error in body["errors"]] == [{"code": "INTERNAL", "requestId": "req-7"}]
    assert SECRET not in json.dumps(body)
    (record,) = (record for record in caplog.records if record.levelno >= logging.WARNING)
    assert record.getMessage().startswith("Request req-7: ")


async def test_refused_credentials_are_refused_as_for_queries(go: Go) -> None:
    live = await go()
    live.accounts.refused = "the token is malformed"
    async with stream(live, NEWS, Authorization="Bearer x") as events:
        assert events.response.status_code == 401
        assert events.response.headers["WWW-Authenticate"] == "Bearer"
    assert live.sources.opened == 0


async def test_the_stream_ends_with_the_credentials(go: Go) -> None:
    live = await go()
    live.accounts.expire_in(0.3)
    async with stream(live, NEWS, Authorization="Bearer m-1") as events:
        (name, body), last = await events.rest()
    assert (name, last) == ("next", COMPLETE)
    (error,) = body["errors"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}
    assert error["message"] == "The credentials are refused: the token expired; connect again with a new one."
    await live.idle()


async def test_the_stream_ends_when_a_key_is_revoked(go: Go) -> None:
    live = await go(recheck_seconds=0.05)
    async with stream(live, NEWS, Authorization="Bearer m-1") as events:
        await eventually(lambda: live.accounts.asked > 3)
        live.accounts.refused = "the API key has been revoked"
        assert [name for name, _ in await events.rest()] == ["next", "complete"]
    await live.idle()


async def test_silence_is_filled_with_comments(go: Go) -> None:
    live = await go(keep_alive_seconds=0.05)
    async with stream(live, NEWS) as events:
        reading = asyncio.create_task(events.event())
        await eventually(lambda: events.comments > 3)
        await live.sources.publish()
        assert await reading == of({"news": {"number": 1}})


async def test_connections_are_counted(go: Go) -> None:
    live = await go(max_connections=2, max_connections_per_person=1)
    async with stream(live, NEWS, Authorization="Bearer m-1"):
        async with stream(live, NEWS, Authorization="Bearer m-1") as second:
            assert (second.response.status_code, second.response.headers["Retry-After"]) == (429, "5")
        async with stream(live, NEWS, Authorization="Bearer m-2"), stream(live, NEWS) as third:
            assert (third.response.status_code, third.response.headers["Retry-After"]) == (503, "5")
    await live.idle()
    assert live.connections._by_principal == {}


async def test_a_source_ends_with_the_connection(go: Go) -> None:
    live = await go()
    async with stream(live, NEWS):
        await eventually(lambda: live.sources.open == 1)
    await live.idle()


async def test_a_client_that_does_not_read_is_cut(go: Go, caplog: pytest.LogCaptureFixture) -> None:
    live = await go(send_timeout_seconds=0.3)
    address = urlsplit(live.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1000)
    body = json.dumps({"query": "subscription { flood(characters: 10000) }"}).encode()
    head = "POST /graphql HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await eventually(lambda: live.sources.opened == 1 and live.sources.open == 0)
    await live.idle()
    assert live.sources.sent < 2_000
    received = b""
    while chunk := await reader.read(100_000):
        received = received[-10:] + chunk
    assert not received.endswith(b"0\r\n\r\n"), "the client can tell that this is not the end"
    writer.close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
