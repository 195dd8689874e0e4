"""What the GraphQL endpoint accepts and what it refuses, over a real socket."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.http.graphql import MAX_BODY_BYTES, HttpLimits
from tests.app.http.served import JSON_TYPE, NEW_TYPE, PATH, WAIT_SECONDS, Serve, Served, code_of

BAD_BODIES = {
    "nothing": b"",
    "null": b"null",
    "a number": b"3",
    "a string": b'"x"',
    "true": b"true",
    "broken JSON": b'{"query": ',
    "two documents": b'{"query": "{ hello }"} {}',
    "invalid UTF-8": b'{"query": "{ hello }\xff"}',
    "half a character": b'{"query": "{ hello }", "variables": {"a": "\\ud800"}}',
    "UTF-16": '{"query": "{ hello }"}'.encode("utf-16"),
    "deep nesting": b'{"query": "{ hello }", "variables": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    "nesting that still parses": b'{"query": "{ hello }", "variables": {"a": ' + b"[" * 64 + b"]" * 64 + b"}}",
    "nested extensions": b'{"query": "{ hello }", "extensions": ' + b'{"a":' * 65 + b"1" + b"}" * 65 + b"}",
    "a huge integer": b'{"query": "{ hello }", "variables": {"a": ' + b"9" * 5_000 + b"}}",
    "a huge float": b'{"query": "{ hello }", "variables": {"a": 1e999}}',
    "NaN": b'{"query": "{ hello }", "variables": {"a": NaN}}',
    "Infinity": b'{"query": "{ hello }", "variables": {"a": -Infinity}}',
    "no query": b"{}",
    "an empty query": b'{"query": ""}',
    "a null query": b'{"query": null}',
    "a list for a query": b'{"query": ["{ hello }"]}',
    "variables as a list": b'{"query": "{ hello }", "variables": []}',
    "variables as text": b'{"query": "{ hello }", "variables": "{}"}',
    "variables as false": b'{"query": "{ hello }", "variables": false}',
    "extensions as text": b'{"query": "{ hello }", "extensions": "x"}',
    "operationName as a number": b'{"query": "{ hello }", "operationName": 0}',
}


@pytest.mark.parametrize("accept", ["*/*", "application/json", NEW_TYPE["Accept"]])
@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
async def test_bad_bodies_are_refused(served: Served, body: bytes, accept: str) -> None:
    response = await served.client.post(PATH, content=body, headers={**JSON_TYPE, "Accept": accept})
    assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("body", [b"[]", b"[1]", b'[{"query": "{ hello }"}]'])
async def test_batches_are_refused(served: Served, body: bytes) -> None:
    response = await served.client.post(PATH, content=body, headers=JSON_TYPE)
    assert (response.status_code, code_of(response)) == (400, "BATCH_NOT_SUPPORTED")


async def test_nesting_at_the_bound_is_taken(served: Served) -> None:
    deep: list[Any] = []
    for _ in range(62):
        deep = [deep]
    response = await served.post("{ hello }", variables={"a": deep})  # with the object, 64 levels
    assert (response.status_code, response.json()) == (200, {"data": {"hello": "Hello, world"}})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/graphql"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": "application/json; charset=iso-8859-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_other_content_is_refused(served: Served, headers: dict[str, str]) -> None:
    response = await served.client.post(PATH, content=b'{"query": "{ hello }"}', headers=headers)
    assert (response.status_code, code_of(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("operations", ["[]", '{"query": "{ hello }"}'])
async def test_multipart_is_refused(served: Served, operations: str) -> None:
    response = await served.client.post(PATH, files={"operations": (None, operations), "map": (None, "{}")})
    assert (response.status_code, code_of(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", 'APPLICATION/JSON;charset="UTF-8"'])
async def test_json_may_name_its_encoding(served: Served, content_type: str) -> None:
    body = '{"query": "{ hello(name: \\"Ærø\\") }"}'.encode()
    response = await served.client.post(PATH, content=body, headers={"Content-Type": content_type})
    assert response.json() == {"data": {"hello": "Hello, Ærø"}}


class TestBodySize:
    async def test_the_largest_body_is_read(self, served: Served) -> None:
        body = json.dumps({"query": "{ hello }"}).encode().ljust(MAX_BODY_BYTES)
        response = await served.client.post(PATH, content=body, headers=JSON_TYPE)
        assert response.json() == {"data": {"hello": "Hello, world"}}
        response = await served.client.post(PATH, content=body + b" ", headers=JSON_TYPE)
        assert (response.status_code, code_of(response)) == (413, "PAYLOAD_TOO_LARGE")

    async def test_an_announced_size_is_refused_before_the_body_comes(self, served: Served) -> None:
        answer = await self.raw(served, f"Content-Length: {60 * 1024 * 1024}")
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"PAYLOAD_TOO_LARGE" in answer

    async def test_a_body_without_a_size_is_refused_at_the_bound(self, serve: Serve) -> None:
        served = await serve(limits=HttpLimits(max_body_bytes=100_000))
        # The body never ends, so an answer shows that nobody waited for its end.
        answer = await self.raw(served, "Transfer-Encoding: chunked", b"2710\r\n" + b" " * 10_000 + b"\r\n", times=11)
        assert answer.startswith(b"HTTP/1.1 413 ")

    async def test_a_client_that_sends_before_it_reads_gets_the_answer(self, served: Served) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(600):
                yield b" " * 100_000

        response = await served.client.post(PATH, content=chunks(), headers=JSON_TYPE)
        assert (response.status_code, code_of(response)) == (413, "PAYLOAD_TOO_LARGE")

    async def test_a_slow_body_is_given_up(self, serve: Serve) -> None:
        served = await serve(limits=HttpLimits(body_timeout_seconds=0.1))
        answer = await self.raw(served, "Content-Length: 100", b'{"query": ')
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"did not arrive within 0.1 seconds" in answer
        assert b"connection: close" in answer.lower()

    async def test_a_client_that_goes_away_is_no_fault(self, served: Served, caplog: pytest.LogCaptureFixture) -> None:
        address = urlsplit(str(served.client.base_url))
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await served.post("{ hello }")).status_code == 200
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []

    async def raw(self, served: Served, header: str, body: bytes = b"", times: int = 1) -> bytes:
        """Send a request's head and the beginning of its body, and read the whole answer."""
        address = urlsplit(str(served.client.base_url))
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{header}\r\n\r\n"
        writer.write(head.encode())
        for _ in range(times):
            writer.write(body)
        async with asyncio.timeout(WAIT_SECONDS):
            answer = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", answer)
            assert length is not None
            answer += await reader.readexactly(int(length[1]))
        writer.close()
        await writer.wait_closed()
        return answer


class TestMethods:
    async def test_get_runs_queries(self, served: Served) -> None:
        parameters = {
            "query": "query A($n: String!) { hello(name: $n) } query B { hello }",
            "variables": '{"n": "you"}',
            "operationName": "A",
            "extensions": "",
        }
        response = await served.client.get(PATH, params=parameters)
        assert (response.status_code, response.json()) == (200, {"data": {"hello": "Hello, you"}})

    @pytest.mark.parametrize("headers", [{}, NEW_TYPE])
    async def test_get_refuses_mutations(self, served: Served, headers: dict[str, str]) -> None:
        query = 'mutation { write(text: "by GET") }'
        response = await served.client.get(PATH, params={"query": query}, headers=headers)
        assert (response.status_code, code_of(response)) == (405, "METHOD_NOT_ALLOWED")
        assert response.headers["Allow"] == "POST"
        assert "by GET" not in served.trace.written

    async def test_post_runs_mutations(self, served: Served) -> None:
        response = await served.post('mutation { write(text: "by POST") }')
        assert response.json() == {"data": {"write": "by POST"}}
        assert served.trace.written.count("by POST") == 1

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
    async def test_other_methods_are_refused(self, served: Served, method: str) -> None:
        response = await served.client.request(method, PATH, params={"query": "{ hello }"})
        assert (response.status_code, response.headers["Allow"]) == (405, "GET, POST")

    @pytest.mark.parametrize(
        "query",
        [
            "query={hello}&query={hello}",
            "query={hello}&variables=[]",
            "query={hello}&variables=%22x%22",
            "query={hello}&variables={",
            "query={hello}&variables={%22a%22:NaN}",
            "query={hello}&extensions=3",
            "query=",
            "variables={}",
            "",
        ],
    )
    async def test_bad_parameters_are_refused(self, served: Served, query: str) -> None:
        response = await served.client.get(f"{PATH}?{query}")
        assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")

    @pytest.mark.parametrize("accept", ["*/*", NEW_TYPE["Accept"]])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_subscriptions_need_another_connection(self, served: Served, method: str, accept: str) -> None:
        operation = {"query": "subscription { ticks }"}
        sent = {"params": operation} if method == "GET" else {"json": operation}
        response = await served.client.request(method, PATH, headers={"Accept": accept}, **sent)  # type: ignore[arg-type]
        assert (response.status_code, code_of(response)) == (400, "NO_SUBSCRIPTIONS")

    @pytest.mark.parametrize(
        ("document", "name"),
        [("query A { hello }", "B"), ("query A { hello }", ""), ("fragment F on Item { name }", None)],
    )
    async def test_an_operation_that_is_not_there(self, served: Served, document: str, name: str | None) -> None:
        response = await served.post(document, operationName=name)
        assert (response.status_code, code_of(response)) == (400, "OPERATION_NOT_FOUND")
