"""A shop whose processes keep its boards live, and ways to wait until they are right."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from app.boards.drift import Difference
from app.boards.requests import RankOf, Top
from app.clock import utc_now
from app.embedded import StoreServers
from gamification.boards.keys import BoardKey
from gamification.member import Member
from tests.schema.api import RECORD_SHOP, Api, Database, purchase, served

WAIT_SECONDS = 20.0
POLL_SECONDS = 0.01
TODAY = utc_now().astimezone(ZoneInfo("America/New_York")).isocalendar()
WEEKLY = BoardKey("weekly", f"{TODAY.year}-W{TODAY.week:02}")
ALL_TIME = BoardKey("all-time", "all")


async def until(condition: Callable[[], Awaitable[bool]], within_seconds: float = WAIT_SECONDS) -> None:
    """Wait for something that other processes bring about."""
    async with asyncio.timeout(within_seconds):
        while not await condition():  # noqa: ASYNC110 - other processes do not set events of ours
            await asyncio.sleep(POLL_SECONDS)


@dataclass(frozen=True, slots=True)
class Shop:
    """A record shop over one database."""

    database: Database
    servers: StoreServers
    stack: AsyncExitStack

    async def process(self, *, live: bool = True) -> Api:
        """What one process of it has; not live, it only records."""
        process = served(self.database, self.servers, RECORD_SHOP, live=live, wall_clock=True)
        return await self.stack.enter_async_context(process)

    def beside(self, redis_url: str) -> "Shop":
        """The same shop with another Redis."""
        return Shop(self.database, StoreServers(self.servers.mongo_url, redis_url), self.stack)

    async def outbox_is_empty(self) -> bool:
        return await self.database["outbox"].count_documents({}) == 0

    async def quiet(self) -> None:
        """Wait until all that was written has been announced."""
        await until(self.outbox_is_empty)


async def buy(api: Api, member: Member, key: str, amount_minor: int) -> None:
    await api.record(member, purchase(key, utc_now(), amount_minor))


async def position(api: Api, member: Member, key: BoardKey = WEEKLY) -> int | None:
    """Where a process sees a member; None where it sees none, or nothing."""
    answer = await api.laurel.live.reads.read(RankOf(key, member.member_id))
    row = getattr(answer, "row", None)
    return row.position if row else None


async def top(api: Api, key: BoardKey = WEEKLY) -> Sequence[str]:
    """The members that a process sees, the best first."""
    answer = await api.laurel.live.reads.read(Top(key, 100))
    return [row.member_id for row in getattr(answer, "rows", ())]


async def differences(api: Api) -> Sequence[Difference]:
    """How the boards differ from MongoDB."""
    live = api.laurel.live
    return [difference async for difference in live.drift.compare(live.placings.stream())]


async def assert_all_is_right(shop: Shop, api: Api) -> None:
    """Wait until nothing is left to be announced and the boards are trusted; then they equal MongoDB."""
    await shop.quiet()
    await asyncio.wait_for(api.laurel.live.until_ready(), WAIT_SECONDS)
    assert await differences(api) == []
