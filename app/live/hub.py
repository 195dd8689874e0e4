"""The hub of a process: hears the hints of all processes over one connection, and wakes the subscribers of this one."""

import asyncio
import logging
from contextlib import AbstractContextManager
from typing import NoReturn

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from app.boards.wire import is_outage
from app.live.hints import HintChannels, Hints
from app.live.subscribers import Signal, Subscribers
from schema.signals import Topic

CONNECT_TIMEOUT_SECONDS = 2.0
PING_SECONDS = 1.0
SILENT_SECONDS = 3.0
"""After how long without a sign of life the connection counts as lost."""
FIRST_RETRY_SECONDS = 0.1
MAX_RETRY_SECONDS = 2.0
AWAY_WAKE_SECONDS = 2.0
"""While Redis is away, everybody is woken once in this time."""
RETURN_WAKE_SECONDS = 0.5
"""When it is back, everybody is woken within this time, for hints may have been missed."""

log = logging.getLogger(__name__)


class Hub:
    """Gives wake-up signals. A signal may come for no reason, and one stands for any number of changes.

    Implements `schema.signals.Signals`. Whoever watches first enters the block, then reads, then waits, so that nothing
    falls in between. Without ``run`` only what this process itself announces wakes anybody.
    """

    def __init__(self, channels: HintChannels) -> None:
        self._channels = channels
        self._subscribers = Subscribers()
        self._due = asyncio.Event()
        self.hears = False
        """Whether hints of other processes are heard just now."""

    def watch(self, *topics: Topic, counted: bool = True) -> AbstractContextManager[Signal]:
        """Be woken when one of the topics has changed. What Laurel itself watches is not ``counted`` as a subscription.

        Raises:
            StoreUnavailable: too many subscriptions are open in this process.
        """
        return self._subscribers.subscribed(topics, counted=counted)

    async def announce(self, hints: Hints) -> None:
        """Wake the subscribers of this process, and tell the other processes.

        Raises:
            StoreUnavailable: Redis does not answer, so the others may not know. Those of this process are awake.
        """
        self.wake(hints)
        await self._channels.publish(hints)

    async def tell_others(self, hints: Hints) -> None:
        """Tell the other processes alone.

        Raises:
            StoreUnavailable: Redis does not answer, so they may not know.
        """
        await self._channels.publish(hints)

    def wake(self, hints: Hints) -> None:
        """Wake the subscribers of this process alone."""
        self._subscribers.wake(hints)

    async def run(self) -> NoReturn:
        """Listen until cancelled, connecting anew where the connection is lost."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._wake_in_rounds())
            await self._listen_again_and_again()

    async def _listen_again_and_again(self) -> NoReturn:
        pause = FIRST_RETRY_SECONDS
        while True:
            try:
                await self._listen()
            except (RedisError, OSError, TimeoutError) as error:
                if not is_outage(error):
                    raise
                if self.hears:
                    reason = str(error) or "no answer in time"
                    log.warning("what other processes do is noticed some seconds late: Redis is away: %s", reason)
                    pause = FIRST_RETRY_SECONDS
            finally:
                self.hears = False
                self._due.set()
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_RETRY_SECONDS)

    async def _listen(self) -> NoReturn:
        """Listen on one connection.

        Raises:
            RedisError: it is lost; or one of ``OSError`` and ``TimeoutError``.
        """
        now = asyncio.get_running_loop().time
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            pubsub = await self._channels.listener()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                await pubsub.subscribe(*self._channels.names)
            heard_at = now()
            while True:
                message = await pubsub.get_message(timeout=PING_SECONDS)
                if message is not None:
                    heard_at = now()
                    self._hear(message)
                elif now() - heard_at > SILENT_SECONDS:
                    raise RedisConnectionError(f"nothing was heard for {SILENT_SECONDS:g} seconds")
                else:
                    await pubsub.ping()
        finally:
            await pubsub.aclose()  # type: ignore[no-untyped-call]

    def _hear(self, message: dict[str, bytes | str]) -> None:
        if message["type"] == "message":
            channel, data = message["channel"], message["data"]
            assert isinstance(channel, bytes)
            assert isinstance(data, bytes)
            if hints := self._channels.read(channel, data):
                self._subscribers.wake(hints)
        elif message["type"] == "subscribe" and message["channel"] == self._channels.names[-1].encode():
            # This comes again where the driver has replaced the connection by itself.
            if not self.hears:
                log.info("what other processes do is noticed at once: connected to Redis")
            self.hears = True
            self._due.set()

    async def _wake_in_rounds(self) -> NoReturn:
        while True:
            await self._due.wait()
            if self.hears:
                self._due.clear()
            await self._subscribers.wake_all(RETURN_WAKE_SECONDS if self.hears else AWAY_WAKE_SECONDS)
