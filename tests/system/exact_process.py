"""A process that records a purchase or takes one back, with all that follows, and may kill itself at any command."""

import asyncio
import os
import signal
from collections.abc import Iterable
from typing import Any

import pytest
from pymongo import monitoring
from redis.asyncio.connection import AbstractConnection

from app.live.background import running
from app.wiring import Laurel
from tests.app.campaigns.arena import Place, buy_one, take_back
from tests.system import closing_process

WAIT_SECONDS = 60.0
POLL_SECONDS = 0.005

FORKS = closing_process.FORKS
FORKS.set_forkserver_preload([closing_process.__name__, __name__])


class Steps(monitoring.CommandListener):
    """Counts the commands to MongoDB and Redis from when it is begun, and kills this process before one of them."""

    def __init__(self, kill_before: int) -> None:
        self._kill_before = kill_before
        self._counts = False
        self._made = 0
        self._forgetting: set[int] = set()
        self.is_announced = False
        self.is_shown = False

    def begin(self) -> None:
        """Count from here on."""
        self._counts = True

    def step(self) -> None:
        """Another command is about to be sent."""
        if self._counts:
            self._made += 1
            if self._made == self._kill_before:
                os.kill(os.getpid(), signal.SIGKILL)

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.step()
        if event.command.get("delete") == "outbox":
            self._forgetting.add(event.request_id)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        if self._counts and event.request_id in self._forgetting:
            self.is_announced = True

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass

    def watch_redis(self) -> None:
        """Count what is sent to Redis too; a pipeline is one step."""
        send = AbstractConnection.send_packed_command

        async def counted(connection: AbstractConnection, command: Any, *rest: Any, **named: Any) -> None:
            self.step()
            await send(connection, command, *rest, **named)
            sent = b"".join(command) if isinstance(command, Iterable) and not isinstance(command, bytes) else command
            self.is_shown |= self._counts and b":campaign:" in sent

        pytest.MonkeyPatch().setattr(AbstractConnection, "send_packed_command", counted)


def do_once(place: Place, member_id: str, key: str, taken_back: str | None, kill_before: int) -> None:
    """Record a purchase, or take one back, and let that be announced and shown.

    Killed before the step with a number, counted from 1.
    """
    steps = Steps(kill_before)
    monitoring.register(steps)
    steps.watch_redis()
    asyncio.run(_do_once(place, member_id, key, taken_back, steps))


async def _do_once(place: Place, member_id: str, key: str, taken_back: str | None, steps: Steps) -> None:
    async with place.opened() as laurel:
        await _know_everything(laurel)
        steps.begin()
        async with running({"announcer": laurel.live.announcer.run, "figures": laurel.campaigning.figures.run}):
            if taken_back is None:
                await buy_one(laurel, member_id, key)
            else:
                await take_back(laurel, member_id, taken_back, key)
            while not (steps.is_announced and steps.is_shown):  # noqa: ASYNC110 - a driver's thread sets them
                await asyncio.sleep(POLL_SECONDS)


async def _know_everything(laurel: Laurel) -> None:
    """What a process that has served for a while has at hand."""
    await laurel.programs.current()
    await laurel.campaigning.store.refresh()
    await laurel.live.watcher.look()


async def exit_code(place: Place, member_id: str, key: str, kill_before: int, taken_back: str | None = None) -> int:
    """How a process of its own ends that buys under a key, or under that key takes another purchase back."""
    process = FORKS.Process(target=do_once, args=(place, member_id, key, taken_back, kill_before))
    process.start()
    await asyncio.to_thread(process.join, WAIT_SECONDS)
    assert process.exitcode is not None, "the process does not end"
    return process.exitcode
