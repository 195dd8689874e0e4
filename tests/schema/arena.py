"""A shop with live boards of every kind whose clock a test moves, asked over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from app.embedded import StoreServers
from app.stores.connection import Connection
from app.stores.indexes import ensure_indexes
from gamification.activity import Activity
from gamification.friends import accept, ask
from gamification.member import BoardVisibility, Member
from gamification.requests import Recorded, ReverseRequest
from gamification.stores import ProfileChanges
from tests.schema.api import ANONYMOUS, TIMEOUT_SECONDS, Api, Caller, Database, Json, served, themself

MONDAY = datetime(2091, 5, 14, tzinfo=UTC)
"""The first day of week 20. Redis goes by its own clock, which must not come to the end of a period meanwhile."""
WEEK = "2091-W20"
VISIBLE_SECONDS = 1.0
"""How long after a record or a change of profile the boards may show what was before."""
BOUND_SECONDS = 10.0
POLL_SECONDS = 0.02
PROGRAM = """
code: shop
name: Shop
languages: [en]
time_zone: UTC
money: {currency: USD}
points: {name: points}
rules:
  - {code: dollars, name: dollars, on: purchase, earn: {points: 1, per_amount: 1}}
boards:
  - {code: weekly, name: Weekly, on: purchase, metric: points, period: week}
  - {code: shared, name: Shared, on: purchase, metric: points, period: week, ties: shared}
  - code: columned
    name: Columned
    on: purchase
    metric: count
    period: week
    ties: columns
    columns: [{metric: amount}, {metric: amount, operator: best}]
  - {code: stores, name: Stores, on: purchase, metric: points, period: week, by: activity.attributes.store}
  - {code: circle, name: Circle, on: purchase, metric: points, period: week, friends_only: true}
  - {code: ever, name: Ever, on: purchase, metric: amount, operator: best, period: all_time}
  - code: seasonal
    name: Seasonal
    on: purchase
    metric: points
    period: season
    seasons: [{code: summer, name: Summer, starts_on: 2091-06-01, ends_on: 2091-06-30}]
"""
PAGE = """
query Q($board: String!, $scope: String, $period: String, $friends: Boolean! = false, $first: Int, $after: String) {
  leaderboard(board: $board, scope: $scope, period: $period, friends: $friends, first: $first, after: $after) {
    state total scope period { code }
    edges { cursor node { rank } }
    nodes { rank score columns name isMe member { handle } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    me { state rank score total percentile missing listed }
  }
}
"""
AROUND = """
query Q($board: String!, $scope: String, $period: String, $friends: Boolean! = false, $eachSide: Int! = 5) {
  leaderboard(board: $board, scope: $scope, period: $period, friends: $friends) {
    aroundMe(eachSide: $eachSide) { rank score name isMe }
  }
}
"""
RANK = """
query Q($board: String!, $scope: String, $period: String, $friends: Boolean! = false) {
  me {
    rank(board: $board, scope: $scope, period: $period, friends: $friends) {
      state rank score total percentile missing listed
    }
  }
}
"""


@dataclass(slots=True)
class Arena:
    """The shop and its members by name."""

    api: Api
    members: dict[str, Member] = field(default_factory=dict)
    bought: int = 0

    async def enrol(self, *names: str, board: BoardVisibility = "shown", profile: bool = True) -> None:
        """Members with a handle that is their name, and an alias."""
        for name in names:
            self.members[name] = await self.api.enrol(name, handle=f"handle_{name}", alias=f"The {name}")
            await self.appear(name, board, profile=profile)

    async def appear(self, name: str, board: BoardVisibility, *, profile: bool = True) -> None:
        """Change how a member appears on boards, and whether they have a public profile."""
        changes = ProfileChanges({}, {"board": board, "profile": profile})
        await self.api.laurel.members.change_profile(self.members[name].member_id, changes)

    async def buy(
        self, name: str, dollars: int, at: datetime | None = None, *, seconds: int = 1, **attributes: str
    ) -> None:
        """A purchase of so many dollars, so many seconds after the last one."""
        self.bought += 1
        self.api.clock.now += timedelta(seconds=seconds)
        at = at or self.api.clock.now
        activity = Activity(f"buy-{self.bought}", "purchase", at, dollars * 100, attributes=attributes)
        await self.api.record(self.members[name], activity)

    async def take_back(self, name: str, key: str) -> None:
        """Take a purchase of a member back."""
        reversed_ = await self.api.laurel.game.recorder.reverse(ReverseRequest(self.members[name].member_id, key))
        assert isinstance(reversed_, Recorded)

    async def befriend(self, one: str, other: str) -> None:
        """Make two members friends."""
        store, now = self.api.laurel.game.stores.friends, self.api.clock.now
        first, second = self.members[one].member_id, self.members[other].member_id
        await store.change(first, second, lambda pair: ask(pair, first, f"handle_{other}", now))
        await store.change(second, first, lambda pair: accept(pair, second, now))

    def caller(self, name: str | None) -> Caller:
        """A member as a caller; None for nobody in particular."""
        return ANONYMOUS if name is None else themself(self.members[name])

    async def page(self, board: str, caller: str | None = None, **variables: Any) -> Json:
        """A page of a board."""
        return dict((await self.api.data(PAGE, self.caller(caller), board=board, **variables))["leaderboard"])

    async def around(self, board: str, caller: str | None, **variables: Any) -> list[tuple[int, str]]:
        """Rank and name of those around the caller."""
        found = (await self.api.data(AROUND, self.caller(caller), board=board, **variables))["leaderboard"]
        return [(row["rank"], row["name"]) for row in found["aroundMe"]]

    async def rank(self, board: str, caller: str, **variables: Any) -> Json:
        """The rank of the one who asks, told by `me` and the same on the page."""
        rank: Json = (await self.api.data(RANK, self.caller(caller), board=board, **variables))["me"]["rank"]
        if rank["state"] != "UNAVAILABLE":
            assert (await self.page(board, caller, **variables))["me"] == rank
        return rank

    async def names(self, board: str, caller: str | None = None, **variables: Any) -> list[tuple[int, str | None]]:
        """Rank and name of the rows of a page."""
        return [(row["rank"], row["name"]) for row in (await self.page(board, caller, **variables))["nodes"]]

    async def settled(self) -> None:
        """Wait until all that was written has been announced."""

        async def announced() -> bool:
            return await self.api.database["outbox"].find_one({}) is None

        await self.until(announced)

    async def until(self, holds: Callable[[], Awaitable[bool]], seconds: float = BOUND_SECONDS) -> None:
        """Wait for something, with a bound."""
        async with asyncio.timeout(seconds):
            while not await holds():  # noqa: ASYNC110 - it is the servers that are waited for
                await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def opened(database: Database, servers: StoreServers, program: str = PROGRAM) -> AsyncIterator[Arena]:
    """The shop over an empty database, at noon of the Monday."""
    await ensure_indexes(Connection(database, TIMEOUT_SECONDS))
    async with served(database, servers, program, live=True, wall_clock=False) as api:
        api.clock.now = MONDAY + timedelta(hours=12)
        yield Arena(api)
