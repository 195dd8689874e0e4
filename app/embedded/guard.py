"""The guard: a small process that starts the servers and takes them down when the Laurel process is gone.

It runs as a script of its own (``python -I -S guard.py PLAN``), imports the standard library only, and holds one end of
a pipe to its parent as standard input. End of file there means that the parent has ended, however it did; the guard
then stops the servers and ends. It lives in a session of its own, so that Ctrl-C in a terminal reaches the parent only.
On Linux the kernel also kills the servers if the guard itself is killed.

PLAN is JSON: ``servers`` (each with ``name``, ``command``, ``log``, and ``restart``, whether it is started again where
it has ended by itself), ``inherit`` (file descriptors that the servers keep open) and ``stop_seconds``. On standard
output goes one JSON object a line for each server that has ended by itself: ``server`` and ``code``, an exit code or
minus the signal's number.
"""

import contextlib
import json
import math
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

PR_SET_PDEATHSIG = 1
NOT_STARTED = 127
"""The shell's exit code for a command that cannot be run."""
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
WAKE_BYTES = 256
MAX_STOP_POLL_SECONDS = 0.02
FIRST_RESTART_SECONDS = 0.5
MAX_RESTART_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A server that has run for this long before it ended is started again as soon as one that ended for the first time."""


def main() -> None:
    """Start the servers of the plan and stay until the parent is gone or a signal asks to stop."""
    plan = json.loads(sys.argv[1])
    wake = _wake_on_signals()
    ties = _tie_to_this_process()
    servers: dict[str, subprocess.Popen[bytes]] = {}
    for server in plan["servers"]:
        try:
            servers[server["name"]] = _start(server, plan["inherit"], ties)
        except OSError as error:
            with open(server["log"], "a", encoding="utf-8") as log:  # noqa: PTH123 - pathlib is not worth its start-up time
                log.write(f"cannot be run: {error.strerror}\n")
            _report(server["name"], NOT_STARTED)
    restarts = {server["name"]: _Restart(server) for server in plan["servers"] if server["restart"]}
    while _stay(wake, min((restart.due_at for restart in restarts.values()), default=math.inf)):
        for name in [name for name, server in servers.items() if server.poll() is not None]:
            if name in restarts:
                restarts[name].plan()
            _report(name, servers.pop(name).returncode)
        for name, restart in restarts.items():
            if restart.is_due():
                try:
                    servers[name] = _start(restart.server, plan["inherit"], ties, mode="ab")
                except OSError:  # The disk may be full for a while.
                    restart.plan()
    _stop(list(servers.values()), plan["stop_seconds"])


class _Restart:
    """When a server that has ended is started again: soon, and later the more often it has ended in a row."""

    def __init__(self, server: dict[str, Any]) -> None:
        self.server = server
        self.due_at = math.inf
        self._pause = FIRST_RESTART_SECONDS / 2
        self._started_at = time.monotonic()

    def plan(self) -> None:
        """Start it again after a pause."""
        now = time.monotonic()
        self._pause = min(2 * self._pause, MAX_RESTART_SECONDS)
        if now - self._started_at > STEADY_SECONDS:
            self._pause = FIRST_RESTART_SECONDS
        self.due_at = now + self._pause

    def is_due(self) -> bool:
        """Whether it is to be started now; True once."""
        now = time.monotonic()
        if now < self.due_at:
            return False
        self.due_at, self._started_at = math.inf, now
        return True


def _wake_on_signals() -> int:
    """Make signals readable, as the bytes of their numbers, from the returned descriptor."""
    wake, wake_write = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, *STOP_SIGNALS):
        signal.signal(number, lambda *_: None)
    return wake


def _tie_to_this_process() -> Callable[[], None] | None:
    """What a new child does before it becomes the server, so that it is killed if the guard is (Linux only)."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    guard = os.getpid()

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != guard:  # The guard died before the tie was made.
            os._exit(NOT_STARTED)

    return tie


def _start(
    server: dict[str, Any], inherit: list[int], tie: Callable[[], None] | None, mode: str = "wb"
) -> "subprocess.Popen[bytes]":
    with open(server["log"], mode) as log:  # noqa: PTH123
        return subprocess.Popen(  # noqa: S603 - the command is the parent's
            server["command"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=inherit,
            preexec_fn=tie,  # noqa: PLW1509 - the guard has a single thread
        )


def _stay(wake: int, until: float) -> bool:
    """Wait for something to happen, or for that time of the monotonic clock; False if it is time to go."""
    stdin = sys.stdin.fileno()
    timeout_seconds = None if until == math.inf else max(0.0, until - time.monotonic())
    readable, _, _ = select.select([stdin, wake], [], [], timeout_seconds)
    if wake in readable and any(number in STOP_SIGNALS for number in os.read(wake, WAKE_BYTES)):
        return False
    return stdin not in readable or os.read(stdin, WAKE_BYTES) != b""


def _report(name: str, code: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # Then the parent has just ended; standard input says so too.
        os.write(sys.stdout.fileno(), json.dumps({"server": name, "code": code}).encode() + b"\n")


def _stop(servers: "list[subprocess.Popen[bytes]]", stop_seconds: float) -> None:
    deadline = time.monotonic() + stop_seconds
    for server in servers:
        server.terminate()
    for server in servers:
        while server.poll() is None and time.monotonic() < deadline:
            time.sleep(MAX_STOP_POLL_SECONDS)
        if server.poll() is None:
            server.kill()
            server.wait()


if __name__ == "__main__":
    main()
