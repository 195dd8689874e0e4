"""The processes of the push benchmark: the double, workers, and the members with their phones."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from rich.progress import Progress

from app.clock import utc_now
from app.wiring import Laurel
from benchmarks.processes import ROOT, resident_megabytes, stop_process
from gamification.delivery.devices import RegisteredDevice, Registration
from gamification.enrolment import MAX_ENROLMENTS_PER_CALL, Enrolled, EnrolRequest
from gamification.member import Profile
from gamification.notices.notice import Notice

WAIT_SECONDS = 60.0
POLL_SECONDS = 0.05
BATCH = 500
PARTITIONS = 16


@dataclass(frozen=True, slots=True)
class PhoneDouble:
    """The double's process."""

    process: asyncio.subprocess.Process
    variables: Mapping[str, str]

    async def count(self) -> int:
        """How many pushes it has taken."""
        return int(await self._ask("count"))

    async def times(self) -> Mapping[str, float]:
        """When each device got its first push, in monotonic seconds."""
        return dict(await self._ask("times"))

    async def _ask(self, what: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{what}\n".encode())
        return json.loads(await self.process.stdout.readline())[what]


@asynccontextmanager
async def phone_double(folder: Path) -> AsyncIterator[PhoneDouble]:
    """Serve the double until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.push.double", str(folder)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=64 * 1024 * 1024,
    )
    try:
        assert process.stdout is not None
        yield PhoneDouble(process, json.loads(await process.stdout.readline()))
    finally:
        await stop_process(process)


@dataclass(frozen=True, slots=True)
class Workers:
    """Processes of ``laurel worker push``."""

    processes: Sequence[asyncio.subprocess.Process]

    def megabytes(self) -> list[float]:
        """The resident memory of each."""
        return [resident_megabytes(process.pid) for process in self.processes]


@asynccontextmanager
async def workers(
    number: int, variables: Mapping[str, str], laurel: Laurel, *, ready: bool = True
) -> AsyncIterator[Workers]:
    """Run so many workers; where they are to be ``ready``, from when they share all partitions on.

    Raises:
        TimeoutError: they do not.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LAUREL_")}
    command = [str(ROOT / ".venv" / "bin" / "laurel"), "worker", "push"]
    processes: list[asyncio.subprocess.Process] = []
    try:
        for _ in range(number):
            processes.append(
                await asyncio.create_subprocess_exec(
                    *command,
                    env={**kept, **variables},
                    cwd=ROOT,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                )
            )
        if ready:
            await until(lambda: _is_shared(laurel, number), WAIT_SECONDS)
        yield Workers(processes)
    finally:
        await asyncio.gather(*(stop_process(process) for process in processes))


async def _is_shared(laurel: Laurel, number: int) -> bool:
    """Whether so many workers hold all partitions, each as many as the others."""
    now = utc_now()
    found = laurel.connection["push_leases"].find({"holder": {"$ne": None}, "until": {"$gt": now}})
    held = Counter([lease["holder"] async for lease in found])
    return list(held.values()) == [PARTITIONS // number] * number


async def until(is_so: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: it is not within these seconds.
    """
    async with asyncio.timeout(seconds):
        while True:
            if await is_so():
                return
            await asyncio.sleep(POLL_SECONDS)


def token_of(number: int) -> str:
    """The device token of a member."""
    return sha256(f"phone {number}".encode()).hexdigest()


async def fill(laurel: Laurel, real: int, members: int, progress: Progress) -> Sequence[str]:
    """A shop with so many members, each with a phone; their ids. The first are ``real``, the others copies of one."""
    ids = await _enrol(laurel, real)
    people, phones = laurel.connection["members"], laurel.connection["devices"]
    person, phone = await people.find_one({"_id": ids[0]}), await phones.find_one({"member_id": ids[0]})
    assert person is not None
    assert phone is not None
    task = progress.add_task(f"Filling a shop with {members:,} members with a phone each", total=members)
    for first in range(real, members, BATCH):
        numbers = range(first, min(first + BATCH, members))
        names = [f"copy{number:07}" for number in numbers]
        await people.insert_many(
            [{**person, "_id": name, "loyalty_number": name, "enrolment_key": name} for name in names]
        )
        await phones.insert_many(
            [
                {**phone, "_id": f"phone{number:07}", "member_id": name, "token": token_of(number)}
                for number, name in zip(numbers, names, strict=True)
            ]
        )
        ids += names
        progress.update(task, completed=len(ids))
    return ids


async def _enrol(laurel: Laurel, members: int) -> list[str]:
    ids: list[str] = []
    joined_at = datetime(2026, 1, 1, tzinfo=UTC)
    for first in range(0, members, MAX_ENROLMENTS_PER_CALL):
        numbers = range(first, min(first + MAX_ENROLMENTS_PER_CALL, members))
        asked = [EnrolRequest(f"enrol-{number}", Profile(f"Member {number}"), joined_at) for number in numbers]
        for number, enrolled in zip(numbers, await laurel.game.enroller.enrol(asked), strict=True):
            assert isinstance(enrolled, Enrolled), enrolled
            ids.append(enrolled.member.member_id)
            device = Registration("apns", token_of(number))
            registered = await laurel.game.telling.devices.register(ids[-1], device, utc_now())
            assert isinstance(registered, RegisteredDevice), registered
    return ids


async def tell(laurel: Laurel, ids: Sequence[str], sends: int, progress: Progress) -> None:
    """Write so many notices, as records would have, for all members in turn."""
    task = progress.add_task(f"Writing {sends:,} notices", total=sends)
    for first in range(0, sends, BATCH):
        numbers = range(first, min(first + BATCH, sends))
        await laurel.game.stores.notices.add([_notice(number, ids[number % len(ids)]) for number in numbers])
        progress.update(task, completed=numbers.stop)


def _notice(number: int, member_id: str) -> Notice:
    values = {"points": 20 + number % 100, "pending": 0, "balance": number}
    return Notice(f"{member_id}:backlog-{number}", member_id, "points_earned", "", utc_now(), 1, values)
