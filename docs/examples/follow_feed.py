"""Follows Laurel's streams of notices and prints each notice as a line of JSON: to begin a worker of your own with.

It needs `pip install redis` and a Redis that is no Cluster, and takes LAUREL_REDIS_URL, LAUREL_REDIS_PREFIX and
FEED_GROUP from the environment. Run one for each group; docs/feed.md says how several share the work.
"""

import json
import os
import sys
import time
from typing import Any

from redis import Redis
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as TooSlow

GROUP = os.environ.get("FEED_GROUP", "example")
CONSUMER = "only"
"""Stays the same when the worker is started again: so it gets what it had in hand."""
PREFIX = os.environ.get("LAUREL_REDIS_PREFIX", "laurel")
STREAMS = [f"{{{PREFIX}:notices:{partition}}}" for partition in range(16)]
IN_HAND, NEW = "0", ">"
PAUSE_SECONDS = 0.5
PASSES_BY_ITSELF = ("NOGROUP", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN")
"""What Redis says while it starts, fails over, or has lost all: Laurel makes groups anew where they were."""


def handle(notice: dict[str, str]) -> None:
    """Do what the worker is for. It may come to the same notice twice, and then its `id` is the same."""
    values: dict[str, Any] = json.loads(notice["values"])
    print(json.dumps({**notice, "values": values}), flush=True)


def join(redis: "Redis[str]") -> None:
    """Make the group where it is not there yet: what is told from now on is for it."""
    for stream in STREAMS:
        try:
            redis.xgroup_create(stream, GROUP, id="$", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise


def delivered(redis: "Redis[str]", stream: str) -> int:
    """The position up to which the group was given all that there was; 0 where that is not known."""
    groups: Any = redis.xinfo_groups(stream)
    return next(int(group["last-delivered-id"].partition("-")[0]) for group in groups if group["name"] == GROUP)


def miss(after: int, position: int) -> None:
    """Tell what the stream has dropped before it was handled; noticeFeed(afterPosition:) still has it."""
    print(f"missed what came after {after} and before {position}", file=sys.stderr)


def follow(redis: "Redis[str]", last: dict[str, int]) -> None:
    """Handle everything, in order, until something goes wrong. ``last`` is where each stream is."""
    begin = dict.fromkeys(STREAMS, IN_HAND)
    for stream in STREAMS:
        last[stream] = last.get(stream) or delivered(redis, stream)
    while True:
        for stream, entries in redis.xreadgroup(GROUP, CONSUMER, begin, count=100, block=2000):
            if not entries:
                begin[stream] = NEW  # Nothing is left of what was in hand.
            for entry, notice in entries:
                position = int(entry.partition("-")[0])
                if not notice:  # It was in hand for so long that the stream has dropped it.
                    miss(position - 1, position + 1)
                else:
                    if 0 < last[stream] < int(notice["previous"]):
                        miss(last[stream], position)
                    handle(notice)
                last[stream] = max(last[stream], position)
                redis.xack(stream, GROUP, entry)


def main() -> None:
    """Follow for ever, through whatever happens to Redis."""
    url = os.environ.get("LAUREL_REDIS_URL", "redis://127.0.0.1:6379/0")
    redis: Redis[str] = Redis.from_url(url, decode_responses=True, protocol=2)
    joined = False
    last: dict[str, int] = {}
    while True:
        try:
            if not joined:
                join(redis)
                joined = True
            follow(redis, last)
        except ResponseError as error:
            if not str(error).startswith((*PASSES_BY_ITSELF, "no such key")):
                raise
        except (Disconnected, TooSlow):
            pass
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
