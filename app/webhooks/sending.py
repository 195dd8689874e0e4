"""One request to an endpoint. What comes of it is told in codes that name no address and nothing that was answered."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import httpcore
from h2.exceptions import H2Error

from app.networks import Network
from app.outbound import NotPublic
from app.public_addresses import url_problem
from app.push.providers.replies import retry_after_seconds
from app.webhooks.signing import signed_headers
from gamification.webhooks.endpoints import Endpoint

TIMEOUT_SECONDS = 15.0
"""For one request altogether, connecting included."""
MAX_ANSWER_BYTES = 64 * 1024
"""How much of an answer is read, and thrown away; the connection of a longer one is not used again."""
GONE = 410
_BUSY = frozenset({429, 503})
_SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered: ``reason`` is empty where it took the message.

    ``status`` is None where there was no answer; ``after_seconds`` is how long it wants to be left alone.
    """

    status: int | None
    reason: str = ""
    after_seconds: float | None = None


class Sender:
    """Sends over one pool, `app.outbound.public_pool` of the same ``allowed``; whoever made it closes it."""

    def __init__(self, pool: httpcore.AsyncConnectionPool, allowed: Sequence[Network] = ()) -> None:
        self._pool, self._allowed = pool, allowed

    async def send(self, endpoint: Endpoint, message_id: str, body: bytes, now: datetime) -> Answer:
        """Send a message, signed by all secrets that count now. Follows no redirect. Raises nothing."""
        if url_problem(endpoint.url, self._allowed) is not None:
            return Answer(None, "not_public")
        headers = [
            (b"content-type", b"application/json"),
            (b"user-agent", b"Laurel-Webhooks/1"),
            *signed_headers(message_id, body, endpoint.secrets.active(now), now),
        ]
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._sent(endpoint.url, headers, body)
        except NotPublic:
            return Answer(None, "not_public")
        except (TimeoutError, httpcore.TimeoutException):
            return Answer(None, "timeout")
        except httpcore.ConnectError:
            return Answer(None, "connect_failed")
        except (httpcore.NetworkError, httpcore.ProtocolError, H2Error, OSError):
            return Answer(None, "connection_lost")

    async def _sent(self, url: str, headers: list[tuple[bytes, bytes]], body: bytes) -> Answer:
        timeouts = {"connect": TIMEOUT_SECONDS, "read": TIMEOUT_SECONDS, "write": TIMEOUT_SECONDS}
        async with self._pool.stream(
            b"POST", url, headers=headers, content=body, extensions={"timeout": timeouts}
        ) as response:
            if response.status in _SUCCESS:
                await _read_to_end(response)
                return Answer(response.status)
            after = retry_after_seconds(_texts(response)) if response.status in _BUSY else None
            return Answer(response.status, f"status_{response.status}", after)


async def _read_to_end(response: httpcore.Response) -> None:
    """So that the connection can be used again. A taken message stays taken, whatever becomes of the rest."""
    count = 0
    try:
        async for chunk in response.aiter_stream():
            count += len(chunk)
            if count > MAX_ANSWER_BYTES:
                return
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
        return


def _texts(response: httpcore.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
