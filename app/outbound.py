"""Requests to addresses that a client names: only over https, and only to what is public on the internet.

A name is resolved once, every address of it is checked, and the connection goes to one that was checked, so a name that
resolves to something else a moment later (DNS rebinding) gains nothing. TLS still asks for the name. What the check and
the connecting say names no host and no address, because who can make us connect could read there what we can reach.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import certifi
import httpcore

from app.networks import Network
from app.public_addresses import Address, is_public, is_within

MAX_ADDRESSES = 16
"""How many addresses of one name are looked at; a name with more is refused."""
MAX_RESOLVING = 8
"""How many names are resolved at once, in threads of their own: one that is slow holds up no store's names."""
CONNECT_TIMEOUT_SECONDS = 10.0
"""For resolving and connecting together, where the caller sets no timeout."""
KEEPALIVE_SECONDS = 60.0

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host name, for a port."""


class NotPublic(httpcore.ConnectError):
    """The host is, or resolves to, an address that no client may make us connect to."""


async def _resolved(host: str, port: int) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(
        _threads(), lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    )
    return [str(address[0]) for *_, address in found]


class PublicNetwork(httpcore.AsyncNetworkBackend):
    """Opens connections for httpcore, to public addresses and those in ``allowed``."""

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        *,
        resolve: Resolve = _resolved,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolve
        self._network = network or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of httpcore
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first checked address that answers.

        Raises:
            NotPublic: one of the host's addresses is not public.
            httpcore.ConnectError: the name is unknown, or nobody answers.
            httpcore.ConnectTimeout: it took longer than ``timeout`` seconds, resolving included.
        """
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS if timeout is None else timeout):
                addresses = await self.checked_addresses(host, port)
                return await self._connect_first(addresses, port, local_address, socket_options)
        except TimeoutError:
            raise httpcore.ConnectTimeout("not connected in time") from None

    async def checked_addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host, each of which may be connected to.

        Raises:
            NotPublic: one of them may not.
            httpcore.ConnectError: there are none, or too many.
        """
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise httpcore.ConnectError("the host's name is not known") from None
        addresses = list(dict.fromkeys(found))
        if not 0 < len(addresses) <= MAX_ADDRESSES:
            raise httpcore.ConnectError("the host has no address, or too many")
        if not all(self._may_connect(ip_address(address)) for address in addresses):
            raise NotPublic("the host is not on the public internet")
        return addresses

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of httpcore
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refused always."""
        raise NotPublic("a socket of this machine is not public")

    async def sleep(self, seconds: float) -> None:
        """As httpcore's interface."""
        await self._network.sleep(seconds)

    def _may_connect(self, address: Address) -> bool:
        return is_public(address) or is_within(address, self._allowed)

    async def _connect_first(
        self,
        addresses: list[str],
        port: int,
        local_address: str | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.AsyncNetworkStream:
        for address in addresses:
            try:
                return await self._network.connect_tcp(
                    address, port, local_address=local_address, socket_options=socket_options
                )
            except httpcore.ConnectError:
                continue
        raise httpcore.ConnectError("nobody answers at the host's addresses")


def public_pool(
    allowed: Sequence[Network] = (),
    *,
    max_connections: int,
    ssl_context: ssl.SSLContext | None = None,
    network: httpcore.AsyncNetworkBackend | None = None,
    http2: bool = True,
) -> httpcore.AsyncConnectionPool:
    """Connections to hosts that clients name, over HTTP/1.1, and HTTP/2 unless that is not wanted.

    Follows no redirect, heeds no proxy settings.

    ``network`` is one to use in place of a new `PublicNetwork` of ``allowed``.
    """
    return httpcore.AsyncConnectionPool(
        ssl_context=ssl_context or trusted_tls(),
        max_connections=max_connections,
        keepalive_expiry=KEEPALIVE_SECONDS,
        http2=http2,
        network_backend=network or PublicNetwork(allowed),
    )


def trusted_tls() -> ssl.SSLContext:
    """TLS that trusts the authorities browsers trust, or those in the file that ``SSL_CERT_FILE`` names."""
    return ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())


_executor: ThreadPoolExecutor | None = None


def _threads() -> ThreadPoolExecutor:
    global _executor  # noqa: PLW0603 - threads are started when the first name is resolved, and shared by all pools
    if _executor is None:
        _executor = ThreadPoolExecutor(MAX_RESOLVING, thread_name_prefix="resolve")
    return _executor
