"""A served endpoint with subscriptions as the tests see it, and clients of it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Route, WebSocketRoute
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.auth import Credentials, InvalidCredentials
from app.http.graphql import graphql_app
from app.http.subscriptions import Connections, StreamLimits
from gamification.stores import StoreUnavailable
from schema.principals import Anonymous, MemberPrincipal, Principal
from tests.app.http.live_schema import Context, Sources, live_schema
from tests.graphql_http.server import serving

WAIT_SECONDS = 10
INIT = {"type": "connection_init"}
COUNT = "subscription { count(upTo: 2) }"
NEWS = "subscription { news { number } }"


@dataclass(slots=True)
class Accounts:
    """Tells who a header speaks for: ``Bearer <member>``; anybody can be made to end or to be refused."""

    expires_at: float | None = None
    refused: str | None = None
    down: bool = False
    asked: int = 0

    async def identify(self, authorization: str | None) -> Credentials:
        self.asked += 1
        if self.down:
            raise StoreUnavailable("the keys are away")
        if self.refused is not None:
            raise InvalidCredentials(self.refused)
        if authorization is None:
            return Credentials(Anonymous())
        return Credentials(MemberPrincipal(authorization.removeprefix("Bearer ")), self.expires_at)

    def expire_in(self, seconds: float) -> None:
        self.expires_at = time.time() + seconds


@dataclass(slots=True)
class Live:
    """A running endpoint."""

    url: str
    accounts: Accounts
    sources: Sources
    connections: Connections

    @asynccontextmanager
    async def socket(self, **options: Any) -> AsyncIterator["Socket"]:
        """A WebSocket that has said nothing yet."""
        options.setdefault("subprotocols", [Subprotocol("graphql-transport-ws")])
        options.setdefault("ping_interval", None)
        options.setdefault("close_timeout", 1)
        async with connect(f"ws{self.url.removeprefix('http')}/graphql", compression=None, **options) as connection:
            yield Socket(connection)

    @asynccontextmanager
    async def ready(self, authorization: str | None = None, **options: Any) -> AsyncIterator["Socket"]:
        """A WebSocket whose connection is acknowledged."""
        async with self.socket(**options) as socket:
            await socket.send(INIT if authorization is None else {**INIT, "payload": {"authorization": authorization}})
            assert await socket.receive() == {"type": "connection_ack"}
            yield socket

    async def idle(self) -> None:
        """Wait until no source is open and no connection counted."""
        await eventually(lambda: self.sources.open == 0 and self.connections.count == 0)


@dataclass(slots=True)
class Socket:
    """One client."""

    connection: ClientConnection
    _number: int = field(default=0)

    async def send(self, message: object) -> None:
        await self.connection.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def receive(self) -> Any:
        async with asyncio.timeout(WAIT_SECONDS):
            return json.loads(await self.connection.recv())

    async def subscribe(self, query: str, operation_id: str = "1", **payload: Any) -> None:
        await self.send({"type": "subscribe", "id": operation_id, "payload": {"query": query, **payload}})

    async def error(self, operation_id: str = "1") -> dict[str, Any]:
        """The one error of the ``error`` message that comes next."""
        message = await self.receive()
        assert (message["type"], message["id"]) == ("error", operation_id), message
        (error,) = message["payload"]
        return dict(error)

    async def closed(self) -> tuple[int, str]:
        """The code and reason with which the server closes the connection next, without another message."""
        async with asyncio.timeout(WAIT_SECONDS):
            with pytest.raises(ConnectionClosed) as closed:
                await self.connection.recv()
        assert closed.value.rcvd is not None, "cut without a close frame"
        return closed.value.rcvd.code, closed.value.rcvd.reason

    async def is_alive(self) -> None:
        await self.send({"type": "ping", "payload": {"still": "there"}})
        assert await self.receive() == {"type": "pong", "payload": {"still": "there"}}


class Go(Protocol):
    """Starts an endpoint with limits of its own, which runs until the test ends."""

    async def __call__(self, **limits: float) -> Live: ...


@asynccontextmanager
async def live_server(limits: StreamLimits | None = None, **settings: float) -> AsyncIterator[Live]:
    """A server of the live schema; ``settings`` are those of uvicorn that shall be other than Laurel's own."""
    accounts, sources, connections = Accounts(), Sources(), Connections(limits or StreamLimits())

    async def context(connection: HTTPConnection, principal: Principal) -> Context:
        return Context(sources, principal, connection.headers.get("accept-language"))

    endpoint = graphql_app(live_schema(), accounts.identify, context, connections=connections)
    routes: list[BaseRoute] = [Route("/graphql", endpoint), WebSocketRoute("/graphql", endpoint)]
    async with serving(routes, connections.end, **settings) as url:
        yield Live(url, accounts, sources, connections)


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


def next_of(data: object, operation_id: str = "1") -> dict[str, Any]:
    return {"type": "next", "id": operation_id, "payload": {"data": data}}


def complete(operation_id: str = "1") -> dict[str, Any]:
    return {"type": "complete", "id": operation_id}
