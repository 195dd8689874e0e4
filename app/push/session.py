"""One run of a push worker: its parts, what runs at once in it, and how it ends.

Everything that is kept in memory begins and ends with it. Whatever goes wrong, a new one begins from what is written.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NoReturn
from uuid import uuid4

from redis.exceptions import ResponseError

from app.boards.wire import Client, answering
from app.leases import RENEW_SECONDS, Leases
from app.notices.entries import stream_name
from app.push.audience import Audience
from app.push.outcomes import Outcomes
from app.push.planning import HeedEnds, Planner, ReadSchedule
from app.push.providers.provider import Provider
from app.push.reading import AWAY_SECONDS, GROUP, EntriesAfter, Read, StreamReader, lost_its_group, register
from app.push.resuming import NoticesById, Resumer
from app.push.rows import Row, Rows
from app.push.sending import Sender
from app.push.wording import Word, Worder
from app.stores.connection import Connection
from app.stores.deliveries import MongoDeliveries
from app.stores.devices import MongoDevices
from app.stores.preferences import MongoPreferences
from gamification.delivery.devices import Platform
from gamification.stores import StoreUnavailable

LOOK_SECONDS = 0.5
"""How often is looked for what is due."""
AGAIN_SECONDS = 0.02
"""After something was found, in case that there is more."""
LATE_SECONDS = 0.25
"""How long after its time a delivery is looked for: one that has just come is in hand already."""
PAGE_ROWS = 500
BATCH_NOTICES = 400
"""How many notices are planned together, or a read more."""
MAX_READS = 8
"""How many reads of streams wait to be planned, before streams are read no further."""
REPORT_SECONDS = 60.0
END_ATTEMPTS = 3
"""How often a task is cancelled: a driver that deals with a broken connection may take the wish for that."""
END_SECONDS = 0.3

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PushStores:
    """What a worker reads and writes."""

    connection: Connection
    redis: Client
    prefix: str
    devices: MongoDevices
    preferences: MongoPreferences
    deliveries: MongoDeliveries
    notices: NoticesById
    heed_ends: HeedEnds
    entries_after: EntriesAfter
    last: Callable[[], Awaitable[int]]
    """The position of the feed's last notice."""
    schedule: ReadSchedule


class Session:
    """All that one run of a worker is."""

    def __init__(
        self,
        stores: PushStores,
        providers: Mapping[Platform, Provider],
        word: Word,
        now: Callable[[], datetime],
        partitions: int,
    ) -> None:
        self._stores, self._now, self._partitions = stores, now, partitions
        self._rows = Rows(stores.connection)
        self.outcomes = Outcomes(self._rows, stores.devices, stores.deliveries, now)
        self.leases = Leases(stores.connection, partitions, uuid4().hex, now, self._let_go, work="push")
        self.sender = Sender(providers, self.outcomes, stores.devices.holders, self.leases.holds, now)
        audience = Audience(stores.connection, stores.devices, stores.preferences, self._rows)
        worder = Worder(word)
        self.planner = Planner(
            rows=self._rows,
            audience=audience,
            devices=stores.devices,
            outcomes=self.outcomes,
            worder=worder,
            heed_ends=stores.heed_ends,
            schedule=stores.schedule,
            platforms=list(providers),
            now=now,
        )
        self.resumer = Resumer(
            rows=self._rows,
            devices=stores.devices,
            audience=audience,
            outcomes=self.outcomes,
            notices=stores.notices,
            worder=worder,
            schedule=stores.schedule,
            now=now,
        )
        self._readers: dict[int, tuple[StreamReader, asyncio.Task[NoReturn]]] = {}
        self._reads: asyncio.Queue[Read] = asyncio.Queue(MAX_READS)
        self._acknowledged: dict[int, int] = {}
        self._redis_is_away = False
        self._tasks: set[asyncio.Task[NoReturn]] = set()
        self._failure: asyncio.Future[NoReturn] = asyncio.get_running_loop().create_future()
        self._reported: Counter[str] = Counter()

    async def run(self) -> None:
        """Work until cancelled.

        Raises:
            StoreUnavailable: a store did not answer in time.
        """
        await self.leases.begin_after(await self._stores.last())
        with suppress(StoreUnavailable):
            await register(self._stores.redis, self._stores.prefix, range(self._partitions))
        jobs = (self._keep_leases, self._plan, self._look, self.outcomes.run, self.outcomes.keep_counts, self._report)
        for job in jobs:
            self._begin(job())
        await self._failure

    async def stop(self) -> None:
        """Let what is with providers come back, write what came of it, and let others have the partitions.

        What does not come off within some seconds is as if the worker had been killed.
        """
        await self._end(self._tasks)
        with suppress(StoreUnavailable):
            await self.sender.drain(list(self.leases.held))
            await self.sender.close()
            await self.outcomes.flush()
            await self.outcomes.flush_counts()
            await self.leases.retire()
        await self.sender.close()

    def _begin(self, job: Coroutine[Any, Any, NoReturn]) -> asyncio.Task[NoReturn]:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[NoReturn]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._failure.done():
            self._failure.set_exception(error)

    async def _end(self, tasks: Collection[asyncio.Task[NoReturn]]) -> None:
        for _ in range(END_ATTEMPTS):
            for task in tasks:
                task.cancel()
            if tasks:
                _, tasks = await asyncio.wait(tasks, timeout=END_SECONDS)

    async def _keep_leases(self) -> NoReturn:
        while True:
            await self.leases.renew(self._acknowledged)
            for partition, lease in self.leases.held.items():
                if partition not in self._readers:
                    self.sender.opened([partition])
                    reader = StreamReader(self._stores.redis, self._stores.prefix, lease, self._stores.entries_after)
                    self._readers[partition] = (reader, self._begin(self._follow(reader)))
            self.sender.sweep()
            await asyncio.sleep(RENEW_SECONDS)

    async def _let_go(self, partitions: Collection[int]) -> None:
        """End what is under way of these partitions."""
        await self._end([self._readers.pop(partition)[1] for partition in partitions if partition in self._readers])
        for partition in partitions:
            self._acknowledged.pop(partition, None)
        await self.sender.drain(partitions)
        await self.outcomes.flush()

    async def _follow(self, reader: StreamReader) -> NoReturn:
        """Read a stream again and again. Without Redis, what is written down goes on."""
        while True:
            try:
                read = await reader.next()
                if self._redis_is_away:
                    self._redis_is_away = False
                    log.info("notices come from Redis again")
                if read is not None:
                    await self._reads.put(read)
            except StoreUnavailable as error:
                if not self._redis_is_away:
                    self._redis_is_away = True
                    log.warning("no notices come for now: %s", error)
                reader.rewind()
                await asyncio.sleep(AWAY_SECONDS)
            except ResponseError as error:
                if not lost_its_group(error):
                    raise
                await asyncio.sleep(AWAY_SECONDS)
                with suppress(StoreUnavailable):
                    await register(self._stores.redis, self._stores.prefix, [reader.partition])
                reader.rewind()

    async def _plan(self) -> NoReturn:
        """Plan what was read, acknowledge it when it is written, and send it."""
        while True:
            reads = [await self._reads.get()]
            while not self._reads.empty() and sum(len(read.arrived) for read in reads) < BATCH_NOTICES:
                reads.append(self._reads.get_nowait())
            await self.outcomes.room()
            # What is of a partition that was lost comes to its new owner, for it was not acknowledged.
            for read in [read for read in reads if not self.leases.holds(read.partition)]:
                reads.remove(read)
                self._read_again(read)
            parcels = await self.planner.plan([each for read in reads for each in read.arrived])
            self.sender.put(parcels)
            await asyncio.gather(*(self._acknowledge(read) for read in reads))

    def _read_again(self, read: Read) -> None:
        """Let what was not planned be read again, where the lease that has lapsed here turns out to be ours still."""
        reader = self._readers.get(read.partition)
        if reader is not None and reader[0].fence == read.fence:
            lease = self.leases.held.get(read.partition)
            reader[0].begin_again(self._acknowledged.get(read.partition, lease.upto if lease else None))

    async def _acknowledge(self, read: Read) -> None:
        try:
            if read.entry_ids:  # Else it was read from MongoDB.
                with answering():
                    await self._stores.redis.xack(
                        stream_name(self._stores.prefix, read.partition), GROUP, *read.entry_ids
                    )
            if self.leases.holds(read.partition):
                self._acknowledged[read.partition] = read.upto
        except StoreUnavailable:
            if read.partition in self._readers:
                self._readers[read.partition][0].rewind()

    async def _look(self) -> NoReturn:
        """Look for what is due, again and again."""
        while True:
            found = await self.resume_due()
            await asyncio.sleep(AGAIN_SECONDS if found else LOOK_SECONDS)

    async def resume_due(self) -> bool:
        """Resume what is due, as far as there is room; whether there was anything.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        room = await self.outcomes.room()
        # As it is before the read: what is written meanwhile may be found as it was.
        read_at, known, unsettled = _seconds(), set(self.outcomes.known), set(self.outcomes.unsettled)
        held = {partition: lease for partition, lease in self.leases.held.items() if self.leases.holds(partition)}
        late = self._now() - timedelta(seconds=LATE_SECONDS)
        found = await self._rows.due(list(held), self.sender.platforms, late, PAGE_ROWS + len(known))
        due: list[Row] = [
            replace(row, fence=held[row.partition].fence)
            for row in found
            if row.delivery_id not in known
            and row.delivery_id not in self.outcomes.known
            and row.device_id not in unsettled
            and row.device_id not in self.outcomes.unsettled
        ]
        if due:
            self.sender.put(await self.resumer.resume(due[:room]), read_at=read_at)
        return bool(due)

    async def _report(self) -> NoReturn:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            self.report()

    def report(self) -> None:
        """Log what came to an end since the last time, if anything did."""
        new = self.outcomes.counted - self._reported
        self._reported = Counter(self.outcomes.counted)
        if new:
            told = ", ".join(f"{name.rstrip(':')} {count:,}" for name, count in sorted(new.items()))
            log.info("pushes: %s; %s in hand", told, f"{len(self.outcomes.known):,}")


def _seconds() -> float:
    return asyncio.get_running_loop().time()
