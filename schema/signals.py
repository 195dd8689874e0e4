"""What wakes subscriptions: hints that something may have changed. The truth is read where it always is."""

import asyncio
from contextlib import AbstractContextManager, suppress
from typing import Literal, Protocol, TypeAlias

Topic: TypeAlias = tuple[Literal["member", "board", "campaigns", "program", "api_keys"], str]
"""A member by id, a board by the text of its key, all campaigns, the versions of the program, or all API keys."""
CAMPAIGNS: Topic = ("campaigns", "")
PROGRAM: Topic = ("program", "")
API_KEYS: Topic = ("api_keys", "")


class Signal(Protocol):
    """Wakes whoever waits. What comes while nobody waits is not lost: the next wait returns at once."""

    async def wait(self) -> None:
        """Return when something may have changed since the last return; several hints make one."""


class Signals(Protocol):
    """Where hints come from, in this process and from others."""

    def watch(self, *topics: Topic, counted: bool = True) -> AbstractContextManager[Signal]:
        """A signal for hints about any of the topics, from when the block is entered.

        What Laurel itself watches is not ``counted`` as a subscription.
        """


async def wait_at_most(signal: Signal, seconds: float) -> None:
    """Wait for a signal, but no longer than this."""
    with suppress(TimeoutError):
        async with asyncio.timeout(max(seconds, 0)):
            await signal.wait()
