"""The names of the keys in Redis."""

import re
from binascii import crc_hqx

from gamification.boards.keys import BoardKey

CLUSTER_CANARIES = 64
"""One for each 64th of the slots, so that no primary is without as long as it has that many slots in a row."""

_SLOTS = 16_384


def _canary_tags() -> tuple[str, ...]:
    """For each part of the slots a hash tag that falls into it."""
    tags: dict[int, str] = {}
    number = 0
    while len(tags) < CLUSTER_CANARIES:
        tag = str(number)
        slot = crc_hqx(tag.encode(), 0) % _SLOTS  # CRC-16/XMODEM, as the specification of Redis Cluster has it.
        tags.setdefault(slot * CLUSTER_CANARIES // _SLOTS, tag)
        number += 1
    return tuple(tags[part] for part in sorted(tags))


class Names:
    """The names under one prefix, which holds no brace."""

    def __init__(self, prefix: str = "laurel", *, cluster: bool = False) -> None:
        self._prefix = prefix
        self._tags = _canary_tags() if cluster else ("0",)
        self._generation = re.compile(rf"{re.escape(prefix)}:g(\d+):\{{")
        self._members = re.compile(rf"{re.escape(prefix)}:g(\d+):\{{(.*)\}}:members", re.DOTALL)
        self.control = f"{prefix}:boards"
        self.every_generation = re.sub(r"([][*?\\])", r"\\\1", prefix) + ":g*"

    def board(self, generation: int, key: BoardKey) -> tuple[str, str, str]:
        """The keys of a board: listed, unlisted, members."""
        stem = f"{self._prefix}:g{generation}:{{{key.text}}}"
        return f"{stem}:listed", f"{stem}:unlisted", f"{stem}:members"

    def canaries(self, generation: int) -> tuple[str, ...]:
        """Keys that are gone where a server has been emptied: one, or enough for every primary of a cluster."""
        return tuple(f"{self._prefix}:g{generation}:{{{tag}}}:canary" for tag in self._tags)

    def generation_of(self, name: str) -> int | None:
        """The generation that a key belongs to; None if it is not ours."""
        match = self._generation.match(name)
        return int(match[1]) if match else None

    def board_of(self, name: str) -> tuple[int, BoardKey] | None:
        """The generation and the board whose ``members`` key this is; None if it is not one."""
        match = self._members.fullmatch(name)
        return (int(match[1]), BoardKey.parse(match[2])) if match else None
