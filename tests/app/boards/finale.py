"""A game with boards whose clock a test moves, and the closing of their periods over real stores."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from app.boards.archive import MongoRuns, MongoStandings
from app.boards.closing import PeriodCloser
from app.boards.periods import MongoBoardPeriods
from app.broadcasts.store import MongoBroadcasts
from app.campaigns.allowances import Allowances
from app.campaigns.store import MongoCampaigns
from app.stores.connection import Connection
from app.stores.friends import MongoFriendships
from app.stores.indexes import ensure_indexes
from app.stores.journal import MongoJournal
from app.stores.members import MongoMembers
from app.stores.notices import MongoNotices
from app.stores.programs import MongoPrograms
from gamification.activity import Activity
from gamification.boards.keys import BoardKey
from gamification.enrolment import Enrolled, Enroller, EnrolRequest, Identities
from gamification.member import Member, Profile
from gamification.program.source import read_program
from gamification.recording import Recorder
from gamification.requests import Recorded, RecordRequest
from gamification.state import Score
from gamification.stores import ProfileChanges, Stores
from tests.app.stores.play import NO_BOARDS

APPLIED_AT = datetime(2026, 5, 1, tzinfo=UTC)
MONDAY = datetime(2026, 5, 11, tzinfo=UTC)
WEEKLY = BoardKey("weekly", "2026-W20")
WEEK_OVER = datetime(2026, 5, 18, 0, 15, 31, tzinfo=UTC)
"""When the week from `MONDAY` on is due: its end, the board's 15 minutes, the margin of 30 seconds and one more."""
PROGRAM = """
code: shop
name: Shop
languages: [en]
time_zone: UTC
money: {currency: USD}
points: {name: points}
rules:
  - {code: dollars, name: dollars, on: purchase, earn: {points: 1, per_amount: 1}}
badges:
  - {code: champion, name: Champion}
boards:
  - code: weekly
    name: Weekly
    on: purchase
    metric: points
    period: week
    prizes: [{places: 1, points: 100, badge: champion}, {places: 2-3, points: 50}]
"""
TIED = """
  - code: tied
    name: Tied
    on: purchase
    metric: points
    period: week
    by: activity.attributes.store
    ties: shared
    prizes: [{places: 1, points: 7}, {places: 3, points: 3}]
  - code: columned
    name: Columned
    on: purchase
    metric: count
    period: week
    ties: columns
    columns: [{metric: amount}, {metric: amount, operator: best}]
"""


class Clock:
    """A clock that the test moves."""

    def __init__(self, at: datetime = APPLIED_AT) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


@dataclass(frozen=True, slots=True)
class Finale:
    """The stores of one database, and what closes periods over them."""

    connection: Connection
    clock: Clock
    members: MongoMembers
    programs: MongoPrograms
    recorder: Recorder
    enroller: Enroller
    standings: MongoStandings
    closer: PeriodCloser

    @classmethod
    def over(cls, connection: Connection, clock: Clock) -> "Finale":
        """One process over a database."""
        allowances = Allowances(connection)
        members, programs = MongoMembers(connection), MongoPrograms(connection, read_program, clock)
        periods = MongoBoardPeriods(connection)
        standings, numbers = MongoStandings(connection, periods), count(1)
        stores = Stores(
            members,
            MongoJournal(connection, allowances),
            programs,
            MongoCampaigns(connection, allowances),
            friends=MongoFriendships(connection),
            boards=NO_BOARDS,
            standings=standings,
            notices=MongoNotices(connection),
            broadcasts=MongoBroadcasts(connection),
        )
        recorder = Recorder(stores, clock, timedelta(minutes=5))
        identities = Identities(lambda: f"m{next(numbers):03}", lambda: next(numbers))
        enroller = Enroller(stores, clock, timedelta(minutes=5), identities)
        closer = PeriodCloser(periods, MongoRuns(connection), members, programs, recorder, now=clock)
        return cls(connection, clock, members, programs, recorder, enroller, standings, closer)

    async def begin(self, program: str = PROGRAM) -> None:
        """Make the indexes and put the program in force."""
        await ensure_indexes(self.connection)
        await self.programs.apply(program, "tests", self.clock())

    async def enrol(self, name: str, board: str = "shown") -> str:
        """A new member who appears on boards in this way; their id."""
        [result] = await self.enroller.enrol([EnrolRequest(name, Profile(name, alias=f"The {name}"), self.clock())])
        assert isinstance(result, Enrolled)
        await self.appear(result.member.member_id, board)
        return result.member.member_id

    async def appear(self, member_id: str, board: str) -> None:
        """Change how a member appears on boards."""
        await self.members.change_profile(member_id, ProfileChanges({}, {"board": board}))

    async def buy(self, member_id: str, key: str, dollars: int, at: datetime, **attributes: str) -> None:
        """A purchase that happened at a time, and arrives now."""
        activity = Activity(key, "purchase", at, dollars * 100, attributes=attributes)
        [result] = await self.recorder.record([RecordRequest(member_id, activity)])
        assert isinstance(result, Recorded), result

    async def compete(self) -> dict[str, str]:
        """Six members of the weekly board in the week from `MONDAY` on: 60, 50, 50, 40, 30 and 20 dollars."""
        self.clock.at = MONDAY
        # The one with 40 hides, and the one with 30 has an alias.
        boards = {"ann": "shown", "bob": "shown", "cid": "shown", "dan": "hidden", "eve": "alias", "fay": "shown"}
        ids = {name: await self.enrol(name, board) for name, board in boards.items()}
        for minute, (name, dollars) in enumerate(zip(ids, (60, 50, 50, 40, 30, 20), strict=True)):
            self.clock.at = MONDAY + timedelta(minutes=minute)
            await self.buy(ids[name], "first", dollars, self.clock.at)
        return ids

    async def member(self, member_id: str) -> Member:
        """A member as they are now."""
        return (await self.members.by_ids([member_id]))[member_id]

    async def prizes(self) -> list[tuple[str, str, int]]:
        """Every record of a prize in any journal: member id, key, points."""
        found = self.connection["journal"].find({"activity.kind": "prize"})
        return sorted([(one["member_id"], one["activity"]["key"], one["activity"]["points"]) async for one in found])

    async def places(self, key: BoardKey = WEEKLY) -> list[tuple[int, str, int]]:
        """The listed places of a closed period: position, member id, value."""
        return [(row.position, row.member_id, row.value) for row in (await self.standings.top(key, 100)).rows]

    async def all_documents(self, collection: str) -> list[dict[str, Any]]:
        """All of a collection."""
        return await self.connection[collection].find().sort("_id", 1).to_list(None)

    async def seed(self, scores: Sequence[tuple[str, str, Sequence[Score]]]) -> None:
        """Members who are nothing but their scores: (member id, how they appear, scores)."""
        fields = ("board", "period", "scope", "value", "columns", "reached_at", "counted_at")
        documents = [
            {
                "_id": member_id,
                "visibility": {"board": board},
                "state": {"seq": 1, "scores": [{name: getattr(score, name) for name in fields} for score in held]},
            }
            for member_id, board, held in scores
        ]
        await self.connection["members"].insert_many(documents)

    def with_members(self, members: Any) -> PeriodCloser:
        """Another process, whose members are read in another way."""
        other = Finale.over(self.connection, self.clock)
        periods, runs = MongoBoardPeriods(self.connection), MongoRuns(self.connection)
        return PeriodCloser(periods, runs, members, other.programs, other.recorder, now=self.clock)


def score(key: BoardKey, value: int, columns: tuple[int, ...] = (), second: int = 0) -> Score:
    """A score that was reached so many seconds after `MONDAY`."""
    at = MONDAY + timedelta(seconds=second)
    return Score(key.board, key.period, key.scope, value, columns, at, at)
