"""Hints: messages between processes that say what has changed, over Redis pub/sub. They may be lost."""

import logging
import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import orjson
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import RedisCluster

from app.boards.wire import Client, answering
from schema.signals import API_KEYS, CAMPAIGNS, PROGRAM, Topic

MAX_NAMES_PER_MESSAGE = 200
"""Of members or boards. So no message is longer than some tens of kilobytes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hints:
    """What has changed: records or profiles of members, boards by the texts of their keys, and what concerns all."""

    members: Sequence[str] = ()
    boards: Sequence[str] = ()
    all: Collection[Topic] = ()
    """Of `CAMPAIGNS`, `PROGRAM` and `API_KEYS`."""


class HintChannels:
    """The channels of one installation, by the prefix of its keys: ``records``, ``boards``, ``campaigns`` and so on."""

    def __init__(self, redis: Client, prefix: str) -> None:
        self.redis = redis
        self._origin = secrets.token_hex(8)
        self._records, self._boards = f"{prefix}:records", f"{prefix}:boards"
        self._for_all = {f"{prefix}:{topic[0]}": topic for topic in (CAMPAIGNS, PROGRAM, API_KEYS)}
        self.names = (self._records, self._boards, *self._for_all)

    async def publish(self, hints: Hints) -> None:
        """Tell the other processes.

        Raises:
            StoreUnavailable: Redis does not answer. Some may have been told.
        """
        messages = list(self._messages(hints))
        with answering():
            if isinstance(self.redis, RedisCluster):
                for channel, message in messages:
                    await self.redis.publish(channel, message)
            elif messages:
                pipeline = self.redis.pipeline(transaction=False)
                for channel, message in messages:
                    pipeline.publish(channel, message)
                await pipeline.execute()

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
            case other:
                return Hints(all=[self._for_all[other]])

    def _messages(self, hints: Hints) -> Iterator[tuple[str, bytes]]:
        for channel, names in ((self._records, hints.members), (self._boards, hints.boards)):
            for first in range(0, len(names), MAX_NAMES_PER_MESSAGE):
                yield channel, self._message(names[first : first + MAX_NAMES_PER_MESSAGE])
        for channel, topic in self._for_all.items():
            if topic in hints.all:
                yield channel, self._message(())

    def _message(self, names: Sequence[str]) -> bytes:
        return orjson.dumps({"from": self._origin, "names": list(names)})
