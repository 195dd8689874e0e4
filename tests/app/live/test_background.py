"""Jobs run until the end, and one that fails is begun again and told of without flooding the log."""

import asyncio
import logging

import pytest

from app.live import background
from app.live.background import running
from gamification.stores import StoreUnavailable


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(background, "MAX_PAUSE_SECONDS", 0.004)
    monkeypatch.setattr(background, "STOP_SECONDS", 0.02)


class Failing:
    """A job that fails with each of these, and then stays."""

    def __init__(self, *faults: Exception) -> None:
        self._faults = list(faults)
        self.steady = asyncio.Event()
        self.ended = False

    async def run(self) -> None:
        if self._faults:
            raise self._faults.pop(0)
        self.steady.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True


async def test_all_run_until_the_block_ends() -> None:
    one, other = Failing(), Failing()
    async with running({"one": one.run, "other": other.run}):
        await one.steady.wait()
        await other.steady.wait()
    assert (one.ended, other.ended) == (True, True)
    async with running({}):
        pass


async def test_a_crash_is_logged_with_its_traceback_once_and_the_job_begun_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    job = Failing(LookupError("a"), LookupError("a"), LookupError("a"), StoreUnavailable("Redis is away"))
    async with running({"sweeper": job.run}):
        await asyncio.wait_for(job.steady.wait(), 5)
    assert [(record.levelno, bool(record.exc_info)) for record in caplog.records] == [
        (logging.ERROR, True),
        (logging.WARNING, False),
        (logging.WARNING, False),
        (logging.WARNING, False),
    ]
    assert "the job sweeper has stopped and is begun again: Redis is away" in caplog.text


async def test_a_job_that_takes_the_first_wish_to_end_for_something_else_ends_at_the_second() -> None:
    ended = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

    async with running({"stubborn": stubborn}):
        await asyncio.sleep(0)
    assert ended.is_set()


async def test_a_job_that_never_ends_is_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    free = asyncio.Event()

    async def deaf() -> None:
        while not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue
        raise asyncio.CancelledError

    async with running({"deaf": deaf}):
        await asyncio.sleep(0)
    assert "the job deaf does not end and is left behind" in caplog.text
    free.set()
    await asyncio.sleep(0)
