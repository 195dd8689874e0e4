"""A process that runs the clock once, and may kill itself before any write that it sends."""

import asyncio
from datetime import datetime
from multiprocessing.synchronize import Barrier

from pymongo import monitoring

from app import clock_worker
from app.embedded import StoreServers
from gamification import group_commit
from tests.app.clockwork import Clock, client_of, opened
from tests.system import closing_process
from tests.system.closing_process import FORKS, WAIT_SECONDS, KillBefore

FORKS.set_forkserver_preload([closing_process.__name__, __name__])


def tick_once(
    urls: tuple[str, str], name: str, at: datetime, *, batch: int, kill_before: int, together: Barrier | None
) -> None:
    """Do what is due by a time, some members at once; killed before a write with a number, unless that is 0."""
    clock_worker.BATCH_MEMBERS = group_commit.MAX_MEMBERS_PER_COMMIT = batch
    if kill_before:
        monitoring.register(KillBefore(kill_before))
    asyncio.run(_tick_once(StoreServers(*urls), name, at, together))


async def _tick_once(servers: StoreServers, name: str, at: datetime, together: Barrier | None) -> None:
    client = client_of(servers)
    async with opened(client[name], servers, Clock(at)) as shop:
        if together is not None:
            await shop.laurel.programs.schedule()
            await asyncio.to_thread(together.wait, WAIT_SECONDS)
        await shop.tick(at)
    client.close()


async def exit_code(
    servers: StoreServers,
    name: str,
    at: datetime,
    *,
    batch: int,
    kill_before: int = 0,
    together: Barrier | None = None,
) -> int:
    """How a process of its own ends."""
    urls = (servers.mongo_url, servers.redis_url)
    how = {"batch": batch, "kill_before": kill_before, "together": together}
    process = FORKS.Process(target=tick_once, args=(urls, name, at), kwargs=how)
    process.start()
    await asyncio.to_thread(process.join, WAIT_SECONDS)
    assert process.exitcode is not None, "the process does not end"
    return process.exitcode
