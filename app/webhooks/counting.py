"""Counts how deliveries to one endpoint come to an end, for operators: in MongoDB, and in the log now and then."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from app.stores.webhook_counts import MongoWebhookCounts
from gamification.webhooks.endpoints import DeliveryState

COUNT_SECONDS = 1.0
"""How often counts are written; what was counted since is lost where a worker is killed."""
REPORT_SECONDS = 60.0

log = logging.getLogger(__name__)


class Tally:
    """What came to an end at one endpoint since it was last written down."""

    def __init__(self, endpoint_id: str, counts: MongoWebhookCounts, now: Callable[[], datetime]) -> None:
        self._endpoint_id, self._counts, self._now = endpoint_id, counts, now
        self._unwritten: Counter[tuple[DeliveryState, str]] = Counter()
        self._unreported: Counter[tuple[DeliveryState, str]] = Counter()
        self._written_at = self._reported_at = _seconds()

    def note(self, state: DeliveryState, reason: str) -> None:
        """One more came to this end."""
        self._unwritten[state, reason] += 1
        self._unreported[state, reason] += 1

    async def write(self, *, at_once: bool = False) -> None:
        """Write and report what is new, if it is time for that.

        Raises:
            StoreUnavailable: the store did not answer in time. It may be counted twice, or not at all.
        """
        if self._unwritten and (at_once or _seconds() - self._written_at >= COUNT_SECONDS):
            new, self._unwritten = self._unwritten, Counter()
            self._written_at = _seconds()
            await self._counts.count(self._endpoint_id, new, self._now())
        if self._unreported and (at_once or _seconds() - self._reported_at >= REPORT_SECONDS):
            new, self._unreported = self._unreported, Counter()
            self._reported_at = _seconds()
            ends = sorted((f"{state}:{reason}".rstrip(":"), count) for (state, reason), count in new.items())
            told = ", ".join(f"{end} {count:,}" for end, count in ends)
            log.info("webhooks to endpoint %s: %s", self._endpoint_id, told)


def _seconds() -> float:
    return asyncio.get_running_loop().time()
