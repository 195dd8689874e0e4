"""The data folder and its locks: one Laurel process at a time, and only when the servers of the last one are gone.

Two files are locked with ``flock``, which the kernel frees however a process ends, so nothing stale is ever left:

- ``lock`` is held by the Laurel process alone; the owner's process id stands in it. If it is taken, the owner lives.
- ``servers.lock`` is handed down to the guard and the servers. If only this one is taken, the owner is dead and its
  servers are still going down, which is worth a short wait.

Process ids are only shown, never judged by: they are reused, and a dead process may keep its id for a while.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.operator_error import OperatorError

ANNOUNCEMENT = "servers.json"
"""Where the owner tells of its servers, for commands that run beside it."""
OWNER_WAIT_SECONDS = 0.2
"""How long a taken lock is tried again: a command that only looks holds it for an instant."""
LEFTOVER_WAIT_SECONDS = 15.0
"""How long the servers of a dead owner may take to go down; longer than the guard gives them."""
POLL_SECONDS = 0.05
MAX_PID_BYTES = 20


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A data folder that this process owns."""

    path: Path
    servers_lock: int
    """File descriptor that every child with files in the folder must inherit."""


@asynccontextmanager
async def own_data_folder(path: Path, *, wait_seconds: float = LEFTOVER_WAIT_SECONDS) -> AsyncIterator[DataFolder]:
    """Own the data folder, made if missing, until the block ends.

    Raises:
        OperatorError: a live process owns it, servers of a dead one do not go away within ``wait_seconds``, or the
            folder cannot be made or written.
    """
    with _open_lock(path / "lock") as owner_lock, _open_lock(path / "servers.lock") as servers_lock:
        if not await _lock_within(OWNER_WAIT_SECONDS, owner_lock):
            owner = os.pread(owner_lock, MAX_PID_BYTES, 0).decode("ascii", "replace").strip()
            raise OperatorError(
                f"data folder {path} is in use by process {owner or 'unknown'}; stop it or set LAUREL_DATA_DIR"
            )
        os.ftruncate(owner_lock, 0)
        os.pwrite(owner_lock, f"{os.getpid()}\n".encode(), 0)
        # An owner that was killed has left its own, which nobody may take for this one's, not even during the wait.
        (path / ANNOUNCEMENT).unlink(missing_ok=True)
        if not await _lock_within(wait_seconds, servers_lock):
            raise OperatorError(
                f"data folder {path} is still in use by servers of a process that has ended; "
                "stop secantusd-rs and valkey-server or set LAUREL_DATA_DIR"
            )
        yield DataFolder(path, servers_lock)


def is_owned(path: Path) -> bool:
    """Whether a live process owns the data folder."""
    if not (path / "lock").exists():
        return False
    with _open_lock(path / "lock") as owner_lock:
        # Shared, so that two commands that look at once do not take each other for the owner.
        return not _try_lock(owner_lock, fcntl.LOCK_SH)


@contextmanager
def _open_lock(path: Path) -> Iterator[int]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise OperatorError(
            f"data folder {path.parent} cannot be used: {error.strerror}; set LAUREL_DATA_DIR to a writable folder"
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _lock_within(wait_seconds: float, descriptor: int) -> bool:
    deadline = asyncio.get_running_loop().time() + wait_seconds
    while not _try_lock(descriptor):
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True
