"""What the game needs from stores, as protocols. The process implements them over real servers."""

from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gamification.activity import Problem
from gamification.boards.closing import ClosedPeriod
from gamification.boards.keys import BoardKey
from gamification.boards.listing import Place, Rank, Rows, Unavailable
from gamification.campaigning import (
    CampaignEvent,
    CampaignRefusal,
    CampaignState,
    CodeTaken,
    Left,
    Origin,
    Repeated,
    TooManyCampaigns,
    Transition,
    UnknownCampaign,
)
from gamification.campaigns import Offers
from gamification.fold import CampaignVersions
from gamification.friends import Friendship, Kept, Refusal, Step
from gamification.history import Checkpoint, Past
from gamification.member import Member
from gamification.notices.broadcasts import Broadcast, Broadcasting, BroadcastStatus
from gamification.notices.notice import Notice
from gamification.notices.posted import Mailbox, Posted
from gamification.program import Program
from gamification.program.campaigns import Campaign
from gamification.program.texts import Text
from gamification.record import Grant, Record, Settlement
from gamification.schedule import Schedule
from gamification.state import Moment, State


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


class TooLongPast(Exception):
    """A revision would have to play more than ``most`` records of a member again. Nothing was written."""

    def __init__(self, member_id: str, most: int) -> None:
        super().__init__(f"more than {most} records of {member_id} would have to be played again")
        self.most = most


class HandleTaken(Exception):
    """Another member has this handle. Nothing was written."""


class UnfitProfile(Exception):
    """The profile that a change would make breaks a rule. Nothing was written."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{problem.path} {problem.message}" for problem in problems))
        self.problems = problems


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

    ``settlements`` are what the records took of campaigns, to be taken off what is left of those in the same step.
    ``enrolment_key`` is set where this creates the member. ``due_at`` is when time alone changes something next, by the
    versions of the program up to ``due_by``. ``checkpoints`` replace those from ``revised_from`` on. ``left`` are the
    boards on which the member no longer is, since what had brought them there was taken back. ``notices`` are what the
    member is told of the records, in their order. ``notice_due_at`` is when to look what time gives cause to tell, and
    a look that was due by ``made_at`` is due still.
    """

    member: Member
    base_seq: int
    records: tuple[Record, ...]
    due_at: datetime | None
    enrolment_key: str | None = None
    enrolment_hash: str | None = None
    settlements: tuple[Settlement, ...] = ()
    due_by: int = 0
    checkpoints: tuple[Checkpoint, ...] = ()
    revised_from: Moment | None = None
    left: tuple[BoardKey, ...] = ()
    notices: tuple[Notice, ...] = ()
    notice_due_at: datetime | None = None
    made_at: datetime | None = None

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

    async def active_since(self, since: datetime, after: str, limit: int) -> Sequence[str]:
        """Up to ``limit`` ids of members with records since an instant, in order, beyond the id ``after``.

        They come as a fair sample: ids say nothing of the members.
        """

    async def histories(self, member_ids: Sequence[str], limit: int) -> Mapping[str, Sequence[Record]]:
        """All records of these members, oldest first; members are left out where more than ``limit`` come together."""

    async def past(self, member_id: str, before: Moment) -> Past:
        """What a member did since the last checkpoint before a moment.

        Raises:
            TooLongPast: that is more than can be played again.
        """

    async def page(self, member_id: str, before_seq: int | None, limit: int) -> Sequence[Record]:
        """Up to ``limit`` records of a member, newest first, older than ``before_seq`` where that is given."""

    async def since(self, member_id: str, seq: int, limit: int) -> Sequence[Record]:
        """Up to ``limit`` records of a member, oldest first, after number ``seq``."""


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

        Where any are given, the member's ``profile_revision`` grows by one in the same write.

        Raises:
            HandleTaken: another member has the handle.
            UnfitProfile: the fields do not go together, as they are after the change.
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

    async def schedule(self) -> Schedule:
        """All versions and when each is in force.

        Raises:
            StoreUnavailable: none has been applied yet, or the store did not answer in time.
        """

    async def version(self, version: int) -> AppliedProgram | None:
        """A version that was applied once; None if there is no such version."""


class Campaigns(Protocol):
    """The campaigns, and what is left of each."""

    async def offers(self, kinds: Collection[str]) -> Offers:
        """The campaigns that run for activities of these kinds, each with what is left of it as of this call.

        Raises:
            StoreUnavailable: the store did not answer in time.
        """

    async def create(
        self, terms: Campaign, origin: Origin, by: str, now: datetime, *, draft: bool
    ) -> CampaignState | CodeTaken | TooManyCampaigns:
        """A new campaign, a draft or one that runs, with its ``created`` event; known to all within a second."""

    async def change(
        self, code: str, transition: Transition, by: str, now: datetime
    ) -> CampaignState | Repeated | CampaignRefusal | UnknownCampaign:
        """Let a campaign take a step, with its event; known to all within a second.

        Raises:
            StoreUnavailable: the store did not answer in time, or others changed the campaign all the while.
        """

    async def current(self) -> Sequence[CampaignState]:
        """Drafts, running and paused campaigns, as of a second ago at most, in the order of their codes."""

    async def get(self, codes: Sequence[str]) -> Mapping[str, CampaignState]:
        """The campaigns with these codes as they are now, where there are any."""

    async def all(self, after: str = "", limit: int = 100) -> Sequence[CampaignState]:
        """Up to ``limit`` campaigns of any status in the order of their codes, beyond the code ``after``."""

    async def live(self, codes: Collection[str]) -> Mapping[str, Left]:
        """What is left of these campaigns, for showing it; up to a second old."""

    async def events(self, after: int, limit: int) -> Sequence[CampaignEvent]:
        """Up to ``limit`` events of all campaigns beyond the number ``after``, oldest first."""

    async def terms(self, grants: Iterable[Grant]) -> CampaignVersions:
        """The terms that these grants were given by, by code and version, where they are known."""

    def names(self) -> Mapping[str, Text]:
        """The names of campaigns by code, also of those that have ended, as far as this process knows them by now."""

    async def audit(self, code: str, after: int, limit: int) -> Sequence[CampaignEvent]:
        """Up to ``limit`` events of one campaign beyond the number ``after``, oldest first."""

    async def last_event(self) -> int:
        """The number of the last event; 0 if nothing has happened yet."""


class Boards(Protocol):
    """Who stands where on the boards. What cannot be told just now is `Unavailable`, which is no error.

    What is asked is under way when a method returns, awaited or not.
    """

    def top(self, key: BoardKey, first: int, after: Place | None = None) -> Awaitable[Rows | Unavailable]:
        """The first listed members, or those after a place; at most 100."""

    def around(self, key: BoardKey, member_id: str, each_side: int) -> Awaitable[Rows | Unavailable]:
        """A member, and up to 50 listed ones before and after; no rows where the member is not on the board."""

    def rank_of(self, key: BoardKey, member_id: str) -> Awaitable[Rank | Unavailable]:
        """Where one member stands."""

    def among(self, key: BoardKey, member_ids: Sequence[str]) -> Awaitable[Rows | Unavailable]:
        """Those of up to 501 members who are on the board, listed or not, ranked among themselves."""


class Standings(Protocol):
    """The final standings of periods that are closed. Nobody is on a board whose period is not.

    Each method raises `StoreUnavailable` where the store did not answer in time.
    """

    async def is_closed(self, board: str, period: str) -> bool:
        """Whether a board's period has final standings."""

    async def closed_periods(self, board: str, first: int, after: str | None = None) -> Sequence[ClosedPeriod]:
        """The closed periods of a board, newest first, after the one with the code ``after``; at most 101."""

    async def top(self, key: BoardKey, first: int, after: Place | None = None) -> Rows:
        """The first listed members, or those after a place; at most 100."""

    async def around(self, key: BoardKey, member_id: str, each_side: int) -> Rows:
        """A member, and up to 50 listed ones before and after; no rows where the member is not on the board."""

    async def rank_of(self, key: BoardKey, member_id: str) -> Rank:
        """Where one member stood."""

    async def among(self, key: BoardKey, member_ids: Sequence[str]) -> Rows:
        """Those of up to 501 members who are on the board, listed or not, ranked among themselves."""


class Friendships(Protocol):
    """What stands between members: friends, requests and blocks."""

    async def change(self, one: str, other: str, step: Step) -> Friendship | Refusal:
        """Take a step between two members: all of it, or nothing where it is refused.

        ``step`` is run again where others were faster. What it makes is held to the bounds of both members, exactly.

        Raises:
            StoreUnavailable: the store did not answer in time.
            ValueError: the two are one.
        """

    async def between(self, member_id: str, others: Collection[str]) -> Mapping[str, Friendship]:
        """What stands between a member and each of these others, where anything does."""

    async def friend_ids(self, member_id: str) -> Sequence[str]:
        """The ids of a member's friends, at most ``MAX_FRIENDS``, in no order to rely on."""

    async def kept(self, member_id: str, what: Kept) -> Sequence[Friendship]:
        """A member's friends, requests or blocks, latest first; of requests received the latest 1,000."""


class Notices(Protocol):
    """The feed of all notices, and the inbox of each member. A notice is in both once it has its place in the feed.

    Each method raises `StoreUnavailable` where the store did not answer in time.
    """

    async def add(self, notices: Sequence[Notice]) -> None:
        """Keep notices that no record causes. One whose id is there already stays as it is."""

    async def after(self, position: int, limit: int) -> Sequence[Posted]:
        """Up to ``limit`` notices of all members beyond a place, in the order of the feed."""

    async def last(self) -> int:
        """The place of the last notice of the feed, which it may just be getting; 0 if there is none yet."""

    async def since(self, member_id: str, position: int, limit: int) -> Sequence[Posted]:
        """Up to ``limit`` notices of a member beyond a place, oldest first."""

    async def inbox(self, mailbox: Mailbox, before: int | None, limit: int) -> Sequence[Posted]:
        """Up to ``limit`` notices of an inbox, newest first, before a place where that is given."""

    async def get(self, notice_ids: Sequence[str]) -> Mapping[str, Posted]:
        """The notices with these ids, where there are any."""

    async def count_unread(self, mailbox: Mailbox) -> int:
        """How many of an inbox were not read, counted up to a bound."""

    async def mark_read(self, mailbox: Mailbox, notice_ids: Sequence[str], at: datetime) -> Sequence[Posted]:
        """Note that these were read, unless noted before; those of them that are of its accounts, as after it."""

    async def mark_all_read(self, mailbox: Mailbox, up_to: int, at: datetime) -> int:
        """Note that all of an inbox was read up to a place; how many were unread."""


class Broadcasts(Protocol):
    """What is told to many. Each method raises ``StoreUnavailable`` where the store does not answer in time."""

    async def create(self, broadcast: Broadcast, now: datetime, input_hash: str = "") -> Broadcasting | None:
        """Begin a broadcast. The same again answers with the first; None where its code is that of another input."""

    async def page(self, before: tuple[datetime, str] | None, limit: int) -> Sequence[Broadcasting]:
        """Up to ``limit`` broadcasts, newest first, that come after one that was made then with a code."""

    async def turn(self, code: str, to: BroadcastStatus) -> Broadcasting | None:
        """Pause one that runs, or let one that is paused go on; as it is then, None where there is none."""


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores that the use cases work on."""

    members: Members
    journal: Journal
    programs: Programs
    campaigns: Campaigns
    friends: Friendships
    boards: Boards
    standings: Standings
    notices: Notices
    broadcasts: Broadcasts
