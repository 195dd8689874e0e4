"""Endpoints over real sockets."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from app.http.subscriptions import StreamLimits
from tests.app.http.live import Go, Live, live_server
from tests.app.http.served import Serve, Served
from tests.graphql_http.sample_schema import Trace
from tests.graphql_http.server import sample_routes, serving


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    trace = Trace()
    async with serving(sample_routes(trace)) as url, httpx.AsyncClient(base_url=url) as client:
        yield Served(client, trace)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts endpoints with limits or contexts of their own."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Served:
            trace = Trace()
            url = await stack.enter_async_context(serving(sample_routes(trace, **settings)))
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=url))
            return Served(client, trace)

        yield start


@pytest.fixture(scope="module")
async def live() -> AsyncIterator[Live]:
    async with live_server() as running:
        yield running


@pytest.fixture
async def go() -> AsyncIterator[Go]:
    """Starts endpoints with subscriptions whose limits are their own."""
    async with AsyncExitStack() as stack:

        async def start(**limits: Any) -> Live:
            return await stack.enter_async_context(live_server(StreamLimits(**limits)))

        yield start
