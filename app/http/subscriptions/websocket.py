"""GraphQL over WebSocket: one connection that speaks graphql-transport-ws, bounded in all that it holds."""

import asyncio
import contextlib
import logging
from collections.abc import MutableMapping
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
import strawberry
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from app.auth import InvalidCredentials
from app.http.callers import Caller, Identify, MakeContext, identified
from app.http.subscriptions.connections import CallerFull, Connections, ProcessFull
from app.http.subscriptions.messages import (
    SUBPROTOCOL,
    CloseCode,
    Complete,
    ConnectionInit,
    Ping,
    ProtocolFault,
    Subscribe,
    parsed,
)
from app.http.subscriptions.operation import Responses, answer, responses
from gamification.stores import StoreUnavailable
from schema.faults import formatted_exception

MAX_REASON_BYTES = 123
"""Of a close frame, whose whole payload is 125 bytes (RFC 6455, section 5.5)."""
TOO_MANY_OPERATIONS = "TOO_MANY_OPERATIONS"

log = logging.getLogger(__name__)


class _Gone(Exception):
    """The connection is closed, by whichever side."""


@dataclass(frozen=True, slots=True)
class WebSocketEndpoint:
    """The ASGI application for WebSockets to ``/graphql``.

    Credentials are the handshake's ``Authorization`` header or, where there is none, ``authorization`` in the payload
    of ``connection_init``. When they end, the connection is closed with 4403, and a client connects again with new
    ones and the cursors that it has.
    """

    schema: strawberry.Schema
    identify: Identify
    make_context: MakeContext
    connections: Connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        await _Connection(self, scope, receive, send).run()


class _Connection:
    """One socket. Its task reads; each operation has a task that writes what its source gives, when it gives it."""

    __slots__ = (
        "_caller",
        "_closed",
        "_deadline",
        "_endpoint",
        "_holds",
        "_initialised",
        "_limits",
        "_operations",
        "_receive",
        "_scope",
        "_send_event",
        "_tasks",
        "_waiting_bytes",
    )

    def __init__(self, endpoint: WebSocketEndpoint, scope: Scope, receive: Receive, send: Send) -> None:
        self._endpoint = endpoint
        self._limits = endpoint.connections.limits
        self._scope = scope
        self._receive = receive
        self._send_event = send
        self._holds = ExitStack()
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._caller: Caller | None = None
        self._initialised = False
        self._closed = False
        self._waiting_bytes = 0
        self._deadline = 0.0

    async def run(self) -> None:
        """Serve the connection until either side closes it, and end its operations."""
        with self._holds:
            try:
                await self._accept()
                await self._converse()
            except ProtocolFault as fault:
                await self._close(fault.code, fault.reason)
            except _Gone:
                pass
            except Exception:
                await self._fail(uuid4().hex)
            finally:
                self._closed = True
                await self._end_operations()

    async def _accept(self) -> None:
        if (await self._receive())["type"] != "websocket.connect":
            raise _Gone
        offered = SUBPROTOCOL in self._scope.get("subprotocols", ())
        # A refusal before the handshake has no code that a browser's script could read, so it comes after.
        await self._emit({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if offered else None})
        if not offered:
            raise ProtocolFault(CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE, f"Connect with the subprotocol {SUBPROTOCOL}")
        try:
            self._holds.enter_context(self._endpoint.connections.opened())
        except ProcessFull:
            raise ProtocolFault(CloseCode.TRY_AGAIN_LATER, "Too many connections; try again shortly") from None

    async def _converse(self) -> None:
        self._deadline = asyncio.get_running_loop().time() + self._limits.init_timeout_seconds
        while True:
            try:
                async with asyncio.timeout_at(self._deadline):
                    event = await self._receive()
            except TimeoutError:
                await self._check()
                continue
            if event["type"] == "websocket.disconnect":
                raise _Gone
            await self._handle(event)

    async def _check(self) -> None:
        if self._caller is None:
            raise ProtocolFault(CloseCode.INITIALISATION_TIMEOUT, "Connection initialisation timeout")
        try:
            await self._caller.check()
        except InvalidCredentials as refused:
            raise ProtocolFault(CloseCode.FORBIDDEN, f"Forbidden: {refused.reason}") from None
        self._check_in(self._caller.seconds_to_check())

    def _check_in(self, seconds: float) -> None:
        self._deadline = asyncio.get_running_loop().time() + seconds

    async def _handle(self, event: MutableMapping[str, Any]) -> None:
        match parsed(event.get("text")):
            case ConnectionInit(authorization=authorization):
                await self._initialise(authorization)
            case Subscribe() as message:
                await self._subscribe(message)
            case Complete(operation_id=operation_id):
                if task := self._operations.pop(operation_id, None):
                    task.cancel()
            case Ping(payload=payload):
                await self._send({"type": "pong"} if payload is None else {"type": "pong", "payload": payload})

    async def _initialise(self, authorization: str | None) -> None:
        if self._initialised:
            raise ProtocolFault(CloseCode.TOO_MANY_INITIALISATIONS, "Too many initialisation requests")
        self._initialised = True
        header = HTTPConnection(self._scope).headers.get("authorization", authorization)
        try:
            async with asyncio.timeout(self._limits.init_timeout_seconds):
                caller = await identified(self._endpoint.identify, header, self._limits.recheck_seconds)
            self._holds.enter_context(self._endpoint.connections.held_by(caller.credentials.principal))
        except InvalidCredentials as refused:
            raise ProtocolFault(CloseCode.FORBIDDEN, f"Forbidden: {refused.reason}") from None
        except (StoreUnavailable, TimeoutError) as outage:
            log.warning("A WebSocket's credentials cannot be judged: %s", outage or "timeout")
            raise ProtocolFault(CloseCode.TRY_AGAIN_LATER, "Try again shortly") from None
        except CallerFull:
            raise ProtocolFault(CloseCode.TOO_MANY_CONNECTIONS, "You have too many connections") from None
        await self._send({"type": "connection_ack"})
        self._caller = caller
        self._check_in(caller.seconds_to_check())

    async def _subscribe(self, message: Subscribe) -> None:
        if self._caller is None:
            raise ProtocolFault(CloseCode.UNAUTHORIZED, "Unauthorized: send connection_init first")
        if message.operation_id in self._operations:
            raise ProtocolFault(CloseCode.SUBSCRIBER_EXISTS, f"Subscriber for {message.operation_id} already exists")
        if len(self._tasks) >= self._limits.max_operations:
            text = f"At most {self._limits.max_operations} operations run over one connection; complete one first."
            error = {"message": text, "extensions": {"code": TOO_MANY_OPERATIONS}}
            await self._send({"type": "error", "id": message.operation_id, "payload": [error]})
            return
        task = asyncio.create_task(self._run_operation(message, self._caller))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._operations[message.operation_id] = task

    async def _run_operation(self, message: Subscribe, caller: Caller) -> None:
        request_id = uuid4().hex
        try:
            await self._relay(message.operation_id, self._responses(message, caller, request_id), request_id)
        except _Gone:
            pass
        except Exception:
            await self._fail(request_id)

    async def _responses(self, message: Subscribe, caller: Caller, request_id: str) -> Responses:
        connection = HTTPConnection(self._scope)
        try:
            context = await self._endpoint.make_context(connection, caller.credentials.principal)
        except Exception as exception:
            yield formatted_exception(exception, request_id)
            return
        async with aclosing(
            responses(
                self._endpoint.schema,
                message.request,
                context,
                timeout_seconds=self._limits.request_timeout_seconds,
                request_id=request_id,
            )
        ) as answers:
            async for response in answers:
                yield response

    async def _relay(self, operation_id: str, answers: Responses, request_id: str) -> None:
        name = orjson.dumps(operation_id)
        try:
            async for response in answers:
                encoded = answer(response, request_id)
                if encoded.errors is not None:
                    self._forget(operation_id)
                    await self._send_bytes(b'{"type":"error","id":%b,"payload":%b}' % (name, encoded.errors))
                    return
                await self._send_bytes(b'{"type":"next","id":%b,"payload":%b}' % (name, encoded.body))
        finally:
            # First, because nobody may cancel a source that is closing already: it would stop half-way.
            self._forget(operation_id)
            await answers.aclose()
        await self._send({"type": "complete", "id": operation_id})

    def _forget(self, operation_id: str) -> None:
        # Before its last message is sent, so that the client may use the id again as soon as it has that.
        if self._operations.get(operation_id) is asyncio.current_task():
            del self._operations[operation_id]

    async def _send(self, message: dict[str, object]) -> None:
        await self._send_bytes(orjson.dumps(message))

    async def _send_bytes(self, message: bytes) -> None:
        if self._waiting_bytes and self._waiting_bytes + len(message) > self._limits.max_waiting_bytes:
            await self._drop()
        self._waiting_bytes += len(message)
        try:
            async with asyncio.timeout(self._limits.send_timeout_seconds):
                await self._emit({"type": "websocket.send", "text": message.decode()})
        except TimeoutError:
            await self._drop()
        finally:
            self._waiting_bytes -= len(message)

    async def _drop(self) -> None:
        await self._close(CloseCode.SLOW_CONSUMER, "Slow consumer; connect again and resume from the last cursor")
        raise _Gone

    async def _emit(self, event: MutableMapping[str, Any]) -> None:
        if self._closed:
            raise _Gone
        try:
            await self._send_event(event)
        except OSError:  # how ASGI says that the client went away
            raise _Gone from None

    async def _close(self, code: CloseCode, reason: str) -> None:
        # The reader learns of it as of any other end: the server answers a close with a disconnect.
        if self._closed:
            return
        self._closed = True
        text = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(self._limits.send_timeout_seconds):
                await self._send_event({"type": "websocket.close", "code": int(code), "reason": text})

    async def _fail(self, request_id: str) -> None:
        # What resolvers raise is a response by now, so this is a fault of the transport or of the authentication.
        log.exception("Request %s: internal error in the WebSocket transport", request_id)
        await self._close(CloseCode.INTERNAL_ERROR, f"Internal error. Request id {request_id}.")

    async def _end_operations(self) -> None:
        for task in self._operations.values():
            task.cancel()
        self._operations.clear()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._limits.clean_up_seconds)
            if late:
                log.error("%d operations of a closed WebSocket do not end; their sources hang", len(late))
