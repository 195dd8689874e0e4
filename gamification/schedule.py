"""Which version of the program is in force when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from gamification.activity import EARLIEST
from gamification.program import Program


@dataclass(frozen=True, slots=True)
class Edition:
    """A version of the program and the instant ``from_at`` from which it is in force.

    ``backfills`` says that it judges again what happened from then on until it was applied.
    """

    version: int
    program: Program
    from_at: datetime
    backfills: bool = False


@dataclass(frozen=True)
class Schedule:
    """All versions of the program that are known, in the order of their numbers.

    A later one replaces those before it from its ``from_at`` on. The first one is in force from the beginning of time.
    """

    editions: tuple[Edition, ...]

    @classmethod
    def always(cls, program: Program, version: int = 1) -> "Schedule":
        """A single version, in force at all times."""
        return cls((Edition(version, program, EARLIEST),))

    @property
    def newest_version(self) -> int:
        """The number of the latest version, in force or not."""
        return self.editions[-1].version

    @cached_property
    def backfilled(self) -> int:
        """The latest version that judges history again; 0 if none does."""
        return max((edition.version for edition in self.editions if edition.backfills), default=0)

    def at(self, instant: datetime) -> Edition:
        """The version in force at an instant."""
        for edition in reversed(self._later):
            if edition.from_at <= instant:
                return edition
        return self.editions[0]

    def changes_after(self, instant: datetime) -> datetime | None:
        """When another version comes into force next; None if never."""
        if not self._later:
            return None
        return min((edition.from_at for edition in self._later if edition.from_at > instant), default=None)

    @cached_property
    def _later(self) -> tuple[Edition, ...]:
        return self.editions[1:]

    def known(self, version: int) -> "Schedule":
        """The schedule as it was when ``version`` was the latest."""
        if version >= self.newest_version:
            return self
        return self._earlier(version)

    def _earlier(self, version: int) -> "Schedule":
        earlier = self._known.get(version)
        if earlier is None:
            editions = tuple(edition for edition in self.editions if edition.version <= version)
            earlier = self._known[version] = Schedule(editions or self.editions[:1])
        return earlier

    @cached_property
    def _known(self) -> "dict[int, Schedule]":
        return {}

    def version(self, version: int) -> Program:
        """The program of a version.

        Raises:
            KeyError: there is no such version.
        """
        return self._by_version[version]

    @cached_property
    def _by_version(self) -> dict[int, Program]:
        return {edition.version: edition.program for edition in self.editions}


def scheduled(editions: Sequence[Edition]) -> Schedule:
    """The schedule of these versions, given in any order."""
    return Schedule(tuple(sorted(editions, key=lambda edition: edition.version)))
