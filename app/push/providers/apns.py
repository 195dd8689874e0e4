"""APNs over HTTP/2, with tokens.

https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns
"""

import asyncio
import ssl
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

import orjson
from hpack import HeaderTuple, NeverIndexedHeaderTuple

from app.push.http2.answers import NoAnswer
from app.push.http2.client import Host, Http2Client
from app.push.providers.apns_answers import EXPIRED_TOKEN, outcome_of
from app.push.providers.apns_key import ApnsTokens
from app.push.providers.fitting import fitted
from app.push.providers.identities import DEVICE_TOKEN
from app.push.providers.naming import collapse_name, delivery_uuid
from app.push.providers.provider import (
    SEND_TIMEOUT_SECONDS,
    Accepted,
    Device,
    DeviceKind,
    Gone,
    Later,
    Outcome,
    Push,
    TooLarge,
)
from app.push.providers.time_to_live import MAX_SECONDS

PRODUCTION: Final = Host("api.push.apple.com")
SANDBOX: Final = Host("api.sandbox.push.apple.com")
MAX_PAYLOAD_BYTES: Final = 4096


class ApnsProvider:
    """Sends to one app, its topic, on iPhones, iPads, watches and Macs."""

    kind: DeviceKind = "apns"

    def __init__(self, tokens: ApnsTokens, topic: str, tls: ssl.SSLContext, *, host: Host = PRODUCTION) -> None:
        self._tokens = tokens
        self._client = Http2Client(host, tls)
        self._has_accepted = False
        self._fixed = [
            HeaderTuple(b"apns-topic", topic.encode("ascii")),
            HeaderTuple(b"apns-push-type", b"alert"),
            HeaderTuple(b"apns-priority", b"10"),
        ]

    async def send(self, push: Push, device: Device) -> Outcome:
        """As `Provider`."""
        if not DEVICE_TOKEN.match(device.token):
            return Gone(None)
        payload = fitted(push.body, lambda body: _payload(push, body), MAX_PAYLOAD_BYTES)
        if payload is None:
            return TooLarge()
        try:
            async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                return await self._delivered(push, device, payload)
        except TimeoutError:
            return Later(None, "timeout")
        except NoAnswer as failure:
            return Later(None, failure.reason)

    async def _delivered(self, push: Push, device: Device, payload: bytes) -> Outcome:
        token = self._tokens.current()
        outcome = await self._sent(token, push, device, payload)
        if outcome == EXPIRED_TOKEN:
            other = self._tokens.renewed(token)
            if other is not None:
                return await self._sent(other, push, device, payload)
        return outcome

    async def _sent(self, token: str, push: Push, device: Device, payload: bytes) -> Outcome:
        headers = [
            HeaderTuple(b"authorization", b"bearer " + token.encode("ascii")),
            *self._fixed,
            # Different each time: kept out of the table of headers, where it would push out what comes again.
            NeverIndexedHeaderTuple(b"apns-id", delivery_uuid(push, device).encode("ascii")),
            HeaderTuple(b"apns-collapse-id", collapse_name(push).encode("ascii")),
            HeaderTuple(b"apns-expiration", _expiration(push)),
        ]
        path = b"/3/device/" + device.token.lower().encode("ascii")
        answer = await self._client.post(path, headers, payload)
        outcome = outcome_of(answer, datetime.now(UTC), proven=self._has_accepted)
        self._has_accepted = self._has_accepted or isinstance(outcome, Accepted)
        return outcome

    async def __aenter__(self) -> Self:
        """As `Provider`."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As `Provider`."""
        await self._client.aclose()


def _payload(push: Push, body: str) -> bytes:
    return orjson.dumps(
        {
            **{key: value for key, value in push.data.items() if key != "aps"},
            "aps": {"alert": {"title": push.title, "body": body}, "sound": "default"},
            "notice_id": push.notice_id,
            "link": push.link,
        }
    )


def _expiration(push: Push) -> bytes:
    """When APNs drops it, in seconds since 1970; 0 would be to try once and never again."""
    if push.expires_at is None:
        # To the day, so that the header comes again and is sent as one byte.
        day = int(datetime.now(UTC).timestamp()) // 86_400 + MAX_SECONDS // 86_400
        return str(day * 86_400).encode("ascii")
    return str(int(push.expires_at.timestamp())).encode("ascii")
