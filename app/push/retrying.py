"""When a push is tried again that its provider did not take, and when that is given up."""

import random
from datetime import datetime, timedelta

FIRST_SECONDS = 2.0
MAX_SECONDS = 1_800.0
MAX_ATTEMPTS = 20
"""Some five hours, where the provider names no pauses of its own."""
MAX_AGE = timedelta(hours=24)
"""How long after it was first to be sent one is tried again."""


def pause_seconds(attempts: int, after_seconds: float | None) -> float:
    """How long to wait after so many attempts: twice as long each time, and never less than the provider asks for.

    Up to half as long is added by chance, so that what failed together is not tried again together.
    """
    backoff = min(FIRST_SECONDS * 2.0 ** min(attempts - 1, 30), MAX_SECONDS)
    return max(backoff, after_seconds or 0.0) * random.uniform(1.0, 1.5)  # noqa: S311


def is_given_up(attempts: int, told_at: datetime | None, again_at: datetime) -> bool:
    """Whether one that was tried so often is not to be tried again at that moment."""
    return attempts >= MAX_ATTEMPTS or (told_at is not None and again_at > told_at + MAX_AGE)
