"""Requests to one host over a few connections of HTTP/2, opened as they are needed."""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from hpack import HeaderTuple, NeverIndexedHeaderTuple

from app.push.http2.answers import Answer, NoAnswer, NoHttp2, NotTaken, Unreachable
from app.push.http2.connection import Connection, Headers

MAX_CONNECTIONS: Final = 4
CONNECT_TIMEOUT_SECONDS: Final = 10.0
"""For the connection, TLS and the host's settings together."""
MAX_IDLE_SECONDS: Final = 600.0
"""A connection that was not used for so long is replaced rather than trusted."""
MAX_ATTEMPTS: Final = 3
"""How often a request is put on a connection, where the host certainly has not looked at it before."""
REOPEN_SECONDS: Final = 0.5
"""From a connection that could not be opened to the next try; who sends meanwhile waits for that."""
HTTPS_PORT: Final = 443


@dataclass(frozen=True, slots=True)
class Host:
    """Where requests go."""

    name: str
    port: int = HTTPS_PORT

    @property
    def authority(self) -> str:
        """As in a URL."""
        return self.name if self.port == HTTPS_PORT else f"{self.name}:{self.port}"


Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name, for a port. Raises `Unreachable` where there are none to connect to."""


class Http2Client:
    """Sends requests to one host, as many at once as it takes; what is too much waits its turn."""

    def __init__(
        self,
        host: Host,
        tls: ssl.SSLContext,
        *,
        max_connections: int = MAX_CONNECTIONS,
        resolve: Resolve | None = None,
    ) -> None:
        """``tls`` is made to offer HTTP/2. ``resolve`` says which addresses the name has, in place of the system."""
        tls.set_alpn_protocols(["h2", "http/1.1"])  # Who does not know the first is told from who is not there.
        self._resolve = resolve
        self._host = host
        self._tls = tls
        self._max_connections = max_connections
        self._connections: list[Connection] = []
        self._opening: asyncio.Task[None] | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._failed_at: float | None = None
        self._is_closed = False
        self._under_way = 0
        self._pseudo: list[tuple[bytes, bytes]] = [
            (b":method", b"POST"),
            (b":scheme", b"https"),
            (b":authority", host.authority.encode("ascii")),
        ]

    async def post(self, path: bytes, headers: Sequence[tuple[bytes, bytes] | HeaderTuple], body: bytes) -> Answer:
        """The answer to a POST. The caller bounds the time.

        ``headers`` are lower case. The path is kept out of compression, because it may name a device.

        Raises:
            NoAnswer: the network or the host failed; the request may have been taken unless it is `NotTaken`.
        """
        self._under_way += 1
        try:
            return await self._posted(path, headers, body)
        finally:
            self._under_way -= 1

    async def _posted(self, path: bytes, headers: Headers, body: bytes) -> Answer:
        whole = [*self._pseudo, NeverIndexedHeaderTuple(b":path", path), *headers]
        for attempt in range(MAX_ATTEMPTS):
            try:
                return await self._attempt(whole, body)
            except NotTaken:
                if attempt == MAX_ATTEMPTS - 1:
                    raise
        raise AssertionError  # the last attempt has returned or raised

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for an answer."""
        return self._under_way == 0

    async def aclose(self) -> None:
        """Close the connections. Requests under way have no answer."""
        self._is_closed = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        for connection in list(self._connections):
            connection.close()
        self._fail_waiting(NoAnswer("closed"))

    async def _attempt(self, headers: Headers, body: bytes) -> Answer:
        connection = await self._connection_with_room()
        stream_id, answer = connection.start(headers, body)
        try:
            return await answer
        except asyncio.CancelledError:
            connection.abandon(stream_id)
            raise

    # Finding a connection. Whoever finds none waits, and is woken when there is room, or when there can be none.

    async def _connection_with_room(self) -> Connection:
        while True:
            if self._is_closed:
                raise NoAnswer("closed")
            for connection in tuple(self._connections):
                if connection.idle_seconds > MAX_IDLE_SECONDS:
                    connection.close()
                elif connection.room:
                    return connection
            self._open_another()
            await self._wait()

    async def _wait(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._changed()  # It was this one's turn, and it is the next one's now.
            raise

    def _changed(self) -> None:
        """There may be room, or a connection less."""
        for connection in [connection for connection in self._connections if connection.is_closed]:
            self._connections.remove(connection)
            if not connection.has_answered:  # It is as good as not opened: a host that hangs up is not called at once.
                self._failed_at = time.monotonic()
        room = sum(connection.room for connection in self._connections)
        while room and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                room -= 1
        if self._waiting:
            self._open_another()

    def _fail_waiting(self, why: NoAnswer) -> None:
        waiting, self._waiting = self._waiting, deque()
        for turn in waiting:
            if not turn.done():
                turn.set_exception(why)

    # Opening connections, one at a time.

    def _open_another(self) -> None:
        usable = sum(not connection.is_over for connection in self._connections)
        if self._opening is None and usable < self._max_connections and not self._is_closed:
            self._opening = asyncio.get_running_loop().create_task(self._open(), name="open a connection for pushes")

    async def _open(self) -> None:
        if self._failed_at is not None:
            await asyncio.sleep(self._failed_at + REOPEN_SECONDS - time.monotonic())
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                connection = await self._connected()
        except Unreachable as failure:
            self._give_up(failure)
        except TimeoutError:
            self._give_up(Unreachable("connect_timeout"))
        except OSError:  # Errors of TLS are such, too. Their texts may name an address.
            self._give_up(Unreachable("connect_failed"))
        else:
            self._failed_at = None
            self._opening = None
            self._connections.append(connection)
            self._changed()

    async def _connected(self) -> Connection:
        transport, connection = await self._dialled()
        try:
            if transport.get_extra_info("ssl_object").selected_alpn_protocol() != "h2":
                raise NoHttp2("no_http2")
            await connection.settled
        except BaseException:
            connection.close()
            raise
        return connection

    async def _dialled(self) -> tuple[asyncio.BaseTransport, Connection]:
        loop, name, port = asyncio.get_running_loop(), self._host.name, self._host.port
        addresses = [name] if self._resolve is None else await self._resolve(name, port)
        failure: OSError = ConnectionError()
        for address in addresses:
            try:
                return await loop.create_connection(
                    lambda: Connection(self._changed), address, port, ssl=self._tls, server_hostname=name
                )
            except OSError as error:
                failure = error
        raise failure

    def _give_up(self, failure: Unreachable) -> None:
        self._opening = None
        self._failed_at = time.monotonic()
        if all(connection.is_over for connection in self._connections):
            self._fail_waiting(failure)
