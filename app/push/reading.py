"""Reading the streams: what comes for the partitions that this worker has, from where the last owner left off.

The consumer of a partition is named after it, so a new owner first gets what the one before had read and not
acknowledged. Each entry names the one before it in its stream: where that is beyond what was read, the stream was cut
for a group that was far behind, and what is missing is read from MongoDB.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

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

_Line: TypeAlias = tuple[bytes, Mapping[bytes, bytes] | None]
"""An entry of a stream: its id and its fields, None where it was cut."""
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

    def __init__(self, redis: Client, prefix: str, lease: Lease, entries_after: EntriesAfter) -> None:
        self._redis, self._stream = redis, stream_name(prefix, lease.partition)
        self.partition, self.fence, self._entries_after = lease.partition, lease.fence, entries_after
        self._upto = lease.upto
        self._pending: bytes | None = b"0"
        """From where on what was read before is read again; None when all of that was."""
        self._unread: deque[_Line] = deque()
        """What came from the stream and was not given out yet."""
        self._begun = 0
        """How often reading has begun again."""

    async def next(self) -> Read | None:
        """What comes next, some hundred notices at most; None if there was nothing for a while.

        Raises:
            StoreUnavailable: Redis or MongoDB do not answer.
            ResponseError: Redis was asked something wrong.
        """
        begun = self._begun
        if not self._unread:
            asked = self._pending
            found = await self._ask(asked)
            if begun != self._begun:  # What has come is read again with the rest.
                return None
            self._unread.extend(found)
            self._pending = found[-1][0] if found and asked is not None else None
        return await self._take(begun) if self._unread else None

    def rewind(self) -> None:
        """Read again what was read and not acknowledged: it did not get where it should."""
        self._pending = b"0"
        self._unread.clear()
        self._begun += 1

    def begin_again(self, upto: int | None) -> None:
        """Read again all beyond a position: nothing that was read of it was planned."""
        self._upto = upto
        self.rewind()

    async def _ask(self, after: bytes | None) -> Sequence[_Line]:
        with answering():
            answer = await self._redis.xreadgroup(
                GROUP,
                str(self.partition),
                {self._stream: after or ">"},
                count=COUNT,
                block=None if after else int(BLOCK_SECONDS * 1000),
            )
        return _entries(answer)

    async def _take(self, begun: int) -> Read | None:
        """What is to be given out of what has come: up to where something is missing, or a part of what is."""
        arrived, ids, upto = list[Arrived](), list[bytes](), self._upto
        for entry_id, fields in self._unread:
            entry = self._entry(entry_id, fields) if fields else None  # Of one that was cut, nothing is left.
            if entry is not None:
                if upto is not None and entry.previous > upto:
                    if not ids:
                        return await self._missing(upto, entry.previous, begun)
                    break
                upto = max(upto or 0, entry.position)
                arrived.append(self._arrived(entry))
            ids.append(entry_id)
        for _ in ids:
            self._unread.popleft()
        self._upto = upto
        return Read(self.partition, arrived, ids, upto or 0, self.fence)

    async def _missing(self, after: int, last: int, begun: int) -> Read | None:
        """The next of what the stream has lost of this partition beyond a position, up to another."""
        missing: list[Arrived] = []
        while after < last and len(missing) < COUNT:
            entries = await self._entries_after(after, COUNT)
            ours = [each for each in entries if each.partition == self.partition and each.position <= last]
            missing += map(self._arrived, ours)
            after = min(entries[-1].position, last) if entries else last
        if begun != self._begun:
            return None
        self._upto = after
        return Read(self.partition, missing, (), after, self.fence)

    def _entry(self, entry_id: bytes, fields: Mapping[bytes, bytes]) -> Entry | None:
        try:
            return read_entry(fields)
        except (KeyError, ValueError):
            log.error("entry %s of %s is not what Laurel writes, and is left out", entry_id, self._stream)
            return None

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


def _entries(answer: Any) -> Sequence[_Line]:
    """The entries of an answer about one stream, which clients shape by the version of the protocol."""
    streams = list(answer.items()) if isinstance(answer, dict) else list(answer or ())
    if not streams:
        return ()
    found = streams[0][1]
    return found[0] if found and isinstance(found[0], list) and isinstance(answer, dict) else found


def lost_its_group(error: ResponseError) -> bool:
    """Whether a read failed because stream or group are not there: Redis has lost them, and they are brought back."""
    return "NOGROUP" in str(error)
