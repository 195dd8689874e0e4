"""What the GraphQL endpoint answers, hides and logs, over a real socket."""

import asyncio
import logging
import re
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from app.http.graphql import HttpLimits
from gamification.stores import StoreUnavailable
from schema.faults import MAX_LOGGED_FAULTS, CallerError
from schema.principals import Principal
from tests.app.http.served import JSON_TYPE, NEW_TYPE, PATH, WAIT_SECONDS, Serve, Served, code_of, error_of
from tests.graphql_http.sample_schema import SECRET


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        ("APPLICATION/GraphQL-Response+JSON", "application/graphql-response+json"),
        ("application/graphql-response+json, application/json", "application/graphql-response+json"),
        ("application/json, application/graphql-response+json", "application/graphql-response+json"),
        ("application/graphql-response+json;q=0.8, application/json;q=0.9", "application/json"),
        ("application/graphql-response+json;q=0.8, */*;q=0.1", "application/graphql-response+json"),
        ("application/graphql-response+json;q=0, */*", "application/json"),
        ("multipart/mixed, application/graphql-response+json;q=0.9", "application/graphql-response+json"),
        ("text/html, application/json;q=0.5", "application/json"),
        ("application/json; charset=utf-8; q=0.4, text/plain;q=x", "application/json"),
    ],
)
async def test_the_answer_has_the_media_type_that_was_asked_for(
    served: Served, accept: str | None, media_type: str
) -> None:
    headers = {} if accept is None else {"Accept": accept}
    request = served.client.build_request("POST", PATH, json={"query": "{ hello }"}, headers=headers)
    if accept is None:
        del request.headers["Accept"]
    response = await served.client.send(request)
    assert (response.status_code, response.headers["Content-Type"]) == (200, f"{media_type}; charset=utf-8")


@pytest.mark.parametrize("accept", ["text/event-stream;q=0", "image/*", "application/json;q=0", ""])
async def test_a_client_that_takes_no_json_is_told_so(served: Served, accept: str) -> None:
    response = await served.post('mutation { write(text: "unacceptable") }', accept=accept)
    assert (response.status_code, code_of(response)) == (406, "NOT_ACCEPTABLE")
    assert "unacceptable" not in served.trace.written


class TestRequestErrors:
    """Well-formed requests whose operation does not run: 400 without data, or 200 for clients of the old type."""

    @pytest.mark.parametrize(
        ("query", "variables", "code"),
        [
            ("{", {}, "GRAPHQL_PARSE_FAILED"),
            ("{" * 5_000, {}, "GRAPHQL_PARSE_FAILED"),
            ("{ helo }", {}, "GRAPHQL_VALIDATION_FAILED"),
            ("{ hello(name: 3) }", {}, "GRAPHQL_VALIDATION_FAILED"),
            ("query ($n: String!) { hello(name: $n) }", {}, "BAD_USER_INPUT"),
            ("query ($n: String!) { hello(name: $n) }", {"n": 3}, "BAD_USER_INPUT"),
            ("{ variouslyBroken(count: " + "9" * 5_000 + ") { value } }", {}, "GRAPHQL_VALIDATION_FAILED"),
            ("query ($n: ID) { hello(name: $n) }", {}, "GRAPHQL_VALIDATION_FAILED"),
            ("query A { hello } query B { hello }", {}, "BAD_USER_INPUT"),
            ("{ " + "hello " * 21 + "}", {}, "QUERY_TOO_MANY_ROOT_FIELDS"),
        ],
    )
    async def test_codes(self, served: Served, query: str, variables: dict[str, Any], code: str) -> None:
        strict = await served.strict(query, variables=variables)
        assert (strict.status_code, code_of(strict)) == (400, code)
        relaxed = await served.post(query, variables=variables, accept="application/json")
        assert (relaxed.status_code, relaxed.json()) == (200, strict.json())

    async def test_a_null_for_an_argument_that_takes_none(self, served: Served) -> None:
        response = await served.strict('query ($n: String = "x") { hello(name: $n) }', variables={"n": None})
        assert (response.status_code, response.json()["data"]) == (200, None)
        (error,) = response.json()["errors"]
        assert (error["path"], error["extensions"]) == (["hello"], {"code": "BAD_USER_INPUT"})

    async def test_recursive_input_is_bounded(self, served: Served) -> None:
        wanted: dict[str, Any] = {}
        for _ in range(500):
            wanted = {"also": wanted}
        response = await served.post("query ($w: Filter!) { matching(wanted: $w) }", variables={"w": wanted})
        assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")

    async def test_faults_of_the_caller_are_not_logged(self, served: Served, caplog: pytest.LogCaptureFixture) -> None:
        for query in ("{", "{ helo }", "{ forbidden }", "query ($n: Int!) { hello }"):
            await served.post(query)
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


class TestFieldErrors:
    """Operations that run, and of which a field fails."""

    @pytest.mark.parametrize(
        ("field", "extensions"),
        [("forbidden", {"code": "FORBIDDEN", "field": "forbidden"}), ("coded", {"code": "FORBIDDEN"})],
    )
    async def test_coded_faults_are_shown(self, served: Served, field: str, extensions: dict[str, str]) -> None:
        response = await served.strict(f"{{ hello {field} }}")
        body = response.json()
        assert (response.status_code, body["data"]) == (200, {"hello": "Hello, world", field: None})
        (error,) = body["errors"]
        assert error["message"].startswith("Not yours")
        assert (error["path"], error["extensions"]) == ([field], extensions)

    @pytest.mark.parametrize("field", ["broken", "tooBig", "impostor { name }", "uncoded", "ownTimeout"])
    async def test_bugs_are_masked_and_logged_once(
        self, served: Served, field: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        query = f"query Hidden($v: String!) {{ {field} hello(name: $v) }}"
        response = await served.client.post(
            PATH,
            json={"query": query, "variables": {"v": "private value"}},
            headers={"X-Request-Id": "req-1", **NEW_TYPE},
        )
        name = field.split(maxsplit=1)[0]
        assert response.status_code == 200
        assert response.json()["data"] == {name: None, "hello": "Hello, private value"}
        assert response.json()["errors"] == [
            {
                "message": "Internal error. Request id req-1.",
                "locations": [{"line": 1, "column": 29}],
                "path": [name],
                "extensions": {"code": "INTERNAL", "requestId": "req-1"},
            }
        ]
        (record,) = (record for record in caplog.records if record.levelno >= logging.WARNING)
        assert record.getMessage().startswith(f"Request req-1: internal error at {name}")
        text = logging.Formatter().format(record)
        assert "Hidden" not in text
        assert "private value" not in text

    async def test_the_log_tells_where_a_bug_is(self, served: Served, caplog: pytest.LogCaptureFixture) -> None:
        await served.post("{ broken }")
        (record,) = caplog.records
        assert record.exc_info is not None
        assert "in broken" in logging.Formatter().format(record)

    async def test_a_bug_in_a_required_field_leaves_null_data(self, served: Served) -> None:
        response = await served.strict("{ brokenStrictly }")
        assert (response.status_code, response.json()["data"]) == (200, None)
        assert SECRET not in response.text

    async def test_one_exception_in_many_fields_is_logged_once(
        self, served: Served, caplog: pytest.LogCaptureFixture
    ) -> None:
        response = await served.post("{ allBroken { value } }")
        assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["INTERNAL"] * 5
        assert len(caplog.records) == 1

    async def test_the_log_of_one_request_is_bounded(self, served: Served, caplog: pytest.LogCaptureFixture) -> None:
        response = await served.post("{ variouslyBroken(count: 100) { value } }")
        assert len(response.json()["errors"]) == 100
        assert len(caplog.records) == MAX_LOGGED_FAULTS + 1
        assert caplog.records[-1].getMessage().endswith("more faults follow, which are not logged.")

    async def test_an_outage_has_a_code_of_its_own(self, served: Served, caplog: pytest.LogCaptureFixture) -> None:
        response = await served.strict("{ hello outage }")
        assert (response.status_code, response.json()["data"]) == (200, {"hello": "Hello, world", "outage": None})
        (error,) = response.json()["errors"]
        request_id = response.headers["X-Request-Id"]
        assert error["extensions"] == {"code": "UNAVAILABLE", "requestId": request_id}
        assert SECRET not in response.text
        (record,) = caplog.records
        assert record.getMessage() == f"Request {request_id}: a store is unavailable at outage: {SECRET}"

    async def test_a_value_that_json_cannot_hold_is_a_bug(
        self, served: Served, caplog: pytest.LogCaptureFixture
    ) -> None:
        response = await served.post("{ unencodable }")
        assert (response.status_code, code_of(response)) == (500, "INTERNAL")
        assert len(caplog.records) == 1


class TestContext:
    """Requests whose context cannot be made, for example because the caller is not who they say."""

    @pytest.mark.parametrize("accept", ["application/json", NEW_TYPE["Accept"]])
    @pytest.mark.parametrize(
        ("fault", "status", "code"),
        [
            (CallerError("UNAUTHENTICATED", "The token has expired."), 401, "UNAUTHENTICATED"),
            (CallerError("RATE_LIMITED", "Slow down."), 429, "RATE_LIMITED"),
            (StoreUnavailable(SECRET), 503, "UNAVAILABLE"),
            (RuntimeError(SECRET), 500, "INTERNAL"),
            (TimeoutError(SECRET), 500, "INTERNAL"),
        ],
    )
    async def test_status_and_code(self, serve: Serve, fault: Exception, status: int, code: str, accept: str) -> None:
        async def refuse(_connection: HTTPConnection, _principal: Principal) -> object:
            raise fault

        served = await serve(make_context=refuse)
        response = await served.post('mutation { write(text: "refused") }', accept=accept)
        assert (response.status_code, code_of(response)) == (status, code)
        assert response.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)
        assert SECRET not in response.text
        assert served.trace.written == []


class TestTime:
    @pytest.mark.parametrize("accept", ["application/json", NEW_TYPE["Accept"]])
    async def test_a_request_is_cancelled_at_its_limit(
        self, serve: Serve, accept: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        served = await serve(limits=HttpLimits(request_timeout_seconds=0.1))
        response = await served.post("{ slow }", accept=accept)
        assert (response.status_code, code_of(response)) == (504, "TIMEOUT")
        assert error_of(response)["extensions"]["requestId"] == response.headers["X-Request-Id"]
        await asyncio.wait_for(served.trace.cancelled.wait(), WAIT_SECONDS)
        assert [record.getMessage() for record in caplog.records if record.name == "app.http.execution"] == [
            f"Request {response.headers['X-Request-Id']}: cancelled after 0.1 seconds"
        ]


class TestRequestId:
    @pytest.mark.parametrize("given", ["a", "A-1_b.c~d", "x" * 64])
    async def test_a_well_formed_id_is_kept(self, served: Served, given: str) -> None:
        response = await served.client.post(PATH, json={"query": "{ requestId }"}, headers={"X-Request-Id": given})
        assert response.json() == {"data": {"requestId": given}}
        assert response.headers["X-Request-Id"] == given

    @pytest.mark.parametrize("given", ["", "x" * 65, "a b", 'a"b', "æ", "a/b", "a%0ab"])
    async def test_any_other_is_replaced(self, served: Served, given: str) -> None:
        headers = {b"X-Request-Id": given.encode()}
        response = await served.client.post(PATH, json={"query": "{ requestId }"}, headers=headers)
        made = response.headers["X-Request-Id"]
        assert re.fullmatch(r"[0-9a-f]{32}", made)
        assert response.json() == {"data": {"requestId": made}}

    async def test_refusals_have_one_too(self, served: Served) -> None:
        response = await served.client.post(PATH, content=b"null", headers={**JSON_TYPE, "X-Request-Id": "mine"})
        assert (response.status_code, response.headers["X-Request-Id"]) == (400, "mine")


class TestPage:
    BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

    async def test_browsers_get_a_page_that_needs_no_other_host(self, served: Served) -> None:
        response = await served.client.get(PATH, headers={"Accept": self.BROWSER})
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "item { name twin { name } }" in response.text
        assert "{{" not in response.text
        assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+", response.text) == []
        policy = response.headers["Content-Security-Policy"]
        (nonce,) = set(re.findall(r"'nonce-([\w-]{20,})'", policy))
        assert policy.startswith("default-src 'none'; ")
        assert set(re.findall(r'nonce="([^"]+)"', response.text)) == {nonce}
        again = await served.client.get(PATH, headers={"Accept": self.BROWSER})
        assert nonce not in again.text

    async def test_a_query_from_a_browser_is_run(self, served: Served) -> None:
        response = await served.client.get(PATH, params={"query": "{ hello }"}, headers={"Accept": self.BROWSER})
        assert response.json() == {"data": {"hello": "Hello, world"}}

    async def test_programs_get_json(self, served: Served) -> None:
        response = await served.client.get(PATH)
        assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")
