"""FCM by its HTTP v1 API: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send."""

import asyncio
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import orjson
from hpack import HeaderTuple

from app.push.http2.answers import NoAnswer
from app.push.http2.client import Host, Http2Client
from app.push.providers.fcm_answers import UNAUTHENTICATED, outcome_of
from app.push.providers.fitting import fitted
from app.push.providers.google_token import CredentialsRefused, GoogleTokens, ServiceAccount
from app.push.providers.naming import collapse_name
from app.push.providers.provider import (
    SEND_TIMEOUT_SECONDS,
    CredentialsWrong,
    Device,
    DeviceKind,
    Later,
    Outcome,
    Push,
    TooLarge,
)
from app.push.providers.time_to_live import seconds_to_live

FCM_HOST: Final = Host("fcm.googleapis.com")
MAX_PAYLOAD_BYTES: Final = 4096
"""Of texts and data. We count all but the token, which is a little more than FCM does."""


class FcmProvider:
    """Sends to the apps of one Firebase project: Android, and iOS or browsers where they use Firebase's library."""

    kind: DeviceKind = "fcm"

    def __init__(
        self,
        account: ServiceAccount,
        tls: ssl.SSLContext,
        *,
        host: Host = FCM_HOST,
        tokens: GoogleTokens | None = None,
    ) -> None:
        """``tokens`` replaces the account's own in tests."""
        self._client = Http2Client(host, tls)
        self._token_client = Http2Client(account.token_host, tls, max_connections=1)
        self._tokens = tokens or GoogleTokens(account, self._token_client)
        self._path = f"/v1/projects/{account.project_id}/messages:send".encode("ascii")

    async def send(self, push: Push, device: Device) -> Outcome:
        """As `Provider`."""
        content = fitted(push.body, lambda body: _content(push, body), MAX_PAYLOAD_BYTES)
        if content is None:
            return TooLarge()
        request = b'{"message":{"token":' + orjson.dumps(device.token) + b"," + content[1:] + b"}"
        try:
            async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                outcome = await self._sent(request)
                # A token may have been withdrawn before its time; a new one tells whether it was that.
                return await self._sent(request) if outcome == UNAUTHENTICATED else outcome
        except TimeoutError:
            return Later(None, "timeout")
        except NoAnswer as failure:
            return Later(None, failure.reason)
        except CredentialsRefused as refusal:
            return CredentialsWrong(refusal.reason)

    async def _sent(self, request: bytes) -> Outcome:
        token = await self._tokens.current()
        headers = [
            HeaderTuple(b"authorization", b"Bearer " + token.encode("latin-1")),
            HeaderTuple(b"content-type", b"application/json"),
        ]
        outcome = outcome_of(await self._client.post(self._path, headers, request))
        if outcome == UNAUTHENTICATED:
            self._tokens.refuse(token)
        return outcome

    async def __aenter__(self) -> Self:
        """As `Provider`."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As `Provider`."""
        await self._tokens.aclose()
        await self._client.aclose()
        await self._token_client.aclose()


def _content(push: Push, body: str) -> bytes:
    """A message without its target, as JSON."""
    return orjson.dumps(
        {
            "notification": {"title": push.title, "body": body},
            "data": {**push.data, "notice_id": push.notice_id, "link": push.link},
            **_platforms(push),
        }
    )


def _platforms(push: Push) -> Mapping[str, Any]:
    """What each platform needs so that a push replaces the one before of the same name, and ends in time.

    The phone goes by the tag. The collapse key is for FCM itself, which keeps only four different ones for a phone that
    is offline, and of each of them the last: https://firebase.google.com/docs/cloud-messaging/customize-messages/set-message-type.
    """
    name, seconds = collapse_name(push), seconds_to_live(push)
    apns = {"apns-collapse-id": name, "apns-priority": "10"}
    if push.expires_at is not None:
        apns["apns-expiration"] = str(int(push.expires_at.timestamp()))
    webpush: dict[str, Any] = {
        "headers": {"TTL": str(seconds), "Topic": name, "Urgency": "normal"},
        "notification": {"tag": name},
    }
    if push.link.startswith("https://"):  # FCM takes no other here.
        webpush["fcm_options"] = {"link": push.link}
    return {
        "android": {
            "collapse_key": push.group,
            "priority": "HIGH",
            "ttl": f"{seconds}s",
            "notification": {"tag": name},
        },
        "apns": {"headers": apns},
        "webpush": webpush,
    }
