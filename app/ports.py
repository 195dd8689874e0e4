"""TCP ports of this machine: is one free to serve on, and which one is free at all."""

import errno
import socket

from app.operator_error import OperatorError

_REASONS = {
    errno.EADDRINUSE: "port {port} is taken; set PORT to another",
    errno.EACCES: "port {port} needs rights that this user lacks; set PORT to a number above 1023",
    errno.EADDRNOTAVAIL: "{host} is not an address of this machine; set LAUREL_HOST to one that is",
}


def require_free_port(host: str, port: int) -> None:
    """Check that ``host:port`` can be served on.

    ``SO_REUSEADDR`` is set, as every server does: connections of an earlier run that linger in TIME_WAIT do not count
    as taken, a listening process does.

    Raises:
        OperatorError: somebody listens there, or this process may not.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise OperatorError(f"host {host!r} cannot be resolved; set LAUREL_HOST to an address") from error
    for family, kind, protocol, _, address in addresses:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
                probe.listen()
            except OSError as error:
                reason = _REASONS.get(error.errno or 0, "port {port} cannot be opened on {host}: {cause}")
                raise OperatorError(reason.format(host=host, port=port, cause=error.strerror)) from error


def free_loopback_port() -> int:
    """A port of 127.0.0.1 that is free now; somebody else may take it before it is used."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
