"""Contention: trying a commit again while others write to the same member, a bounded number of times."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from gamification.history import OutOfDate
from gamification.stores import CommitConflict, StoreUnavailable

MAX_COMMIT_ATTEMPTS = 12
FIRST_BACKOFF_SECONDS = 0.005
MAX_BACKOFF_SECONDS = 0.25

_T = TypeVar("_T")


class Contended(StoreUnavailable):
    """Others were faster, again and again. Nothing was written."""


def is_outage(error: Exception) -> bool:
    """Whether a store is away, which is everybody's fault; contention is that of those who are written."""
    return isinstance(error, StoreUnavailable) and not isinstance(error, Contended)


async def insist(
    attempt: Callable[[], Awaitable[_T]], final: Collection[str] = (), attempts: int = MAX_COMMIT_ATTEMPTS
) -> _T:
    """What ``attempt`` comes to once no one else is faster. It reads anew each time.

    Raises:
        CommitConflict: what is taken is among ``final``, so that trying again is of no use.
        Contended: others were faster ``attempts`` times in a row.
    """
    for number in range(attempts):
        await asyncio.sleep(_backoff_seconds(number))
        try:
            return await attempt()
        except OutOfDate:
            continue
        except CommitConflict as conflict:
            if conflict.taken in final:
                raise
    raise Contended(f"others wrote to the same member or campaign {attempts} times in a row")


def _backoff_seconds(attempt: int) -> float:
    """How long to wait before an attempt: none at first, then doubling with full jitter up to a bound."""
    if attempt == 0:
        return 0.0
    return random.uniform(0, min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2**attempt))  # noqa: S311
