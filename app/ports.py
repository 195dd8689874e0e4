"""TCP ports of this machine: is one free to serve on, opening it, and which one is free at all."""

import errno
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from app.operator_error import OperatorError

BACKLOG = 2048
"""How many connections may wait to be accepted."""

_REASONS = {
    errno.EADDRINUSE: "port {port} is taken; set PORT to another",
    errno.EACCES: "port {port} needs rights that this user lacks; set PORT to a number above 1023",
    errno.EADDRNOTAVAIL: "{host} is not an address of this machine; set LAUREL_HOST to one that is",
}


def require_free_port(host: str, port: int) -> None:
    """Check that ``host:port`` can be served on.

    Raises:
        OperatorError: somebody listens there, or this process may not.
    """
    with listening(host, port):
        pass


@contextmanager
def listening(host: str, port: int) -> Iterator[Sequence[socket.socket]]:
    """Sockets that listen on every address of ``host``, without blocking; closed when the block ends.

    ``SO_REUSEADDR`` is set, as every server does: connections of an earlier run that linger in TIME_WAIT do not count
    as taken, a listening process does.

    Raises:
        OperatorError: somebody listens there, or this process may not.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise OperatorError(f"host {host!r} cannot be resolved; set LAUREL_HOST to an address") from error
    with ExitStack() as stack:
        listeners = []
        for family, kind, protocol, _, address in addresses:
            listener = stack.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:  # Or it would take the address of the other family too.
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                listener.bind(address)
                listener.listen(BACKLOG)
            except OSError as error:
                reason = _REASONS.get(error.errno or 0, "port {port} cannot be opened on {host}: {cause}")
                raise OperatorError(reason.format(host=host, port=port, cause=error.strerror)) from error
            listener.setblocking(False)
            listeners.append(listener)
        yield listeners


def free_loopback_port() -> int:
    """A port of 127.0.0.1 that is free now; somebody else may take it before it is used."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
