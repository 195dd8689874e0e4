"""Caches of a process that are dropped when what they hold has changed, in whichever process that was."""

from collections.abc import Callable, Mapping
from typing import NoReturn

from app.live.background import Job
from app.live.hub import Hub
from schema.signals import Topic


def dropping(hub: Hub, caches: Mapping[Topic, Callable[[], None]]) -> dict[str, Job]:
    """Jobs, by name, that drop each cache when there is a hint about its topic.

    Hints may be lost, so a cache has an age as well beyond which it is not believed.
    """
    return {f"{topic[0]} cache": _job(hub, topic, drop) for topic, drop in caches.items()}


def _job(hub: Hub, topic: Topic, drop: Callable[[], None]) -> Job:
    async def run() -> NoReturn:
        with hub.watch(topic, counted=False) as signal:
            while True:
                await signal.wait()
                drop()

    return run
