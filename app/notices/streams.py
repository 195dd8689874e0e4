"""The streams in Redis: the feed as workers in any language follow it. docs/feed.md is the contract."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from app.boards.calls import Call
from app.boards.wire import Client, Wire, answering
from app.notices import scripts
from app.notices.entries import PARTITIONS, Entry, stream_name

TIMEOUT_SECONDS = 2.0
"""How long Redis may take for one round trip."""
MAX_ENTRIES = 50_000
"""How many entries a stream keeps for a group that does not acknowledge them. Redis may keep a hundred more."""

Groups = Mapping[str, int]
"""The groups of a stream: name to the position up to which they have acknowledged everything."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A stream as it was seen: where it is, -1 for not there, and its groups."""

    place: int
    groups: Groups


class Streams:
    """All streams of one installation, by the prefix of its keys.

    Each method raises ``StoreUnavailable`` where Redis does not answer; what was asked may have happened, and to do it
    again, late, or by several processes at once does no harm.
    """

    def __init__(self, redis: Client, prefix: str = "laurel") -> None:
        self._redis, self._wire = redis, Wire(redis, scripts.ALL)
        self._claim = f"{prefix}:notices:keeper"
        self.names = tuple(stream_name(prefix, partition) for partition in range(PARTITIONS))

    async def places(self) -> Sequence[int]:
        """Where each stream is: the position of the last entry it ever had, and -1 where there is no stream."""
        answers = await self._wire.run([Call(scripts.PLACE, (name,)) for name in self.names], TIMEOUT_SECONDS)
        return [int(answer) for answer in answers]

    async def add(
        self, entries: Sequence[Entry], after: Mapping[int, int], upto: Mapping[int, int]
    ) -> Mapping[int, int]:
        """Add what the feed has between two places of each partition: all of it, in its order.

        Partitions are those of ``upto``. Returns where their streams are then: short of ``upto`` where a stream was not
        as far as ``after``, and so got nothing.
        """
        by_partition = {number: list(part) for number, part in groupby(sorted(entries, key=_place), _partition)}
        calls = [
            Call(
                scripts.ADD,
                (self.names[number],),
                (
                    *(after[number], last, MAX_ENTRIES),
                    *(value for entry in by_partition.get(number, ()) for value in entry.values()),
                ),
            )
            for number, last in upto.items()
        ]
        answers = await self._wire.run(calls, TIMEOUT_SECONDS) if calls else []
        return {number: int(answer) for number, answer in zip(upto, answers, strict=True)}

    async def restore(self, partition: int, seen: int, start: int, mark: int, groups: Groups) -> int:
        """Make a stream anew that was seen at a place, empty, from ``start`` on; where it is then.

        It has these groups, each where it was; others that it had are put at the mark. Nothing happens where the stream
        is no longer as it was seen.
        """
        named = (part for name, upto in groups.items() for part in (name, upto))
        call = Call(scripts.RESTORE, (self.names[partition],), (seen, start, mark, *named))
        return int(await self._wire.run_one(call, TIMEOUT_SECONDS))

    async def ensure(self, partition: int, groups: Groups) -> None:
        """Make those of the groups that a stream lacks, each where it was."""
        named = tuple(part for name, upto in groups.items() for part in (name, upto))
        await self._wire.run_one(Call(scripts.ENSURE, (self.names[partition],), named), TIMEOUT_SECONDS)

    async def register(self, group: str) -> None:
        """Let a group follow all streams from now on, unless it does already."""
        await self._wire.run([Call(scripts.REGISTER, (name,), (group,)) for name in self.names], TIMEOUT_SECONDS)

    async def seen(self) -> Sequence[Seen]:
        """Where each stream is, and what its groups have acknowledged."""
        answers = await self._wire.run([Call(scripts.ACKNOWLEDGED, (name,)) for name in self.names], TIMEOUT_SECONDS)
        return [
            Seen(int(place), {name.decode(): int(upto) for name, upto in zip(told[::2], told[1::2], strict=True)})
            for place, *told in answers
        ]

    async def claim(self, seconds: float) -> bool:
        """Whether this process is to keep the streams for a while: one at a time is."""
        with answering(TIMEOUT_SECONDS):
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return bool(await self._redis.set(self._claim, "1", nx=True, px=int(seconds * 1000)))

    async def trim(self, before: Mapping[int, int]) -> int:
        """Drop the entries of these partitions before a position, or a little less; how many were dropped."""
        calls = [Call(scripts.TRIM, (self.names[number],), (position,)) for number, position in before.items()]
        return sum(await self._wire.run(calls, TIMEOUT_SECONDS)) if calls else 0


def _place(entry: Entry) -> tuple[int, int]:
    return entry.partition, entry.position


def _partition(entry: Entry) -> int:
    return entry.partition
