"""The versions of the program in MongoDB, collection ``programs``; ``_id`` is the version, from 1. Never changed."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from app.campaigns.filing import Filing
from app.stores.connection import Connection, Document
from gamification.activity import to_milliseconds
from gamification.program import Program
from gamification.stores import AppliedProgram, StoreUnavailable

PROGRAM_CACHE_SECONDS = 1.0
"""How long a process may go on by a version that has been replaced. Each record names the version it was decided by."""
MAX_APPLY_ATTEMPTS = 10
MAX_VERSIONS = 10_000


class MongoPrograms:
    """Implements `gamification.stores.Programs`. ``read_program`` makes a program of its text.

    A version is read and compiled once per process.
    """

    def __init__(self, connection: Connection, read_program: Callable[[str], Program]) -> None:
        self._connection = connection
        self._collection = connection["programs"]
        self._read_program = read_program
        self.filing: Filing | None = None
        """What brings the campaigns in line with a program that is applied; those come later."""
        self._versions: dict[int, AppliedProgram] = {}
        self._current: AppliedProgram | None = None
        self._current_until = 0.0
        self._asking: asyncio.Task[AppliedProgram] | None = None

    async def current(self) -> AppliedProgram:
        """The version in force, as of at most `PROGRAM_CACHE_SECONDS` ago. All who ask at once share one read.

        Raises:
            StoreUnavailable: none has been applied yet, or the store did not answer in time.
        """
        if self._current is not None and asyncio.get_running_loop().time() < self._current_until:
            return self._current
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._ask_current())
        return await asyncio.shield(self._asking)

    async def apply(self, source: str, by: str, now: datetime) -> AppliedProgram:
        """Put the program that ``source`` defines in force as the next version, unless it already is in force.

        Raises:
            OperatorError: its campaigns cannot be brought about. Nothing was written.
            StoreUnavailable: the store did not answer in time, or others applied programs all the while. The same again
                does what is still to be done.
            Whatever ``read_program`` raises of a faulty text. Nothing was written.
        """
        program = self._read_program(source)
        if self.filing is not None:
            await self.filing.check(program, now)
        applied = await self._put(program, source, by, now)
        if self.filing is not None:
            await self.filing.adopt(applied, by, now)
        return applied

    async def _put(self, program: Program, source: str, by: str, now: datetime) -> AppliedProgram:
        """The version that this program is; a new one unless it is in force already."""
        digest = hashlib.sha256(source.encode()).hexdigest()
        for _ in range(MAX_APPLY_ATTEMPTS):
            newest = await self._newest()
            if newest is not None and newest["digest"] == digest:
                return self._remember(newest)
            version = newest["_id"] + 1 if newest else 1
            applied = AppliedProgram(version, program, source, to_milliseconds(now))
            try:
                await self._insert(applied, digest, by)
            except DuplicateKeyError:
                continue  # Someone else has applied this version; look again.
            self._versions[version] = applied
            self._put_in_force(applied)
            return applied
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
        """Every version, oldest first.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """
        with self._connection.answering():
            found = await self._collection.find().sort("_id", ASCENDING).to_list(MAX_VERSIONS)
        return [self._remember(document) for document in found]

    async def _ask_current(self) -> AppliedProgram:
        newest = await self._newest()
        if newest is None:
            raise StoreUnavailable("no program has been applied yet; apply one with: laurel program apply FILE")
        return self._put_in_force(self._remember(newest))

    def _put_in_force(self, applied: AppliedProgram) -> AppliedProgram:
        """Answer by this version for a while, unless a later one has become known while it was being read."""
        if self._current is None or applied.version >= self._current.version:
            self._current = applied
            self._current_until = asyncio.get_running_loop().time() + PROGRAM_CACHE_SECONDS
        return self._current

    async def _newest(self) -> Document | None:
        with self._connection.answering():
            return await self._collection.find_one(sort=[("_id", DESCENDING)])

    async def _insert(self, applied: AppliedProgram, digest: str, by: str) -> None:
        document = {
            "_id": applied.version,
            "source": applied.source,
            "digest": digest,
            "applied_at": applied.applied_at,
            "applied_by": by,
        }
        with self._connection.answering():
            await self._collection.insert_one(document)

    def _remember(self, document: Document) -> AppliedProgram:
        version = document["_id"]
        if version not in self._versions:
            program = self._read_program(document["source"])
            self._versions[version] = AppliedProgram(version, program, document["source"], document["applied_at"])
        return self._versions[version]
