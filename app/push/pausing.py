"""Which providers are left alone for now: those that asked for it, could not, or do not take our credentials."""

import asyncio
import logging
import random
from collections import Counter

from gamification.delivery.devices import Platform

PROBE_SECONDS = 60.0
"""How long a provider is left alone that does not take our credentials."""
MAX_PAUSE_SECONDS = 1_800.0
"""How long a provider is left alone at most that asks for a pause."""
FIRST_BACKOFF_SECONDS = 1.0
"""How long one is left alone that says it is unavailable, and not for how long: the first time in a row."""
MAX_BACKOFF_SECONDS = 60.0
"""How long at most, without the half of it that chance may add."""

log = logging.getLogger(__name__)


class Pauses:
    """For each provider until when it is left alone, as this worker has found it."""

    def __init__(self) -> None:
        self._until: dict[Platform, float] = {}
        self._in_a_row: Counter[Platform] = Counter()
        """How often each was left alone without having said for how long, since it last took something."""
        self._wrong: set[Platform] = set()

    def hold(self, platform: Platform) -> bool:
        """Whether a provider is left alone now."""
        now = _seconds()
        return self._until.get(platform, now) > now

    def asked(self, platform: Platform, seconds: float | None) -> None:
        """A provider takes nothing for now: for so many seconds, or it does not say.

        Then it is left alone twice as long each time. What was with it already, and comes back in the same way,
        counts as one time.
        """
        if seconds:
            self._pause(platform, min(seconds, MAX_PAUSE_SECONDS))
        elif not self.hold(platform):
            backoff = min(FIRST_BACKOFF_SECONDS * 2.0 ** min(self._in_a_row[platform], 30), MAX_BACKOFF_SECONDS)
            self._in_a_row[platform] += 1
            self._pause(platform, backoff * random.uniform(1.0, 1.5))  # noqa: S311

    def refused(self, platform: Platform, reason: str) -> None:
        """A provider does not take our credentials, which is said once."""
        self._pause(platform, PROBE_SECONDS)
        if platform not in self._wrong:
            self._wrong.add(platform)
            log.error("the provider of %s devices does not take our credentials: %s; its pushes wait", platform, reason)

    def took(self, platform: Platform) -> None:
        """A provider has taken something. While it is left alone that says nothing of what it will take then."""
        if platform in self._wrong:
            self._wrong.discard(platform)
            log.info("the provider of %s devices takes pushes again", platform)
        if platform in self._in_a_row and not self.hold(platform):
            del self._in_a_row[platform]

    def _pause(self, platform: Platform, seconds: float) -> None:
        self._until[platform] = max(self._until.get(platform, 0.0), _seconds() + seconds)


def _seconds() -> float:
    return asyncio.get_running_loop().time()
