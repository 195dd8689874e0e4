"""A server of HTTP/2 over TLS that answers as it is told, and misbehaves as it is told."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame

from tests.push_doubles.certificates import server_tls

HOST = "localhost"


@dataclass
class Request:
    """One that has arrived whole; ``connection`` and ``stream`` are numbered from the first of this server."""

    method: str
    path: str
    headers: Mapping[str, str]
    connection: int
    stream: int
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """An answer, after ``until`` where that is given."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    until: asyncio.Event | None = None


@dataclass(frozen=True)
class Silence:
    """No answer, ever."""


@dataclass(frozen=True)
class ResetStream:
    """The stream is reset instead of answered."""

    code: ErrorCodes = ErrorCodes.REFUSED_STREAM


@dataclass(frozen=True)
class Abort:
    """The TCP connection is reset."""


@dataclass(frozen=True)
class HalfAnswer:
    """The head of an answer and the beginning of its body, and then nothing more."""

    status: int = 200


@dataclass(frozen=True)
class EndlessAnswer:
    """A body that does not end."""

    status: int = 200


@dataclass(frozen=True)
class Leave:
    """GOAWAY: requests up to ``last`` (this one where None) are answered after it, later ones are not looked at."""

    last: int | None = None
    reply: Reply = field(default_factory=lambda: Reply(200))
    code: ErrorCodes = ErrorCodes.NO_ERROR
    debug: bytes = b""


@dataclass(frozen=True)
class Garbage:
    """Bytes that are no HTTP/2."""


Act = Reply | Silence | ResetStream | Abort | HalfAnswer | EndlessAnswer | Leave | Garbage
Answer = Callable[[Request], Act]


@dataclass
class Http2Double:
    """What a running server has seen. One that ``is_deaf`` reads nothing any more, as behind a dead network."""

    answer: Answer
    port: int = 0
    max_streams: int = 100
    requests: list[Request] = field(default_factory=list)
    connections: list["_Connection"] = field(default_factory=list)
    most_at_once: int = 0
    keeps_requests: bool = True
    is_deaf: bool = False

    @property
    def url(self) -> str:
        """Its origin."""
        return f"https://{HOST}:{self.port}"

    @property
    def open_connections(self) -> int:
        """How many have not been closed."""
        return sum(not connection.closed for connection in self.connections)

    def allow_streams(self, count: int) -> None:
        """Let every connection have so many requests at once from now on."""
        self.max_streams = count
        for connection in self.connections:
            connection.allow_streams(count)

    def abort_all(self) -> None:
        """Reset every connection."""
        for connection in self.connections:
            connection.abort()


class _Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, double: Http2Double) -> None:
        self._double = double
        self._http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._arriving: dict[int, Request] = {}
        self._unanswered: set[int] = set()
        self._last: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.number = len(double.connections) + 1
        self.closed = False
        self._is_open = False  # until the handshake is over
        double.connections.append(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own does not inherit from it
        self._is_open = True
        self._http.initiate_connection()
        self._http.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: self._double.max_streams})
        self._flush()

    def abort(self) -> None:
        if self._is_open:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        for task in self._tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._double.is_deaf:
            return
        try:
            for event in self._http.receive_data(data):
                self._take(event)
        except ProtocolError:
            self.transport.abort()
        self._flush()

    def allow_streams(self, count: int) -> None:
        self._http.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: count})
        self._flush()

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived(stream_id=int(stream), headers=list(pairs)):
                if self._last is not None and stream > self._last:
                    return  # left unprocessed, as GOAWAY said
                headers = {str(name): str(value) for name, value in pairs}
                self._arriving[stream] = Request(headers[":method"], headers[":path"], headers, self.number, stream)
            case DataReceived(stream_id=int(stream), data=bytes(data), flow_controlled_length=int(length)):
                self._http.acknowledge_received_data(length, stream)
                if stream in self._arriving:
                    self._arriving[stream].body += data
            case StreamEnded(stream_id=int(stream)) if stream in self._arriving:
                self._act_on(self._arriving.pop(stream))
            case StreamReset(stream_id=int(stream)):
                self._arriving.pop(stream, None)
                self._unanswered.discard(stream)
            case _:
                pass

    def _act_on(self, request: Request) -> None:
        if self._double.keeps_requests:
            self._double.requests.append(request)
        self._unanswered.add(request.stream)
        self._double.most_at_once = max(self._double.most_at_once, len(self._unanswered))
        stream = request.stream
        match self._double.answer(request):
            case Reply() as reply:
                self._reply(stream, reply)
            case ResetStream(code):
                self._http.reset_stream(stream, code)
            case Abort():
                self.transport.abort()
            case HalfAnswer(status):
                self._http.send_headers(stream, [(":status", str(status)), ("content-length", "100")])
                self._http.send_data(stream, b"{")
            case EndlessAnswer(status):
                self._http.send_headers(stream, [(":status", str(status))])
                self._soon(self._drip(stream))
            case Leave() as leave:
                self._leave(stream, leave)
            case Garbage():
                self.transport.write(b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00")
            case Silence():
                pass

    def _reply(self, stream: int, reply: Reply) -> None:
        if reply.until is None or reply.until.is_set():
            self._answer_now(stream, reply)
        else:
            self._soon(self._answer_after(reply.until, stream, reply))

    async def _answer_after(self, until: asyncio.Event, stream: int, reply: Reply) -> None:
        await until.wait()
        self._answer_now(stream, reply)
        self._flush()

    def _answer_now(self, stream: int, reply: Reply) -> None:
        if stream not in self._unanswered:
            return  # the client has given it up
        self._unanswered.discard(stream)
        head = [(":status", str(reply.status)), *reply.headers.items()]
        self._http.send_headers(stream, head, end_stream=not reply.body)
        if reply.body:
            self._http.send_data(stream, reply.body, end_stream=True)

    async def _drip(self, stream: int) -> None:
        while stream in self._unanswered:
            room = min(self._http.local_flow_control_window(stream), self._http.max_outbound_frame_size)
            if room:
                self._http.send_data(stream, b"x" * room)
                self._flush()
            await asyncio.sleep(0)

    def _leave(self, stream: int, leave: Leave) -> None:
        """Written past h2, which would take GOAWAY as the end of everything."""
        self._last = stream if leave.last is None else leave.last
        self._flush()
        self.transport.write(GoAwayFrame(0, self._last, leave.code, additional_data=leave.debug).serialize())
        if stream <= self._last:
            self._reply(stream, leave.reply)

    def _soon(self, act: Awaitable[None]) -> None:
        task = asyncio.ensure_future(act)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _flush(self) -> None:
        data = self._http.data_to_send()
        if data:
            self.transport.write(data)


@asynccontextmanager
async def serving(double: Http2Double) -> AsyncIterator[Http2Double]:
    """Serve on loopback until the block ends; connections that are open then are reset."""
    loop = asyncio.get_running_loop()
    tls = server_tls((HOST,), ("h2",))
    server = await loop.create_server(
        lambda: _Connection(double), "127.0.0.1", double.port, ssl=tls, family=socket.AF_INET
    )
    double.port = server.sockets[0].getsockname()[1]
    try:
        yield double
    finally:
        server.close()
        double.abort_all()
