"""uvicorn's protocols, with what they lack: a way to be rid of a client that takes no data.

Left to itself, uvicorn waits until the client has read everything before it writes a close frame, and closes the
transport only after that. A client that stops reading could so hold a connection and its buffers for ever.
"""

from collections.abc import Callable

from starlette.types import Scope
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

CLOSE_SECONDS = 5.0
"""From our close frame until the connection is cut, whether or not the client has answered."""
SHUTDOWN_CLOSE_SECONDS = 1.0
"""The same when the process ends."""

_ABORT = "abort_connection"


class HttpProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose requests carry the means to cut their connection; see `abort`."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        state = self.scope["state"]
        state[_ABORT] = self.transport.abort


def abort(scope: Scope) -> None:
    """Cut the connection of this request without waiting for what it has not read; a server without it closes."""
    cut: Callable[[], None] | None = scope.get("state", {}).get(_ABORT)
    if cut is not None:
        cut()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSockets that end within `CLOSE_SECONDS` of the wish to close them, from whichever side."""

    async def send(self, message: ASGISendEvent) -> None:
        """Send what the application says; its close does not wait behind messages that the client does not read.

        Raises:
            ClientDisconnected: The connection is gone, or closed by the server itself.
        """
        is_close = message["type"] == "websocket.close"
        if is_close:
            self.writable.set()
        try:
            await super().send(message)
        except RuntimeError:
            # uvicorn takes a message for a fault of the application if it comes after a close that uvicorn has sent.
            if self.close_sent:
                raise ClientDisconnected from None
            raise
        if is_close:
            self._cut_in(CLOSE_SECONDS)
        elif message["type"] == "websocket.accept":
            # Some 4 KiB of headers, which nobody reads any more: the application has them in its scope.
            del self.request, self.response

    def shutdown(self) -> None:
        """Close with 1012, because the process ends."""
        super().shutdown()
        self._cut_in(SHUTDOWN_CLOSE_SECONDS)

    def keepalive_timeout(self) -> None:
        """Close with 1011, because no pong came."""
        super().keepalive_timeout()
        self._cut_in(CLOSE_SECONDS)

    def handle_close(self, event: Frame) -> None:
        """Answer the client's close."""
        super().handle_close(event)
        self._cut_in(CLOSE_SECONDS)

    def handle_parser_exception(self) -> None:
        """Close with the code that tells what was wrong with the client's frames."""
        super().handle_parser_exception()
        self._cut_in(CLOSE_SECONDS)

    def _cut_in(self, seconds: float) -> None:
        self.loop.call_later(seconds, self.transport.abort)
