"""``python -m benchmarks.servers NAME PORT``: serves a rival on uvicorn with uvloop and httptools until SIGTERM."""

import gc
import sys
from collections.abc import Callable
from typing import Any

import uvicorn

from app.ports import BACKLOG
from app.server import GC_THRESHOLDS
from app.web import HOME_QUERY
from benchmarks.servers.by_hand import ByHand
from benchmarks.servers.by_the_book import application
from benchmarks.servers.fixed_bytes import FixedBytes
from benchmarks.servers.stores import Stores


def fixed_bytes() -> FixedBytes:
    """As many bytes as standard input has."""
    return FixedBytes(sys.stdin.buffer.read())


def by_hand() -> ByHand:
    """With collections of garbage as rare as in Laurel."""
    endpoint = ByHand(Stores(), HOME_QUERY)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    return endpoint


RIVALS: dict[str, Callable[[], Any]] = {
    "by-the-book": lambda: application(Stores()),
    "by-hand": by_hand,
    "fixed-bytes": fixed_bytes,
}


def main(name: str, port: int) -> None:
    """Serve."""
    uvicorn.run(
        RIVALS[name](),
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        backlog=BACKLOG,
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
