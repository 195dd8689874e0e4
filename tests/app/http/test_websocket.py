"""GraphQL over WebSocket, over real sockets: operations and their errors."""

import asyncio
import json
import logging
from typing import Any

import pytest

from tests.app.http.live import COUNT, NEWS, Go, Live, complete, eventually, next_of
from tests.app.http.live_schema import SECRET


class TestOperations:
    async def test_a_subscription_runs_to_its_end(self, live: Live) -> None:
        async with live.ready() as socket:
            await socket.subscribe(COUNT)
            received = [await socket.receive() for _ in range(3)]
            assert received == [next_of({"count": 1}), next_of({"count": 2}), complete()]
        await live.idle()

    async def test_queries_and_mutations_have_one_result(self, live: Live) -> None:
        async with live.ready("Bearer m-1") as socket:
            await socket.subscribe("{ who }", "q")
            assert [await socket.receive() for _ in range(2)] == [next_of({"who": "m-1"}, "q"), complete("q")]
            await socket.subscribe("mutation ($t: String!) { write(text: $t) }", "m", variables={"t": "over a socket"})
            assert [await socket.receive() for _ in range(2)] == [
                next_of({"write": "over a socket"}, "m"),
                complete("m"),
            ]
        assert live.sources.written == ["over a socket"]

    async def test_the_operation_is_chosen_by_its_name(self, live: Live) -> None:
        async with live.ready() as socket:
            await socket.subscribe("query A { who } query B { name: who }", operationName="B")
            assert await socket.receive() == next_of({"name": "nobody"})

    async def test_the_handshake_s_headers_are_there_for_resolvers(self, live: Live) -> None:
        async with live.ready(additional_headers={"Accept-Language": "de"}) as socket:
            await socket.subscribe("{ language }")
            assert await socket.receive() == next_of({"language": "de"})

    async def test_several_run_at_once_and_each_ends_by_itself(self, live: Live) -> None:
        async with live.ready() as socket:
            await socket.subscribe(NEWS, "a")
            await socket.subscribe(NEWS, "b")
            await eventually(lambda: live.sources.open == 2)
            await socket.send(complete("a"))
            await eventually(lambda: live.sources.open == 1)
            await live.sources.publish()
            assert await socket.receive() == next_of({"news": {"number": live.sources.number}}, "b")
            await socket.subscribe("{ who }", "a")  # the id is free again
            assert await socket.receive() == next_of({"who": "nobody"}, "a")
        await live.idle()

    async def test_an_id_is_free_once_its_operation_is_complete(self, live: Live) -> None:
        async with live.ready() as socket:
            for _ in range(3):
                await socket.subscribe("{ who }")
                assert [await socket.receive() for _ in range(2)] == [next_of({"who": "nobody"}), complete()]

    async def test_a_query_that_is_completed_by_the_client_is_cancelled(self, live: Live) -> None:
        async with live.ready() as socket:
            await socket.subscribe("{ slow }")
            await eventually(lambda: live.sources.open == 1)
            await socket.send(complete())
            await eventually(lambda: live.sources.open == 0)
            await socket.is_alive()

    async def test_completing_what_is_not_there_is_no_fault(self, live: Live) -> None:
        async with live.ready() as socket:
            await socket.send(complete("never"))
            await socket.is_alive()

    async def test_a_query_has_a_time_limit(self, go: Go) -> None:
        live = await go(request_timeout_seconds=0.1)
        async with live.ready() as socket:
            await socket.subscribe("{ slow }")
            assert (await socket.error())["extensions"]["code"] == "TIMEOUT"
            await live.sources.publish()
            await socket.subscribe(NEWS, "news")
            await eventually(lambda: live.sources.opened == 2)
            await asyncio.sleep(0.2)  # twice the limit, which is not for subscriptions
            await live.sources.publish()
            assert await socket.receive() == next_of({"news": {"number": 2}}, "news")

    async def test_only_so_many_run_at_once(self, go: Go) -> None:
        live = await go(max_operations=2)
        async with live.ready() as socket:
            await socket.subscribe(NEWS, "a")
            await socket.subscribe(NEWS, "b")
            await socket.subscribe(NEWS, "c")
            assert (await socket.error("c"))["extensions"] == {"code": "TOO_MANY_OPERATIONS"}
            assert live.sources.opened <= 2
            await socket.send(complete("a"))
            await eventually(lambda: live.sources.open == 1)
            await socket.subscribe(COUNT, "c")
            assert await socket.receive() == next_of({"count": 1}, "c")


class TestErrors:
    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("{", "GRAPHQL_PARSE_FAILED"),
            ("", "BAD_REQUEST"),
            ("fragment A on Query { who }", "OPERATION_NOT_FOUND"),
            ("{ whom }", "GRAPHQL_VALIDATION_FAILED"),
            ("subscription { news { number } count(upTo: 1) }", "GRAPHQL_VALIDATION_FAILED"),
            ("subscription ($n: Int!) { count(upTo: $n) }", "BAD_USER_INPUT"),
            ("query A { who } query B { who }", "BAD_USER_INPUT"),
            ("{ " + "who " * 21 + "}", "QUERY_TOO_MANY_ROOT_FIELDS"),
            ("subscription { news { " + "number " * 500 + "} }", "QUERY_TOO_MANY_FIELDS"),
            ("subscription { forbidden }", "FORBIDDEN"),
        ],
    )
    async def test_an_operation_that_does_not_run_leaves_the_connection_alone(
        self, live: Live, query: str, code: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with live.ready() as socket:
            await socket.subscribe(query)
            assert (await socket.error())["extensions"]["code"] == code
            await socket.subscribe("{ who }")  # under the same id
            assert await socket.receive() == next_of({"who": "nobody"})
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []

    @pytest.mark.parametrize(
        ("query", "results", "code"),
        [
            ("subscription { breaks(after: 0) }", [], "INTERNAL"),
            ("subscription { breaks(after: 2) }", [{"breaks": 0}, {"breaks": 1}], "INTERNAL"),
            ("subscription { outage }", [{"outage": 0}], "UNAVAILABLE"),
        ],
    )
    async def test_a_source_that_fails_is_masked_and_logged_once(
        self, live: Live, query: str, results: list[Any], code: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with live.ready() as socket:
            await socket.subscribe(query)
            for data in results:
                assert await socket.receive() == next_of(data)
            error = await socket.error()
            request_id = error["extensions"]["requestId"]
            assert error["extensions"] == {"code": code, "requestId": request_id}
            assert SECRET not in json.dumps(error)
            await socket.is_alive()
        (record,) = (record for record in caplog.records if record.levelno >= logging.WARNING)
        assert record.getMessage().startswith(f"Request {request_id}: ")
        await live.idle()

    async def test_a_field_that_fails_does_not_end_the_subscription(
        self, live: Live, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with live.ready() as socket:
            await socket.subscribe("subscription { events { number strictlyBroken } }")
            for _ in range(2):
                message = await socket.receive()
                assert (message["type"], message["payload"]["data"]) == ("next", None)
                (error,) = message["payload"]["errors"]
                assert error["path"] == ["events", "strictlyBroken"]
                assert error["extensions"]["code"] == "INTERNAL"
            assert await socket.receive() == complete()
        assert len(caplog.records) == 2

    async def test_what_json_cannot_hold_is_a_fault_of_ours(self, live: Live) -> None:
        async with live.ready() as socket:
            await socket.subscribe("subscription { events { unencodable } }")
            assert (await socket.error())["extensions"]["code"] == "INTERNAL"
            await socket.is_alive()
        await live.idle()
