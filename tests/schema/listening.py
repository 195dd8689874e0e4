"""The real application over real sockets, and clients that subscribe."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from app.clock import utc_now
from app.http.subscriptions import Connections, StreamLimits
from app.web import end_streams, web_app
from gamification.member import Member
from tests.app.http.live import INIT, Socket
from tests.graphql_http.server import serving
from tests.schema.api import ANONYMOUS, Api, Caller, Json, purchase

WAIT_SECONDS = 10.0
BOARD = """subscription ($board: String!, $first: Int = 3) {
  leaderboardChanges(board: $board, first: $first) {
    state total period { code } nodes { rank score isMe name } me { rank }
  }
}"""


@dataclass(frozen=True, slots=True)
class Door:
    """Where an application listens."""

    url: str
    connections: Connections | None = None
    """Those of the application, where it runs in this process."""

    @asynccontextmanager
    async def socket(self, caller: Caller = ANONYMOUS, **options: Any) -> AsyncIterator[Socket]:
        """A WebSocket whose connection is acknowledged."""
        options = {"subprotocols": [Subprotocol("graphql-transport-ws")], "ping_interval": None, **options}
        url = f"ws{self.url.removeprefix('http')}/graphql"
        async with connect(url, compression=None, close_timeout=1, **options) as connection:
            socket = Socket(connection)
            authorization = caller.headers.get("Authorization")
            await socket.send({**INIT, "payload": {"authorization": authorization}} if authorization else INIT)
            assert await socket.receive() == {"type": "connection_ack"}
            yield socket

    @asynccontextmanager
    async def subscribed(self, query: str, caller: Caller = ANONYMOUS, **variables: Any) -> AsyncIterator["Subscribed"]:
        """One subscription over a WebSocket of its own."""
        async with self.socket(caller) as socket:
            await socket.subscribe(query, variables=variables)
            yield Subscribed(socket)

    @asynccontextmanager
    async def streamed(self, query: str, caller: Caller = ANONYMOUS, **variables: Any) -> AsyncIterator["Streamed"]:
        """One subscription over server-sent events."""
        body = {"query": query, "variables": variables}
        headers = {**caller.headers, "Accept": "text/event-stream"}
        async with (
            httpx.AsyncClient(base_url=self.url, timeout=WAIT_SECONDS) as client,
            client.stream("POST", "/graphql", json=body, headers=headers) as response,
        ):
            assert response.status_code == httpx.codes.OK
            yield Streamed(response.aiter_lines())


@dataclass(slots=True)
class Subscribed:
    """A subscription over a WebSocket."""

    socket: Socket

    async def next(self) -> Any:
        """What the only field of the next event holds."""
        message = await self.socket.receive()
        assert message["type"] == "next", message
        return _field(message["payload"])

    async def error_code(self) -> str:
        """The code of the error with which it ends."""
        return str((await self.socket.error())["extensions"]["code"])

    async def is_quiet(self, seconds: float = 0.3) -> None:
        """Nothing comes for a while."""
        try:
            async with asyncio.timeout(seconds):
                message = await self.socket.connection.recv()
        except TimeoutError:
            return
        raise AssertionError(message)


@dataclass(slots=True)
class Streamed:
    """A subscription over server-sent events."""

    lines: AsyncIterator[str]

    async def next(self) -> Any:
        """What the only field of the next event holds."""
        async with asyncio.timeout(WAIT_SECONDS):
            async for line in self.lines:
                if line.startswith("data: "):
                    return _field(json.loads(line.removeprefix("data: ")))
        raise AssertionError("the stream has ended")


def _field(payload: Mapping[str, Any]) -> Json:
    assert list(payload) == ["data"], payload
    (value,) = payload["data"].values()
    return dict(value)


@asynccontextmanager
async def listening(api: Api, limits: StreamLimits | None = None) -> AsyncIterator[Door]:
    """The application on a free port of this machine."""
    authenticator = api.laurel.authenticator()
    web = web_app(api.laurel.game, authenticator, api.laurel.pings)
    if limits is not None:
        web.state.connections.limits = limits
    async with serving(web.routes, lambda: end_streams(web)) as url:
        yield Door(url, web.state.connections)
    await authenticator.aclose()


async def buy(api: Api, member: Member, key: str, amount_minor: int = 1000) -> Member:
    """A purchase of just now; returns the member after it."""
    return await api.record(member, purchase(key, utc_now(), amount_minor))
