"""What the game needs from stores, as protocols. The process implements them over real servers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gamification.member import Member
from gamification.program import Program
from gamification.record import Record
from gamification.state import State


class StoreUnavailable(Exception):
    """A store did not answer in time. What was asked may or may not have happened; the same key makes a retry safe."""


class CommitConflict(Exception):
    """Someone else was faster: a snapshot has moved on, or something unique is taken. Nothing was written.

    ``taken`` says what: ``key``, ``enrolment_key``, ``loyalty_number``, ``handle`` or ``external_id``; None for a
    snapshot that has moved on or a write conflict.
    """

    def __init__(self, taken: str | None = None) -> None:
        super().__init__(f"{taken} is taken" if taken else "the snapshot has moved on")
        self.taken = taken


class HandleTaken(Exception):
    """Another member has this handle. Nothing was written."""


@dataclass(frozen=True, slots=True)
class AppliedProgram:
    """A version of the program as it was applied: its number from 1, its definition and the text it was read from."""

    version: int
    program: Program
    source: str
    applied_at: datetime


@dataclass(frozen=True, slots=True)
class Commit:
    """One member's new records and the snapshot after them; holds only if the snapshot is still at ``base_seq``.

    ``enrolment_key`` is set where this creates the member. ``due_at`` is when time alone changes something next.
    """

    member: Member
    base_seq: int
    records: tuple[Record, ...]
    due_at: datetime | None
    enrolment_key: str | None = None
    enrolment_hash: str | None = None

    @property
    def state(self) -> State:
        """The state after the last of the records."""
        return self.member.state


@dataclass(frozen=True, slots=True)
class ProfileChanges:
    """The fields of `Profile` and of `Visibility` to set, by name; what is not named stays as it is."""

    profile: Mapping[str, Any]
    visibility: Mapping[str, Any]


class Journal(Protocol):
    """The records of all members, and the snapshots that go with them."""

    async def commit(self, commits: Sequence[Commit]) -> None:
        """Write all of it or nothing, durably.

        Raises:
            CommitConflict: one of the commits no longer holds.
            StoreUnavailable: the store did not answer in time.
        """

    async def by_keys(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Record]:
        """The records that were made with these (member_id, key) pairs, where there are any."""

    async def page(self, member_id: str, before_seq: int | None, limit: int) -> Sequence[Record]:
        """Up to ``limit`` records of a member, newest first, older than ``before_seq`` where that is given."""


class Members(Protocol):
    """The members, each with their snapshot."""

    async def by_ids(self, member_ids: Sequence[str]) -> Mapping[str, Member]:
        """The members with these ids, where there are any."""

    async def by_loyalty_numbers(self, numbers: Sequence[str]) -> Mapping[str, Member]:
        """The members with these loyalty numbers, where there are any."""

    async def by_handle(self, handle: str) -> Member | None:
        """The member with this public handle."""

    async def by_enrolment_keys(self, keys: Sequence[str]) -> Mapping[str, tuple[Member, str]]:
        """The members that were enrolled with these keys, each with the hash of the enrolment's input."""

    async def change_profile(self, member_id: str, changes: ProfileChanges) -> Member | None:
        """Set the fields that are given and no others; returns the member as they are then, None if there is none.

        Raises:
            HandleTaken: another member has the handle.
        """

    async def save_showcase(self, member_id: str, showcase: tuple[str, ...]) -> Member | None:
        """Replace the showcased badges; returns the member as they are now, None if there is no such member."""


class Programs(Protocol):
    """The versions of the program."""

    async def current(self) -> AppliedProgram:
        """The version in force.

        Raises:
            StoreUnavailable: none has been applied yet, or the store did not answer in time.
        """


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores that the use cases work on."""

    members: Members
    journal: Journal
    programs: Programs
