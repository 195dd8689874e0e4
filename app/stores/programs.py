"""The versions of the program in MongoDB, collection ``programs``; ``_id`` is the version, from 1. Never changed."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NoReturn

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from app.campaigns.filing import Filing
from app.clock import utc_now
from app.operator_error import OperatorError
from app.shared_read import SharedRead
from app.stores.connection import Connection, Document
from gamification.activity import EARLIEST, to_milliseconds
from gamification.program import Program
from gamification.schedule import Edition, Schedule, scheduled
from gamification.stores import AppliedProgram, StoreUnavailable

PROGRAM_CACHE_SECONDS = 1.0
"""How long a process may go on without a version that has been applied. Each record names what it was decided by."""
REFRESH_SECONDS = 0.4
"""How often a serving process asks by itself: so often that nobody who wants to know the program has to wait."""
TELL_SECONDS = 1.0
"""How long other processes are told of a new version, where Redis does not answer."""
MAX_APPLY_ATTEMPTS = 10
MAX_VERSIONS = 10_000


class MongoPrograms:
    """Implements `gamification.stores.Programs`. ``read_program`` makes a program of its text.

    A version is read and compiled once per process. ``now`` says which one is in force.
    """

    def __init__(
        self, connection: Connection, read_program: Callable[[str], Program], now: Callable[[], datetime] = utc_now
    ) -> None:
        self._connection = connection
        self._collection = connection["programs"]
        self._read_program, self._now = read_program, now
        self.filing: Filing | None = None
        """What brings the campaigns in line with a program that is applied; those come later."""
        self.tell_others: Callable[[], Awaitable[None]] | None = None
        """What lets other processes `forget`; that comes later, too."""
        self._versions: dict[int, AppliedProgram] = {}
        self._schedule: Schedule | None = None
        self._schedule_until = 0.0
        self._applied_here = 0
        self._asking = SharedRead(self._ask_schedule)
        self._times_forgotten = 0

    def forget(self) -> None:
        """Ask for the versions anew, for there may be another."""
        self._schedule_until = 0.0
        self._times_forgotten += 1

    async def current(self) -> AppliedProgram:
        """The version in force now, as `schedule` has it.

        Raises:
            StoreUnavailable: none has been applied yet, or the store did not answer in time.
        """
        schedule = await self.schedule()
        return self._versions[schedule.at(self._now()).version]

    async def schedule(self) -> Schedule:
        """All versions and when each is in force, as of at most `PROGRAM_CACHE_SECONDS` ago.

        All who ask at once share one read. It is the same object until another version is applied.

        Raises:
            StoreUnavailable: none has been applied yet, or the store did not answer in time.
        """
        schedule = self._schedule
        if asyncio.get_running_loop().time() >= self._schedule_until:
            schedule = None
        # Again where it was read just before this process applied another version.
        while schedule is None or schedule.newest_version < self._applied_here:
            schedule = await self._asking.get()
        return schedule

    async def keep_fresh(self) -> NoReturn:
        """Ask for new versions before anybody has to wait for that, until cancelled."""
        while True:
            with suppress(StoreUnavailable):  # Whoever needs to know a version is told.
                await self._asking.get()
            await asyncio.sleep(REFRESH_SECONDS)

    async def apply(
        self, source: str, by: str, now: datetime, *, from_at: datetime | None = None, backfill: bool = False
    ) -> AppliedProgram:
        """Make the program that ``source`` defines the next version, in force from ``from_at``, or else from now on.

        With ``backfill`` it is in force from an instant in the past, or else from the beginning, and what happened
        since is judged again. The text of the newest version makes no other version, unless it is to be in force from
        another instant. Its campaigns are adopted at once, whenever it comes into force: each has its own start and
        end, and those that it leaves out end now.

        Raises:
            OperatorError: the version cannot be in force from then on, or its campaigns cannot be brought about.
                Nothing was written.
            StoreUnavailable: the store did not answer in time, or others applied programs all the while. The same again
                does what is still to be done.
            Whatever ``read_program`` raises of a faulty text. Nothing was written.
        """
        program = self._read_program(source)
        _require_fitting(from_at, now, backfill=backfill)
        if self.filing is not None:
            await self.filing.check(program, now)
        applied = await self._put(program, source, by, now, from_at, backfill=backfill)
        if self.filing is not None:
            await self.filing.adopt(applied, by, now)
        if self.tell_others is not None:
            with suppress(StoreUnavailable, TimeoutError):  # Without Redis they ask by themselves, a little later.
                async with asyncio.timeout(TELL_SECONDS):
                    await self.tell_others()
        return applied

    async def _put(
        self, program: Program, source: str, by: str, now: datetime, from_at: datetime | None, *, backfill: bool
    ) -> AppliedProgram:
        """The version that this program is; a new one unless the newest says the same."""
        document: Document = {
            "source": source,
            "digest": hashlib.sha256(source.encode()).hexdigest(),
            "applied_at": to_milliseconds(now),
            "applied_by": by,
            "from_at": to_milliseconds(from_at or (EARLIEST if backfill else now)),
            "backfills": backfill,
        }
        given = ("digest", "from_at", "backfills") if from_at is not None or backfill else ("digest",)
        for _ in range(MAX_APPLY_ATTEMPTS):
            newest = await self._newest()
            if newest is not None and all(newest.get(name) == document[name] for name in given):
                return self._remember(newest)
            if newest is None and len(given) > 1:
                raise OperatorError(
                    "the first program is in force from the beginning of time; apply it without --from and --backfill"
                )
            version = newest["_id"] + 1 if newest else 1
            try:
                with self._connection.answering():
                    await self._collection.insert_one({"_id": version, **document})
            except DuplicateKeyError:
                continue  # Someone else has applied this version; look again.
            self._versions[version] = AppliedProgram(version, program, source, document["applied_at"])
            self._applied_here = version
            return self._versions[version]
        raise StoreUnavailable(f"others applied programs {MAX_APPLY_ATTEMPTS} times in a row")

    async def version(self, version: int) -> AppliedProgram | None:
        """A version that was applied once; None if there is no such version.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        if version not in self._versions:
            with self._connection.answering():
                document = await self._collection.find_one({"_id": version})
            if document is None:
                return None
            self._remember(document)
        return self._versions[version]

    async def all_versions(self) -> Sequence[AppliedProgram]:
        """Every version, oldest first, those included that are not in force yet.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        return [self._remember(document) for document in await self._beyond(0)]

    async def _ask_schedule(self) -> Schedule:
        """The schedule with the versions that were applied since it was last asked for."""
        known, forgotten = self._schedule, self._times_forgotten
        documents = await self._beyond(known.newest_version if known else 0)
        if known is None and not documents:
            raise StoreUnavailable("no program has been applied yet; apply one with: laurel program apply FILE")
        if known is None or documents:
            editions = [*(known.editions if known else ()), *map(self._edition, documents)]
            self._schedule = known = scheduled(editions)
        if forgotten == self._times_forgotten:
            self._schedule_until = asyncio.get_running_loop().time() + PROGRAM_CACHE_SECONDS
        return known

    async def _beyond(self, version: int) -> Sequence[Document]:
        with self._connection.answering():
            found = self._collection.find({"_id": {"$gt": version}}).sort("_id", ASCENDING)
            return await found.to_list(MAX_VERSIONS)

    async def _newest(self) -> Document | None:
        with self._connection.answering():
            return await self._collection.find_one(sort=[("_id", DESCENDING)])

    def _edition(self, document: Document) -> Edition:
        applied = self._remember(document)
        # Versions from before there was a schedule are in force since they were applied.
        from_at = document.get("from_at", applied.applied_at)
        return Edition(applied.version, applied.program, from_at, document.get("backfills", False))

    def _remember(self, document: Document) -> AppliedProgram:
        version = document["_id"]
        if version not in self._versions:
            program = self._read_program(document["source"])
            self._versions[version] = AppliedProgram(version, program, document["source"], document["applied_at"])
        return self._versions[version]


def _require_fitting(from_at: datetime | None, now: datetime, *, backfill: bool) -> None:
    """Check that a version may be in force from an instant on.

    Raises:
        OperatorError: it may not; it says what to do instead.
    """
    if from_at is None:
        return
    shown = f"{from_at:%Y-%m-%dT%H:%M:%S%z}"
    if backfill and from_at > now:
        raise OperatorError(
            f"nothing has happened since {shown}, which is to come; apply the program without --backfill"
        )
    if backfill and from_at < EARLIEST:
        raise OperatorError(f"nothing happened before {EARLIEST:%Y-%m-%d}; give a later --from, or none")
    if not backfill and from_at < to_milliseconds(now):
        raise OperatorError(
            f"{shown} is past, and what happened since has been judged; add --backfill to judge it again, or leave out"
            " --from to begin now"
        )
