"""The open connections of a process: how many there may be, how much each may hold, and their common end."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.http.callers import RECHECK_SECONDS
from app.http.execution import REQUEST_TIMEOUT_SECONDS
from schema.principals import Anonymous, Principal, ServicePrincipal

MAX_CONNECTIONS = 20_000
"""Of one process, over both transports."""
MAX_ANONYMOUS_CONNECTIONS = 10_000
"""Of one process, so that members find room however many come without credentials."""
MAX_CONNECTIONS_PER_PERSON = 20
"""Of one member or member of staff, for each process."""
MAX_CONNECTIONS_PER_SERVICE = 200
"""Of one API key, for each process."""
MAX_OPERATIONS = 50
"""That run over one connection at a time, those being ended included."""
MAX_MESSAGE_BYTES = 64 * 1024
"""Of one message from a client. The server that reads the frames enforces it, with close code 1009."""
MAX_WAITING_BYTES = 1024 * 1024
"""Of all messages that wait for one connection to take them; a single larger one may wait alone."""
INIT_TIMEOUT_SECONDS = 10.0
"""From an open WebSocket to its ``connection_init``."""
SEND_TIMEOUT_SECONDS = 10.0
"""How long a connection may take no more data before it is dropped."""
KEEP_ALIVE_SECONDS = 20.0
"""Between two signs of life from us on a connection with nothing to say; proxies cut silent ones after 30 to 60."""
PONG_TIMEOUT_SECONDS = 20.0
"""How long a WebSocket's answer to our ping may take."""
CLEAN_UP_SECONDS = 5.0
"""How long the operations of a closed connection may take to end."""


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Bounds on one process's connections that stay open, and on each of them."""

    max_connections: int = MAX_CONNECTIONS
    max_anonymous_connections: int = MAX_ANONYMOUS_CONNECTIONS
    max_connections_per_person: int = MAX_CONNECTIONS_PER_PERSON
    max_connections_per_service: int = MAX_CONNECTIONS_PER_SERVICE
    max_operations: int = MAX_OPERATIONS
    max_waiting_bytes: int = MAX_WAITING_BYTES
    init_timeout_seconds: float = INIT_TIMEOUT_SECONDS
    send_timeout_seconds: float = SEND_TIMEOUT_SECONDS
    request_timeout_seconds: float = REQUEST_TIMEOUT_SECONDS
    keep_alive_seconds: float = KEEP_ALIVE_SECONDS
    clean_up_seconds: float = CLEAN_UP_SECONDS
    recheck_seconds: float = RECHECK_SECONDS

    def connections_of(self, principal: Principal) -> int:
        """How many connections this caller may have in one process."""
        if isinstance(principal, Anonymous):
            return self.max_anonymous_connections
        if isinstance(principal, ServicePrincipal):
            return self.max_connections_per_service
        return self.max_connections_per_person


class ProcessFull(Exception):
    """The process holds as many connections as it may, or is about to end: try again, maybe with another."""


class CallerFull(Exception):
    """The caller holds as many connections as one may."""


@dataclass(slots=True)
class Connections:
    """Counts the connections of one process and ends those that the server cannot end by itself."""

    limits: StreamLimits = field(default_factory=StreamLimits)
    ending: bool = False
    count: int = 0
    _by_principal: Counter[Principal] = field(default_factory=Counter)
    _ends: set[Callable[[], None]] = field(default_factory=set)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Count a connection while the block runs.

        Raises:
            ProcessFull: There is no room for it.
        """
        if self.ending or self.count >= self.limits.max_connections:
            raise ProcessFull
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1

    @contextmanager
    def held_by(self, principal: Principal) -> Iterator[None]:
        """Count an open connection as this caller's while the block runs.

        Raises:
            CallerFull: The caller has too many already.
        """
        if self._by_principal[principal] >= self.limits.connections_of(principal):
            raise CallerFull
        self._by_principal[principal] += 1
        try:
            yield
        finally:
            self._by_principal[principal] -= 1
            if not self._by_principal[principal]:
                del self._by_principal[principal]

    @contextmanager
    def ended_by(self, end: Callable[[], None]) -> Iterator[None]:
        """Have ``end`` called, at most once, if the process ends while the block runs."""
        self._ends.add(end)
        try:
            yield
        finally:
            self._ends.discard(end)

    def end(self) -> None:
        """Take no more connections, and end the streams; WebSockets are closed by the server, with 1012."""
        self.ending = True
        for end in list(self._ends):
            end()
