"""The GraphQL endpoint: GraphQL over HTTP to the letter, bounded in size and time, with nothing internal in answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPMethod
from typing import Any

import orjson
import strawberry
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from app.auth import InvalidCredentials
from app.http.callers import UNAUTHENTICATED, Caller, Identify, MakeContext, identified, refusal_of
from app.http.execution import QUERIES, QUERIES_AND_MUTATIONS, REQUEST_TIMEOUT_SECONDS, TIMEOUT, execute
from app.http.graphql_request import GraphQLRequest, from_get, from_post
from app.http.ide import ide_response
from app.http.media_types import GRAPHQL_RESPONSE, JSON, prefers_events, prefers_html, response_type, takes_events
from app.http.refusal import Refusal
from app.http.request_id import REQUEST_ID_HEADER, request_id_of
from app.http.subscriptions import Connections, WebSocketEndpoint, event_stream, single_event
from app.http.subscriptions.operation import subscribe
from schema.faults import INTERNAL, UNAVAILABLE, formatted_exception

MAX_BODY_BYTES = 2 * 1024 * 1024
"""Room for `recordActivities` with 500 receipts of some 30 lines each."""
BODY_TIMEOUT_SECONDS = 10.0

STATUS_BY_CODE: Mapping[str, int] = {
    UNAUTHENTICATED: 401,
    "FORBIDDEN": 403,
    "RATE_LIMITED": 429,
    INTERNAL: 500,
    UNAVAILABLE: 503,
    TIMEOUT: 504,
}
"""HTTP statuses of answers without data that say more than "bad request"; both media types use them."""

_ALLOWED_OPERATIONS = {HTTPMethod.GET: QUERIES, HTTPMethod.POST: QUERIES_AND_MUTATIONS}

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bounds on one request."""

    max_body_bytes: int = MAX_BODY_BYTES
    body_timeout_seconds: float = BODY_TIMEOUT_SECONDS
    request_timeout_seconds: float = REQUEST_TIMEOUT_SECONDS


def graphql_app(
    schema: strawberry.Schema,
    identify: Identify,
    make_context: MakeContext,
    *,
    connections: Connections | None = None,
    limits: HttpLimits | None = None,
    ide_query: str | None = None,
) -> ASGIApp:
    """The ASGI application to route ``/graphql`` to: all methods, and WebSockets too.

    Args:
        schema: Built as a `MaskedSchema` with `DOCUMENT_EXTENSIONS`.
        identify: Called once for each request, and from time to time for a connection that stays open.
        make_context: Called once for each operation, after its request was found well-formed.
        connections: Where connections that stay open are counted, and ended with the process.
        limits: Bounds on the request.
        ide_query: What the development page starts with; None serves no page.
    """
    shared = connections or Connections()
    websocket = WebSocketEndpoint(schema, identify, make_context, shared)
    http = _GraphQLEndpoint(schema, identify, make_context, shared, limits or HttpLimits(), ide_query)

    return _ByScope(http, websocket)


@dataclass(frozen=True, slots=True)
class _ByScope:
    # An object, since Starlette's routes take a function for an endpoint that has only GET.
    http: ASGIApp
    websocket: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.websocket if scope["type"] == "websocket" else self.http)(scope, receive, send)


@dataclass(frozen=True, slots=True)
class _GraphQLEndpoint:
    schema: strawberry.Schema
    identify: Identify
    make_context: MakeContext
    connections: Connections
    limits: HttpLimits
    ide_query: str | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ClientDisconnect:
            return  # nobody is left to answer
        response.headers[REQUEST_ID_HEADER] = request_id_of(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        media_type = JSON
        try:
            if self.ide_query is not None and _wants_page(request):
                return ide_response(self.ide_query)
            as_events = prefers_events(request.headers.get("accept"))
            media_type = JSON if as_events else response_type(request.headers.get("accept"))
            operation = await self._operation(request)
            return await self._answer(request, operation, media_type, as_events=as_events)
        except Refusal as refusal:
            return _json(refusal.body(), refusal.status, media_type, refusal.headers)
        except ClientDisconnect:
            raise
        except Exception as exception:
            return _encoded(formatted_exception(exception, request_id_of(request)), media_type)

    async def _operation(self, request: Request) -> GraphQLRequest:
        if request.method == HTTPMethod.GET:
            return from_get(request)
        if request.method == HTTPMethod.POST:
            return await from_post(request, self.limits.max_body_bytes, self.limits.body_timeout_seconds)
        raise _not_allowed("Send queries by GET or POST, and mutations by POST.", "GET, POST")

    async def _answer(
        self, request: Request, operation: GraphQLRequest, media_type: str, *, as_events: bool
    ) -> Response:
        caller = await self._caller(request)
        context = await self.make_context(request, caller.credentials.principal)
        try:
            response = await execute(
                self.schema,
                operation,
                context,
                _ALLOWED_OPERATIONS[HTTPMethod(request.method)],
                timeout_seconds=self.limits.request_timeout_seconds,
                request_id=request_id_of(request),
            )
        except InvalidOperationTypeError as error:
            if error.operation_type is not OperationType.SUBSCRIPTION:
                raise _not_allowed("Send mutations by POST.", "POST") from None
            if not takes_events(request.headers.get("accept")):
                raise _needs_a_stream() from None
            request_id = request_id_of(request)
            responses = subscribe(self.schema, operation, context, request_id)
            return event_stream(self.connections, caller, responses, request_id)
        return single_event(response, request_id_of(request)) if as_events else _encoded(response, media_type)

    async def _caller(self, request: Request) -> Caller:
        try:
            return await identified(
                self.identify, request.headers.get("authorization"), self.connections.limits.recheck_seconds
            )
        except InvalidCredentials as refused:
            raise refusal_of(refused) from None


def _wants_page(request: Request) -> bool:
    if request.method != HTTPMethod.GET or "query" in request.query_params:
        return False
    return prefers_html(request.headers.get("accept"))


def _needs_a_stream() -> Refusal:
    message = (
        "Subscriptions need a connection that streams: send them with Accept: text/event-stream, or over a WebSocket "
        "with the subprotocol graphql-transport-ws."
    )
    return Refusal(400, message, "NO_SUBSCRIPTIONS")


def _not_allowed(message: str, allowed: str) -> Refusal:
    return Refusal(405, message, "METHOD_NOT_ALLOWED", {"Allow": allowed})


def _encoded(response: dict[str, object], media_type: str) -> Response:
    if "data" in response:
        return _json(response, 200, media_type)
    code = _first_code(response)
    # A client that only takes the older media type cannot tell our 400 from one of a proxy on the way, so it gets the
    # well-formed errors with a 200 (GraphQL over HTTP, "application/json").
    otherwise = 400 if media_type == GRAPHQL_RESPONSE else 200
    headers = {"WWW-Authenticate": "Bearer"} if code == UNAUTHENTICATED else {}
    return _json(response, STATUS_BY_CODE.get(code, otherwise), media_type, headers)


def _first_code(response: Mapping[str, Any]) -> str:
    return str(response["errors"][0]["extensions"]["code"])


def _json(body: dict[str, object], status: int, media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    content_type = f"{media_type}; charset=utf-8"
    return Response(orjson.dumps(body), status, {**_HEADERS, "Content-Type": content_type, **(headers or {})})
