"""When a delivery is tried again that its endpoint did not take, and when it is given up."""

import random
from datetime import timedelta

PAUSES_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Before each attempt but the first, as the specification proposes: three days altogether."""
MAX_ATTEMPTS = len(PAUSES_SECONDS) + 1
JITTER = 0.2
FAILING = timedelta(days=3)
"""An endpoint that takes nothing for so long is disabled, about when the first of its deliveries would be given up."""


def pause_seconds(attempts: int, after_seconds: float | None) -> float | None:
    """How long to wait after so many attempts, never less than the endpoint asks for; None for giving up.

    Up to a fifth is added by chance, so that what failed together is not tried again together.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    pause = max(float(PAUSES_SECONDS[attempts - 1]), after_seconds or 0.0)
    return pause * random.uniform(1.0, 1.0 + JITTER)  # noqa: S311
