"""A game over the real stores: members who enrol and buy, and the commits that this makes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import cast

from app.boards.archive import MongoStandings
from app.boards.periods import MongoBoardPeriods
from app.broadcasts.store import MongoBroadcasts
from app.campaigns.allowances import Allowances
from app.campaigns.store import MongoCampaigns
from app.stores.claims import Claims
from app.stores.connection import Connection
from app.stores.friends import MongoFriendships
from app.stores.journal import MongoJournal
from app.stores.members import MongoMembers
from app.stores.notices import MongoNotices
from app.stores.programs import MongoPrograms
from app.verification import Difference, Verifier
from gamification.activity import Activity
from gamification.circumstances import Circumstances, ReachesBack
from gamification.enrolment import Enrolled, Enroller, EnrolRequest, Identities
from gamification.history import Past
from gamification.member import Member, Profile
from gamification.member_fold import MemberFold
from gamification.merging import Merger
from gamification.program.source import read_program
from gamification.recording import Recorder
from gamification.requests import Recorded, RecordRequest
from gamification.stores import Boards, Commit, Stores

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PROGRAM = """
code: shop
name: Shop
languages: [en]
time_zone: UTC
money: {currency: USD}
points: {name: points}
rules:
  - {code: dollars, name: dollars, on: purchase, earn: {points: 1, per_amount: 1}}
challenges:
  - {code: third, title: third, on: purchase, target: 3, reward: {points: 25}}
"""


NO_BOARDS = cast("Boards", None)
"""Recording and enrolling read none."""


@dataclass(frozen=True, slots=True)
class Play:
    """The stores of one database, and the use cases over them."""

    connection: Connection
    members: MongoMembers
    journal: MongoJournal
    programs: MongoPrograms
    campaigns: MongoCampaigns
    recorder: Recorder
    enroller: Enroller
    merger: Merger

    @classmethod
    def over(cls, connection: Connection) -> "Play":
        allowances = Allowances(connection)
        members, journal = MongoMembers(connection), MongoJournal(connection, allowances)
        campaigns = MongoCampaigns(connection, allowances)
        programs = MongoPrograms(connection, read_program, lambda: NOW)
        friends, standings = MongoFriendships(connection), MongoStandings(connection, MongoBoardPeriods(connection))
        notices, broadcasts, numbers = MongoNotices(connection), MongoBroadcasts(connection), count(1)
        stores = Stores(members, journal, programs, campaigns, friends, NO_BOARDS, standings, notices, broadcasts)
        identities = Identities(lambda: f"m{next(numbers)}", lambda: next(numbers))
        tolerance = timedelta(minutes=5)
        return cls(
            connection,
            members,
            journal,
            programs,
            campaigns,
            Recorder(stores, lambda: NOW, tolerance),
            Enroller(stores, lambda: NOW, tolerance, identities),
            Merger(stores, lambda: NOW),
        )

    async def enrol(self, name: str, **profile: str) -> Member:
        """A new member, with ``name`` for a key too."""
        [result] = await self.enroller.enrol([EnrolRequest(name, Profile(name, **profile), NOW)])
        assert isinstance(result, Enrolled)
        return result.member

    async def buy(self, member: Member, *keys: str) -> None:
        """A purchase of 10 dollars for each key."""
        results = await self.recorder.record([RecordRequest(member.member_id, purchase(key)) for key in keys])
        assert all(isinstance(result, Recorded) for result in results)

    async def now(self, member: Member) -> Member:
        """The member as they are stored now."""
        return (await self.members.by_ids([member.member_id]))[member.member_id]

    async def fold(self, member: Member, *keys: str) -> Commit:
        """The commit of some purchases, not yet written."""
        around = Circumstances(await self.programs.schedule(), await self.campaigns.offers({"purchase"}), NOW)
        past: Past | None = None
        while True:
            fold = MemberFold(member, around, past)
            try:
                for key in keys:
                    added = await fold.add(RecordRequest(member.member_id, purchase(key)), None)
                    assert isinstance(added, Recorded), added
                return fold.commit()
            except ReachesBack as back:
                past = await self.journal.past(back.member_id, back.moment)

    async def verify(self) -> Sequence[Difference]:
        """Every difference between the journals and the snapshots."""
        return [difference async for difference in self.verifier().verify()]

    def verifier(self) -> Verifier:
        """A verifier of these stores."""
        return Verifier(self.members, self.journal, self.programs, self.campaigns, Claims(self.connection))


def purchase(key: str, amount_minor: int = 1000) -> Activity:
    """A purchase of so many cents."""
    return Activity(key, "purchase", NOW, amount_minor)


def renamed(member: Member, display_name: str) -> Member:
    """The member under another name."""
    return replace(member, profile=replace(member.profile, display_name=display_name))
