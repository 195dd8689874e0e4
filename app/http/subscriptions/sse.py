"""GraphQL over server-sent events, in "distinct connections mode": one operation for each HTTP response.

The protocol: https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md. Events are ``next`` with a response map,
and ``complete``, after which a client does not come again by itself. What the client can act on:

- The credentials ended: a ``next`` whose only error has the code ``UNAUTHENTICATED``, then ``complete``.
- The process ends: the stream ends without ``complete``, so that clients connect again, with their last cursor.
- The client is too slow: the connection is dropped, which looks to it like any lost connection.
"""

import asyncio
import logging
from contextlib import ExitStack, aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.auth import InvalidCredentials
from app.http.callers import Caller, refusal_of
from app.http.media_types import EVENT_STREAM
from app.http.refusal import Refusal
from app.http.subscriptions.connections import CallerFull, Connections, ProcessFull
from app.http.subscriptions.operation import Responses, answer
from app.http.subscriptions.uvicorn_protocols import abort
from schema.faults import formatted_exception

RETRY_SECONDS = 5
"""What a client is asked to wait when there is no room for its connection."""
COMPLETE = b"event: complete\ndata:\n\n"
COMMENT = b":\n\n"
"""Keeps the connection alive; clients take no notice of it."""

# A proxy that gathers an answer before it hands it on would hold events back; the last one tells nginx not to.
_HEADERS = {"Cache-Control": "no-store, no-transform", "X-Content-Type-Options": "nosniff", "X-Accel-Buffering": "no"}


def single_event(response: dict[str, object], request_id: str) -> Response:
    """The response of a query or mutation as the one event of a stream."""
    return Response(_next(response, request_id) + COMPLETE, headers=_HEADERS, media_type=EVENT_STREAM)


def event_stream(connections: Connections, caller: Caller, responses: Responses, request_id: str) -> Response:
    """The responses as a stream, which lasts until their source, the client or the process ends it.

    Raises:
        Refusal: 503, the process has no room; 429, the caller has too many connections already.
    """
    holds = ExitStack()
    try:
        holds.enter_context(connections.opened())
        holds.enter_context(connections.held_by(caller.credentials.principal))
    except ProcessFull:
        raise _no_room(503, "The process has no room for more connections; try again shortly.") from None
    except CallerFull:
        holds.close()
        raise _no_room(429, "You have too many open connections; close one first.") from None
    return _EventStream(connections, caller, responses, request_id, holds)


def _no_room(status: int, message: str) -> Refusal:
    return Refusal(status, message, "TOO_MANY_CONNECTIONS", {"Retry-After": str(RETRY_SECONDS)})


def _next(response: dict[str, object], request_id: str) -> bytes:
    return _event(answer(response, request_id).body)


def _event(body: bytes) -> bytes:
    return b"event: next\ndata: %b\n\n" % body  # JSON as we write it has no line breaks


log = logging.getLogger(__name__)


class _Stuck(Exception):
    """The client takes no more data."""


class _EventStream(Response):
    """One stream. The request's task listens for the client's end and the clock; a second one sends."""

    def __init__(
        self, connections: Connections, caller: Caller, responses: Responses, request_id: str, holds: ExitStack
    ) -> None:
        super().__init__(headers=_HEADERS, media_type=EVENT_STREAM)
        del self.headers["content-length"]
        self._connections = connections
        self._limits = connections.limits
        self._caller = caller
        self._responses = responses
        self._request_id = request_id
        self._holds = holds
        self._sending: asyncio.Task[None] | None = None
        self._started = False
        self._stopped = False
        self._last_words = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the end, whoever brings it about."""
        with self._holds, self._connections.ended_by(self._stop):
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            self._sending = asyncio.create_task(self._send_all(send, scope))
            try:
                await self._listen(receive, send)
            except _Stuck:
                abort(scope)
            finally:
                self._stop()
                _, late = await asyncio.wait([self._sending], timeout=self._limits.clean_up_seconds)
                if late:
                    log.error("Request %s: its stream does not end; its source hangs", self._request_id)

    def _stop(self, last_words: bytes = b"") -> None:
        # Once only: a source that is closing must not be cancelled half-way.
        if not self._stopped:
            self._stopped, self._last_words = True, last_words
            if self._sending is not None and self._started:  # else it sees that it need not begin
                self._sending.cancel()

    async def _listen(self, receive: Receive, send: Send) -> None:
        now = asyncio.get_running_loop().time
        check_at = now() + self._caller.seconds_to_check()
        while True:
            try:
                async with asyncio.timeout_at(min(check_at, now() + self._limits.keep_alive_seconds)):
                    event = await receive()
            except TimeoutError:
                if now() < check_at:
                    await self._write(send, COMMENT)
                else:
                    await self._check()
                    check_at = now() + self._caller.seconds_to_check()
                continue
            if event["type"] == "http.disconnect":
                return

    async def _check(self) -> None:
        try:
            await self._caller.check()
        except InvalidCredentials as refused:
            self._stop(_next(formatted_exception(refusal_of(refused), self._request_id), self._request_id) + COMPLETE)

    async def _send_all(self, send: Send, scope: Scope) -> None:
        self._started = True
        try:
            last_words = await self._relay(send)
            await self._write(send, last_words, more=False)
        except _Stuck:
            abort(scope)

    async def _relay(self, send: Send) -> bytes:
        try:
            await self._write(send, COMMENT)  # so that the client sees at once that it is connected
            async with aclosing(self._responses) as responses:
                if not self._stopped:
                    async for response in responses:
                        await self._write(send, _next(response, self._request_id))
                    return COMPLETE
        except asyncio.CancelledError:
            if not self._stopped:
                raise
        except _Stuck:
            raise
        except Exception as exception:
            return _next(formatted_exception(exception, self._request_id), self._request_id) + COMPLETE
        return self._last_words

    async def _write(self, send: Send, data: bytes, *, more: bool = True) -> None:
        try:
            async with asyncio.timeout(self._limits.send_timeout_seconds):
                await send({"type": "http.response.body", "body": data, "more_body": more})
        except TimeoutError:
            raise _Stuck from None
