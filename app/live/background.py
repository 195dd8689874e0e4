"""What a serving process does beside answering: named jobs until it ends, each begun again if it fails."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

from gamification.stores import StoreUnavailable

FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A job that has run for this long before it failed is begun again as if it were the first time."""
STOP_SECONDS = 2.0
STOP_ATTEMPTS = 3
"""How often a job is cancelled: a driver that is just dealing with a broken connection may take the wish for that."""

Job = Callable[[], Coroutine[Any, Any, Any]]

log = logging.getLogger(__name__)


@asynccontextmanager
async def running(jobs: Mapping[str, Job]) -> AsyncIterator[None]:
    """Run all jobs within the block; at its end they are cancelled and waited for, a few seconds at most."""
    tasks = [asyncio.create_task(_keep_running(name, job), name=name) for name, job in jobs.items()]
    try:
        yield
    finally:
        await _stop(tasks)


async def _stop(tasks: Collection[asyncio.Task[None]]) -> None:
    for _ in range(STOP_ATTEMPTS):
        for task in tasks:
            task.cancel()
        if tasks:
            _, tasks = await asyncio.wait(tasks, timeout=STOP_SECONDS)
    for task in tasks:
        log.error("the job %s does not end and is left behind", task.get_name())


async def _keep_running(name: str, job: Job) -> None:
    """Run a job again and again. A fault is logged with its traceback once, and in one line while it repeats."""
    now = asyncio.get_running_loop().time
    pause = FIRST_PAUSE_SECONDS / 2
    told = ""
    while True:
        began = now()
        try:
            await job()
            fault, is_known = "it came to an end", True
        except StoreUnavailable as error:
            fault, is_known = str(error), True
        except Exception as error:
            fault = repr(error)
            is_known = fault == told
            if not is_known:
                log.exception("the job %s has failed and is begun again", name)
        if is_known:
            log.warning("the job %s has stopped and is begun again: %s", name, fault)
        told = fault
        pause = FIRST_PAUSE_SECONDS if now() - began > STEADY_SECONDS else min(2 * pause, MAX_PAUSE_SECONDS)
        await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311
