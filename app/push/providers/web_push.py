"""Web Push: the protocol of RFC 8030, encrypted for the browser (RFC 8291), signed by our key (RFC 8292).

The browser names the service, so anybody can: it is reached through `app.outbound` only, and its word counts for this
device alone. One that says that our credentials are wrong stops nothing else.
"""

import asyncio
import os
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

import http_ece
import orjson
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, generate_private_key

from app.outbound import NotPublic
from app.public_addresses import url_problem
from app.push.http2.answers import NoAnswer
from app.push.providers.fitting import fitted
from app.push.providers.identities import subscription_keys
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
)
from app.push.providers.replies import retry_after_seconds
from app.push.providers.time_to_live import seconds_to_live
from app.push.providers.vapid import VapidClaims, VapidKey
from app.push.providers.web_services import WebServices, origin_of

MAX_PLAINTEXT_BYTES: Final = 3993
"""What is left of the 4096 bytes that every service takes (RFC 8291, section 4) after head, padding and tag."""
RECORD_BYTES: Final = 4096
TIMEOUT_SECONDS: Final = 10.0
"""For one push altogether."""
SALT_BYTES: Final = 16
_TAKEN: Final = frozenset({200, 201, 202, 204})
_SERVER_ERRORS: Final = 500


class WebPushProvider:
    """Sends to browsers, through whatever service each of them uses."""

    kind: DeviceKind = "web"

    def __init__(self, key: VapidKey, services: WebServices) -> None:
        """``services`` are closed with the provider."""
        self._claims = VapidClaims(key)
        self._services = services

    async def send(self, push: Push, device: Device) -> Outcome:
        """As `Provider`."""
        keys = None if device.keys is None else subscription_keys(device.keys)
        if keys is None or url_problem(device.token, self._services.allowed) is not None:
            return Refused("bad_subscription")
        plain = fitted(push.body, lambda body: _content(push, body), MAX_PLAINTEXT_BYTES)
        if plain is None:
            return TooLarge()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._sent(push, device.token, encrypted(plain, *keys))
        except NotPublic:
            return Refused("endpoint_not_public")
        except TimeoutError:
            return Later(None, "timeout")
        except NoAnswer as failure:
            return Later(None, failure.reason)

    async def _sent(self, push: Push, endpoint: str, body: bytes) -> Outcome:
        headers = [
            (b"authorization", self._claims.authorization(origin_of(endpoint))),
            (b"content-encoding", b"aes128gcm"),
            (b"content-type", b"application/octet-stream"),
            (b"content-length", str(len(body)).encode("ascii")),
            (b"ttl", str(seconds_to_live(push)).encode("ascii")),
            (b"topic", collapse_name(push).encode("ascii")),
            (b"urgency", b"normal"),
        ]
        answer = await self._services.post(endpoint, headers, body)
        return outcome_of(answer.status, answer.headers)

    async def __aenter__(self) -> Self:
        """As `Provider`."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As `Provider`."""
        await self._services.aclose()


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
