"""How long a provider may keep a push that it has not delivered."""

from datetime import UTC, datetime
from math import ceil
from typing import Final

from app.push.providers.provider import Push

MAX_SECONDS: Final = 4 * 7 * 24 * 3600
"""What FCM and most services of Web Push keep a push at the longest."""


def seconds_to_live(push: Push) -> int:
    """From now to ``expires_at``, at most four weeks; 0 is now or never."""
    if push.expires_at is None:
        return MAX_SECONDS
    left = ceil((push.expires_at - datetime.now(UTC)).total_seconds())
    return min(max(left, 0), MAX_SECONDS)
