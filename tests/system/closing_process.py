"""A process that closes board periods once, and may kill itself before any write that it sends."""

import asyncio
import multiprocessing
import os
import signal
from datetime import datetime
from multiprocessing.synchronize import Barrier

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import monitoring

from app.boards import closing
from app.stores.connection import Connection, connect
from tests.app.boards.finale import Clock, Finale

TIMEOUT_SECONDS = 10.0
WAIT_SECONDS = 60.0
WRITES = frozenset({"insert", "update", "delete", "findAndModify", "commitTransaction"})

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])


class KillBefore(monitoring.CommandListener):
    """Kills this process before its write with a number, counted from 1."""

    def __init__(self, number: int) -> None:
        self._left = number

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in WRITES:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


def close_once(mongo_url: str, name: str, at: datetime, kill_before: int, together: Barrier | None) -> None:
    """Close what is due at a time; killed before a write with a number, unless that is 0."""
    closing.WRITE_BATCH = closing.PAY_BATCH = 2
    if kill_before:
        monitoring.register(KillBefore(kill_before))
    asyncio.run(_close_once(mongo_url, name, at, together))


async def _close_once(mongo_url: str, name: str, at: datetime, together: Barrier | None) -> None:
    client: AsyncIOMotorClient[dict[str, object]] = connect(mongo_url, TIMEOUT_SECONDS)
    finale = Finale.over(Connection(client[name], TIMEOUT_SECONDS), Clock(at))
    if together is not None:
        await finale.programs.current()
        await asyncio.to_thread(together.wait, WAIT_SECONDS)
    await finale.closer.close_due()
    client.close()


async def exit_code(
    mongo_url: str, name: str, at: datetime, kill_before: int = 0, together: Barrier | None = None
) -> int:
    """How a process of its own ends."""
    process = FORKS.Process(target=close_once, args=(mongo_url, name, at, kill_before, together))
    process.start()
    await asyncio.to_thread(process.join, WAIT_SECONDS)
    assert process.exitcode is not None, "the process does not end"
    return process.exitcode
