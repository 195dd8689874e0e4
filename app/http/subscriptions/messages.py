"""What a client may send over graphql-transport-ws, told apart and checked; anything else is a `ProtocolFault`.

The protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import orjson

from app.http.graphql_request import MAX_JSON_DEPTH, GraphQLRequest, is_deeper_than, request_of
from app.http.refusal import Refusal

SUBPROTOCOL = "graphql-transport-ws"


class CloseCode(IntEnum):
    """Why the server closes a WebSocket. 44xx are the protocol's, 45xx are our own, 1xxx those of WebSocket."""

    INTERNAL_ERROR = 1011
    TRY_AGAIN_LATER = 1013
    """The process is full, or the credentials cannot be judged at the moment."""
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL_NOT_ACCEPTABLE = 4406
    INITIALISATION_TIMEOUT = 4408
    SUBSCRIBER_EXISTS = 4409
    TOO_MANY_INITIALISATIONS = 4429
    SLOW_CONSUMER = 4508
    """The client does not take what is sent to it; connect again with the last cursor."""
    TOO_MANY_CONNECTIONS = 4529
    """This caller has as many connections as one may."""


class ProtocolFault(Exception):
    """The connection has to be closed with this code; ``reason`` says what was wrong."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ConnectionInit:
    """The client is ready; ``authorization`` is what it brings in place of the header of that name."""

    authorization: str | None


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Run an operation under this id."""

    operation_id: str
    request: GraphQLRequest


@dataclass(frozen=True, slots=True)
class Complete:
    """Send no more of the operation with this id."""

    operation_id: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Answer with a pong that has the same payload."""

    payload: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Pong:
    """A sign of life."""


ClientMessage = ConnectionInit | Subscribe | Complete | Ping | Pong


def parsed(text: str | None) -> ClientMessage:
    """The message in a frame's text; None stands for a frame of bytes.

    Raises:
        ProtocolFault: 4400, it is none.
    """
    if text is None:
        raise _bad("Messages are text frames, not binary ones")
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _bad("The message is not JSON, or nested too deep") from None
    if not isinstance(message, dict):
        raise _bad("A message is a JSON object")
    match message.get("type"):
        case "connection_init":
            return ConnectionInit(_authorization(_optional_payload(message) or {}))
        case "subscribe":
            return Subscribe(_id(message), _request(message.get("payload")))
        case "complete":
            return Complete(_id(message))
        case "ping":
            return Ping(_optional_payload(message))
        case "pong":
            _optional_payload(message)
            return Pong()
        case _:
            raise _bad("The message's type is missing or none that a client sends")


def _bad(reason: str) -> ProtocolFault:
    return ProtocolFault(CloseCode.BAD_REQUEST, reason)


def _id(message: Mapping[str, Any]) -> str:
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not operation_id:
        raise _bad("The message's id must be a string that is not empty")
    return operation_id


def _optional_payload(message: Mapping[str, Any]) -> dict[str, Any] | None:
    # Null counts as left out, as the protocol's own implementation has it: several clients send it.
    payload = message.get("payload")
    if not isinstance(payload, dict | None):
        raise _bad("The message's payload must be an object, or left out")
    if is_deeper_than(payload, MAX_JSON_DEPTH):
        raise _bad(f"The message's payload is nested more than {MAX_JSON_DEPTH} levels deep")
    return payload


def _authorization(payload: Mapping[str, Any]) -> str | None:
    given = [value for name, value in payload.items() if name.lower() == "authorization" and value is not None]
    if len(given) > 1 or not all(isinstance(value, str) for value in given):
        raise _bad("The payload's authorization must be one string")
    return given[0] if given else None


def _request(payload: object) -> GraphQLRequest:
    if not isinstance(payload, dict):
        raise _bad("The payload of subscribe must be an object with a query")
    try:
        return request_of(payload)
    except Refusal as refusal:
        raise _bad(str(refusal)) from None
