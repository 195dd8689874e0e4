"""Services of Web Push, whichever browsers name: each over HTTP/2, or over HTTP/1.1 where it knows no other.

Each with HTTP/2 has connections of its own, so that one that is slow or ill-meaning holds up no other.
"""

import ssl
from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpcore
from h2.exceptions import H2Error

from app.networks import Network
from app.outbound import NotPublic, PublicNetwork, public_pool
from app.push.http2.answers import MAX_ANSWER_BYTES, Answer, NoAnswer, NoHttp2, Unreachable
from app.push.http2.client import HTTPS_PORT, Host, Http2Client

MAX_SERVICES: Final = 128
"""How many have connections at once; the one that was not used for longest gives way."""
MAX_CONNECTIONS_EACH: Final = 2
MAX_HTTP1_CONNECTIONS: Final = 64
"""For all services without HTTP/2 together."""
HTTP1_TIMEOUT_SECONDS: Final = 10.0
"""For each read and write; the caller bounds the whole."""
_TIMEOUTS: Final = dict.fromkeys(("connect", "read", "write", "pool"), HTTP1_TIMEOUT_SECONDS)

Headers = Sequence[tuple[bytes, bytes]]


class _NotPublic(Unreachable):
    """What `NotPublic` is while a connection is opened."""


class WebServices:
    """Requests to endpoints that browsers name, checked by `PublicNetwork` of ``allowed``."""

    def __init__(
        self,
        tls: ssl.SSLContext,
        http1_tls: ssl.SSLContext,
        allowed: Sequence[Network] = (),
        *,
        network: PublicNetwork | None = None,
    ) -> None:
        """``tls`` and ``http1_tls`` are two, because they offer different protocols."""
        self.allowed = allowed
        self._tls = tls
        self._network = network or PublicNetwork(allowed)
        self._clients: dict[str, Http2Client | None] = {}
        self._pool = public_pool(
            max_connections=MAX_HTTP1_CONNECTIONS, ssl_context=http1_tls, network=self._network, http2=False
        )

    async def post(self, endpoint: str, headers: Headers, body: bytes) -> Answer:
        """The answer of an endpoint, a URL that `url_problem` has nothing against. The caller bounds the time.

        Raises:
            NotPublic: its host is not on the public internet.
            NoAnswer: the network or the service failed.
        """
        parts = urlsplit(endpoint)
        client = await self._client_of(parts)
        if client is not None:
            try:
                target = parts.path or "/"
                return await client.post((target + (f"?{parts.query}" if parts.query else "")).encode(), headers, body)
            except _NotPublic as failure:
                raise NotPublic(failure.reason) from None
            except NoHttp2:
                self._clients[origin_of(endpoint)] = None
                await client.aclose()
        return await self._post_http1(endpoint, headers, body)

    async def aclose(self) -> None:
        """Close all connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            if client is not None:
                await client.aclose()
        await self._pool.aclose()

    async def _client_of(self, parts: SplitResult) -> Http2Client | None:
        """The client of a service, now the last one to give way; None for one that knows HTTP/1.1 only."""
        origin = origin_of(parts.geturl())
        if origin in self._clients:
            self._clients[origin] = client = self._clients.pop(origin)
            return client
        if parts.scheme == "http":
            return None
        await self._make_room()
        host = Host(parts.hostname or "", parts.port or HTTPS_PORT)
        client = Http2Client(host, self._tls, max_connections=MAX_CONNECTIONS_EACH, resolve=self._addresses)
        return self._clients.setdefault(origin, client)

    async def _make_room(self) -> None:
        if len(self._clients) < MAX_SERVICES:
            return
        for origin, client in self._clients.items():
            if client is None or client.is_idle:
                del self._clients[origin]
                if client is not None:
                    await client.aclose()
                return
        raise NoAnswer("too_many_services")

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            return await self._network.checked_addresses(host, port)
        except NotPublic:
            raise _NotPublic("not_public") from None
        except httpcore.ConnectError:
            raise Unreachable("connect_failed") from None

    async def _post_http1(self, endpoint: str, headers: Headers, body: bytes) -> Answer:
        try:
            async with self._pool.stream(
                b"POST", endpoint, headers=list(headers), content=body, extensions={"timeout": _TIMEOUTS}
            ) as response:
                await _read_to_end(response)
                names = {name.decode("latin-1").lower(): v.decode("latin-1") for name, v in response.headers}
                return Answer(response.status, names)
        except NotPublic:
            raise
        except httpcore.TimeoutException:
            raise NoAnswer("timeout") from None
        except httpcore.ConnectError:
            raise Unreachable("connect_failed") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, H2Error, OSError):
            raise NoAnswer("connection_lost") from None


def origin_of(url: str) -> str:
    """As RFC 6454 writes it."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if parts.port in {None, HTTPS_PORT} else f":{parts.port}")


async def _read_to_end(response: httpcore.Response) -> None:
    """So that the connection can be used again; not for one that says more than it should."""
    count = 0
    async for chunk in response.aiter_stream():
        count += len(chunk)
        if count > MAX_ANSWER_BYTES:
            return
