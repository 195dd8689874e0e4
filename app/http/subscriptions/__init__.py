"""Operations over connections that stay open: GraphQL over WebSocket and over server-sent events."""

from app.http.subscriptions.connections import Connections, StreamLimits
from app.http.subscriptions.sse import event_stream, single_event
from app.http.subscriptions.websocket import WebSocketEndpoint

__all__ = ["Connections", "StreamLimits", "WebSocketEndpoint", "event_stream", "single_event"]
