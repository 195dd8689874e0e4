"""Web Push: the protocol of RFC 8030, encrypted for the browser (RFC 8291), signed by our key (RFC 8292).

The browser names the service, so anybody can: it is reached through `app.outbound` only, and its word counts for this
device alone. One that says that our credentials are wrong stops nothing else.
"""

import asyncio
import os
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import http_ece
import httpcore
import orjson
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, generate_private_key
from h2.exceptions import H2Error

from app.networks import Network
from app.outbound import NotPublic, url_problem
from app.push.http2.answers import MAX_ANSWER_BYTES
from app.push.http2.client import HTTPS_PORT
from app.push.providers.fitting import fitted
from app.push.providers.naming import collapse_name
from app.push.providers.provider import (
    Accepted,
    Device,
    DeviceKind,
    Gone,
    Later,
    Outcome,
    Push,
    Refused,
    TooLarge,
    WebPushKeys,
)
from app.push.providers.replies import retry_after_seconds
from app.push.providers.time_to_live import seconds_to_live
from app.push.providers.vapid import VapidClaims, VapidKey

MAX_PLAINTEXT_BYTES: Final = 3993
"""What is left of the 4096 bytes that every service takes (RFC 8291, section 4) after head, padding and tag."""
RECORD_BYTES: Final = 4096
TIMEOUT_SECONDS: Final = 10.0
"""For one push altogether; a service that is slower holds a connection from others."""
MAX_CONNECTIONS: Final = 64
SALT_BYTES: Final = 16
AUTH_BYTES: Final = 16
_TIMEOUTS: Final = {"connect": TIMEOUT_SECONDS, "read": TIMEOUT_SECONDS, "write": TIMEOUT_SECONDS}
_TAKEN: Final = frozenset({200, 201, 202, 204})
_SERVER_ERRORS: Final = 500


class WebPushProvider:
    """Sends to browsers, through whatever service each of them uses."""

    kind: DeviceKind = "web"

    def __init__(self, key: VapidKey, pool: httpcore.AsyncConnectionPool, *, allowed: Sequence[Network] = ()) -> None:
        """``pool`` is one of `app.outbound.public_pool`, of the same ``allowed``; it is closed with the provider."""
        self._claims = VapidClaims(key)
        self._pool = pool
        self._allowed = allowed

    async def send(self, push: Push, device: Device) -> Outcome:
        """As `Provider`."""
        keys = None if device.keys is None else subscription_keys(device.keys)
        if keys is None or url_problem(device.token, self._allowed) is not None:
            return Refused("bad_subscription")
        plain = fitted(push.body, lambda body: _content(push, body), MAX_PLAINTEXT_BYTES)
        if plain is None:
            return TooLarge()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._sent(push, device.token, encrypted(plain, *keys))
        except NotPublic:
            return Refused("endpoint_not_public")
        except (TimeoutError, httpcore.TimeoutException):
            return Later(None, "timeout")
        except httpcore.ConnectError:
            return Later(None, "connect_failed")
        except (httpcore.NetworkError, httpcore.ProtocolError, H2Error, OSError):
            return Later(None, "connection_lost")

    async def _sent(self, push: Push, endpoint: str, body: bytes) -> Outcome:
        headers = [
            (b"authorization", self._claims.authorization(_origin(endpoint))),
            (b"content-encoding", b"aes128gcm"),
            (b"content-type", b"application/octet-stream"),
            (b"ttl", str(seconds_to_live(push)).encode("ascii")),
            (b"topic", collapse_name(push).encode("ascii")),
            (b"urgency", b"normal"),
        ]
        async with self._pool.stream(
            b"POST", endpoint, headers=headers, content=body, extensions={"timeout": _TIMEOUTS}
        ) as response:
            await _read_to_end(response)
            return outcome_of(response.status, _texts(response.headers))

    async def __aenter__(self) -> Self:
        """As `Provider`."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As `Provider`."""
        await self._pool.aclose()


def outcome_of(status: int, headers: Mapping[str, str]) -> Outcome:
    """What became of a push."""
    reason = f"status_{status}"
    if status in _TAKEN:
        return Accepted("")  # The name of the message is an address, which lets whoever knows it take the push back.
    match status:
        case 404 | 410:
            return Gone(None)
        case 413:
            return TooLarge()
        case 408 | 425 | 429:
            return Later(retry_after_seconds(headers), reason)
        case _ if status >= _SERVER_ERRORS:
            return Later(retry_after_seconds(headers), reason)
        case _:
            return Refused(reason)


def subscription_keys(keys: WebPushKeys) -> tuple[EllipticCurvePublicKey, bytes] | None:
    """A browser's public key and its secret; None if they are none."""
    try:
        point, auth = _bytes_of(keys.p256dh), _bytes_of(keys.auth)
        public_key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
    except ValueError:
        return None
    return (public_key, auth) if len(auth) == AUTH_BYTES else None


def encrypted(plain: bytes, public_key: EllipticCurvePublicKey, auth: bytes) -> bytes:
    """A body that the browser alone can read, as one record."""
    whole: bytes = http_ece.encrypt(
        plain,
        salt=os.urandom(SALT_BYTES),
        private_key=generate_private_key(SECP256R1()),
        dh=public_key,
        auth_secret=auth,
        rs=RECORD_BYTES,
        version="aes128gcm",
    )
    return whole


def _origin(url: str) -> str:
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


def _content(push: Push, body: str) -> bytes:
    """What the page's service worker gets."""
    return orjson.dumps(
        {
            "title": push.title,
            "body": body,
            "link": push.link,
            "tag": collapse_name(push),
            "notice_id": push.notice_id,
            "data": dict(push.data),
        }
    )


def _bytes_of(text: str) -> bytes:
    """What base64url stands for, with or without its padding.

    Raises:
        ValueError: it stands for nothing.
    """
    return urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))


def _texts(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
