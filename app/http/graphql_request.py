"""From an HTTP request to the operation that it asks for, as GraphQL over HTTP has it; anything else is refused."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from functools import lru_cache
from typing import Any

import orjson
from starlette.requests import Request

from app.http.body import read_body
from app.http.media_types import CACHED_HEADERS, JSON
from app.http.refusal import Refusal

MAX_JSON_DEPTH = 64
"""Levels of arrays and objects in the variables; stores and encoders have bounds of their own further up."""

_PARAMETERS = ("query", "operationName", "variables", "extensions")
_JSON_PARAMETERS = frozenset({"variables", "extensions"})


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """The parameters of one well-formed request; ``query`` is not yet parsed."""

    query: str
    operation_name: str | None
    variables: dict[str, Any] | None
    extensions: dict[str, Any] | None


def from_get(request: Request) -> GraphQLRequest:
    """The operation in the URL.

    Raises:
        Refusal: 400, a parameter is missing, repeated or of the wrong type.
    """
    pairs = [(name, value) for name, value in request.query_params.multi_items() if name in _PARAMETERS]
    repeated = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if repeated:
        raise Refusal(400, f"The parameter {repeated[0]} is given more than once.")
    parameters: dict[str, Any] = dict(pairs)
    for name in _JSON_PARAMETERS & parameters.keys():
        # An empty parameter is how a form sends nothing.
        parameters[name] = _decoded(parameters[name].encode(), f"The parameter {name}") if parameters[name] else None
    return request_of(parameters)


async def from_post(request: Request, max_body_bytes: int, body_timeout_seconds: float) -> GraphQLRequest:
    """The operation in the body.

    Raises:
        Refusal: 415 for anything but JSON in UTF-8; 413 or 408 for a body too large or too slow; 400 for what is no
            GraphQL request.
        ClientDisconnect: The client went away.
    """
    _check_content_type(request.headers)
    body = await read_body(request, max_body_bytes, body_timeout_seconds)
    parameters = _decoded(body, "The request's body")
    if isinstance(parameters, list):
        raise Refusal(400, "Batches are not taken; send each operation as a request of its own.", "BATCH_NOT_SUPPORTED")
    if not isinstance(parameters, dict):
        raise Refusal(400, 'The request\'s body must be a JSON object such as {"query": "{ __typename }"}.')
    return request_of(parameters)


def _check_content_type(headers: Mapping[str, str]) -> None:
    if not _is_json(headers.get("content-type", "")):
        raise Refusal(415, f"Send the request as Content-Type: {JSON} in UTF-8.", "UNSUPPORTED_MEDIA_TYPE")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "Send the body without a Content-Encoding.", "UNSUPPORTED_MEDIA_TYPE")


@lru_cache(maxsize=CACHED_HEADERS)
def _is_json(content_type: str) -> bool:
    # The standard library's parser of RFC 2045 parameters, which HTTP took over. It is slow; few values ever come.
    header = Message()
    header["Content-Type"] = content_type
    charset = str(header.get_param("charset", "utf-8")).lower()
    return header.get_content_type() == JSON and charset in {"utf-8", "utf8"}


def _decoded(data: bytes, what: str) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, f"{what} is not JSON in UTF-8: {error}.") from None


def request_of(parameters: Mapping[str, Any]) -> GraphQLRequest:
    """The operation that these parameters ask for.

    Raises:
        Refusal: 400, a parameter is missing, of the wrong type or nested too deep.
    """
    query = parameters.get("query")
    if not isinstance(query, str):
        raise Refusal(400, "The parameter query is missing; it must be a string that holds a GraphQL document.")
    name = parameters.get("operationName")
    if not isinstance(name, str | None):
        raise Refusal(400, "The parameter operationName must be a string, or left out.")
    for parameter in ("variables", "extensions"):
        value = parameters.get(parameter)
        if not isinstance(value, dict | None):
            raise Refusal(400, f"The parameter {parameter} must be an object, or left out.")
        if is_deeper_than(value, MAX_JSON_DEPTH):
            raise Refusal(400, f"The parameter {parameter} is nested more than {MAX_JSON_DEPTH} levels deep.")
    return GraphQLRequest(query, name, parameters.get("variables"), parameters.get("extensions"))


def is_deeper_than(value: object, levels: int) -> bool:
    """Whether arrays and objects lie within one another more than so many levels deep."""
    layer = [value]
    for _ in range(levels):
        layer = [inner for outer in layer for inner in _members(outer) if isinstance(inner, dict | list)]
        if not layer:
            return False
    return True


def _members(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
