"""A feed over the real stores: notices that are written as commits write them, and processes that relay them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from uuid import uuid4

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import ResponseError

from app.boards.wire import Client
from app.live.background import running
from app.live.hints import HintChannels
from app.live.hub import Hub
from app.notices.assembly import Feed, assemble_feed
from app.notices.entries import Entry, read_entry
from app.stores.connection import Connection
from app.stores.transaction import Session, transact
from gamification.member import Member, Profile
from gamification.notices.notice import Notice
from gamification.state import State
from gamification.stores import Commit
from tests.app.stores.play import NOW

TIMEOUT_SECONDS = 10.0
WAIT_SECONDS = 20.0
POLL_SECONDS = 0.01


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that the jobs of a process bring about."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not await condition():  # noqa: ASYNC110 - streams set no events of ours
            await asyncio.sleep(POLL_SECONDS)


def notice(notice_id: str, member_id: str = "ann", **changes: object) -> Notice:
    """A badge won, unless told."""
    plain: dict[str, object] = {
        "kind": "badge_won",
        "subject": "first",
        "at": NOW,
        "program_version": 1,
        "values": {"name": "first", "points": 25},
        "collapse": "badge_won",
    }
    return Notice(notice_id=notice_id, member_id=member_id, **{**plain, **changes})  # type: ignore[arg-type]


@dataclass
class Arena:
    """One MongoDB and one Redis with a feed in them."""

    connection: Connection
    redis: Client
    prefix: str = field(default_factory=lambda: f"t{uuid4().hex}")
    seqs: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers = count(1)

    def process(self) -> Feed:
        """What one process has of the feed. Nothing of it runs."""
        hub = Hub(HintChannels(self.redis, self.prefix))
        return assemble_feed(self.connection, self.redis, self.prefix, hub, lambda: NOW)

    @asynccontextmanager
    async def running(self, processes: int = 1) -> AsyncIterator[list[Feed]]:
        """Processes whose jobs run."""
        feeds = [self.process() for _ in range(processes)]
        jobs = {f"{name} {number}": job for number, feed in enumerate(feeds) for name, job in feed.jobs().items()}
        async with running(jobs):
            yield feeds

    async def commit(self, feed: Feed, member_ids: Sequence[str], each: int = 1) -> list[str]:
        """Write the notices of one commit of each member; their ids, in the order of each member."""
        commits = [self._commit(member_id, each) for member_id in member_ids]

        def write(session: Session) -> None:
            feed.notices.keep(commits, session)

        await transact(self.connection, write)
        feed.notices.kept(commits)
        return [notice.notice_id for commit in commits for notice in commit.notices]

    def _commit(self, member_id: str, each: int) -> Commit:
        seq = self.seqs[member_id] = self.seqs.get(member_id, 0) + 1
        # Not in the order of their ids.
        notices = tuple(notice(f"{member_id}:{seq}:{9 - number}", member_id) for number in range(each))
        member = Member(member_id, member_id, NOW, Profile(member_id), replace(State.new(NOW), seq=seq))
        return Commit(member, seq - 1, (), None, notices=notices)

    async def noted(self, feed: Feed, *groups: str) -> None:
        """Wait until these groups are remembered of all streams: another keeper may come first."""

        async def are_noted() -> bool:
            await feed.keeper.keep()
            notes = await feed.groups.read()
            return all(notes.of(number).groups.keys() >= set(groups) for number in range(len(feed.streams.names)))

        await until(are_noted)

    async def lose(self) -> None:
        """Let Redis lose everything."""
        if isinstance(self.redis, RedisCluster):
            await self.redis.flushall(target_nodes=RedisCluster.PRIMARIES)
        else:
            await self.redis.flushdb()

    async def entries(self, feed: Feed) -> list[Entry]:
        """All that the streams hold, in the order of the feed."""
        found = [
            (stream_id, read_entry(fields)) for name in feed.streams.names for stream_id, fields in await self.raw(name)
        ]
        assert [stream_id.decode() for stream_id, _ in found] == [f"{entry.position}-0" for _, entry in found]
        return sorted((entry for _, entry in found), key=lambda entry: entry.position)

    async def raw(self, stream: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
        """All that a stream holds, as Redis answers it."""
        client: Any = self.redis  # The types of the library allow for every setting of a client.
        found: list[tuple[bytes, dict[bytes, bytes]]] = await client.xrange(stream)
        return found

    async def is_up_to_date(self, feed: Feed) -> bool:
        """Whether every notice has its place, and the streams are where the feed is."""
        if await self.connection["notices"].find_one({"position": None}):
            return False
        if await self.connection["counters"].find_one({"begun": {"$ne": None}}):
            return False
        heads = await feed.positions.heads()
        return list(await feed.streams.places()) == [heads.of(number) for number in range(len(feed.streams.names))]


@dataclass
class Worker:
    """A worker in a group, as anybody may write one: it takes what it got once more after a break."""

    arena: Arena
    feed: Feed
    group: str
    got: list[Entry] = field(default_factory=list)

    async def work(self, most: int = 100) -> int:
        """Take and acknowledge what there is; how much that was, 0 also where the streams are just not there."""
        got = 0
        for name in self.feed.streams.names:
            try:
                for begin in ("0", ">"):
                    answer = await self.arena.redis.xreadgroup(self.group, "one", {name: begin}, count=most)
                    for stream_id, fields in _entries(answer):
                        self.got.append(read_entry(fields))
                        await self.arena.redis.xack(name, self.group, stream_id)
                        got += 1
            except ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
        return got

    def ids(self) -> set[str]:
        return {entry.notice.notice_id for entry in self.got}


def _entries(answer: object) -> list[tuple[bytes, Mapping[bytes, bytes]]]:
    """What XREADGROUP answers of one stream, by whichever protocol."""
    if not answer:
        return []
    if isinstance(answer, dict):
        [parts] = answer.values()
        return [entry for part in parts for entry in part] if parts and isinstance(parts[0], list) else parts
    assert isinstance(answer, list)
    [[_, entries]] = answer
    return list(entries)
