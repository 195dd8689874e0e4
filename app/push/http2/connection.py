"""One connection of HTTP/2: requests as streams of it, each with its answer."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import H2Error, StreamClosedError
from hpack import HeaderTuple

from app.push.http2.answers import MAX_ANSWER_BYTES, Answer, NoAnswer, NotTaken, Unreachable
from app.push.http2.frames import Frames, GoAway, NotFrames

MAX_STREAMS: Final = 128
"""Requests on one connection at once, if the host allows as many. h2 looks at each of them at every request."""
MAX_STREAM_ID: Final = 2**30
"""After so many requests a connection is replaced; identifiers end at 2**31."""
SILENCE_SECONDS: Final = 10.0
"""Heard nothing for so long, a connection is asked for a sign of life beside the next request."""
PROBE_SECONDS: Final = 5.0
"""How long the sign of life may take before all requests of the connection count as lost."""

Headers = Sequence[tuple[bytes, bytes] | HeaderTuple]
_CONFIG: Final = H2Configuration(
    # What we send is built from checked parts, and lower case; what we get is not passed on.
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
)


class _Stream:
    """A request under way."""

    __slots__ = ("answer", "body", "headers", "status", "unsent")

    def __init__(self, answer: asyncio.Future[Answer], unsent: bytes) -> None:
        self.answer = answer
        self.unsent = unsent
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""


class Connection(asyncio.Protocol):
    """Takes requests once `settled`; tells ``on_change`` whenever there may be more room, or it is over."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._http = H2Connection(_CONFIG)
        self._frames = Frames()
        self._streams: dict[int, _Stream] = {}
        self._transport: asyncio.Transport | None = None
        self._max_streams = 0
        self._is_blocked = False
        self._is_leaving = False
        self._has_answered = False
        self._flush_is_due = False
        self._heard_at = time.monotonic()
        self._probe: asyncio.TimerHandle | None = None
        self.settled: asyncio.Future[None] = self._loop.create_future()
        """Done when the host has said how much it takes at once; that may be one request until it knows us."""

    @property
    def room(self) -> int:
        """How many requests may be started now."""
        if self._is_blocked or self.is_over:
            return 0
        return max(self._max_streams - len(self._streams), 0)

    @property
    def is_closed(self) -> bool:
        """Whether nothing comes of it any more."""
        return self._transport is None

    @property
    def is_over(self) -> bool:
        """Whether it takes no more requests; those under way may still be answered."""
        return self._is_leaving or self._transport is None

    @property
    def has_answered(self) -> bool:
        """Whether anything ever came of it."""
        return self._has_answered

    @property
    def idle_seconds(self) -> float:
        """For how long nothing was heard, and nothing waits to be; 0 while requests are under way."""
        return 0.0 if self._streams else time.monotonic() - self._heard_at

    def start(self, headers: Headers, body: bytes) -> tuple[int, asyncio.Future[Answer]]:
        """Send a request. Only where there is `room`.

        The future ends with the answer, or with `NoAnswer`.
        """
        stream_id = self._http.get_next_available_stream_id()
        self._is_leaving = self._is_leaving or stream_id >= MAX_STREAM_ID
        self._http.send_headers(stream_id, headers)
        stream = self._streams[stream_id] = _Stream(self._loop.create_future(), body)
        self._send_body(stream_id, stream)
        self._ask_for_life()
        self._flush_soon()
        return stream_id, stream.answer

    def abandon(self, stream_id: int) -> None:
        """Nobody waits for this answer any more."""
        if self._streams.pop(stream_id, None) is not None:
            self._reset(stream_id)
            self._changed()

    def close(self) -> None:
        """End it; requests under way have no answer."""
        self._lose("closed")

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own does not inherit from it
        self._http.local_settings.enable_push = 0
        self._http.initiate_connection()
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Deal with what arrived; what breaks the protocol ends the connection."""
        self._heard_at = time.monotonic()
        if self._probe is not None:
            self._probe.cancel()
            self._probe = None
        try:
            for part in self._frames.cut(data):
                if isinstance(part, GoAway):
                    self._leave(part)
                else:
                    for event in self._http.receive_data(part):
                        self._take(event)
        except (H2Error, NotFrames):
            self._lose("protocol_error")
            return
        self._flush_soon()
        self._changed()

    def connection_lost(self, exc: Exception | None) -> None:
        """The host, the network or we have ended it."""
        self._transport = None
        self._lose("connection_lost")

    def pause_writing(self) -> None:
        """The network takes no more just now."""
        self._is_blocked = True

    def resume_writing(self) -> None:
        """The network takes more again."""
        self._is_blocked = False
        self._changed()

    # Events of streams.

    def _take(self, event: Event) -> None:
        match event:
            case ResponseReceived(stream_id=int(stream_id)) if stream := self._streams.get(stream_id):
                stream.headers = {
                    bytes(name).decode("latin-1"): bytes(v).decode("latin-1") for name, v in event.headers
                }
                stream.status = _status(stream.headers.pop(":status", ""))
            case DataReceived(stream_id=int(stream_id), data=bytes(data)):
                self._take_data(stream_id, data, event.flow_controlled_length or 0)
            case StreamEnded(stream_id=int(stream_id)) if stream := self._streams.pop(stream_id, None):
                self._end(stream_id, stream)
            case StreamReset(stream_id=int(stream_id)) if stream := self._streams.pop(stream_id, None):
                refused = event.error_code == ErrorCodes.REFUSED_STREAM
                _fail(stream, NotTaken("refused_stream") if refused else NoAnswer("stream_reset"))
            case RemoteSettingsChanged():
                self._settle()
            case WindowUpdated():
                self._send_bodies()
            case _:
                pass

    def _take_data(self, stream_id: int, data: bytes, length: int) -> None:
        self._http.acknowledge_received_data(length, stream_id)
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        stream.body += data
        if len(stream.body) > MAX_ANSWER_BYTES:
            del self._streams[stream_id]
            self._reset(stream_id)
            _fail(stream, NoAnswer("answer_too_long"))

    def _end(self, stream_id: int, stream: _Stream) -> None:
        self._has_answered = True
        if stream.unsent:  # An answer before the whole request was sent; the rest is not wanted.
            self._reset(stream_id)
        if not stream.answer.done():
            stream.answer.set_result(Answer(stream.status, stream.headers, stream.body))

    def _settle(self) -> None:
        allowed = self._http.remote_settings.max_concurrent_streams
        self._max_streams = min(MAX_STREAMS, allowed)
        if not self.settled.done():
            self.settled.set_result(None)
        self._send_bodies()

    def _leave(self, goaway: GoAway) -> None:
        self._is_leaving = True
        for stream_id in [stream_id for stream_id in self._streams if stream_id > goaway.last_stream]:
            _fail(self._streams.pop(stream_id), NotTaken("goaway"))

    # Sending.

    def _send_bodies(self) -> None:
        for stream_id, stream in self._streams.items():
            if stream.unsent:
                self._send_body(stream_id, stream)

    def _send_body(self, stream_id: int, stream: _Stream) -> None:
        """As much as the host's windows let through; the rest follows when they open."""
        while stream.unsent:
            room = min(self._http.local_flow_control_window(stream_id), self._http.max_outbound_frame_size)
            if room <= 0:
                return
            part, stream.unsent = stream.unsent[:room], stream.unsent[room:]
            self._http.send_data(stream_id, part, end_stream=not stream.unsent)

    def _reset(self, stream_id: int) -> None:
        try:
            self._http.reset_stream(stream_id, ErrorCodes.CANCEL)
        except StreamClosedError:
            return
        self._flush_soon()

    def _ask_for_life(self) -> None:
        if self._probe is None and time.monotonic() - self._heard_at > SILENCE_SECONDS:
            self._http.ping(b"laurel\x00\x00")
            self._probe = self._loop.call_later(PROBE_SECONDS, self._lose, "silent")

    def _flush_soon(self) -> None:
        """Once for all that is sent in this turn of the event loop: one write and one TLS record for many requests."""
        if not self._flush_is_due:
            self._flush_is_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_is_due = False
        data = self._http.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)

    # Ending.

    def _changed(self) -> None:
        if self._is_leaving and not self._streams:
            self._lose("closed")
        else:
            self._on_change()

    def _lose(self, reason: str) -> None:
        self._is_leaving = True
        if self._probe is not None:
            self._probe.cancel()
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            _fail(stream, NoAnswer(reason))
        if not self.settled.done():
            self.settled.set_exception(Unreachable(reason))
            self.settled.exception()  # Nobody may wait for it any more.
        self._on_change()


def _fail(stream: _Stream, why: NoAnswer) -> None:
    if not stream.answer.done():
        stream.answer.set_exception(why)


def _status(text: str) -> int:
    return int(text) if text.isdecimal() else 0
