"""The parent of workers: who gets which connection, what is done about one that dies, and how all of them end."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from app.operator_error import OperatorError
from app.ports import listening
from app.workers import supervisor as module
from app.workers.supervisor import Supervisor
from tests.app.live.shop import until

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("worker_process.py")
WAIT_SECONDS = 20.0


class Shop:
    """A supervisor at work, and clients of its workers."""

    def __init__(self, port: int, ready: asyncio.Event, task: asyncio.Task[None]) -> None:
        self._port, self.ready, self.task = port, ready, task

    async def answer(self) -> tuple[int, int]:
        """The number and process id of the worker that gets the next connection."""
        async with asyncio.timeout(WAIT_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            number, pid = (await reader.readline()).split()
            writer.close()
        return int(number), int(pid)

    async def answers(self, count: int) -> Sequence[tuple[int, int]]:
        """Of so many connections that come at once."""
        return await asyncio.gather(*(self.answer() for _ in range(count)))

    async def end(self) -> None:
        """End in order, as told by a signal."""
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(WAIT_SECONDS):
            await self.task


@asynccontextmanager
async def supervised(does: str, count: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    ready = asyncio.Event()
    with listening("127.0.0.1", 0) as listeners:
        port = listeners[0].getsockname()[1]
        supervisor = Supervisor([sys.executable, str(SCRIPT), does], count, ready.set)
        task = asyncio.create_task(supervisor.run(listeners, _never()))
        try:
            yield Shop(port, ready, task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _never() -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError


async def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_connections_that_come_at_once_are_spread_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    async with supervised("serves", 3, monkeypatch) as shop:
        await shop.ready.wait()
        assert Counter(number for number, _ in await shop.answers(48)) == {1: 16, 2: 16, 3: 16}
        workers = {pid for _, pid in await shop.answers(3)}
        await shop.end()
        assert not any([await runs(pid) for pid in workers])


async def test_the_others_go_on_while_one_that_was_killed_is_started_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with supervised("serves", 2, monkeypatch) as shop:
        await shop.ready.wait()
        before = dict(await shop.answers(2))
        os.kill(before[2], signal.SIGKILL)

        async def is_noticed() -> bool:
            return "worker 2 was ended by SIGKILL" in caplog.text

        await until(is_noticed)
        assert dict(await shop.answers(4)) == {1: before[1]}

        async def is_back() -> bool:
            return (await shop.answer())[0] == 2

        await until(is_back)
        after = dict(await shop.answers(2))
        assert (after[1], after[2] != before[2]) == (before[1], True)


async def test_a_worker_that_never_gets_ready_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.001)
    async with supervised("dies", 1, monkeypatch) as shop:
        with pytest.raises(OperatorError) as fault:
            await asyncio.wait_for(shop.task, WAIT_SECONDS)
        assert str(fault.value) == ("worker 1 ended 5 times before it was ready; the last one ended with exit code 3")
        assert not shop.ready.is_set()


async def test_why_none_can_be_started_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with supervised("cannot", 2, monkeypatch) as shop:
        with pytest.raises(OperatorError) as fault:
            await asyncio.wait_for(shop.task, WAIT_SECONDS)
        # Not asyncio's own: its watcher may complain that somebody else has waited for a process.
        told = [record.message for record in caplog.records if record.name.startswith("app.")]
        assert (str(fault.value), told) == ("there is no program", [])


async def test_a_worker_that_does_not_end_is_killed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.3)
    async with supervised("lingers", 1, monkeypatch) as shop:
        _, pid = await shop.answer()
        await shop.end()
        assert not await runs(pid)
        assert "workers did not end within 0 seconds and are killed" in caplog.text


async def test_a_worker_that_is_not_ready_in_time_is_killed_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_SECONDS", 0.0)
    async with supervised("serves", 1, monkeypatch) as shop:
        with pytest.raises(OperatorError, match="it was not ready within 0 seconds"):
            await asyncio.wait_for(shop.task, WAIT_SECONDS)
