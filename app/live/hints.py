"""Hints: messages between processes that say what has changed, over Redis pub/sub. They may be lost."""

import logging
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import RedisCluster

from app.boards.wire import Client, answering

MAX_NAMES_PER_MESSAGE = 200
"""Of members or boards. So no message is longer than some tens of kilobytes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hints:
    """What has changed: records or profiles of members, boards by the texts of their keys, campaigns, the program."""

    members: Sequence[str] = ()
    boards: Sequence[str] = ()
    campaigns: bool = False
    programs: bool = False


class HintChannels:
    """The channels of one installation, by the prefix of its keys: records, boards, campaigns and programs."""

    def __init__(self, redis: Client, prefix: str) -> None:
        self.redis = redis
        self._origin = secrets.token_hex(8)
        self._records, self._boards, self._campaigns, self._programs = self.names = tuple(
            f"{prefix}:{what}" for what in ("records", "boards", "campaigns", "programs")
        )

    async def publish(self, hints: Hints) -> None:
        """Tell the other processes.

        Raises:
            StoreUnavailable: Redis does not answer. Some may have been told.
        """
        with answering():
            for channel, message in self._messages(hints):
                await self.redis.publish(channel, message)

    async def listener(self) -> PubSub:
        """What listens to the channels once it is subscribed: on any node of a cluster, for all hear everything.

        Raises:
            RedisError: Redis does not answer.
        """
        if isinstance(self.redis, RedisCluster):
            await self.redis.initialize()
            return self.redis.pubsub(node=self.redis.get_random_node())
        return self.redis.pubsub()

    def read(self, channel: bytes, message: bytes) -> Hints | None:
        """What a message says; None for one of our own, and for one that Laurel does not write."""
        try:
            content = orjson.loads(message)
            origin, names = content["from"], content["names"]
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise TypeError(f"names are {type(names)}")
        except (ValueError, KeyError, TypeError) as fault:
            log.warning("a message on %r is not one of Laurel's and is left out: %s", channel, fault)
            return None
        if origin == self._origin:
            return None
        match channel.decode():
            case self._records:
                return Hints(members=names)
            case self._boards:
                return Hints(boards=names)
            case self._programs:
                return Hints(programs=True)
        return Hints(campaigns=True)

    def _messages(self, hints: Hints) -> Iterator[tuple[str, bytes]]:
        for channel, names in ((self._records, hints.members), (self._boards, hints.boards)):
            for first in range(0, len(names), MAX_NAMES_PER_MESSAGE):
                yield channel, self._message(names[first : first + MAX_NAMES_PER_MESSAGE])
        if hints.campaigns:
            yield self._campaigns, self._message(())
        if hints.programs:
            yield self._programs, self._message(())

    def _message(self, names: Sequence[str]) -> bytes:
        return orjson.dumps({"from": self._origin, "names": list(names)})
