"""Follows Laurel's streams of notices and prints each notice as a line of JSON: to begin a worker of your own with.

It needs `pip install redis`, and takes LAUREL_REDIS_URL, LAUREL_REDIS_PREFIX and FEED_GROUP from the environment. Run
one for each group; docs/feed.md says how several share the work.
"""

import json
import os
import sys
import time
from typing import Any

from redis import Redis
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import ResponseError

GROUP = os.environ.get("FEED_GROUP", "example")
CONSUMER = "only"
"""Stays the same when the worker is started again: so it gets what it had in hand."""
PREFIX = os.environ.get("LAUREL_REDIS_PREFIX", "laurel")
STREAMS = [f"{{{PREFIX}:notices:{partition}}}" for partition in range(16)]
IN_HAND, NEW = "0", ">"
PAUSE_SECONDS = 0.5


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


def follow(redis: "Redis[str]") -> None:
    """Handle everything, in order, until something goes wrong."""
    begin = dict.fromkeys(STREAMS, IN_HAND)
    last: dict[str, int] = {}
    while True:
        for stream, entries in redis.xreadgroup(GROUP, CONSUMER, begin, count=100, block=2000):
            if not entries:
                begin[stream] = NEW  # Nothing is left of what was in hand.
            for entry, notice in entries:
                if notice:  # One that was in hand for so long that the stream has dropped it is empty.
                    if int(notice["previous"]) > last.get(stream, int(notice["previous"])):
                        print(f"missed what came after {last[stream]}: read noticeFeed", file=sys.stderr)
                    last[stream] = max(last.get(stream, 0), int(notice["position"]))
                    handle(notice)
                redis.xack(stream, GROUP, entry)


def main() -> None:
    """Follow for ever, through whatever happens to Redis."""
    url = os.environ.get("LAUREL_REDIS_URL", "redis://127.0.0.1:6379/0")
    redis: Redis[str] = Redis.from_url(url, decode_responses=True, protocol=2)
    joined = False
    while True:
        try:
            if not joined:
                join(redis)
                joined = True
            follow(redis)
        except ResponseError as error:
            # The group is gone with all that Redis held. Laurel makes it anew where it was, within a second or two.
            if not str(error).startswith(("NOGROUP", "LOADING")):
                raise
        except Disconnected:
            pass
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
