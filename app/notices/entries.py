"""Entries of the streams: how a notice is written there, and which stream it is in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

import orjson

from gamification.notices.notice import Notice

PARTITIONS = 16
"""How many streams there are. A member's notices are all in one. Never changes, or the order of members would break."""

FIELDS = (
    *("id", "member", "kind", "subject", "at", "values", "expires_at", "collapse", "program_version", "position"),
    "previous",
)
"""The names of an entry's fields, in their order."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A notice at its place in the feed; ``previous`` is the place before it in the same stream, 0 for the first."""

    notice: Notice
    position: int
    previous: int

    @property
    def partition(self) -> int:
        """The number of its stream."""
        return partition_of(self.notice.member_id)

    def values(self) -> tuple[str, ...]:
        """What its fields hold, in the order of `FIELDS`; empty for what there is not."""
        notice = self.notice
        return (
            notice.notice_id,
            notice.member_id,
            notice.kind,
            notice.subject,
            notice.at.isoformat(),
            orjson.dumps(notice.values).decode(),
            notice.expires_at.isoformat() if notice.expires_at else "",
            notice.collapse,
            str(notice.program_version),
            str(self.position),
            str(self.previous),
        )


def partition_of(member_id: str) -> int:
    """The number of the stream that a member's notices are in."""
    return crc32(member_id.encode()) % PARTITIONS


def stream_name(prefix: str, partition: int) -> str:
    """The key of a stream. All of it is its hash tag, so a cluster spreads the streams."""
    return f"{{{prefix}:notices:{partition}}}"


def read_entry(fields: Mapping[bytes, bytes]) -> Entry:
    """The entry that a stream holds.

    Raises:
        KeyError: a field is missing; or ``ValueError``, one is not what Laurel writes.
    """
    text = {name: fields[name.encode()].decode() for name in FIELDS}
    notice = Notice(
        notice_id=text["id"],
        member_id=text["member"],
        kind=text["kind"],  # type: ignore[arg-type]  # What is in a stream was a notice before.
        subject=text["subject"],
        at=datetime.fromisoformat(text["at"]),
        program_version=int(text["program_version"]),
        values=orjson.loads(text["values"]),
        expires_at=datetime.fromisoformat(text["expires_at"]) if text["expires_at"] else None,
        collapse=text["collapse"],
    )
    return Entry(notice, int(text["position"]), int(text["previous"]))
