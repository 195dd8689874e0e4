"""GET /health: whether this process can serve, for load balancers and people."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.http.media_types import JSON

HEALTH_TIMEOUT_SECONDS = 2.0

log = logging.getLogger(__name__)

Ping = Callable[[], Awaitable[object]]
"""Asks a store for a sign of life; raises, or does not come back, when there is none."""


def health_endpoint(
    pings: Mapping[str, Ping],
    *,
    required: Collection[str],
    timeout_seconds: float = HEALTH_TIMEOUT_SECONDS,
    worker: int | None = None,
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint to route ``/health`` to, for GET.

    It answers ``{"status": "ok", "stores": {"mongodb": "ok", ...}}`` within ``timeout_seconds``. The status is
    "degraded" when a store is down that is not ``required``, and "unavailable" with 503 when one is that is. Each of
    several workers speaks for itself, and says its number.
    """
    who = {} if worker is None else {"worker": worker}

    async def health(_request: Request) -> Response:
        answers = await asyncio.gather(*(_is_up(name, ping, timeout_seconds) for name, ping in pings.items()))
        up = dict(zip(pings, answers, strict=True))
        status = _status(up, required)
        stores = {name: "ok" if is_up else "unavailable" for name, is_up in up.items()}
        body = {"status": status, "stores": stores, **who}
        return Response(
            orjson.dumps(body),
            status_code=503 if status == "unavailable" else 200,
            headers={"Cache-Control": "no-store"},
            media_type=JSON,
        )

    return health


def _status(up: Mapping[str, bool], required: Collection[str]) -> str:
    if all(up.values()):
        return "ok"
    return "degraded" if all(up[name] for name in required) else "unavailable"


async def _is_up(name: str, ping: Ping, timeout_seconds: float) -> bool:
    try:
        async with asyncio.timeout(timeout_seconds):
            await ping()
    except Exception as error:
        log.warning("Health: %s does not answer: %r", name, error)
        return False
    return True
