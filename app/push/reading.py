"""Reading the streams: what comes for the partitions that this worker has, from where the last owner left off.

The consumer of a partition is named after it, so a new owner first gets what the one before had read and not
acknowledged. Each entry names the one before it in its stream: where that is beyond what was read, the stream was cut
for a group that was far behind, and what is missing is read from MongoDB.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from app.boards.wire import Client, answering
from app.leases import Lease
from app.notices.entries import Entry, read_entry, stream_name
from app.notices.groups import OWN
from app.push.planning import Arrived

GROUP = OWN
BLOCK_SECONDS = 1.0
"""How long Redis may keep a read that finds nothing: shorter than its own answers may take."""
COUNT = 200
"""How many entries are read from a stream at a time."""
AWAY_SECONDS = 0.5
"""How long a stream is left alone that is not there, or a Redis that does not answer."""

EntriesAfter = Callable[[int, int], Awaitable[Sequence[Entry]]]
"""Up to so many entries of the feed beyond a position, in its order."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of one stream: the notices, and the ids to acknowledge once they are written."""

    partition: int
    arrived: Sequence[Arrived]
    entry_ids: Sequence[bytes]
    upto: int
    fence: int
    """Of the lease under which it was read."""


class StreamReader:
    """Reads one stream for as long as its partition is held."""

    def __init__(self, redis: Client, prefix: str, lease: Lease, upto: int | None, entries_after: EntriesAfter) -> None:
        self._redis, self._stream = redis, stream_name(prefix, lease.partition)
        self.partition, self.fence, self._entries_after = lease.partition, lease.fence, entries_after
        self._upto = upto
        self._pending: bytes | None = b"0"
        """From where on what was read before is read again; None when all of that was."""

    async def next(self) -> Read | None:
        """What comes next; None if there was nothing for a while.

        Raises:
            StoreUnavailable: Redis does not answer.
            ResponseError: it was asked something wrong.
        """
        asked = self._pending
        with answering():
            answer = await self._redis.xreadgroup(
                GROUP,
                str(self.partition),
                {self._stream: asked or ">"},
                count=COUNT,
                block=None if asked else int(BLOCK_SECONDS * 1000),
            )
        found = _entries(answer)
        if self._pending == asked:  # Else it is to begin again, as was found while this was read.
            self._pending = found[-1][0] if found and asked is not None else None
        return await self._read(found) if found else None

    def rewind(self) -> None:
        """Read again what was read and not acknowledged: it did not get where it should."""
        self._pending = b"0"

    def begin_again(self, upto: int | None) -> None:
        """Read again all beyond a position: nothing that was read of it was planned."""
        self._upto = upto
        self.rewind()

    async def _read(self, found: Sequence[tuple[bytes, Mapping[bytes, bytes] | None]]) -> Read:
        arrived: list[Arrived] = []
        for entry_id, fields in found:
            if not fields:
                continue  # It was cut from the stream; the next entry that is there shows that it is missing.
            try:
                entry = read_entry(fields)
            except (KeyError, ValueError):
                log.error("entry %s of %s is not what Laurel writes, and is left out", entry_id, self._stream)
                continue
            if self._upto is not None and entry.previous > self._upto:
                arrived += await self._missing(entry.previous)
            self._upto = max(self._upto or 0, entry.position)
            arrived.append(self._arrived(entry))
        return Read(self.partition, arrived, [entry_id for entry_id, _ in found], self._upto or 0, self.fence)

    async def _missing(self, last: int) -> list[Arrived]:
        """What the stream has lost of this partition, up to a position."""
        after, missing = self._upto or 0, list[Arrived]()
        while after < last:
            entries = await self._entries_after(after, COUNT)
            ours = [each for each in entries if each.partition == self.partition and each.position <= last]
            missing += map(self._arrived, ours)
            after = entries[-1].position if entries else last
        return missing

    def _arrived(self, entry: Entry) -> Arrived:
        return Arrived(entry.notice, entry.position, self.partition, self.fence)


async def register(redis: Client, prefix: str, partitions: Iterable[int]) -> None:
    """Let the group follow these streams from now on, unless it does already.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    for partition in partitions:
        with answering():
            try:
                await redis.xgroup_create(stream_name(prefix, partition), GROUP, id="$", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise


def _entries(answer: Any) -> Sequence[tuple[bytes, Mapping[bytes, bytes] | None]]:
    """The entries of an answer about one stream, which clients shape by the version of the protocol."""
    streams = list(answer.items()) if isinstance(answer, dict) else list(answer or ())
    if not streams:
        return ()
    found = streams[0][1]
    return found[0] if found and isinstance(found[0], list) and isinstance(answer, dict) else found


def lost_its_group(error: ResponseError) -> bool:
    """Whether a read failed because stream or group are not there: Redis has lost them, and they are brought back."""
    return "NOGROUP" in str(error)
