"""What came of deliveries, gathered and written many at a time; until it is written they stay in hand."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from app.push.rows import Row, Rows, Write, change_all, put_off
from app.stores.deliveries import MongoDeliveries
from app.stores.devices import Addressee, MongoDevices
from gamification.delivery.deliveries import State
from gamification.delivery.devices import Platform

GATHER_SECONDS = 0.02
"""How long outcomes are gathered before they are written."""
COUNT_SECONDS = 1.0
"""How often the counts of the day are written; what was counted since is lost where a worker is killed."""
MAX_HELD = 2_000
"""How many deliveries a worker has in hand before it waits for some of them to end."""
MAX_REASON_CHARS = 80
_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Dead:
    """A device whose token is dead, what ends the delivery that found it so, and the ids of all in hand for it."""

    device: Addressee
    ended: Write
    delivery_ids: Sequence[str]


class Outcomes:
    """The deliveries in hand, and what is to be written of them."""

    def __init__(
        self, rows: Rows, devices: MongoDevices, deliveries: MongoDeliveries, now: Callable[[], datetime]
    ) -> None:
        self._rows, self._devices, self._deliveries, self._now = rows, devices, deliveries, now
        self.known: set[str] = set()
        """The ids of deliveries that are in hand. What is read of them elsewhere may be out of date."""
        self.counted: Counter[str] = Counter()
        """How many came to which end since this worker began."""
        self._uncounted: Counter[str] = Counter()
        self._writes: list[Write] = []
        self._released: list[str] = []
        self._sent: list[Row] = []
        self._dead: list[Dead] = []
        self._due, self._space = asyncio.Event(), asyncio.Event()
        self.writing = asyncio.Lock()
        """Held while outcomes are written: who reads what is queued for a device and adds to it holds it as well."""
        self.deciding = asyncio.Lock()
        """Held from reading what members were told until what was decided by it is written."""
        self.unsettled: Counter[str] = Counter()
        """The devices for which it is still to be written until when nothing is sent to them."""
        self._put_off: list[str] = []

    def add(self, writes: Sequence[Write], released: Iterable[str] = ()) -> None:
        """Have this written; these deliveries are out of hand once it is."""
        self._writes.extend(writes)
        self._released.extend(released)
        self._due.set()

    def put_off(self, device_id: str, until: datetime, released: Iterable[str]) -> None:
        """Have it written that nothing that is queued for a device is due before an instant."""
        self.unsettled[device_id] += 1
        self._put_off.append(device_id)
        self.add([put_off(device_id, until)], released)

    def sent(self, row: Row) -> None:
        """Have it written that a provider took this."""
        self._sent.append(row)
        self.count("sent", row.platform)
        self._due.set()

    def bury(self, dead: Dead) -> None:
        """Have a device forgotten, and all that is on its way to it dropped; not if it was registered again since."""
        self._dead.append(dead)
        self._due.set()

    def count(self, state: State, platform: Platform, reason: str = "", number: int = 1) -> None:
        """Count deliveries that have come to an end."""
        name = f"{state}:{platform}:{plain(reason)}"
        self.counted[name] += number
        self._uncounted[name] += number

    async def run(self) -> NoReturn:
        """Write what comes in until cancelled.

        Raises:
            StoreUnavailable: the store did not answer in time. What was not written is lost here, and not there.
        """
        while True:
            await self._due.wait()
            await asyncio.sleep(GATHER_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write all that has come in.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        async with self.writing:
            self._due.clear()
            writes, self._writes = self._writes, []
            released, self._released = self._released, []
            dead, self._dead = self._dead, []
            sent, self._sent = self._sent, []
            settled, self._put_off = self._put_off, []
            ended = {"state": "sent", "reason": "", "due_at": None, "ended_at": self._now()}
            writes += change_all(sent, ended, attempts=1)
            released += [row.delivery_id for row in sent]
            await self._rows.write(writes)
            self.unsettled -= Counter(settled)
            for each in dead:
                await self._bury(each)
            self.forget(released)

    async def keep_counts(self) -> NoReturn:
        """Write the counts until cancelled.

        Raises:
            StoreUnavailable: the store did not answer in time. What was not written is lost.
        """
        while True:
            await asyncio.sleep(COUNT_SECONDS)
            await self.flush_counts()

    async def flush_counts(self) -> None:
        """Write the counts.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        if not self._uncounted:
            return
        counts, self._uncounted = self._uncounted, Counter()
        counting = asyncio.ensure_future(self._deliveries.count(counts, self._now()))
        try:
            await asyncio.shield(counting)
        except asyncio.CancelledError:  # Else what is being written would be lost with whoever wanted it.
            await asyncio.wait([counting])
            raise

    def forget(self, delivery_ids: Collection[str]) -> None:
        """Let these out of hand as they are, to be looked at again."""
        self.known.difference_update(delivery_ids)
        self._space.set()

    async def room(self) -> int:
        """For how many more there is room in hand; where there is none, as soon as there is."""
        while len(self.known) >= MAX_HELD:
            self._space.clear()
            await self._space.wait()
        return MAX_HELD - len(self.known)

    async def _bury(self, dead: Dead) -> None:
        buried_at = self._now()  # What comes after that is for a device that was registered again.
        if await self._devices.bury(dead.device):
            registered = dead.device.registered
            await self._rows.write([dead.ended])
            self.count("failed", registered.platform, "token_gone")
            await self._deliveries.drop([registered.device_id], "device_gone", self._now(), written_by=buried_at)
        self.forget(dead.delivery_ids)


def plain(reason: str) -> str:
    """A reason as a short code that can be part of a name."""
    return _UNFIT.sub("_", reason)[:MAX_REASON_CHARS]
