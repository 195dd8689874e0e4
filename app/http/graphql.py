"""The GraphQL endpoint: GraphQL over HTTP to the letter, bounded in size and time, with nothing internal in answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPMethod
from typing import Any

import orjson
import strawberry
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from app.http.graphql_request import GraphQLRequest, from_get, from_post
from app.http.ide import ide_response
from app.http.media_types import GRAPHQL_RESPONSE, JSON, prefers_html, response_type
from app.http.refusal import Refusal
from app.http.request_id import REQUEST_ID_HEADER, request_id_of
from schema.faults import INTERNAL, UNAVAILABLE, formatted_exception, formatted_result

MAX_BODY_BYTES = 2 * 1024 * 1024
"""Room for `recordActivities` with 500 receipts of some 30 lines each."""
BODY_TIMEOUT_SECONDS = 10.0
REQUEST_TIMEOUT_SECONDS = 30.0
"""From the last byte of the request to its answer; longer than the stores' own time limits together."""

UNAUTHENTICATED = "UNAUTHENTICATED"
TIMEOUT = "TIMEOUT"

STATUS_BY_CODE: Mapping[str, int] = {
    UNAUTHENTICATED: 401,
    "FORBIDDEN": 403,
    "RATE_LIMITED": 429,
    INTERNAL: 500,
    UNAVAILABLE: 503,
    TIMEOUT: 504,
}
"""HTTP statuses of answers without data that say more than "bad request"; both media types use them."""

_ALLOWED_OPERATIONS = {
    HTTPMethod.GET: frozenset({OperationType.QUERY}),
    HTTPMethod.POST: frozenset({OperationType.QUERY, OperationType.MUTATION}),
}

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

log = logging.getLogger(__name__)

MakeContext = Callable[[Request], Awaitable[object]]
"""Makes what resolvers see as ``info.context``. It may raise `CallerError` or `StoreUnavailable` to refuse."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bounds on one request."""

    max_body_bytes: int = MAX_BODY_BYTES
    body_timeout_seconds: float = BODY_TIMEOUT_SECONDS
    request_timeout_seconds: float = REQUEST_TIMEOUT_SECONDS


def graphql_app(
    schema: strawberry.Schema,
    make_context: MakeContext,
    *,
    limits: HttpLimits | None = None,
    ide_query: str | None = None,
) -> ASGIApp:
    """The ASGI application to route ``/graphql`` to, all methods included.

    Args:
        schema: Built as a `MaskedSchema` with `DOCUMENT_EXTENSIONS`.
        make_context: Called once for each operation, after its request was found well-formed.
        limits: Bounds on the request.
        ide_query: What the development page starts with; None serves no page.
    """
    return _GraphQLEndpoint(schema, make_context, limits or HttpLimits(), ide_query)


@dataclass(frozen=True, slots=True)
class _GraphQLEndpoint:
    schema: strawberry.Schema
    make_context: MakeContext
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
            media_type = response_type(request.headers.get("accept"))
            operation = await self._operation(request)
            return _encoded(await self._execute(request, operation), media_type)
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

    async def _execute(self, request: Request, operation: GraphQLRequest) -> dict[str, object]:
        seconds = self.limits.request_timeout_seconds
        try:
            async with asyncio.timeout(seconds) as deadline:
                result = await self.schema.execute(
                    operation.query,
                    variable_values=operation.variables,
                    context_value=await self.make_context(request),
                    operation_name=operation.operation_name,
                    allowed_operation_types=_ALLOWED_OPERATIONS[HTTPMethod(request.method)],
                    operation_extensions=operation.extensions,
                )
        except TimeoutError:
            if not deadline.expired():
                raise
            return _timed_out(seconds, request_id_of(request))
        except CannotGetOperationTypeError:
            raise _no_such_operation(operation.operation_name) from None
        except InvalidOperationTypeError as error:
            raise _wrong_operation(error.operation_type) from None
        return formatted_result(result, request_id_of(request))


def _wants_page(request: Request) -> bool:
    is_query = "query" in request.query_params
    return request.method == HTTPMethod.GET and not is_query and prefers_html(request.headers.get("accept"))


def _no_such_operation(name: str | None) -> Refusal:
    message = "The document holds no operation." if name is None else f"The document holds no operation named {name!r}."
    return Refusal(400, message, "OPERATION_NOT_FOUND")


def _wrong_operation(operation_type: OperationType) -> Refusal:
    if operation_type is OperationType.MUTATION:
        return _not_allowed("Send mutations by POST.", "POST")
    return Refusal(400, "Subscriptions need a connection that streams; this is a plain request.", "NO_SUBSCRIPTIONS")


def _not_allowed(message: str, allowed: str) -> Refusal:
    return Refusal(405, message, "METHOD_NOT_ALLOWED", {"Allow": allowed})


def _timed_out(seconds: float, request_id: str) -> dict[str, object]:
    log.warning("Request %s: cancelled after %g seconds", request_id, seconds)
    message = (
        f"The request took longer than {seconds:g} seconds and was given up. "
        "If it was a mutation, it may have taken effect: send it again with the same key."
    )
    return {"errors": [{"message": message, "extensions": {"code": TIMEOUT, "requestId": request_id}}]}


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
