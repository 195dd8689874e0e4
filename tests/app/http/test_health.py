"""The health check: which stores matter, and that it answers in time whatever they do."""

import asyncio
import time
from collections.abc import Mapping

import httpx
from starlette.applications import Starlette
from starlette.routing import Route

from app.http.health import Ping, health_endpoint


async def up() -> None:
    return None


async def down() -> None:
    raise ConnectionError("mongodb://user:password@host")


async def silent() -> None:
    await asyncio.Event().wait()


async def ask(pings: Mapping[str, Ping]) -> httpx.Response:
    endpoint = health_endpoint(pings, required=("mongodb",), timeout_seconds=0.1)
    transport = httpx.ASGITransport(Starlette(routes=[Route("/health", endpoint)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://laurel") as client:
        return await client.get("/health")


async def test_all_up() -> None:
    response = await ask({"mongodb": up, "redis": up})
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "stores": {"mongodb": "ok", "redis": "ok"}}


async def test_a_store_that_others_can_do_without() -> None:
    response = await ask({"mongodb": up, "redis": down})
    assert response.status_code == 200
    assert response.json() == {"status": "degraded", "stores": {"mongodb": "ok", "redis": "unavailable"}}


async def test_a_store_that_is_needed() -> None:
    response = await ask({"mongodb": down, "redis": up})
    assert response.status_code == 503
    assert response.json() == {"status": "unavailable", "stores": {"mongodb": "unavailable", "redis": "ok"}}


async def test_silent_stores_are_waited_for_together_and_not_long() -> None:
    started = time.perf_counter()
    response = await ask({"mongodb": silent, "redis": silent})
    assert response.status_code == 503
    assert response.json()["stores"] == {"mongodb": "unavailable", "redis": "unavailable"}
    assert time.perf_counter() - started < 5
