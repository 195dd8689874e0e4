"""The worker that sends what members are told to other systems: `laurel worker webhooks`.

Any number run at once and share the endpoints; each endpoint has one of them at a time. Killed anywhere, one loses
nothing: where an endpoint is in the feed, and what it is to be sent, is written down before anything is sent. What it
just had in hand may be sent once more, with the same id.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from uuid import uuid4

from app.leases import RENEW_SECONDS, Leases
from app.stores.connection import Connection
from app.webhooks.follower import LOOK_SECONDS, Follower, Parts, ended
from gamification.stores import StoreUnavailable
from gamification.webhooks.endpoints import MAX_ENDPOINTS, Endpoint

log = logging.getLogger(__name__)


class WebhookWorker:
    """One worker of any number that run at once."""

    def __init__(self, connection: Connection, parts: Parts) -> None:
        self._connection, self._parts = connection, parts

    async def run(self) -> None:
        """Send until cancelled.

        Raises:
            StoreUnavailable: a store did not answer in time. Running it again goes on from there.
        """
        await _Run(self._connection, self._parts).run()


class _Run:
    """One run of a worker, with all that it keeps in memory."""

    def __init__(self, connection: Connection, parts: Parts) -> None:
        self._parts = parts
        self._followers: dict[str, tuple[int, asyncio.Task[None]]] = {}
        """The task of each endpoint that is followed, and its slot."""
        self._leases = Leases(connection, MAX_ENDPOINTS, uuid4().hex, parts.now, self._let_go, work="webhook")

    async def run(self) -> None:
        clock = asyncio.get_running_loop().time
        renew_at = 0.0
        try:
            while True:
                if clock() >= renew_at:
                    renew_at = clock() + RENEW_SECONDS
                    await self._leases.renew({})
                self._reap()
                for endpoint in await self._parts.endpoints.all():
                    self._follow(endpoint)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            with suppress(StoreUnavailable):
                await self._let_go(range(MAX_ENDPOINTS))
                await self._leases.retire()

    def _follow(self, endpoint: Endpoint) -> None:
        if endpoint.disabled is None and endpoint.endpoint_id not in self._followers:
            slot = endpoint.slot
            if self._leases.holds(slot):
                follower = Follower(endpoint, self._parts, lambda: self._leases.holds(slot))
                self._followers[endpoint.endpoint_id] = slot, asyncio.create_task(follower.run())

    def _reap(self) -> None:
        """Forget those that have ended, so that they are begun again if they are to be.

        Raises:
            StoreUnavailable: that is why one has ended.
        """
        for endpoint_id, (_, task) in list(self._followers.items()):
            if not task.done():
                continue
            del self._followers[endpoint_id]
            error = None if task.cancelled() else task.exception()
            if isinstance(error, StoreUnavailable):
                raise error
            if error is not None:  # No other endpoint is to suffer. What it says may name what was sent.
                log.error("webhook endpoint %s is begun again: %s", endpoint_id, type(error).__name__)

    async def _let_go(self, slots: Sequence[int]) -> None:
        of_these = {each: task for each, (slot, task) in self._followers.items() if slot in slots}
        for endpoint_id in of_these:
            del self._followers[endpoint_id]
        for task in of_these.values():
            task.cancel()
        await ended(list(of_these.values()), 2 * RENEW_SECONDS)
